"""How much arithmetic a graph does, and how many bytes it moves and keeps, exactly and in its symbols.

A multiply-add counts as two operations, any other function of a number as one; moving numbers about counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from attncomp.ir.estimate import largest
from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.access import get, many
from attncomp.ir.operators.base import axes_union
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.sizes import Size, product
from attncomp.ir.types import Axis, ValueType

# What a normalisation does for each number: a maximum or a mean, differences, a function, a sum, a quotient.
_NORMALIZATION = 5

# What only looks at a value in another way, or is made where it is read: no bytes move.
VIEWS = frozenset(
    ("rename", "index", "slice", "split", "merge", "part", "input", "parameter", "constant", "size", "arange")
)

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


def contraction_operations(axes: Iterable[Axis]) -> Size:
    """The arithmetic operations of a contraction whose operands have these axes between them."""
    return 2 * product([axis.size for axis in axes])


def traffic(graph: Graph, identity: int) -> Size:
    """The bytes that a node reads and writes when it runs alone; a region reads its operands and writes its results."""
    node = graph.node(identity)
    if node.operator in VIEWS:
        return Size.of(0)
    written = [node.type]
    if node.operator == "region":
        body = get(node.attributes, "body", Graph)
        written = [body.type(result.node) for result in body.results]
    read = [graph.type(operand) for operand in dict.fromkeys(graph.operands(identity))]
    return sum(map(_bytes, (*read, *written)), Size.of(0))


def resident(graph: Graph) -> Size:
    """The bytes of the largest set of intermediate values that are alive at once, operator by operator in order.

    Inputs, parameters and results do not count: whoever calls has them anyway. Sizes are symbols, so that the largest
    is that of the largest estimate.
    """
    viewed: dict[int, int] = {}  # what each node looks at: itself, unless it is a view
    last: dict[int, int] = {}
    order = graph.order()
    for identity in order:
        operands = graph.operands(identity)
        is_view = graph.node(identity).operator in VIEWS and len(operands) == 1
        viewed[identity] = viewed[operands[0]] if is_view else identity
        last.update((viewed[operand], identity) for operand in operands)
    kept = {viewed[result.node] for result in graph.results}
    alive: dict[int, Size] = {}
    peaks: list[Size] = []
    for identity in order:
        node = graph.node(identity)
        if node.operator not in VIEWS and identity not in kept:
            alive[identity] = _bytes(node.type)
        peaks.append(sum(alive.values(), Size.of(0)))
        for operand in graph.operands(identity):
            if last[viewed[operand]] == identity:
                alive.pop(viewed[operand], None)
    return largest(peaks)


def _bytes(type_: ValueType) -> Size:
    return type_.dtype.bytes * type_.elements()


def _each_of_result(node: Node, types: Sequence[ValueType]) -> Size:
    return node.type.elements()


def _each_of_operand(node: Node, types: Sequence[ValueType]) -> Size:
    return types[0].elements()


def _normalization(node: Node, types: Sequence[ValueType]) -> Size:
    return _NORMALIZATION * types[0].elements()


def _contraction(node: Node, types: Sequence[ValueType]) -> Size:
    return contraction_operations(axes_union(types))


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
