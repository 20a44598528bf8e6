"""Overlapping windows, their adjoint, and pooling: the geometry of a kernel that moves over axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from attncomp.ir.graph import Attribute
from attncomp.ir.operators.access import get, many, real
from attncomp.ir.operators.base import Attributes, Infer, NamedArray, Operator, OperatorError, Sample
from attncomp.ir.operators.checks import constant_below, need_axes, need_float, need_numbers, real_dtype, result
from attncomp.ir.operators.samples import value_type
from attncomp.ir.operators.structure import need_padding_value, padded
from attncomp.ir.sizes import Size, provably_different
from attncomp.ir.types import Axis, DType, ValueType


@dataclass(frozen=True)
class Geometry:
    """How a kernel moves over its axes: by axis its stride, its dilation, and the padding on both sides."""

    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[Size, ...]
    after: tuple[Size, ...]

    @staticmethod
    def of(attributes: Attributes, count: int) -> Geometry:
        """The geometry of an operator on `count` axes. Raises E040 where its attributes are not for that many."""
        stride, dilation = many(attributes, "stride", int), many(attributes, "dilation", int)
        before, after = many(attributes, "before", Size), many(attributes, "after", Size)
        for name, values in (("stride", stride), ("dilation", dilation), ("padding", before), ("padding", after)):
            if len(values) != count:
                raise OperatorError(f"`{name}` has {len(values)} values for {count} axes", code="E040")
        for name, steps in (("stride", stride), ("dilation", dilation)):
            if min(steps, default=1) < 1:
                raise OperatorError(f"`{name}` is at least 1, not {min(steps)}", code="E040")
        if any(constant_below(size, 0) for size in (*before, *after)):
            raise OperatorError("`padding` is not negative", code="E040")
        return Geometry(stride, dilation, before, after)

    def windows(self, number: int, axis: Axis, kernel: Size) -> Size:
        """How many windows of a kernel fit along an axis. Raises E030 where the padded axis is smaller than it."""
        if constant_below(kernel, 1):
            raise OperatorError(f"the kernel along `{axis.name}` has the size {kernel}", code="E030")
        extent = (kernel - 1) * self.dilation[number] + 1
        padded_size = axis.size + self.before[number] + self.after[number]
        if constant_below(padded_size - extent, 0):
            dilated = f" (spread over {extent})" if self.dilation[number] > 1 else ""
            plus = f", padded to {padded_size}" if padded_size != axis.size else ""
            raise OperatorError(
                f"a kernel of size {kernel}{dilated} does not fit: axis `{axis.name}` has size {axis.size}{plus}",
                operand=0,
                help="make the kernel smaller or the padding larger",
                code="E030",
            )
        return (padded_size - extent) // self.stride[number] + 1


# --- window and fold ------------------------------------------------------------------------------------------


def _need_count(axes: Sequence[object], kernels: Sequence[object]) -> None:
    if len(axes) != len(kernels):
        raise OperatorError(f"{len(kernels)} kernels for {len(axes)} axes", code="E040")


def _infer_window(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    (x,) = types
    names, kernels = many(attributes, "axes", str), many(attributes, "kernels", Axis)
    axes = need_axes(x, names)
    _need_count(names, kernels)
    need_padding_value(x.dtype, real(attributes, "value"))
    geometry = Geometry.of(attributes, len(names))
    counts = {
        axis.name: Axis(axis.name, geometry.windows(number, axis, kernel.size))
        for number, (axis, kernel) in enumerate(zip(axes, kernels, strict=True))
    }
    return result(x.dtype, [*(counts.get(axis.name, axis) for axis in x.axes), *kernels])


def sliding(
    x: NamedArray,
    axes: Sequence[str],
    kernels: Sequence[tuple[str, int]],
    attributes: Attributes,
    bindings: Mapping[str, int],
    value: float,
) -> NamedArray:
    """Windows of `x`, padded with `value`: each of `axes` counts windows, each kernel (name, size) is a new axis."""
    geometry = Geometry.of(attributes, len(axes))
    for number, (name, (kernel, size)) in enumerate(zip(axes, kernels, strict=True)):
        before, after = (side[number].evaluate(bindings) for side in (geometry.before, geometry.after))
        x = padded(x, name, before, after, value)
        place = x.axes.index(name)
        extent = (size - 1) * geometry.dilation[number] + 1
        count = (x.array.shape[place] - extent) // geometry.stride[number] + 1
        starts = np.arange(count)[:, None] * geometry.stride[number]
        positions = starts + np.arange(size)[None, :] * geometry.dilation[number]
        x = NamedArray(np.take(x.array, positions, axis=place), (*x.axes[: place + 1], kernel, *x.axes[place + 1 :]))
    return x


def _evaluate_window(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    kernels = [(kernel.name, kernel.size.evaluate(bindings)) for kernel in many(attributes, "kernels", Axis)]
    axes, value = many(attributes, "axes", str), real(attributes, "value")
    return sliding(operands[0], axes, kernels, attributes, bindings, value)


def fold_counts(x: ValueType, attributes: Attributes) -> tuple[tuple[Axis, Size], ...]:
    """By output axis of a `fold`: that axis as `x` has it, and how many windows the output size has."""
    outputs, kernels = many(attributes, "axes", Axis), many(attributes, "kernels", str)
    _need_count(outputs, kernels)
    counted = need_axes(x, [axis.name for axis in outputs])
    extents = need_axes(x, kernels)
    geometry = Geometry.of(attributes, len(outputs))
    return tuple(
        (axis, geometry.windows(number, output, extent.size))
        for number, (axis, output, extent) in enumerate(zip(counted, outputs, extents, strict=True))
    )


def _infer_fold(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    (x,) = types
    need_numbers(x, "`fold`")
    outputs = {axis.name: axis for axis in many(attributes, "axes", Axis)}
    for axis, count in fold_counts(x, attributes):
        if provably_different(axis.size, count):
            raise OperatorError(
                f"axis `{axis.name}` has {axis.size} windows, but a result of size {outputs[axis.name].size} has "
                f"{count}",
                operand=0,
                code="E030",
            )
    kept = x.without(many(attributes, "kernels", str))
    return result(x.dtype, [outputs.get(axis.name, axis) for axis in kept])


def _evaluate_fold(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    (x,) = operands
    outputs, kernels = many(attributes, "axes", Axis), many(attributes, "kernels", str)
    geometry = Geometry.of(attributes, len(outputs))
    axes = [axis.name for axis in outputs]
    rest = [name for name in x.axes if name not in axes and name not in kernels]
    array = x.ordered([*rest, *axes, *kernels])
    counts = array.shape[len(rest) : len(rest) + len(axes)]
    before = [size.evaluate(bindings) for size in geometry.before]
    after = [size.evaluate(bindings) for size in geometry.after]
    sizes = [axis.size.evaluate(bindings) for axis in outputs]
    total: np.ndarray = np.zeros(
        [*array.shape[: len(rest)], *(size + low + high for size, low, high in zip(sizes, before, after, strict=True))],
        array.dtype,
    )
    for places in np.ndindex(*array.shape[len(rest) + len(axes) :]):
        covered: list[slice] = [
            slice(place * dilation, place * dilation + (count - 1) * stride + 1, stride) if count else slice(0, 0)
            for place, dilation, count, stride in zip(places, geometry.dilation, counts, geometry.stride, strict=True)
        ]
        leading = (slice(None),) * len(rest)
        total[(*leading, *covered)] += array[(Ellipsis, *places)]
    inside = [slice(low, low + size) for low, size in zip(before, sizes, strict=True)]
    return NamedArray(total[(*(slice(None),) * len(rest), *inside)], (*rest, *axes))


# --- pooling --------------------------------------------------------------------------------------------------


def _pool(name: str, *, real_only: bool) -> Infer:
    def infer(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
        (x,) = types
        if real_only:
            need_float(x, f"`{name}`")
        need_numbers(x, f"`{name}`")
        names, kernel = many(attributes, "axes", str), many(attributes, "kernel", int)
        axes = need_axes(x, names)
        _need_count(names, kernel)
        geometry = Geometry.of(attributes, len(names))
        counts = {
            axis.name: Axis(axis.name, geometry.windows(number, axis, Size.of(size)))
            for number, (axis, size) in enumerate(zip(axes, kernel, strict=True))
        }
        return ValueType(real_dtype(x.dtype), tuple(counts.get(axis.name, axis) for axis in x.axes))

    return infer


def _pooled(
    x: NamedArray, attributes: Attributes, bindings: Mapping[str, int], value: float
) -> tuple[NamedArray, tuple[int, ...]]:
    """Windows of `x`, and the dimensions of their kernel axes, whose names no axis of a model has."""
    axes, kernel = many(attributes, "axes", str), many(attributes, "kernel", int)
    names = [f"kernel of {name}" for name in axes]
    windows = sliding(x, axes, list(zip(names, kernel, strict=True)), attributes, bindings, value)
    return windows, tuple(windows.axes.index(name) for name in names)


def _evaluate_maxpool(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    windows, dims = _pooled(operands[0], attributes, bindings, -np.inf)
    return NamedArray(np.max(windows.array, axis=dims), operands[0].axes)


def _evaluate_avgpool(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    x = NamedArray(operands[0].array.astype(np.float64), operands[0].axes)
    windows, dims = _pooled(x, attributes, bindings, 0.0)
    padding = 1.0 if get(attributes, "count_padding", bool) else 0.0
    counted, _ = _pooled(NamedArray(np.ones_like(x.array), x.axes), attributes, bindings, padding)
    with np.errstate(all="ignore"):
        return NamedArray(np.sum(windows.array, axis=dims) / np.sum(counted.array, axis=dims), x.axes)


# --- samples and rows -----------------------------------------------------------------------------------------


def spatial(
    stride: Sequence[int], dilation: Sequence[int], before: Sequence[int], after: Sequence[int]
) -> dict[str, Attribute]:
    """The attributes that windows, pools and convolutions share."""
    return {
        "stride": tuple(stride),
        "dilation": tuple(dilation),
        "before": tuple(map(Size.of, before)),
        "after": tuple(map(Size.of, after)),
    }


_F = DType.F32
_IMAGE = value_type(_F, batch=2, channel=3, height=7, width=6)
_GEOMETRY_KINDS = {"stride": "ints", "dilation": "ints", "before": "sizes", "after": "sizes"}
_PLAIN = spatial((1, 1), (1, 1), (1, 1), (1, 1))
_RAGGED = spatial((2, 1), (1, 2), (0, 1), (2, 1))

WINDOWS: tuple[Operator, ...] = (
    Operator(
        "window",
        "window",
        1,
        {"axes": "names", "kernels": "axes", **_GEOMETRY_KINDS, "value": "float"},
        _infer_window,
        _evaluate_window,
        (
            Sample(
                (_IMAGE,),
                {
                    "axes": ("height", "width"),
                    "kernels": (Axis.of("kh", 3), Axis.of("kw", 3)),
                    **_PLAIN,
                    "value": 0.0,
                },
            ),
            Sample(
                (_IMAGE,),
                {
                    "axes": ("width", "height"),
                    "kernels": (Axis.of("kw", 2), Axis.of("kh", 3)),
                    **_RAGGED,
                    "value": -1.5,
                },
            ),
            Sample(
                (value_type(DType.I64, seq=5),),
                {"axes": ("seq",), "kernels": (Axis.of("k", 1),), **spatial((2,), (1,), (0,), (0,)), "value": 0.0},
            ),
        ),
        "overlapping windows: each axis counts them, each kernel axis is new",
    ),
    Operator(
        "fold",
        "window",
        1,
        {"axes": "axes", "kernels": "names", **_GEOMETRY_KINDS},
        _infer_fold,
        _evaluate_fold,
        (
            Sample(
                (value_type(_F, batch=2, height=7, width=6, kh=3, kw=3),),
                {"axes": (Axis.of("height", 7), Axis.of("width", 6)), "kernels": ("kh", "kw"), **_PLAIN},
            ),
            Sample(
                (value_type(_F, channel=2, height=4, kh=2, kw=3, width=3),),
                {"axes": (Axis.of("height", 6), Axis.of("width", 5)), "kernels": ("kh", "kw"), **_RAGGED},
            ),
            Sample(
                (value_type(_F, seq=4, k=2),),
                {"axes": (Axis.of("seq", 8),), "kernels": ("k",), **spatial((2,), (1,), (0,), (0,))},
            ),
        ),
        "the adjoint of `window`: overlapping windows added up",
    ),
    Operator(
        "maxpool",
        "window",
        1,
        {"axes": "names", "kernel": "ints", **_GEOMETRY_KINDS},
        _pool("maxpool", real_only=True),
        _evaluate_maxpool,
        (
            Sample((_IMAGE,), {"axes": ("height", "width"), "kernel": (3, 3), **_PLAIN}),
            Sample(
                (_IMAGE,),
                {"axes": ("height", "width"), "kernel": (2, 3), **spatial((2, 3), (1, 1), (1, 0), (1, 0))},
            ),
            Sample(
                (value_type(_F, channel=1, seq=9),),
                {"axes": ("seq",), "kernel": (3,), **spatial((2,), (2,), (1,), (1,))},
            ),
        ),
        "the largest number of each window",
    ),
    Operator(
        "avgpool",
        "window",
        1,
        {"axes": "names", "kernel": "ints", **_GEOMETRY_KINDS, "count_padding": "bool"},
        _pool("avgpool", real_only=False),
        _evaluate_avgpool,
        (
            Sample((_IMAGE,), {"axes": ("height", "width"), "kernel": (3, 3), **_PLAIN, "count_padding": True}),
            Sample((_IMAGE,), {"axes": ("height", "width"), "kernel": (3, 3), **_PLAIN, "count_padding": False}),
            Sample(
                (value_type(_F, channel=1, seq=9),),
                {"axes": ("seq",), "kernel": (2,), **spatial((2,), (1,), (0,), (0,)), "count_padding": True},
            ),
        ),
        "the mean of each window",
    ),
)
