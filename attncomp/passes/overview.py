"""What fusion asks about a graph: what each node depends on, its place, and which axes an operator works on."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import cached_property

from attncomp.ir.folding import plan_folds, static_nodes
from attncomp.ir.graph import Graph
from attncomp.ir.working import worked_axes


class Source(enum.IntEnum):
    """What a value depends on, at most: sizes and positions, parameters, inputs."""

    POSITION = 0
    PARAMETER = 1
    DATA = 2


_LEAVES = {
    "constant": Source.POSITION,
    "size": Source.POSITION,
    "arange": Source.POSITION,
    "linspace": Source.POSITION,
    "parameter": Source.PARAMETER,
    "input": Source.DATA,
}


@dataclass(frozen=True)
class Overview:
    """A graph with what one walk tells of every node; fusing a region keeps it true."""

    graph: Graph
    source: dict[int, Source]
    place: dict[int, int]

    @staticmethod
    def of(graph: Graph) -> Overview:
        """One walk through the graph, in order."""
        overview = Overview(graph, {}, {})
        overview.reorder()
        return overview

    @cached_property
    def folded(self) -> frozenset[int]:
        """The nodes that lowering does in one step with the product, convolution or normalisation before them."""
        folds = plan_folds(self.graph, static_nodes(self.graph))
        return frozenset(identity for made, fold in folds.items() for identity in (made, *fold.absorbed))

    def reorder(self) -> None:
        """Walks through the graph again: its order has changed, or it has new nodes."""
        self.source.clear()
        self.place.clear()
        for identity in self.graph.order():
            self.place[identity] = len(self.place)
            leaf = _LEAVES.get(self.graph.node(identity).operator)
            operands = self.graph.operands(identity)
            below = max((self.source[operand] for operand in operands), default=Source.DATA)
            self.source[identity] = below if leaf is None else leaf

    def described(self, identity: int) -> str:
        """A value in words: its name in the model or, for a parameter, its key; else its operator."""
        node = self.graph.node(identity)
        if node.operator in ("input", "parameter"):
            return f"`{node.attributes['name' if node.operator == 'input' else 'key']}`"
        if node.name:
            return f"`{node.name}`"
        if node.operator == "region":
            return f"the {node.attributes['kind']} region"
        if node.operator == "contract":
            return f"the contraction over {braced(worked_axes(node))}"
        return f"the `{node.operator}`"

    def outside_reader(self, identity: int, inside: set[int]) -> str | None:
        """In words, the first that reads a node besides those `inside`, a result of the graph last; None for nobody."""
        for user in self.graph.users(identity):
            if user not in inside:
                return self.described(user)
        return "a result of the model" if self.graph.is_result(identity) else None


def braced(names: frozenset[str]) -> str:
    """Axes as the language writes them, in a stable order: `{height, width}`."""
    return "{" + ", ".join(sorted(names)) + "}"
