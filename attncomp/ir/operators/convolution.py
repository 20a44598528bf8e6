"""The convolution (as the field says; the cross-correlation): windows, then a contraction, by groups of channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncomp.ir.graph import Attribute
from attncomp.ir.operators.access import get, many
from attncomp.ir.operators.base import Attributes, NamedArray, Operator, OperatorError, Sample
from attncomp.ir.operators.checks import braced, need_axes, need_axis, need_equal, need_float, once, result
from attncomp.ir.operators.contraction import contract
from attncomp.ir.operators.samples import real_value
from attncomp.ir.operators.windows import Geometry, sliding, spatial
from attncomp.ir.types import Axis, ValueType, promote


def _infer_convolution(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    x, weight = types
    for position, type_ in enumerate(types):
        need_float(type_, "a convolution", position)
    names, kernels = many(attributes, "axes", str), many(attributes, "kernels", str)
    out, groups = get(attributes, "out", Axis), get(attributes, "groups", int)
    channel = need_axis(x, get(attributes, "channel", str))
    axes = need_axes(x, names)
    once([out.name, channel.name, *kernels])
    inner = need_axis(weight, channel.name, 1)
    extents = need_axes(weight, kernels, 1)
    need_equal(f"axis `{out.name}`", need_axis(weight, out.name, 1).size, out.size, "the result has", 1)
    if len(weight.axes) != len(kernels) + 2:
        wanted = braced([out.name, channel.name, *kernels])
        raise OperatorError(
            f"the weight of this convolution has the axes {wanted}, not {braced(weight.names)}", operand=1, code="E043"
        )
    if channel.name in names or len(names) != len(kernels):
        raise OperatorError(f"kernels {braced(kernels)} for the axes {braced(names)}", code="E040")
    if groups < 1:
        raise OperatorError(f"`groups` is at least 1, not {groups}", code="E040")
    for axis in (channel, out):
        if axis.size.divides_evenly(groups) is False:
            raise OperatorError(
                f"axis `{axis.name}` of size {axis.size} does not divide into {groups} groups", code="E031"
            )
    need_equal(
        f"axis `{channel.name}` of the weight",
        inner.size,
        channel.size // groups,
        f"the value's {channel.size} channels in {groups} groups give",
        1,
    )
    geometry = Geometry.of(attributes, len(names))
    counts = {
        axis.name: Axis(axis.name, geometry.windows(number, axis, extent.size))
        for number, (axis, extent) in enumerate(zip(axes, extents, strict=True))
    }
    changed = {**counts, channel.name: out}
    return result(promote((x.dtype, weight.dtype)), [changed.get(axis.name, axis) for axis in x.axes])


def _evaluate_convolution(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    """The inner names (`the group` and so on) are none that an axis of a model can have."""
    x, weight = operands
    names, kernels = many(attributes, "axes", str), many(attributes, "kernels", str)
    channel, out = get(attributes, "channel", str), get(attributes, "out", Axis).name
    groups = get(attributes, "groups", int)
    extents = [weight.array.shape[weight.axes.index(kernel)] for kernel in kernels]
    places = [f"kernel of {name}" for name in names]
    windows = sliding(x, names, list(zip(places, extents, strict=True)), attributes, bindings, 0.0)
    grouped = _in_groups(windows, channel, groups, "the channel")
    inner = dict(zip(kernels, places, strict=True)) | {channel: "the channel"}
    filters = _in_groups(weight, out, groups, "the output")
    filters = NamedArray(filters.array, tuple(inner.get(axis, axis) for axis in filters.axes))
    summed = contract(grouped, filters, ["the channel", *places])
    rest = [axis for axis in summed.axes if axis not in ("the group", "the output")]
    array = summed.ordered(["the group", "the output", *rest])
    return NamedArray(array.reshape(array.shape[0] * array.shape[1], *array.shape[2:]), (out, *rest))


def _in_groups(x: NamedArray, axis: str, groups: int, inner: str) -> NamedArray:
    """`x` with one axis split into `the group` and `inner`."""
    rest = [name for name in x.axes if name != axis]
    array = x.ordered([axis, *rest])
    size = array.shape[0] // groups
    return NamedArray(array.reshape(groups, size, *array.shape[1:]), ("the group", inner, *rest))


def _sample(
    x: ValueType,
    weight: ValueType,
    out: Axis,
    axes: tuple[str, ...],
    kernels: tuple[str, ...],
    geometry: tuple[Sequence[int], Sequence[int], Sequence[int], Sequence[int]],
    groups: int = 1,
) -> Sample:
    names: dict[str, Attribute] = {"channel": "channel", "out": out, "axes": axes, "kernels": kernels}
    return Sample((x, weight), {**names, **spatial(*geometry), "groups": groups})


_PLANE, _KERNELS = ("height", "width"), ("height_kernel", "width_kernel")

CONVOLUTIONS: tuple[Operator, ...] = (
    Operator(
        "convolution",
        "window",
        2,
        {
            "channel": "name",
            "out": "axis",
            "axes": "names",
            "kernels": "names",
            "stride": "ints",
            "dilation": "ints",
            "before": "sizes",
            "after": "sizes",
            "groups": "int",
        },
        _infer_convolution,
        _evaluate_convolution,
        (
            _sample(
                real_value(batch=2, channel=3, height=7, width=6),
                real_value(feature=4, channel=3, height_kernel=3, width_kernel=3),
                Axis.of("feature", 4),
                _PLANE,
                _KERNELS,
                ((1, 1), (1, 1), (1, 1), (1, 1)),
            ),
            _sample(
                real_value(batch=2, channel=4, height=9, width=7),
                real_value(feature=6, channel=2, height_kernel=3, width_kernel=2),
                Axis.of("feature", 6),
                _PLANE,
                _KERNELS,
                ((2, 1), (1, 2), (1, 0), (2, 1)),
                2,
            ),
            _sample(
                real_value(batch=1, channel=5, seq=8),
                real_value(feature=5, channel=1, tap=3),
                Axis.of("feature", 5),
                ("seq",),
                ("tap",),
                ((1,), (1,), (2,), (0,)),
                5,
            ),
            _sample(
                real_value(height=4, channel=3, width=5),
                real_value(one=1, channel=3, height_kernel=1, width_kernel=1),
                Axis.of("one", 1),
                _PLANE,
                _KERNELS,
                ((1, 1), (1, 1), (0, 0), (0, 0)),
            ),
        ),
        "a kernel that moves over axes, from one axis of channels to another",
    ),
)
