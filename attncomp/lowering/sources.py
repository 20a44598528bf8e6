"""The axis of the sources throughout the body of a region: under which name each value has it, and what works on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.access import many
from attncomp.ir.types import Axis
from attncomp.ir.working import renamed, worked_axes

# What works along the sources and still has them in its result.
_KEEPING = frozenset(("softmax", "log_softmax"))
_STATED = frozenset(("input", "arange"))

# The name that the sources have in each value that has them, by node.
Sources = Mapping[int, str]


def sources_of(body: Graph) -> Iterator[tuple[Axis, Sources]]:
    """The axes that a softmax of the body is over, each with its name in every value that can be cut along it."""
    classes = _Classes(body)
    seen: set[tuple[int, str]] = set()
    for node in (*body.nodes("softmax"), *body.nodes("log_softmax")):
        for axis in node.type.axes:
            root = classes.root((node.identity, axis.name))
            if axis.name in many(node.attributes, "axes", str) and root not in seen:
                seen.add(root)
                found = _named(body, classes.members(root))
                if found is not None:
                    yield axis, found


def works_on(node: Node, name: str) -> bool:
    """Whether an operator does more along an axis of an operand than the same for each place."""
    return name in worked_axes(node)


def _named(body: Graph, members: list[tuple[int, str]]) -> Sources | None:
    """The members of a class by node, or None where a result has them, or a value twice, or one cannot be cut."""
    names = dict(members)
    if len(names) < len(members) or any(result.node in names for result in body.results):
        return None
    for identity, name in members:
        node = body.node(identity)
        if node.operator in _STATED or (node.operator in _KEEPING and works_on(node, name)):
            continue
        if works_on(node, name) or not any(operand in names for operand in body.operands(identity)):
            return None
    return names


class _Classes:
    """The axes of all values, as (node, name), in classes of those that are the same axis."""

    def __init__(self, body: Graph) -> None:
        self.above: dict[tuple[int, str], tuple[int, str]] = {}
        for node in body.nodes():
            for operand in body.operands(node.identity):
                for axis in body.type(operand).axes:
                    self._follow(node, operand, axis.name)
            if node.operator == "contract":
                left, right = body.operands(node.identity)
                for name in many(node.attributes, "axes", str):
                    self._join((left, name), (right, name))

    def root(self, one: tuple[int, str]) -> tuple[int, str]:
        while one in self.above:
            one = self.above[one]
        return one

    def members(self, root: tuple[int, str]) -> list[tuple[int, str]]:
        return [root, *(one for one in self.above if self.root(one) == root)]

    def _follow(self, node: Node, operand: int, name: str) -> None:
        if name not in worked_axes(node) or node.operator in _KEEPING:
            new = renamed(node).get(name, name)
            if node.type.has(new):
                self._join((operand, name), (node.identity, new))

    def _join(self, left: tuple[int, str], right: tuple[int, str]) -> None:
        left, right = self.root(left), self.root(right)
        if left != right:
            self.above[left] = right
