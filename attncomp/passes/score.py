"""The score of an attention: the part of a graph that can be evaluated a tile of queries x a tile of sources at a time.

The slice goes backwards from what the softmax reads. A value belongs to it while it has both a source axis and a query
axis and is made place by place over these. What lacks one side (queries, keys, a mask of keys) is an input; so are
parameters, and masks of booleans or integers, which are small and shared by layers.
"""

from __future__ import annotations

from dataclasses import dataclass

from attncomp.ir.graph import Node
from attncomp.passes.overview import Overview, Source, renamed, worked_axes

# Not evaluated in tiles: leaves, regions, and what takes statistics over a whole batch.
_WHOLE = frozenset(("input", "parameter", "region", "batch_norm"))


@dataclass(frozen=True)
class Sides:
    """The source axes and the query axes by the names that they have in one value."""

    source: frozenset[str]
    query: frozenset[str]

    def before(self, node: Node) -> Sides:
        """The sides in the operand of a `rename`, from those in its result; unchanged for any other operator."""
        old = {new: old for old, new in renamed(node).items()}
        return Sides(frozenset(old.get(n, n) for n in self.source), frozenset(old.get(n, n) for n in self.query))

    def both_in(self, names: tuple[str, ...]) -> bool:
        """Whether a value with these axes holds a number for each pair of a source and a query."""
        return not self.source.isdisjoint(names) and not self.query.isdisjoint(names)


@dataclass(frozen=True)
class Score:
    """What the slice found.

    `members` are its nodes. `meets` is whether queries and sources meet inside of it; where they do not, there is
    nothing to save. `blocked` are the values that hold every pair but are made by an operator that works on a source or
    query axis, `escaped` those that something outside of the region reads too: both are stored in full.
    """

    members: frozenset[int]
    meets: bool
    blocked: tuple[int, ...]
    escaped: tuple[int, ...]


def slice_score(overview: Overview, start: int, reader: int, sides: Sides) -> Score:
    """The slice from `start`, which `reader` reads, with the sides named as in `start`."""
    graph, place = overview.graph, overview.place
    candidates, blocked, twofold = _candidates(overview, start, sides)
    carrying: set[int] = set()
    for identity in sorted(candidates, key=place.__getitem__):
        if graph.type(identity).dtype.is_float or not carrying.isdisjoint(graph.operands(identity)):
            carrying.add(identity)
    results = {result.node for result in graph.results}
    members: set[int] = set()
    escaped: list[int] = []
    for identity in sorted(carrying, key=place.__getitem__, reverse=True):
        inside = [user == reader or user in members for user in graph.users(identity)]
        if all(inside) and identity not in results and identity not in twofold:
            members.add(identity)
        elif any(inside):
            escaped.append(identity)
    meets = any(_meets(overview, identity, candidates[identity]) for identity in members)
    outside = {operand for identity in (*members, reader) for operand in graph.operands(identity)} - members
    return Score(frozenset(members), meets, tuple(sorted(blocked & outside)), tuple(sorted(escaped)))


def _candidates(overview: Overview, start: int, sides: Sides) -> tuple[dict[int, Sides], set[int], set[int]]:
    """Every node that may belong to the slice with its sides; those that only their operator keeps out; and those read
    with two meanings of their axes (`s + s[seq -> seq', seq' -> seq]`), which no one tile serves.
    """
    found: dict[int, Sides] = {}
    blocked: set[int] = set()
    twofold: set[int] = set()
    waiting = [(start, sides)]
    while waiting:
        identity, here = waiting.pop()
        node = overview.graph.node(identity)
        if identity in found:
            if found[identity] != here:
                twofold.add(identity)
            continue
        if overview.source[identity] is not Source.DATA or not here.both_in(node.type.names):
            continue
        if node.operator in _WHOLE:
            continue
        if worked_axes(node) & (here.source | here.query):
            blocked.add(identity)
            continue
        found[identity] = here
        waiting.extend((operand, here.before(node)) for operand in overview.graph.operands(identity))
    return found, blocked, twofold


def _meets(overview: Overview, identity: int, sides: Sides) -> bool:
    """Whether the node reads one value with sources alone and another with queries alone."""
    node = overview.graph.node(identity)
    operands = overview.graph.operands(identity)
    if node.operator == "where":
        operands = operands[1:]
    there = sides.before(node)
    names = [frozenset(overview.graph.type(operand).names) for operand in operands]
    sources_alone = any(n & there.source and not n & there.query for n in names)
    queries_alone = any(n & there.query and not n & there.source for n in names)
    return sources_alone and queries_alone
