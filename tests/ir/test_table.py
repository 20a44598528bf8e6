"""The rows of the operator table agree with themselves and with the documented table."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from attncomp.ir.attributes import ATTRIBUTE_KINDS
from attncomp.ir.interpret import evaluate
from attncomp.ir.operators.base import NamedArray, Sample
from attncomp.ir.operators.samples import draw
from attncomp.ir.operators.table import DECLARED, OPERATORS, infer, unproven_equalities
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType

SAMPLES = [
    pytest.param(name, sample, id=f"{name}-{number}")
    for name, row in OPERATORS.items()
    for number, sample in enumerate(row.samples)
]
CATEGORIES = {
    "source",
    "pointwise",
    "reduction",
    "normalization",
    "contraction",
    "structure",
    "window",
    "region",
}


def test_every_operator_has_samples_and_known_kinds_of_attributes() -> None:
    for name, row in OPERATORS.items():
        assert row.name == name
        assert row.category in CATEGORIES
        assert len(row.samples) >= 2 or name in DECLARED, name
        assert set(row.attributes.values()) <= set(ATTRIBUTE_KINDS), name
        assert row.summary


def test_the_table_is_the_documented_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text[text.index("### Operators of the graph") : text.index("Pointwise operands broadcast")]
    cells = re.findall(r"^\| (`[^|]*`) \|", table, re.MULTILINE)
    documented = {word for cell in cells for word in cell.strip("`").split()}
    assert documented == set(OPERATORS)


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_a_sample_has_the_attributes_and_the_type_of_its_value(name: str, sample: Sample) -> None:
    row = OPERATORS[name]
    assert set(sample.attributes) == set(row.attributes)
    for attribute, kind in row.attributes.items():
        assert ATTRIBUTE_KINDS[kind].check(sample.attributes[attribute]), attribute
    type_ = infer(name, sample.operands, sample.attributes)
    value = evaluate(name, draw(sample, 3), sample.attributes)
    assert set(value.axes) == set(type_.names)
    for axis in type_.axes:
        assert value.array.shape[value.axes.index(axis.name)] == axis.size.constant
    kind = "f" if type_.dtype.is_float else "i" if type_.dtype.is_integer else "b"
    assert value.array.dtype.kind == kind
    assert value.array.dtype in (np.float64, np.int64, np.bool_)


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_the_order_of_dimensions_of_operands_changes_nothing(name: str, sample: Sample) -> None:
    operands = draw(sample, 5)
    turned = [NamedArray(operand.array.T, operand.axes[::-1]) for operand in operands]
    expected = evaluate(name, operands, sample.attributes)
    found = evaluate(name, turned, sample.attributes)
    assert set(found.axes) == set(expected.axes)
    np.testing.assert_allclose(found.ordered(expected.axes), expected.array, rtol=1e-12, atol=1e-12)


def test_drawn_operands_keep_to_their_ranges() -> None:
    for row in OPERATORS.values():
        for sample in row.samples:
            for position, (operand, type_) in enumerate(zip(draw(sample, 1), sample.operands, strict=True)):
                low, high = sample.ranges[position] if position < len(sample.ranges) else (-2, 2)
                if type_.dtype is not DType.BOOL and operand.array.size:
                    assert operand.array.min() >= low - 1e-6 and operand.array.max() <= high + 1e-6


# --- symbolic sizes -------------------------------------------------------------------------------------------

BATCH, HEIGHT = Size.symbol("batch"), Size.symbol("h")


def _image(height: Size) -> ValueType:
    return ValueType(DType.F32, (Axis("batch", BATCH), Axis.of("channel", 3), Axis("height", height)))


def _spatial(stride: int, padding: int) -> dict[str, tuple[int, ...] | tuple[Size, ...]]:
    return {
        "stride": (stride,),
        "dilation": (1,),
        "before": (Size.of(padding),),
        "after": (Size.of(padding),),
    }


def test_sizes_of_convolutions_are_arithmetic_on_symbols() -> None:
    weight = ValueType(DType.F32, (Axis.of("feature", 8), Axis.of("channel", 3), Axis.of("tap", 3)))
    attributes = {
        "channel": "channel",
        "out": Axis.of("feature", 8),
        "axes": ("height",),
        "kernels": ("tap",),
        "groups": 1,
    }
    same = infer("convolution", (_image(HEIGHT), weight), {**attributes, **_spatial(1, 1)})
    assert same.size("height") == HEIGHT
    half = infer("convolution", (_image(HEIGHT), weight), {**attributes, **_spatial(2, 1)})
    assert half.size("height") == (HEIGHT - 1) // 2 + 1
    assert half.size("feature") == Size.of(8)
    assert not half.has("channel")


def test_a_fold_undoes_the_size_of_a_window() -> None:
    spatial = _spatial(2, 0)
    windows = infer(
        "window",
        (_image(HEIGHT * 2),),
        {"axes": ("height",), "kernels": (Axis.of("k", 2),), "value": 0.0, **spatial},
    )
    assert windows.size("height") == HEIGHT
    folded = infer("fold", (windows,), {"axes": (Axis("height", HEIGHT * 2),), "kernels": ("k",), **spatial})
    assert folded.same_as(_image(HEIGHT * 2))


def test_sizes_that_are_not_proved_equal_are_allowed_and_reported() -> None:
    left = ValueType(DType.F32, (Axis("seq", Size.symbol("s")),))
    right = ValueType(DType.F32, (Axis("seq", Size.symbol("t")),))
    assert infer("add", (left, right), {}).size("seq") == Size.symbol("s")
    assert unproven_equalities((left, right)) == [(Size.symbol("s"), Size.symbol("t"))]
    assert unproven_equalities((left, left)) == []


def test_joined_axes_need_not_be_equal() -> None:
    left = ValueType(DType.F32, (Axis("seq", Size.symbol("s")),))
    right = ValueType(DType.F32, (Axis("seq", Size.symbol("t")),))
    attributes = {"axis": Axis("seq", Size.symbol("s") + Size.symbol("t"))}
    assert unproven_equalities((left, right), "concat", attributes) == []
    short = {"axis": Axis("seq", Size.symbol("s"))}
    assert unproven_equalities((left, right), "concat", short) == [
        (Size.symbol("s"), Size.symbol("s") + Size.symbol("t"))
    ]


def test_a_looked_up_axis_and_its_positions_need_not_be_equal() -> None:
    x = ValueType(DType.F32, (Axis("seq", Size.symbol("s")), Axis("batch", BATCH)))
    ids = ValueType(DType.I64, (Axis("seq", Size.symbol("t")), Axis("batch", Size.symbol("b"))))
    assert unproven_equalities((x, ids), "gather", {"axes": ("seq",)}) == [(BATCH, Size.symbol("b"))]


def test_a_split_that_is_not_proved_is_reported() -> None:
    x = ValueType(DType.F32, (Axis("seq", Size.symbol("s")),))
    into = {"axis": "seq", "into": (Axis("rows", Size.symbol("r")), Axis.of("i", 4))}
    assert unproven_equalities((x,), "split", into) == [(Size.symbol("s"), Size.symbol("r") * 4)]
    exact = {"axis": "seq", "into": (Axis("rows", Size.symbol("s").exactly(4)), Axis.of("i", 4))}
    assert unproven_equalities((x,), "split", exact) == []
