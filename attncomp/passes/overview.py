"""What fusion asks about a graph: what each node depends on, its place, and which axes an operator works on."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from attncomp.ir.graph import Attribute, Graph, Node
from attncomp.ir.operators.access import pairs
from attncomp.ir.types import Axis


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
_AXIS_ATTRIBUTES = ("axis", "axes", "into", "channel", "out", "kernels", "coordinate")


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
        return f"the {node.attributes['kind']} region" if node.operator == "region" else f"the `{node.operator}`"

    def outside_reader(self, identity: int, inside: set[int]) -> str | None:
        """In words, the first that reads a node besides those `inside`, a result of the graph last; None for nobody."""
        for user in self.graph.users(identity):
            if user not in inside:
                return self.described(user)
        return "a result of the model" if self.graph.is_result(identity) else None


def worked_axes(node: Node) -> frozenset[str]:
    """The axes that an operator mixes, drops or makes; over all others it works place by place.

    The names that a `rename` exchanges are not among them.
    """
    stated = [node.attributes[key] for key in _AXIS_ATTRIBUTES if key in node.attributes]
    return frozenset(name for value in stated for name in _names(value))


def _names(value: Attribute) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Axis):
        return [value.name]
    if isinstance(value, tuple):
        return [name for item in value for name in _names(item)]
    return []


def renamed(node: Node) -> dict[str, str]:
    """Old name to new name for a `rename`, nothing for any other operator."""
    return dict(pairs(node.attributes, "names")) if node.operator == "rename" else {}


def braced(names: frozenset[str]) -> str:
    """Axes as the language writes them, in a stable order: `{height, width}`."""
    return "{" + ", ".join(sorted(names)) + "}"
