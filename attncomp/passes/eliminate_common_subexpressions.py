"""`eliminate-common-subexpressions`: computes once what is written twice.

Two nodes with the same operator, the same attributes and the same operands have the same value. Operands of a
commutative operator may stand in either order. Blocks that are used several times repeat their masks, positions and
projections; after this pass they share them, and a later pass sees by comparing numbers that two operands are one.

    %2 = add(%0, %1)                 %2 = add(%0, %1)
    %3 = add(%1, %0)            →    %3 = multiply(%2, %2)
    %4 = multiply(%2, %3)            return "y": %3
    return "y": %4

`dropout` draws anew at each place when a module trains, and `batch_norm` counts its calls: neither is merged.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from attncomp.ir.graph import Attribute, Graph, Node
from attncomp.passes.base import Pass, PassResult

COMMUTATIVE = frozenset(
    ("add", "multiply", "minimum", "maximum", "equal", "not_equal", "logical_and", "logical_or", "contract")
)
# Each place has a state of its own, or is part of the module's signature; regions are compared by nobody.
DISTINCT = frozenset(("dropout", "batch_norm", "input", "region"))


@dataclass(frozen=True)
class EliminateCommonSubexpressions(Pass):
    """Replaces every node by the first one that computes the same."""

    name: ClassVar[str] = "eliminate-common-subexpressions"
    summary: ClassVar[str] = "computes once what is written twice"
    repeats: ClassVar[bool] = True

    def run(self, graph: Graph) -> PassResult:
        """One walk in order: operands are merged before the nodes that read them are compared."""
        first: dict[Hashable, int] = {}
        merged = []
        for identity in graph.order():
            node = graph.node(identity)
            if node.operator in DISTINCT:
                continue
            kept = first.setdefault(_key(graph, node), identity)
            if kept == identity:
                continue
            if node.name and not graph.node(kept).name:
                graph.update(kept, name=node.name)
            if node.origin.marks:
                graph.update(kept, origin=graph.node(kept).origin.marked_too(node.origin))
            graph.replace_uses(identity, kept)
            merged.append(identity)
        graph.remove(merged)
        return PassResult(bool(merged))


def _key(graph: Graph, node: Node) -> Hashable:
    operands = graph.operands(node.identity)
    if node.operator in COMMUTATIVE:
        operands = tuple(sorted(operands))
    attributes = tuple((name, _exact(node.attributes[name])) for name in sorted(node.attributes))
    return node.operator, operands, attributes, node.type.dtype, frozenset(node.type.axes)


def _exact(value: Attribute) -> Hashable:
    """A key that tells apart what `==` does not: 1, 1.0 and True, and the two zeros; a NaN equals itself."""
    if isinstance(value, Graph):
        return id(value)
    if isinstance(value, tuple):
        return tuple(_exact(item) for item in value)
    if isinstance(value, float):
        return "float", value.hex()
    return type(value).__name__, value
