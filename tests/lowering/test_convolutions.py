"""Which method a convolution is given, seen in the lowered program, and what the costs say at the borders."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.convolutions import Convolution, by_method, method_of
from attncomp.lowering.emitter import Emitter, Hint
from attncomp.lowering.program import Program, Step, statements
from attncomp.pipeline import compile_source

HEAD = "model M(x: f32[batch, channel = {channels}, height{height}, width{width}]) -> f32[batch, out] {{\n"


def lowered(
    layer: str, *, channels: int = 64, out: int = 64, size: int | None = None, backend: str = "numpy"
) -> Program:
    given = "" if size is None else f" = {size}"
    source = (
        HEAD.format(channels=channels, height=given, width=given)
        + f"  axis out = {out}\n  layer conv = Conv{{channel -> out, {layer}}}\n"
        + "  return max{height, width}(conv(x))\n}\n"
    )
    return compile_source(source, backend=backend).program


def convolution(program: Program) -> Step:
    (found,) = (one for one in statements(program.steps) if isinstance(one, Step) and one.operator == "convolution")
    return found


@pytest.mark.parametrize(
    "layer, channels, out, size, method",
    [
        ("height: 1, width: 1", 64, 256, 56, "columns"),
        ("height: 1, width: 1, stride = 2", 256, 512, 56, "columns"),
        ("height: 7, width: 7, stride = 2, padding = 3", 3, 64, 224, "columns"),
        ("height: 7, width: 7, padding = 3", 2, 1, 56, "banded"),
        ("height: 7, width: 7, padding = 3", 2, 1, None, "banded"),
        ("height: 3, width: 3, padding = 1", 64, 64, 56, "winograd4"),
        ("height: 3, width: 3, padding = 1", 128, 128, 28, "winograd4"),
        ("height: 3, width: 3, padding = 1", 256, 256, 14, "winograd2"),
        ("height: 3, width: 3, padding = 1", 512, 512, 7, "shifted"),
        ("height: 3, width: 3, padding = 4, dilation = 4", 512, 512, 28, "winograd4"),
        ("height: 3, width: 3, padding = 12, dilation = 12", 2048, 256, 28, "shifted"),
        ("height: 3, width: 3, padding = 36, dilation = 36", 2048, 256, 28, "shifted"),
        ("height: 3, width: 3, padding = 36, dilation = 36", 2048, 256, None, "shifted"),
        ("height: 3, width: 3, padding = 1", 128, 128, None, "winograd4"),
        ("height: 3, width: 3, padding = 1, groups = 64", 64, 64, None, "depthwise"),
        ("height: 5, width: 5, padding = 2, stride = 2, groups = 72", 72, 72, 56, "depthwise"),
    ],
)
def test_methods(layer: str, channels: int, out: int, size: int | None, method: str) -> None:
    step = convolution(lowered(layer, channels=channels, out=out, size=size))
    assert step.attributes["method"] == method


def test_the_weight_is_prepared_as_the_method_takes_it() -> None:
    program = lowered("height: 3, width: 3, padding = 1", channels=96, out=80)
    step = convolution(program)
    tile = int(str(step.attributes["method"])[-1])
    made = next(one for one in program.prepare if one.operator == "winograd_weight")
    assert step.operands[1] == made.result
    assert made.attributes["tile"] == tile
    assert [size.constant for size in made.result.shape] == [(tile + 2) ** 2, 80, 96]


def test_shifted_weights_lie_by_place() -> None:
    program = lowered("height: 3, width: 3, padding = 36, dilation = 36", channels=256, out=16)
    step = convolution(program)
    made = next(one for one in program.prepare if one.operator == "permute")
    assert step.operands[1] == made.result
    assert [size.constant for size in made.result.shape] == [3, 3, 16, 256]


def test_a_weight_that_comes_with_the_call_stays_as_it_is() -> None:
    emitter = Emitter()
    shape = tuple(map(Size.of, (64, 64, 3, 3)))
    weight = emitter.value(DType.F32, (("out",), ("channel",), ("down",), ("across",)), shape, Hint("weight"))
    assert by_method(emitter, STEM, weight) == ("columns", weight)
    emitter.shared.static.add(weight.name)
    assert by_method(emitter, STEM, weight)[0] == "winograd4"


def test_a_backend_with_kernels_of_its_own_is_told_no_method() -> None:
    step = convolution(lowered("height: 3, width: 3, padding = 1", backend="torch"))
    assert "method" not in step.attributes


STEM = Convolution(64, 64, 1, (56.0, 56.0), (56.0, 56.0), (3, 3), (1, 1), (1, 1), (1.0, 1.0), known=True)


def test_tiles_need_neighbours_one_step_apart() -> None:
    assert method_of(STEM) == "winograd4"
    assert not method_of(replace(STEM, stride=(2, 2), results=(28.0, 28.0))).startswith("winograd")
    assert not method_of(replace(STEM, kernel=(3, 1))).startswith("winograd")
    assert not method_of(replace(STEM, groups=2, channel=32, out=32)).startswith("winograd")


def test_tiles_of_places_far_apart_need_known_sizes() -> None:
    wide = replace(STEM, channel=512, out=512, sizes=(288.0, 288.0), results=(288.0, 288.0), dilation=(12, 12))
    wide = replace(wide, before=(12.0, 12.0))
    assert method_of(wide) == "winograd4"
    assert method_of(replace(wide, known=False)) == "shifted"
