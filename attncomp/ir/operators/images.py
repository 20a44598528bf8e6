"""Images at other sizes, and at given places; the formulas are those of PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from attncomp.ir.graph import Attribute
from attncomp.ir.operators.access import get, many
from attncomp.ir.operators.base import Attributes, NamedArray, Operator, OperatorError, Sample
from attncomp.ir.operators.checks import (
    constant_below,
    need_axes,
    need_axis,
    need_equal,
    need_numbers,
    real_dtype,
    result,
)
from attncomp.ir.operators.samples import real_value
from attncomp.ir.types import Axis, ValueType, promote

# --- other sizes ----------------------------------------------------------------------------------------------


def _resized(x: ValueType, attributes: Attributes) -> ValueType:
    outputs = {axis.name: axis for axis in many(attributes, "axes", Axis)}
    for axis in need_axes(x, [axis.name for axis in many(attributes, "axes", Axis)]):
        for size in (axis.size, outputs[axis.name].size):
            if constant_below(size, 1):
                raise OperatorError(f"axis `{axis.name}` has the size {size} here", operand=0, code="E030")
    return ValueType(real_dtype(x.dtype), tuple(outputs.get(axis.name, axis) for axis in x.axes))


def _infer_adaptive(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    need_numbers(types[0], "`adaptive_avgpool`")
    return _resized(types[0], attributes)


def _infer_resize(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    need_numbers(types[0], "`resize`")
    if attributes.get("mode") not in ("nearest", "bilinear"):
        raise OperatorError(
            f"`resize` has no mode `{attributes.get('mode')}`", help="it is `nearest` or `bilinear`", code="E040"
        )
    return _resized(types[0], attributes)


def _targets(
    x: NamedArray, attributes: Attributes, bindings: Mapping[str, int]
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """The array in float64, and by resized axis its dimension and new size."""
    axes = many(attributes, "axes", Axis)
    return x.array.astype(np.float64), [(x.axes.index(axis.name), axis.size.evaluate(bindings)) for axis in axes]


def _evaluate_adaptive(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    """Bin i of n covers floor(i * size / n) to ceil((i + 1) * size / n), exclusive."""
    array, targets = _targets(operands[0], attributes, bindings)
    for dim, count in targets:
        size = array.shape[dim]
        bins = [range(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
        array = np.stack([np.mean(np.take(array, bin, axis=dim), axis=dim) for bin in bins], axis=dim)
    return NamedArray(array, operands[0].axes)


def _evaluate_resize(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    array, targets = _targets(operands[0], attributes, bindings)
    for dim, count in targets:
        size = array.shape[dim]
        if attributes["mode"] == "nearest":
            array = np.take(array, np.arange(count) * size // count, axis=dim)
            continue
        if get(attributes, "align_corners", bool):
            places = np.arange(count) * ((size - 1) / (count - 1) if count > 1 else 0.0)
        else:
            places = np.maximum((np.arange(count) + 0.5) * (size / count) - 0.5, 0.0)
        low = np.minimum(places.astype(np.int64), size - 1)
        high = np.minimum(low + 1, size - 1)
        share = (places - low).reshape([-1 if other == dim else 1 for other in range(array.ndim)])
        array = np.take(array, low, axis=dim) * (1.0 - share) + np.take(array, high, axis=dim) * share
    return NamedArray(array, operands[0].axes)


# --- given places ---------------------------------------------------------------------------------------------


def _infer_sample(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    x, grid = types
    for position, type_ in enumerate(types):
        need_numbers(type_, "`sample`", position)
    names, coordinate = many(attributes, "axes", str), get(attributes, "coordinate", str)
    if len(names) != 2:
        raise OperatorError(f"`sample` works on two axes, not {len(names)}", code="E043")
    if attributes.get("padding") not in ("zeros", "border"):
        raise OperatorError(
            f"`sample` has no padding `{attributes.get('padding')}`", help="it is `zeros` or `border`", code="E040"
        )
    need_axes(x, names)
    need_equal(
        f"axis `{coordinate}`", need_axis(grid, coordinate, 1).size, 2, "a place has two coordinates, so it has", 1
    )
    kept, places = x.without(names), grid.without((coordinate,))
    sizes = {axis.name: axis.size for axis in kept}
    for axis in places:
        if axis.name in sizes:
            need_equal(f"axis `{axis.name}`", axis.size, sizes[axis.name], "in the image it has", 1)
    dtype = real_dtype(promote((x.dtype, grid.dtype)))
    return result(dtype, [*kept, *(axis for axis in places if axis.name not in sizes)])


def _evaluate_sample(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    """Bilinear sampling (Jaderberg et al., arXiv:1506.02025): the sum over the four pixels around each place."""
    x, grid = operands
    names, coordinate = many(attributes, "axes", str), get(attributes, "coordinate", str)
    corners, border = get(attributes, "align_corners", bool), attributes["padding"] == "border"
    places = [axis for axis in grid.axes if axis != coordinate]
    batch = [axis for axis in places if axis in x.axes and axis not in names]
    rest = [axis for axis in x.axes if axis not in batch and axis not in names]
    image = x.ordered([*batch, *names, *rest]).astype(np.float64)
    where = grid.ordered([coordinate, *places]).astype(np.float64)
    prefix = tuple(
        np.arange(size).reshape([-1 if place == axis else 1 for place in places])
        for axis, size in zip(batch, image.shape, strict=False)
    )
    height, width = image.shape[len(batch) : len(batch) + 2]
    total = np.zeros((*where.shape[1:], *image.shape[len(batch) + 2 :]))
    vertical = _corners(where[1], height, corners=corners, border=border)
    for row, row_share in vertical:
        for column, column_share in _corners(where[0], width, corners=corners, border=border):
            share = (row_share * column_share).reshape([*where.shape[1:], *(1 for _ in rest)])
            total = total + image[(*prefix, row, column)] * share
    return NamedArray(total, (*places, *rest))


def _corners(
    places: np.ndarray, size: int, *, corners: bool, border: bool
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Along one axis: the pixels below and above each place in -1..1, and their shares; 0 for a pixel outside."""
    pixels = (places + 1) / 2 * (size - 1) if corners else ((places + 1) * size - 1) / 2
    pixels = np.clip(pixels, 0, size - 1) if border else np.clip(pixels, -2, size + 1)
    low = np.floor(np.nan_to_num(pixels)).astype(np.int64)
    found = []
    for pixel, share in ((low, 1 - (pixels - low)), (low + 1, pixels - low)):
        inside = (pixel >= 0) & (pixel < size)
        found.append((np.clip(pixel, 0, size - 1), np.where(inside | np.isnan(share), share, 0.0)))
    return found[0], found[1]


# --- samples and rows -----------------------------------------------------------------------------------------


_IMAGE = real_value(batch=2, channel=3, height=5, width=4)
_LARGER = (Axis.of("height", 9), Axis.of("width", 7))
_SMALLER = (Axis.of("width", 3), Axis.of("height", 2))


def _resize(x: ValueType, axes: tuple[Axis, ...], mode: str, *, corners: bool) -> Sample:
    return Sample((x,), {"axes": axes, "mode": mode, "align_corners": corners})


def _sampled(x: ValueType, grid: ValueType, *, corners: bool, padding: str) -> Sample:
    attributes: dict[str, Attribute] = {
        "axes": ("height", "width"),
        "coordinate": "xy",
        "align_corners": corners,
        "padding": padding,
    }
    return Sample((x, grid), attributes, ((-2, 2), (-1.4, 1.4)))


IMAGES: tuple[Operator, ...] = (
    Operator(
        "adaptive_avgpool",
        "window",
        1,
        {"axes": "axes"},
        _infer_adaptive,
        _evaluate_adaptive,
        (
            Sample((_IMAGE,), {"axes": (Axis.of("height", 3), Axis.of("width", 2))}),
            Sample((_IMAGE,), {"axes": (Axis.of("height", 1), Axis.of("width", 1))}),
            Sample((real_value(channel=2, height=3, width=1),), {"axes": (Axis.of("height", 5), Axis.of("width", 1))}),
        ),
        "means over bins, so that an axis has a given size",
    ),
    Operator(
        "resize",
        "window",
        1,
        {"axes": "axes", "mode": "str", "align_corners": "bool"},
        _infer_resize,
        _evaluate_resize,
        (
            _resize(_IMAGE, _LARGER, "bilinear", corners=False),
            _resize(_IMAGE, _LARGER, "bilinear", corners=True),
            _resize(_IMAGE, _SMALLER, "bilinear", corners=False),
            _resize(_IMAGE, _SMALLER, "nearest", corners=False),
            _resize(_IMAGE, (Axis.of("height", 10), Axis.of("width", 4)), "nearest", corners=False),
            _resize(
                real_value(height=1, width=3), (Axis.of("height", 2), Axis.of("width", 1)), "bilinear", corners=True
            ),
        ),
        "an image at another size",
    ),
    Operator(
        "sample",
        "window",
        2,
        {
            "axes": "names",
            "coordinate": "name",
            "align_corners": "bool",
            "padding": "str",
        },
        _infer_sample,
        _evaluate_sample,
        (
            _sampled(_IMAGE, real_value(batch=2, row=3, column=6, xy=2), corners=False, padding="zeros"),
            _sampled(_IMAGE, real_value(batch=2, height=5, width=4, xy=2), corners=True, padding="zeros"),
            _sampled(_IMAGE, real_value(xy=2, row=3, column=6), corners=True, padding="border"),
            _sampled(real_value(height=4, width=3), real_value(place=5, xy=2), corners=False, padding="border"),
        ),
        "bilinear sampling of an image at places in -1..1",
    ),
)
