"""How much arithmetic a graph does, exactly and in its symbols.

A multiply-add counts as two operations, any other function of a number as one; moving numbers about counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.access import get, many
from attncomp.ir.operators.base import axes_union
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.sizes import Size, product
from attncomp.ir.types import Axis, ValueType

# What a normalisation does for each number: a maximum or a mean, differences, a function, a sum, a quotient.
_NORMALIZATION = 5

_Rule = Callable[[Node, Sequence[ValueType]], Size]


def operations(graph: Graph, identity: int) -> Size:
    """The arithmetic operations of a node; those of a region are its body's."""
    node = graph.node(identity)
    if node.operator == "region":
        body = get(node.attributes, "body", Graph)
        return sum((operations(body, inner.identity) for inner in body.nodes()), Size.of(0))
    rule = _BY_NAME.get(node.operator) or _BY_CATEGORY.get(OPERATORS[node.operator].category)
    types = [graph.type(operand) for operand in graph.operands(identity)]
    return Size.of(0) if rule is None else rule(node, types)


def _each_of_result(node: Node, types: Sequence[ValueType]) -> Size:
    return node.type.elements()


def _each_of_operand(node: Node, types: Sequence[ValueType]) -> Size:
    return types[0].elements()


def _normalization(node: Node, types: Sequence[ValueType]) -> Size:
    return _NORMALIZATION * types[0].elements()


def _contraction(node: Node, types: Sequence[ValueType]) -> Size:
    return 2 * product([axis.size for axis in axes_union(types)])


def _convolution(node: Node, types: Sequence[ValueType]) -> Size:
    weight, out = types[1], get(node.attributes, "out", Axis)
    return 2 * node.type.elements() * product([axis.size for axis in weight.axes if axis.name != out.name])


def _pool(node: Node, types: Sequence[ValueType]) -> Size:
    return node.type.elements() * product([Size.of(extent) for extent in many(node.attributes, "kernel", int)])


_BY_NAME: Mapping[str, _Rule] = {
    "convolution": _convolution,
    "maxpool": _pool,
    "avgpool": _pool,
    "adaptive_avgpool": _each_of_operand,
    "fold": _each_of_operand,
    "cumsum": _each_of_operand,
    "resize": lambda node, types: 8 * node.type.elements(),
    "sample": lambda node, types: 8 * node.type.elements(),
    "dropout": lambda node, types: Size.of(0),
    "cast": lambda node, types: Size.of(0),
    "batch_norm": lambda node, types: 2 * node.type.elements(),
}

_BY_CATEGORY: Mapping[str, _Rule] = {
    "pointwise": _each_of_result,
    "reduction": _each_of_operand,
    "normalization": _normalization,
    "contraction": _contraction,
}
