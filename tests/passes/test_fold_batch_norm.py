"""A batch norm behind a product becomes part of its weight and bias."""

from __future__ import annotations

import pytest
from passes.sketch import Sketch, check_pass, operators, run

from attncomp.emission.registry import find_backend
from attncomp.ir.graph import Graph
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType
from attncomp.passes.fold_batch_norm import FoldBatchNorm

ZERO = Size.of(0)


def folded(graph: Graph) -> bool:
    changed = run(FoldBatchNorm(), graph).changed
    assert not FoldBatchNorm().run(graph).changed
    return changed


def convolved(s: Sketch, x: int, key: str = "conv", *, out: str = "out", groups: int = 1) -> int:
    weight = s.parameter(f"{key}.weight", **{out: 4, "channel": 4 // groups, "kernel": 3})
    attributes = {"stride": (1,), "dilation": (1,), "before": (ZERO,), "after": (ZERO,), "groups": groups}
    return s.op(
        "convolution",
        x,
        weight,
        channel="channel",
        out=Axis.of(out, 4),
        axes=("time",),
        kernels=("kernel",),
        **attributes,
    )


def normed(s: Sketch, value: int, axis: str = "channel", size: int = 4, key: str = "bn", name: str = "") -> int:
    mean, weight, bias = (s.parameter(f"{key}.{part}", **{axis: size}) for part in ("mean", "weight", "bias"))
    variance = s.op("exp", s.parameter(f"{key}.variance", **{axis: size}))
    return s.op("batch_norm", value, mean, variance, weight, bias, axis=axis, epsilon=1e-3, momentum=0.1, name=name)


def image(s: Sketch, time: int | str = "n", dtype: DType = DType.F32) -> int:
    if isinstance(time, str):
        return s.op(
            "pad",
            s.input("x", dtype, batch="batch", channel=4, time=time),
            axis="time",
            before=Size.of(1),
            after=Size.of(1),
            value=0.0,
        )
    return s.input("x", dtype, batch="batch", channel=4, time=time)


def test_convolution_golden() -> None:
    s = Sketch()
    value = s.rename(convolved(s, image(s)), out="channel")
    check_pass("fold_batch_norm", FoldBatchNorm(), s.returns(s.op("relu", normed(s, value, name="normed"))))


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("renamed_first", [False, True])
def test_bias_between(renamed_first: bool, groups: int) -> None:
    s = Sketch()
    value = convolved(s, image(s), groups=groups)
    if renamed_first:
        value = s.op("add", s.parameter("conv.bias", channel=4), s.rename(value, out="channel"))
    else:
        value = s.rename(s.op("add", value, s.parameter("conv.bias", out=4)), out="channel")
    graph = s.returns(normed(s, value))
    assert folded(graph)
    assert operators(graph).count("batch_norm") == 0
    assert operators(graph).count("convolution") == 1


@pytest.mark.parametrize("left", [False, True])
def test_projection_with_several_axes(left: bool) -> None:
    s = Sketch()
    x, weight = s.input("x", batch="batch", embed=3), s.parameter("w", head=2, channel=4, embed=3)
    value = s.op("contract", *((weight, x) if left else (x, weight)), axes=("embed",))
    graph = s.returns(normed(s, s.op("add", value, s.parameter("b"))))
    assert folded(graph)
    assert operators(graph).count("contract") == 1


def test_weight_for_each_channel_of_the_value() -> None:
    s = Sketch()
    x, weight = s.input("x", channel=4, embed=3), s.parameter("w", channel=4, embed=3)
    assert folded(s.returns(normed(s, s.op("contract", x, weight, axes=("embed",)))))


@pytest.mark.parametrize("time", [3, 2, 4])
def test_few_places(time: int) -> None:
    s = Sketch()
    x = s.input("x", batch=0 if time == 2 else 1, channel=4, time=max(time, 3))
    assert folded(s.returns(normed(s, convolved(s, x), axis="out")))


def test_half_precision_is_kept_in_its_dtype() -> None:
    s = Sketch()
    x = s.input("x", DType.F16, batch=2, channel=4, time=5)
    widened = s.op("cast", x, dtype=DType.F32)
    assert folded(s.returns(normed(s, convolved(s, widened), axis="out")))
    t = Sketch()
    weight = t.op("cast", t.parameter("w", channel=4, embed=3), dtype=DType.F16)
    narrow = t.op("contract", t.input("x", DType.F16, embed=3), weight, axes=("embed",))
    assert not folded(t.returns(normed(t, narrow)))  # the norm is f32: its input was rounded first


@pytest.mark.parametrize(
    "case", ["value read", "biased read", "weight read", "result", "data", "input axis", "activation", "two biases"]
)
def test_what_stays(case: str) -> None:
    s = Sketch()
    x = s.input("x", batch=2, channel=4, time=5)
    weight = s.parameter("w", out=4, channel=4)
    value = s.op("contract", x, s.input("data", out=4, channel=4) if case == "data" else weight, axes=("channel",))
    returned = []
    if case == "value read":
        returned = [s.op("relu", value)]
    elif case == "weight read":
        returned = [s.op("exp", weight)]
    elif case == "result":
        returned = [value]
    elif case == "activation":
        value = s.op("relu", value)
    elif case == "two biases":
        value = s.op("add", s.op("add", value, s.parameter("b", out=4)), s.parameter("c", out=4))
    elif case == "biased read":
        value = s.op("add", value, s.parameter("b", out=4))
        returned = [s.op("relu", value)]
    axis, size = ("time", 5) if case == "input axis" else ("out", 4)
    assert not folded(s.returns(normed(s, value, axis=axis, size=size), *returned))


def test_bias_of_another_axis_stays() -> None:
    s = Sketch()
    value = s.op("add", convolved(s, s.input("x", channel=4, time=5)), s.parameter("b", time=3))
    assert not folded(s.returns(normed(s, value, axis="out")))


def test_chain_of_two() -> None:
    s = Sketch()
    first = s.rename(normed(s, convolved(s, image(s), "a"), axis="out", key="na"), out="channel")
    graph = s.returns(normed(s, convolved(s, s.op("relu", first), "b"), axis="out", key="nb"))
    assert folded(graph)
    assert operators(graph).count("batch_norm") == 0


def test_a_backend_that_trains_keeps_its_batch_norms() -> None:
    assert FoldBatchNorm.name in find_backend("torch").excluded_passes
    assert FoldBatchNorm.name not in find_backend("numpy").excluded_passes
