"""Rules of `canonicalize` for statistics and for what moves numbers about.

A rule gives the node that equals its argument, which it may build, or None. Its caller compares the types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from attncomp.ir.build import Builder
from attncomp.ir.cost import contraction_operations, operations
from attncomp.ir.estimate import cheaper
from attncomp.ir.graph import Node
from attncomp.ir.operators.access import get, many, pairs
from attncomp.ir.sizes import Size, product
from attncomp.ir.types import Axis
from attncomp.passes.numbers import scalar
from attncomp.passes.readers import read_once

Rule = Callable[[Builder, Node], "int | None"]


# --- statistics -------------------------------------------------------------------------------------------------


def _adaptive_pool(builder: Builder, node: Node) -> int | None:
    axes = many(node.attributes, "axes", Axis)
    if any(axis.size != Size.of(1) for axis in axes):
        return None
    return _mean_kept(builder, node, [axis.name for axis in axes])


def _pool(builder: Builder, node: Node) -> int | None:
    """One window without padding that is as large as its axes."""
    (operand,) = builder.graph.operands(node.identity)
    axes, kernel = many(node.attributes, "axes", str), many(node.attributes, "kernel", int)
    padding = (*many(node.attributes, "before", Size), *many(node.attributes, "after", Size))
    sizes = [builder.graph.type(operand).size(name) for name in axes]
    if any(size != Size.of(0) for size in padding) or sizes != [Size.of(extent) for extent in kernel]:
        return None
    if any(dilation != 1 for dilation in many(node.attributes, "dilation", int)):
        return None
    return _mean_kept(builder, node, axes)


def _mean_kept(builder: Builder, node: Node, axes: Sequence[str]) -> int | None:
    """The mean over `axes`, each of which the result still has, with size 1."""
    value = builder.add("mean", builder.graph.operands(node.identity), {"axes": tuple(axes)}, node.origin)
    for name in axes:
        value = builder.add("stack", (value,), {"axis": Axis.of(name, 1)}, node.origin)
    return value


def _statistic_of_statistic(builder: Builder, node: Node) -> int | None:
    graph, (operand,) = builder.graph, builder.graph.operands(node.identity)
    inner = graph.node(operand)
    if inner.operator != node.operator or not read_once(graph, operand):
        return None
    axes = (*many(inner.attributes, "axes", str), *many(node.attributes, "axes", str))
    return builder.add(node.operator, graph.operands(operand), {"axes": axes}, node.origin)


def _sum_of_products(builder: Builder, node: Node) -> int | None:
    graph, (operand,) = builder.graph, builder.graph.operands(node.identity)
    if graph.node(operand).operator != "multiply" or not read_once(graph, operand):
        return None
    a, b = graph.operands(operand)
    left, right = graph.type(a), graph.type(b)
    axes = many(node.attributes, "axes", str)
    both = axes and all(left.has(axis) and right.has(axis) for axis in axes)
    if not both or set(left.names) == set(right.names) or left.dtype is not right.dtype:
        return None
    return builder.contract(a, b, axes, origin=node.origin)


def _statistic_of_product(builder: Builder, node: Node) -> int | None:
    """Summing a contraction over axes of one factor is summing that factor first, where that costs less."""
    graph, (operand,) = builder.graph, builder.graph.operands(node.identity)
    if graph.node(operand).operator != "contract":
        return None
    factors, axes = graph.operands(operand), many(node.attributes, "axes", str)
    types = [graph.type(factor) for factor in factors]
    if not axes or any(type_.dtype is not node.type.dtype for type_ in types):
        return None
    if any(all(type_.has(axis) for type_ in types) for axis in axes):
        return None
    left, right = (set(type_.without(axes)) for type_ in types)
    summing = [type_.elements() for type_ in types if any(map(type_.has, axes))]
    cost = sum(summing, contraction_operations(left | right))
    written = graph.type(operand).elements() + (operations(graph, operand) if read_once(graph, operand) else 0)
    if not cheaper(cost, written):
        return None
    summed = []
    for factor, type_ in zip(factors, types, strict=True):
        own = tuple(axis for axis in axes if type_.has(axis))
        summed.append(builder.add(node.operator, (factor,), {"axes": own}, node.origin) if own else factor)
    return builder.add("contract", summed, graph.node(operand).attributes, node.origin)


def _statistic_of_scaled_product(builder: Builder, node: Node) -> int | None:
    """A number that scales a contraction scales its sum, so that the sum may go on to the factors."""
    graph, (operand,) = builder.graph, builder.graph.operands(node.identity)
    scaling = graph.node(operand)
    if scaling.operator not in ("multiply", "divide"):
        return None
    left, right = graph.operands(operand)
    for value, number in ((left, right), (right, left)) if scaling.operator == "multiply" else ((left, right),):
        if graph.node(value).operator == "contract" and scalar(graph, number) is not None:
            summed = builder.add(node.operator, (value,), node.attributes, node.origin)
            operands = (summed, number) if value == left else (number, summed)
            return builder.add(scaling.operator, operands, {}, scaling.origin)
    return None


def _mean_by_hand(builder: Builder, node: Node) -> int | None:
    """A sum divided by how many numbers it has."""
    graph, (total, count) = builder.graph, builder.graph.operands(node.identity)
    if graph.node(total).operator != "sum":
        return None
    axes = many(graph.node(total).attributes, "axes", str)
    (operand,) = graph.operands(total)
    elements = product([graph.type(operand).size(axis) for axis in axes])
    if graph.node(count).operator == "cast":
        (count,) = graph.operands(count)
    if graph.node(count).operator == "size":
        counted = graph.node(count).attributes["size"] == elements
    else:
        counted = elements.constant is not None and scalar(graph, count) == elements.constant
    return builder.add("mean", (operand,), {"axes": axes}, node.origin) if counted else None


# --- names and packings -----------------------------------------------------------------------------------------


def _rename(builder: Builder, node: Node) -> int | None:
    """A rename of a rename is one."""
    (operand,) = builder.graph.operands(node.identity)
    inner = builder.graph.node(operand)
    if inner.operator != "rename":
        return None
    (value,) = builder.graph.operands(operand)
    first, second = dict(pairs(inner.attributes, "names")), dict(pairs(node.attributes, "names"))
    names = {name: second.get(first.get(name, name), first.get(name, name)) for name in builder.graph.type(value).names}
    return builder.rename(value, names, origin=node.origin)


def _index(builder: Builder, node: Node) -> int | None:
    """One position of a stack, which may have been renamed, is an operand."""
    graph, (operand,) = builder.graph, builder.graph.operands(node.identity)
    axis, names = get(node.attributes, "axis", str), dict[str, str]()
    if graph.node(operand).operator == "rename":
        names = dict(pairs(graph.node(operand).attributes, "names"))
        axis = next((old for old, new in names.items() if new == axis), axis)
        (operand,) = graph.operands(operand)
    stack, position = graph.node(operand), get(node.attributes, "position", Size).constant
    if stack.operator != "stack" or position is None:
        return None
    if get(stack.attributes, "axis", Axis).name != axis:
        return None if names else _index_within(builder, node, stack)
    value = graph.operands(operand)[position]
    return builder.rename(value, {old: new for old, new in names.items() if old != axis}, origin=node.origin)


def _index_within(builder: Builder, node: Node, stack: Node) -> int | None:
    """One position along another axis than that of a stack of one value is taken before it is stacked."""
    operands = builder.graph.operands(stack.identity)
    if len(operands) > 1 or not read_once(builder.graph, stack.identity):
        return None
    inner = builder.add("index", operands, node.attributes, node.origin)
    return builder.add("stack", (inner,), stack.attributes, stack.origin)


def _merge(builder: Builder, node: Node) -> int | None:
    """Merging what was split."""
    graph, (operand,) = builder.graph, builder.graph.operands(node.identity)
    inner = graph.node(operand)
    if inner.operator != "split":
        return None
    split = tuple(axis.name for axis in many(inner.attributes, "into", Axis))
    if split != many(node.attributes, "axes", str):
        return None
    (value,) = graph.operands(operand)
    names = {get(inner.attributes, "axis", str): get(node.attributes, "into", Axis).name}
    return builder.rename(value, names, origin=node.origin)


def _split(builder: Builder, node: Node) -> int | None:
    """Splitting what was merged, into the same sizes."""
    graph, (operand,) = builder.graph, builder.graph.operands(node.identity)
    inner = graph.node(operand)
    if inner.operator != "merge" or get(inner.attributes, "into", Axis).name != node.attributes["axis"]:
        return None
    (value,) = graph.operands(operand)
    merged, into = many(inner.attributes, "axes", str), many(node.attributes, "into", Axis)
    if [graph.type(value).size(name) for name in merged] != [axis.size for axis in into]:
        return None
    names = {old: axis.name for old, axis in zip(merged, into, strict=True)}
    return builder.rename(value, names, origin=node.origin)


STRUCTURE: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        "adaptive_avgpool": (_adaptive_pool,),
        "avgpool": (_pool,),
        "sum": (_sum_of_products, _statistic_of_statistic, _statistic_of_product, _statistic_of_scaled_product),
        "mean": (_statistic_of_statistic, _statistic_of_product, _statistic_of_scaled_product),
        "max": (_statistic_of_statistic,),
        "min": (_statistic_of_statistic,),
        "divide": (_mean_by_hand,),
        "rename": (_rename,),
        "index": (_index,),
        "merge": (_merge,),
        "split": (_split,),
    }
)
