"""Which pointwise operators hang together on one index space, so that a region of them spares what only they read.

Groups are found by levels: a level never falls along an edge, and grows along every edge that is not within a group. So
no way leads out of a group and back, whichever of the groups become regions. Operators whose readers could all join
them move to the level of the first of these, so that a value is made where it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from attncomp.ir.estimate import estimate
from attncomp.ir.operators.table import OPERATORS
from attncomp.passes.iterations import iterations
from attncomp.passes.overview import Overview, Source


@dataclass(frozen=True)
class Group:
    """What becomes a region: its nodes, those of them that are read outside, in order, and its index space.

    `operators` is how many of its nodes work on the whole space, `spared` the bytes of those of their values that are
    then not stored, at typical sizes.
    """

    members: frozenset[int]
    outputs: tuple[int, ...]
    axes: frozenset[str]
    operators: int
    spared: float


def pointwise_groups(overview: Overview, least: int) -> list[Group]:
    """The groups that spare at least as many bytes, in the order of the graph.

    Each also holds the operators on fewer axes that it alone reads; the last group takes what it needs first.
    """
    finder = _Finder(overview)
    found: list[Group] = []
    seen: set[int] = set()
    for start in reversed(overview.place):
        if start in finder.spaces and start not in seen:
            whole = finder.connected(start)
            seen |= whole
            group = finder.group(whole)
            if group.spared >= least:
                finder.taken |= group.members
                found.append(group)
    return found[::-1]


class _Finder:
    """What the search knows of a graph: the axes of each candidate, its layer and level, and what a group has taken."""

    def __init__(self, overview: Overview) -> None:
        self.overview = overview
        self.graph = overview.graph
        self.results = {result.node for result in overview.graph.results}
        self.spaces = {identity: frozenset(self.graph.type(identity).names) for identity in _candidates(overview)}
        self.layers = iterations(overview)
        self.levels = self._levels()
        self.taken: set[int] = set()

    def _alike(self, first: int, second: int) -> bool:
        """Whether two nodes, one of which reads the other, may be on one level."""
        spaces, layers = self.spaces, self.layers
        return first in spaces and spaces[first] == spaces.get(second) and layers[first] == layers[second]

    def _levels(self) -> dict[int, int]:
        graph, source = self.graph, self.overview.source
        levels: dict[int, int] = {}
        for identity in self.overview.place:
            if source[identity] is Source.DATA:
                read = [operand for operand in graph.operands(identity) if source[operand] is Source.DATA]
                levels[identity] = max((levels[one] + (not self._alike(one, identity)) for one in read), default=0)
        for identity in reversed(self.overview.place):
            if identity in self.spaces and identity not in self.results:
                users = graph.users(identity)
                if users and all(self._alike(identity, user) for user in users):
                    levels[identity] = min(levels[user] for user in users)
        return levels

    def connected(self, start: int) -> set[int]:
        """The candidates on one level that hang together with `start` and are free."""
        members, waiting = {start} - self.taken, [start]
        while waiting:
            identity = waiting.pop()
            for other in self._neighbours(identity):
                if other not in members and other not in self.taken:
                    members.add(other)
                    waiting.append(other)
        return members

    def _neighbours(self, identity: int) -> Iterator[int]:
        for other in (*self.graph.operands(identity), *self.graph.users(identity)):
            if self._alike(identity, other) and self.levels[other] == self.levels[identity]:
                yield other

    def group(self, whole: set[int]) -> Group:
        """The group of operators on one space, with those on fewer axes that they alone read."""
        graph, place = self.graph, self.overview.place
        members = self._with_smaller(whole)
        outputs = [one for one in members if one in self.results or not members.issuperset(graph.users(one))]
        spared = [graph.type(one) for one in whole.difference(outputs)]
        axes = self.spaces[next(iter(whole))] if whole else frozenset[str]()
        size = sum(estimate(type_.elements()) * type_.dtype.bytes for type_ in spared)
        return Group(frozenset(members), tuple(sorted(outputs, key=place.__getitem__)), axes, len(whole), size)

    def _with_smaller(self, whole: set[int]) -> set[int]:
        members, waiting = set(whole), list(whole)
        while waiting:
            reader = waiting.pop()
            for operand in self.graph.operands(reader):
                known = operand in members or operand in self.taken or operand in self.results
                if not known and self._feeds(operand, reader) and members.issuperset(self.graph.users(operand)):
                    members.add(operand)
                    waiting.append(operand)
        return members

    def _feeds(self, operand: int, reader: int) -> bool:
        spaces, layers = self.spaces, self.layers
        return operand in spaces and spaces[operand] <= spaces[reader] and layers[operand] == layers[reader]


def _candidates(overview: Overview) -> Iterator[int]:
    """The pointwise operators that depend on inputs and are read, but for those that lowering folds into others."""
    graph = overview.graph
    results = {result.node for result in graph.results}
    for identity, source in overview.source.items():
        pointwise = OPERATORS[graph.node(identity).operator].category == "pointwise"
        read = identity in results or bool(graph.users(identity))
        if pointwise and read and source is Source.DATA and identity not in overview.folded:
            yield identity
