"""Normalization, convolution, windows, pooling and sampling: values packed to the forms of these operators."""

from __future__ import annotations

from collections.abc import Sequence

from attncomp.ir.folding import Fold
from attncomp.ir.graph import Attribute, Node
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, Layout
from attncomp.lowering.context import Context, attribute, many, result_sizes, sizes_with
from attncomp.lowering.convolutions import Convolution, by_method, sizes_of
from attncomp.lowering.layout import Group, Laid, ends_with, flatten, in_order, parts, without
from attncomp.lowering.products import renamed
from attncomp.lowering.program import Operand, Value
from attncomp.lowering.structure import pad


def lower_normalize(context: Context, node: Node, operands: Sequence[int], fold: Fold | None = None) -> Laid:
    """Normalized axes last; `fold` brings a scale and a shift over exactly those axes."""
    axes = many(node, "axes", str)
    laid = context.cast(context.array(operands[0]), node.type.dtype)
    rest = without(laid.layout, axes, units=True)
    if ends_with(laid.flat, axes):
        inner: Layout = tuple(part for group in laid.layout for part in parts(group, axes) if part and part[0] in axes)
    else:
        inner = tuple((axis,) for axis in in_order(axes, laid.flat))
    laid = context.emitter.relayout(laid, (*rest, *inner))
    ready: list[Operand] = [laid.value]
    for extra in () if fold is None else (fold.weight, fold.bias):
        if extra is not None:
            ready.append(context.emitter.relayout(context.array(extra), inner).value)
    attributes: dict[str, Attribute] = {
        "dims": tuple(range(len(rest), len(rest) + len(inner))),
        "epsilon": node.attributes["epsilon"],
        "center": node.attributes["center"],
    }
    return context.emit(
        "normalize", ready, attributes, node.type.dtype, (*rest, *inner), result_sizes(node), "normalized"
    )


def lower_batch_norm(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """X [B, C, ...]: what lies before the channel is one dimension, what lies after stays."""
    axis = attribute(node, "axis", str)
    laid = context.cast(context.apart(operands[0], [axis]), node.type.dtype)
    channel = laid.dim(axis)
    layout: Layout = (flatten(laid.layout[:channel]), *laid.layout[channel:])
    ready: list[Operand] = [context.emitter.relayout(laid, layout).value]
    for operand in operands[1:]:
        ready.append(context.emitter.relayout(context.array(operand), ((axis,),)).value)
    attributes: dict[str, Attribute] = {name: node.attributes[name] for name in ("epsilon", "momentum")}
    return context.emit("batch_norm", ready, attributes, node.type.dtype, layout, result_sizes(node), "normalized")


def lower_convolution(context: Context, node: Node, operands: Sequence[int], fold: Fold | None = None) -> Laid:
    """X [B, C, ...] and weight [O, C / groups, ...], spatial axes last; `fold` brings the bias over the channels."""
    channel, out = attribute(node, "channel", str), attribute(node, "out", Axis)
    axes, kernels = many(node, "axes", str), many(node, "kernels", str)
    laid = context.cast(context.array(operands[0]), node.type.dtype)
    batch = flatten(without(laid.layout, (channel, *axes)))
    spatial: Layout = tuple((axis,) for axis in axes)
    x = context.emitter.relayout(laid, (batch, (channel,), *spatial))
    weight = context.cast(context.array(operands[1]), node.type.dtype)
    weight = context.emitter.relayout(weight, ((out.name,), (channel,), *((kernel,) for kernel in kernels)))
    kernel = weight.array
    names = ("stride", "dilation", "before", "after", "groups")
    attributes: dict[str, Attribute] = {name: node.attributes[name] for name in names}
    if context.emitter.shared.in_pieces:
        attributes["method"], kernel = by_method(context.emitter, _sizes(node, x, kernel), kernel)
    ready = [x.value, kernel]
    if fold is not None and fold.bias is not None:
        bias = renamed(context.array(fold.bias), dict(fold.names))
        ready.append(context.emitter.relayout(bias, ((out.name,),)).value)
    layout = (batch, (out.name,), *spatial)
    return context.emit("convolution", ready, attributes, node.type.dtype, layout, result_sizes(node), "convolved")


def _sizes(node: Node, x: Laid, weight: Value) -> Convolution:
    """What the cost of a convolution of x [B, C, ...] depends on."""
    sizes = result_sizes(node)
    result = (Size.of(1), attribute(node, "out", Axis).size, *(sizes[axis] for axis in many(node, "axes", str)))
    spread = many(node, "stride", int), many(node, "dilation", int), many(node, "before", Size)
    return sizes_of(x.array.shape, weight.shape, result, attribute(node, "groups", int), *spread)


def lower_window(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """Sliding windows: padding, then a view with the kernel dimensions at the end."""
    axes, kernels = many(node, "axes", str), many(node, "kernels", Axis)
    laid = context.apart(operands[0], axes)
    laid = _padded(context, node, laid, axes)
    attributes: dict[str, Attribute] = {
        "dims": tuple(laid.dim(axis) for axis in axes),
        "kernel": tuple(_number(kernel.size) for kernel in kernels),
        "stride": node.attributes["stride"],
        "dilation": node.attributes["dilation"],
    }
    layout = (*laid.layout, *((kernel.name,) for kernel in kernels))
    return context.emit("windows", [laid.value], attributes, node.type.dtype, layout, result_sizes(node), "windows")


def _padded(context: Context, node: Node, laid: Laid, axes: Sequence[str]) -> Laid:
    sizes = zip(many(node, "before", Size), many(node, "after", Size), strict=True)
    value = node.attributes.get("value", 0.0)
    assert isinstance(value, int | float)
    return pad(context, laid, dict(zip(axes, sizes, strict=True)), value)


def lower_fold(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """The adjoint of windows: overlap-add into the padded result, of which the padding is cut off."""
    axes, kernels = many(node, "axes", Axis), many(node, "kernels", str)
    laid = context.apart(operands[0], [*(axis.name for axis in axes), *kernels])
    rest = without(laid.layout, kernels, units=True)
    x = context.emitter.relayout(laid, (*rest, *((kernel,) for kernel in kernels)))
    before, after = many(node, "before", Size), many(node, "after", Size)
    padded = [axis.size + low + high for axis, low, high in zip(axes, before, after, strict=True)]
    sizes = sizes_with(x, *(Axis(axis.name, size) for axis, size in zip(axes, padded, strict=True)))
    attributes: dict[str, Attribute] = {
        "dims": tuple(rest.index((axis.name,)) for axis in axes),
        "kernel": tuple(_number(x.sizes[kernel]) for kernel in kernels),
        "stride": node.attributes["stride"],
        "dilation": node.attributes["dilation"],
        "shape": tuple(Laid(0, rest, sizes).shape(rest)),
    }
    made = context.emit("fold", [x.value], attributes, node.type.dtype, rest, sizes, "folded")
    for axis, low, high in zip(axes, before, after, strict=True):
        if low.constant == 0 and high.constant == 0:
            continue
        cut: dict[str, Attribute] = {"dim": made.dim(axis.name), "start": low, "stop": low + axis.size}
        sizes = {**made.sizes, axis.name: axis.size}
        made = context.emit("slice", [made.value], cut, node.type.dtype, made.layout, sizes, "folded")
    return made


def lower_pool(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """`maxpool avgpool`: x [B, C, *spatial]."""
    axes = many(node, "axes", str)
    x = _image(context, operands[0], axes)
    x = context.cast(x, node.type.dtype)
    attributes: dict[str, Attribute] = {name: value for name, value in node.attributes.items() if name != "axes"}
    attributes["dims"] = tuple(x.dim(axis) for axis in axes)
    return context.emit(node.operator, [x.value], attributes, node.type.dtype, x.layout, result_sizes(node), "pooled")


def lower_resize(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """`resize adaptive_avgpool`: x [B, C, *spatial] at other sizes of the spatial axes."""
    axes = many(node, "axes", Axis)
    names = [axis.name for axis in axes]
    x = context.cast(_image(context, operands[0], names), node.type.dtype)
    attributes: dict[str, Attribute] = {name: value for name, value in node.attributes.items() if name != "axes"}
    attributes["shape"] = tuple(axis.size for axis in axes)
    if node.operator == "adaptive_avgpool":
        attributes["dims"] = tuple(x.dim(name) for name in names)
    hint = "pooled" if node.operator == "adaptive_avgpool" else "resized"
    return context.emit(node.operator, [x.value], attributes, node.type.dtype, x.layout, result_sizes(node), hint)


def _image(context: Context, identity: int, axes: Sequence[str]) -> Laid:
    """A value as [B, C, *axes], where B and C share what else there is; B takes what C cannot hold in order.

    An axis that may turn out empty is in B: kernels take no images, but not images without channels.
    """
    laid = context.apart(identity, axes)
    lead = list(without(laid.layout, axes, units=True))
    if lead and any(laid.sizes[axis].constant is None for axis in lead[-1]):
        lead = [flatten(tuple(lead)), ()]
    elif len(lead) > 2:
        lead = [flatten(tuple(lead[:-1])), lead[-1]]
    while len(lead) < 2:
        lead.insert(0, ())
    return context.emitter.relayout(laid, (*lead, *((axis,) for axis in axes)))


def lower_sample(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """X [B, C, H, W] at the places of grid [B, H', W', 2]."""
    axes, coordinate = many(node, "axes", str), attribute(node, "coordinate", str)
    x, grid = context.array(operands[0]), context.array(operands[1])
    places = in_order(grid.names - {coordinate}, grid.flat)
    batch = tuple(axis for axis in in_order(x.names - set(axes), x.flat) if axis in places)
    places = tuple(axis for axis in places if axis not in batch)
    channels = in_order(x.names - set(axes) - set(batch), x.flat)
    image: Layout = (batch, channels, *((axis,) for axis in axes))
    x = context.cast(context.emitter.relayout(x, image), node.type.dtype)
    rows, columns = _two(places)
    grid = context.cast(context.emitter.relayout(grid, (batch, rows, columns, (coordinate,))), node.type.dtype)
    attributes: dict[str, Attribute] = {name: node.attributes[name] for name in ("align_corners", "padding")}
    layout = (batch, channels, rows, columns)
    return context.emit(
        "sample", [x.value, grid.value], attributes, node.type.dtype, layout, result_sizes(node), "sampled"
    )


def _two(axes: Group) -> tuple[Group, Group]:
    """Axes in two dimensions."""
    return axes[:-1], axes[-1:]


def _number(size: Size) -> int:
    assert size.constant is not None, "a kernel's size is a number"
    return size.constant
