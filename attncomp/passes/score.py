"""The score of an attention: the part of a graph that can be evaluated a tile of queries x a tile of sources at a time.

The slice goes backwards from what the softmax reads, and from what else meets the weights. A value belongs to it while
it has both a source axis and a query axis and is made place by place over these. What lacks one side (queries, keys, a
mask of keys) is an input; so are parameters, and what something outside reads too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from attncomp.ir.graph import Node
from attncomp.passes.overview import Overview, Source, worked_axes
from attncomp.passes.sides import WHOLE, Kind, Sides


@dataclass(frozen=True)
class Start:
    """A value that the slice starts from, with its sides there; beside weights (`weighs`) another softmax may be."""

    value: int
    sides: Sides
    weighs: bool = False


@dataclass(frozen=True)
class Score:
    """What the slice found.

    `members` are its nodes with their sides, `meetings` those where queries and sources meet; without any there is
    nothing to save. `blocked` are the values that hold every pair but are made by an operator that works
    on a source or query axis, `escaped` those that something outside of the region reads too, `twofold` those of them
    that are read with two meanings of their axes: all are stored in full.
    """

    members: dict[int, Sides]
    meetings: tuple[int, ...]
    blocked: tuple[int, ...]
    escaped: tuple[int, ...]
    twofold: frozenset[int]


def slice_score(overview: Overview, starts: Iterable[Start], inside: Iterable[int]) -> Score:
    """The slice from `starts`, which the nodes `inside` of the region read; the first is the softmax's operand."""
    graph, place = overview.graph, overview.place
    region, starts = set(inside), tuple(starts)
    candidates, blocked, twofold = _candidates(overview, starts)
    results = {result.node for result in graph.results}
    members: dict[int, Sides] = {}
    escaped: list[int] = []
    for identity in sorted(candidates, key=place.__getitem__, reverse=True):
        readers = [user in region for user in graph.users(identity)]
        if all(readers) and identity not in results and identity not in twofold:
            members[identity] = candidates[identity]
            region.add(identity)
        elif any(readers):
            escaped.append(identity)
    valued = _valued(overview, starts[0].value, members)
    meetings = tuple(identity for identity in valued if _meets(overview, identity, members[identity]))
    outside = {operand for identity in region for operand in graph.operands(identity)} - region
    return Score(members, meetings, tuple(sorted(blocked & outside)), tuple(sorted(escaped)), frozenset(twofold))


def _candidates(overview: Overview, starts: Iterable[Start]) -> tuple[dict[int, Sides], set[int], set[int]]:
    """Every node that may belong to the slice with its sides; those that only their operator keeps out; and those read
    with two meanings of their axes (`s + s[seq -> seq', seq' -> seq]`), which no one tile serves.
    """
    found: dict[int, Sides] = {}
    blocked: set[int] = set()
    twofold: set[int] = set()
    waiting = list(starts)
    while waiting:
        start = waiting.pop()
        identity, here = start.value, start.sides
        node = overview.graph.node(identity)
        if identity in found:
            if found[identity] != here:
                twofold.add(identity)
            continue
        if overview.source[identity] is not Source.DATA or here.kind(node.type.names) is not Kind.BOTH:
            continue
        if node.operator in WHOLE:
            continue
        weighs = start.weighs
        there = here.before(node)
        if there is None and weighs and node.operator == "softmax" and worked_axes(node) == here.source:
            there, weighs = here, False
        if there is None:
            blocked.add(identity)
            continue
        found[identity] = here
        waiting.extend(Start(operand, there, weighs) for operand in overview.graph.operands(identity))
    return found, blocked, twofold


def _valued(overview: Overview, start: int, members: dict[int, Sides]) -> list[int]:
    """The members that real numbers of the score are made of: not those that only choose between them."""
    waiting, found = [start], dict[int, None]()
    while waiting:
        identity = waiting.pop()
        node = overview.graph.node(identity)
        if identity in found or identity not in members or not node.type.dtype.is_float:
            continue
        found[identity] = None
        operands = overview.graph.operands(identity)
        waiting.extend(operands[1:] if node.operator == "where" else operands)
    return list(found)


def _meets(overview: Overview, identity: int, sides: Sides) -> bool:
    """Whether pairs are made here, of one value with sources alone and another with queries alone.

    A contraction may have every pair on one side: it makes scores of queries and of a table of relative positions.
    """
    node = overview.graph.node(identity)
    there = sides.before(node)
    if there is None:
        return False
    kinds = {there.kind(names) for names in _read_names(overview, node)}
    if node.operator == "contract" and Kind.BOTH in kinds:
        return not kinds.isdisjoint((Kind.SOURCE, Kind.QUERY))
    return {Kind.SOURCE, Kind.QUERY} <= kinds


def riders(overview: Overview, score: Score, count: int) -> frozenset[int]:
    """Which of the `count` query axes are none for the score: where another meets the sources, both sides carry them.

    So are heads that queries and keys have, though the values lack them.
    """
    found: set[int] = set()
    for identity in score.meetings:
        node = overview.graph.node(identity)
        there = score.members[identity].before(node)
        if there is None:
            continue
        operands = _read_names(overview, node)
        for place, query in enumerate(there.queries):
            keys = [names for names in operands if names & there.source and not names & query]
            queries = [names for names in operands if names & query and not names & there.source]
            found.update(
                other
                for other in range(count)
                for key in keys
                for asked in queries
                if other != place and there.queries[other] & key and there.queries[other] & asked
            )
    return frozenset(found)


def _read_names(overview: Overview, node: Node) -> list[frozenset[str]]:
    """The axes of each operand that a node makes its numbers of: the condition of a `where` is not among them."""
    operands = overview.graph.operands(node.identity)
    operands = operands[1:] if node.operator == "where" else operands
    return [frozenset(overview.graph.type(operand).names) for operand in operands]
