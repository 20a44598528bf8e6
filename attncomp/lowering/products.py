"""Contraction: a linear layer where one side is a weight, a matrix product otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from attncomp.ir.folding import Fold, weight_side
from attncomp.ir.graph import Attribute, Graph, Node
from attncomp.ir.types import Layout, promote
from attncomp.lowering.context import Context, many, result_sizes
from attncomp.lowering.layout import Group, Laid, ends_with, in_order, parts, without
from attncomp.lowering.pointwise import POINTWISE, lower_aligned
from attncomp.lowering.program import Operand


def lower_contract(context: Context, node: Node, operands: Sequence[int], fold: Fold | None = None) -> Laid:
    """A contraction over some axes; `fold` brings the bias that is added to it."""
    axes = many(node, "axes", str)
    dtype = promote(context.graph.type(operand).dtype for operand in operands)
    left, right = (context.cast(context.array(operand), dtype) for operand in operands)
    if not axes:
        return lower_aligned(context, "multiply", [left, right], {}, dtype, result_sizes(node), "product")
    side = weight_side(context.graph, node, context.static)
    if side is not None:
        return _lower_linear(context, node, left if side else right, right if side else left, fold)
    if not left.names - set(right.names) and not right.names - set(left.names):
        return _lower_dot(context, node, left, right, axes)
    if _swaps(context.graph, node, left, right, axes):
        left, right = right, left
        operands = operands[::-1]
    from_softmax = _comes_from_softmax(context.graph, operands[0])
    return _lower_matmul(context, node, left, right, axes, keeps_left=from_softmax)


def _lower_linear(context: Context, node: Node, x: Laid, weight: Laid, fold: Fold | None) -> Laid:
    """X [..., K] times weight [N, K]; the contracted axes in the order of x where they are its last."""
    axes = many(node, "axes", str)
    inner = in_order(axes, x.flat if ends_with(x.flat, axes) else weight.flat)
    outer = in_order(weight.names - set(axes), weight.flat)
    rest = without(x.layout, axes)
    ready: list[Operand] = [
        context.emitter.relayout(x, (*rest, inner)).value,
        context.emitter.relayout(weight, (outer, inner)).value,
    ]
    if fold is not None and fold.bias is not None:
        names = dict(fold.names)
        bias = renamed(context.array(fold.bias), names)
        ready.append(context.emitter.relayout(bias, (outer,)).value)
    hint = "scores" if _softmax_axes(context.graph, node.identity) else "projected"
    made = context.emit("linear", ready, {}, node.type.dtype, (*rest, outer), result_sizes(node), hint)
    return context.emitter.relayout(made, (*rest, outer) if outer else rest)


def renamed(laid: Laid, names: dict[str, str]) -> Laid:
    """`laid`, collapsed, with axes renamed all at once."""
    layout = tuple(tuple(names.get(axis, axis) for axis in group) for group in laid.layout)
    return Laid(laid.value, layout, {names.get(axis, axis): size for axis, size in laid.sizes.items()})


def _lower_dot(context: Context, node: Node, left: Laid, right: Laid, axes: Sequence[str]) -> Laid:
    """The sum of a product, where neither side has axes of its own."""
    sizes = {**left.sizes, **right.sizes}
    made = lower_aligned(context, "multiply", [left, right], {}, node.type.dtype, sizes, "product")
    layout = made.layout
    groups = [part for group in layout for part in parts(group, axes)]
    made = context.emitter.relayout(made, tuple(groups))
    dims = tuple(dim for dim, group in enumerate(made.layout) if group and group[0] in axes)
    kept = tuple(group for dim, group in enumerate(made.layout) if dim not in dims)
    attributes: dict[str, Attribute] = {"dims": dims, "keep": False}
    return context.emit("sum", [made.value], attributes, node.type.dtype, kept, result_sizes(node), "dot")


def _lower_matmul(
    context: Context, node: Node, left: Laid, right: Laid, axes: Sequence[str], *, keeps_left: bool
) -> Laid:
    """Left [B..., M, K] times right [B..., K, N]; several axes of M, N or K share a dimension."""
    shared = (left.names & right.names) - set(axes)
    batch = _batch_groups(left, right, shared)
    contracted = in_order(axes, left.flat if ends_with(left.flat, axes) else right.flat)
    rows = in_order(left.names - right.names, left.flat)
    columns = in_order(right.names - left.names, right.flat)
    apart = _apart_rows(context.graph, node, left, rows, axes, keeps_left=keeps_left)
    rows = tuple(axis for axis in rows if (axis,) not in apart)
    units: Layout = ((),) * len(apart)
    emitter = context.emitter
    a = emitter.relayout(left, (*batch, *apart, rows, contracted))
    last = [axis for axis in right.flat if axis in contracted or axis in columns][-1]
    if last in contracted:
        lying = emitter.relayout(right, (*batch, *units, columns, contracted))
        rank = len(lying.layout)
        order = (*range(rank - 2), rank - 1, rank - 2)
        layout = (*batch, *units, contracted, columns)
        b: Operand = emitter.permute(lying.array, order, layout, local=True)
    else:
        b = emitter.relayout(right, (*batch, *units, contracted, columns)).value
    layout = (*batch, *apart, rows, columns)
    hint = "attended" if keeps_left else "scores" if _softmax_axes(context.graph, node.identity) else "product"
    made = context.emit("matmul", [a.value, b], {}, node.type.dtype, layout, result_sizes(node), hint)
    return emitter.relayout(made, tuple(group for group in layout if group))


def _batch_groups(left: Laid, right: Laid, shared: frozenset[str]) -> Layout:
    """The dimensions of the batch: one for each axis, or packed where both sides have them packed alike."""
    groups: list[Group] = []
    for group in left.layout:
        both = in_order(shared, group)
        if both == group and group in right.layout:
            groups.append(both)
        else:
            groups += [(axis,) for axis in both]
    return tuple(group for group in groups if group)


def _apart_rows(graph: Graph, node: Node, left: Laid, rows: Group, axes: Sequence[str], *, keeps_left: bool) -> Layout:
    """The axes of M that get dimensions of their own, because a mask or a bias has the others only."""
    if len(rows) < 2:
        return ()
    if keeps_left:
        held = [group for group in left.layout if group and group[0] in rows]
        in_place = left.layout[-len(held) - 1 :] == (*held, in_order(axes, left.flat))
        return tuple(held[:-1]) if in_place and all(len(group) == 1 for group in held[:-1]) else ()
    for partner in _score_partners(graph, node.identity):
        some = partner & set(rows)
        if some and some != set(rows):
            return tuple((axis,) for axis in rows if axis not in some)
    return ()


def _swaps(graph: Graph, node: Node, left: Laid, right: Laid, axes: Sequence[str]) -> bool:
    """Whether the right operand gives the better rows."""
    rows, columns = left.names - right.names, right.names - left.names
    summed = set(_softmax_axes(graph, node.identity))
    if summed & (rows | columns):
        return bool(summed & rows) and not summed & columns
    return ends_with(right.flat, axes) and not ends_with(left.flat, axes)


def _comes_from_softmax(graph: Graph, identity: int) -> bool:
    while graph.node(identity).operator in {"dropout", "cast"}:
        (identity,) = graph.operands(identity)
    return graph.node(identity).operator == "softmax"


def _softmax_axes(graph: Graph, identity: int) -> tuple[str, ...]:
    """The axes of the softmax that a score goes to through pointwise operators; () where it goes to none."""
    end, _ = _score_path(graph, identity)
    if end is None:
        return ()
    axes = graph.node(end).attributes["axes"]
    assert isinstance(axes, tuple)
    return tuple(str(axis) for axis in axes)


def _score_partners(graph: Graph, identity: int) -> list[frozenset[str]]:
    """The axes of what is combined with a score on its way to the softmax."""
    end, partners = _score_path(graph, identity)
    return partners if end is not None else []


def _score_path(graph: Graph, identity: int) -> tuple[int | None, list[frozenset[str]]]:
    partners: list[frozenset[str]] = []
    while True:
        readers = graph.users(identity)
        if len(readers) != 1:
            return None, partners
        (reader,) = readers
        node = graph.node(reader)
        if node.operator in {"softmax", "log_softmax"}:
            return reader, partners
        if node.operator not in POINTWISE:
            return None, partners
        partners += [frozenset(graph.type(other).names) for other in graph.operands(reader) if other != identity]
        identity = reader
