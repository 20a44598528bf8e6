"""Operators that move, cut and join: renames and merges cost nothing, the others act on one dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncomp.ir.graph import Attribute, Literal, Node
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, Layout
from attncomp.lowering.constants import number_of
from attncomp.lowering.context import Context, attribute, many, result_sizes, sizes_with
from attncomp.lowering.layout import Group, Laid, in_order, without
from attncomp.lowering.pointwise import align
from attncomp.lowering.program import Operand, Value


def lower_rename(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """Other names for the same dimensions."""
    pairs: dict[str, str] = dict(many(node, "names", tuple))
    laid = context.laid[operands[0]]
    if not isinstance(laid.value, Value):
        return laid
    hidden = {axis for group in laid.merged.values() for axis in group}
    if hidden & (set(pairs.values()) | {old for old in pairs if old not in laid.merged}):
        laid = context.read(operands[0])
    merged = {pairs.get(axis, axis): group for axis, group in laid.merged.items()}
    plain = {old: new for old, new in pairs.items() if old not in laid.merged}
    layout = tuple(tuple(plain.get(axis, axis) for axis in group) for group in laid.layout)
    return Laid(laid.value, layout, {plain.get(axis, axis): size for axis, size in laid.sizes.items()}, merged)


def lower_split(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """One axis as several, in the same place of the same dimension."""
    laid = context.array(operands[0])
    axis, into = attribute(node, "axis", str), many(node, "into", Axis)
    names = tuple(part.name for part in into)
    layout = tuple(tuple(new for old in group for new in (names if old == axis else (old,))) for group in laid.layout)
    return Laid(laid.value, layout, sizes_with(laid, *into))


def lower_merge(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """Several axes as one: remembered, and done when a dimension for it is needed."""
    axes, into = many(node, "axes", str), attribute(node, "into", Axis)
    laid = context.laid[operands[0]]
    if not isinstance(laid.value, Value):
        return laid
    if len(axes) == 1:
        laid = context.read(operands[0])
        return Laid(laid.value, _renamed(laid.layout, {axes[0]: into.name}), sizes_with(laid, into))
    if into.name in laid.flat:
        laid = context.read(operands[0])
    if into.name in laid.flat:
        laid = _hide(laid, into.name)
        axes = tuple(_hidden(axis) if axis == into.name else axis for axis in axes)
    merged = {axis: group for axis, group in laid.merged.items() if axis not in axes}
    return Laid(laid.value, laid.layout, laid.sizes, {**merged, into.name: laid.expand(axes)})


def _renamed(layout: Layout, names: Mapping[str, str]) -> Layout:
    return tuple(tuple(names.get(axis, axis) for axis in group) for group in layout)


def _hidden(axis: str) -> str:
    """A name that no axis of the graph has."""
    return f"{axis} "


def _hide(laid: Laid, axis: str) -> Laid:
    """`laid` with an axis renamed out of the way."""
    names = {axis: _hidden(axis)}
    return Laid(laid.value, _renamed(laid.layout, names), {names.get(a, a): s for a, s in laid.sizes.items()})


def lower_index(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """One position of an axis."""
    axis = attribute(node, "axis", str)
    laid = context.apart(operands[0], [axis])
    attributes: dict[str, Attribute] = {"dim": laid.dim(axis), "position": attribute(node, "position", Size)}
    layout = tuple(group for group in laid.layout if group != (axis,))
    return context.emit("index", [laid.value], attributes, node.type.dtype, layout, laid.sizes, "picked")


def lower_along(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """`slice roll flip cumsum`: along one axis, which stays."""
    axis = attribute(node, "axis", str)
    laid = context.apart(operands[0], [axis])
    if node.operator == "roll" and attribute(node, "shift", Size).constant == 0:
        return laid
    if node.operator == "cumsum":
        laid = context.cast(laid, node.type.dtype)
    attributes: dict[str, Attribute] = {name: value for name, value in node.attributes.items() if name != "axis"}
    attributes["dim"] = laid.dim(axis)
    return context.emit(
        node.operator, [laid.value], attributes, node.type.dtype, laid.layout, result_sizes(node), node.operator
    )


def lower_pad(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """Padding of one axis."""
    axis = attribute(node, "axis", str)
    laid = context.apart(operands[0], [axis])
    padding = {axis: (attribute(node, "before", Size), attribute(node, "after", Size))}
    return pad(context, laid, padding, attribute(node, "value", float))


def pad(context: Context, laid: Laid, padding: Mapping[str, tuple[Size, Size]], value: float) -> Laid:
    """`laid` with axes, each in a dimension alone, padded; as it is where there is no padding."""
    if all(size.constant == 0 for sizes in padding.values() for size in sizes):
        return laid
    none = (Size.of(0), Size.of(0))
    by_dim = [padding.get(group[0], none) if len(group) == 1 else none for group in laid.layout]
    sizes = {axis: size + sum(padding.get(axis, none), Size.of(0)) for axis, size in laid.sizes.items()}
    attributes: dict[str, Attribute] = {
        "before": tuple(before for before, _ in by_dim),
        "after": tuple(after for _, after in by_dim),
        "value": value,
    }
    return context.emit("pad", [laid.value], attributes, laid.array.dtype, laid.layout, sizes, "padded")


def lower_concat(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """Values one after the other along an axis; packed dimensions stay where the axis is their major."""
    axis = attribute(node, "axis", Axis).name
    laid = [context.cast(context.array(operand), node.type.dtype) for operand in operands]
    layout: Layout = tuple(
        part
        for group in laid[0].layout
        for part in ([group] if axis not in group or group[0] == axis else _apart(group, axis))
    )
    ready = [context.emitter.relayout(one, layout).value for one in laid]
    dim = next(dim for dim, group in enumerate(layout) if axis in group)
    return context.emit("concat", ready, {"dim": dim}, node.type.dtype, layout, result_sizes(node), "joined")


def _apart(group: Group, axis: str) -> list[Group]:
    place = group.index(axis)
    return [group[:place], group[place:]]


def lower_stack(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """Values side by side along a new axis: where a convolution or a product reads it best, else in front."""
    axis = attribute(node, "axis", Axis).name
    laid = [context.cast(context.array(operand), node.type.dtype) for operand in operands]
    base = max(laid, key=lambda one: len(one.names)).layout
    ready = [context.emitter.relayout(one, base).value for one in laid]
    dim = _stack_dim(context, node, axis, base)
    layout = (*base[:dim], (axis,), *base[dim:])
    return context.emit("stack", ready, {"dim": dim}, node.type.dtype, layout, result_sizes(node), "stacked")


def _stack_dim(context: Context, node: Node, axis: str, base: Layout) -> int:
    for reader in map(context.graph.node, context.graph.users(node.identity)):
        if reader.operator == "convolution" and reader.attributes["channel"] == axis:
            spatial = many(reader, "axes", str)
            return next((dim for dim, group in enumerate(base) if set(group) & set(spatial)), len(base))
        if reader.operator == "contract" and axis in many(reader, "axes", str):
            return len(base)
    return 0


def lower_gather(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """Elements at computed positions: indexed axes lead; what x and the positions share is indexed by itself."""
    axes = many(node, "axes", str)
    counted = _counted(context, operands[1:])
    if counted is not None and not (context.laid[operands[0]].names - set(axes)) & counted.names:
        return _leading(context, operands[0], axes[0], counted)
    x = context.array(operands[0])
    positions = [context.array(operand) for operand in operands[1:]]
    asked: frozenset[str] = frozenset().union(*(one.names for one in positions))
    shared = in_order((x.names - set(axes)) & asked, x.flat)
    rest = without(x.layout, (*axes, *shared))
    x = context.emitter.relayout(x, (*((axis,) for axis in shared), *((axis,) for axis in axes), *rest))
    counters = [_counter(context, axis, x.sizes[axis]) for axis in shared]
    layout, aligned = align(context, [*counters, *positions])
    layout, aligned = _without_packed(context, layout, aligned, counters + positions)
    sizes = result_sizes(node)
    return context.emit("take", [x.value, *aligned], {}, node.type.dtype, (*layout, *rest), sizes, "taken")


def _counted(context: Context, positions: Sequence[int]) -> Laid | None:
    """Positions that are 0, 1, 2, … in order along one axis; None for any others."""
    if len(positions) != 1:
        return None
    laid = context.read(positions[0])
    step = context.emitter.definition(laid.value)
    return laid if step is not None and step.operator == "arange" else None


def _leading(context: Context, identity: int, axis: str, positions: Laid) -> Laid:
    """The first places of an axis, as many as there are positions."""
    laid = context.apart(identity, [axis])
    (name,) = positions.flat
    stop = positions.sizes[name]
    layout = tuple(tuple(name if one == axis else one for one in group) for group in laid.layout)
    sizes = {**laid.sizes, name: stop}
    if stop == laid.sizes[axis]:
        return Laid(laid.value, layout, {one: sizes[one] for group in layout for one in group})
    attributes: dict[str, Attribute] = {"dim": laid.dim(axis), "start": Size.of(0), "stop": stop}
    return context.emit("slice", [laid.value], attributes, laid.array.dtype, layout, sizes, "first")


def _without_packed(
    context: Context, layout: Layout, aligned: list[Operand], operands: Sequence[Laid]
) -> tuple[Layout, list[Operand]]:
    """Unit dimensions of the positions do not belong in the result."""
    if () not in layout:
        return layout, aligned
    bare = [context.emitter.relayout(one, tuple(group for group in one.layout if group)) for one in operands]
    return align(context, bare)


def _counter(context: Context, axis: str, size: Size) -> Laid:
    return context.emit("arange", [], {"stop": size}, DType.I64, ((axis,),), {axis: size}, f"each_{axis}")


def lower_constant(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """A number stays one; an array is a step."""
    literal = attribute(node, "value", Literal)
    if not literal.axes:
        return Laid(number_of(literal))
    layout = tuple((axis,) for axis in literal.axes)
    return context.emit("constant", [], {"value": literal}, node.type.dtype, layout, result_sizes(node), "table")


def lower_size(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """A size as a number."""
    size = attribute(node, "size", Size)
    if size.constant is not None:
        return Laid(float(size.constant) if node.type.dtype.is_float else size.constant)
    return context.emit("size", [], {"size": size}, node.type.dtype, (), {}, "size")


def lower_positions(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """`arange` and `linspace`."""
    axis = attribute(node, "axis", Axis)
    attributes: dict[str, Attribute]
    if node.operator == "arange":
        attributes = {"stop": axis.size}
    else:
        attributes = {"start": node.attributes["start"], "stop": node.attributes["stop"], "count": axis.size}
    hint = f"{axis.name}_positions"
    return context.emit(node.operator, [], attributes, node.type.dtype, ((axis.name,),), {axis.name: axis.size}, hint)
