"""The score of an attention: the part of a graph that can be evaluated a tile of queries x a tile of sources at a time.

The slice goes backwards from what the softmax reads, and from what else meets the weights. A value belongs to it while
it has both a source axis and a query axis and is made place by place over these. What lacks one side (queries, keys, a
mask of keys) is an input; so are parameters, with what is made of them once, and what something outside reads too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from attncomp.ir.graph import Node
from attncomp.ir.working import worked_axes
from attncomp.passes.overview import Overview, Source
from attncomp.passes.sides import WHOLE, Kind, Sides

_EVERY = frozenset((Kind.SOURCE, Kind.QUERY, Kind.BOTH))


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
    nothing to save. `blocked` are, with their sides, values that hold every pair but are made by an operator that works
    on a source or query axis, `escaped` those that something outside of the region reads too, `twofold` those of them
    that are read with two meanings of their axes: all are stored in full.
    """

    members: dict[int, Sides]
    meetings: tuple[int, ...]
    blocked: dict[int, Sides]
    escaped: tuple[int, ...]
    twofold: frozenset[int]


def slice_score(
    overview: Overview, starts: Iterable[Start], inside: Iterable[int], shared: Collection[int] = ()
) -> Score:
    """The slice from `starts`, which the nodes `inside` of the region read; the first is the softmax's operand.

    What is `shared` and made of queries and sources may be read outside too: each region makes it for itself.
    """
    graph, place = overview.graph, overview.place
    region, starts = set(inside), tuple(starts)
    candidates, blocked, twofold = _candidates(overview, starts)
    made = _made_of_pairs(overview, starts[0].value, candidates) if shared else frozenset()
    results = {result.node for result in graph.results}
    members: dict[int, Sides] = {}
    escaped: list[int] = []
    for identity in sorted(candidates, key=place.__getitem__, reverse=True):
        readers = [user in region for user in graph.users(identity)]
        alone = all(readers) or (any(readers) and identity in shared and identity in made)
        if alone and identity not in results and identity not in twofold:
            members[identity] = candidates[identity]
            region.add(identity)
        elif any(readers):
            escaped.append(identity)
    meetings = tuple(_meetings(overview, starts[0].value, members))
    outside = {operand for identity in region for operand in graph.operands(identity)} - region
    read = {one: blocked[one] for one in sorted(outside.intersection(blocked))}
    return Score(members, meetings, read, tuple(sorted(escaped)), frozenset(twofold))


def _candidates(overview: Overview, starts: Iterable[Start]) -> tuple[dict[int, Sides], dict[int, Sides], set[int]]:
    """Every node that may belong to the slice with its sides; those that only their operator keeps out; and those read
    with two meanings of their axes (`s + s[seq -> seq', seq' -> seq]`), which no one tile serves.
    """
    found: dict[int, Sides] = {}
    blocked: dict[int, Sides] = {}
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
        if here.kind(node.type.names) is not Kind.BOTH or _made_once(overview, node):
            continue
        if node.operator in WHOLE:
            continue
        weighs = start.weighs
        there = here.before(node)
        if there is None and weighs and node.operator == "softmax" and worked_axes(node) == here.source:
            there, weighs = here, False
        if there is None:
            blocked[identity] = here
            continue
        found[identity] = here
        waiting.extend(Start(operand, there, weighs) for operand in overview.graph.operands(identity))
    return found, blocked, twofold


def _made_once(overview: Overview, node: Node) -> bool:
    """Whether a value is the same in every call: positions are copied anyhow, tables of known sizes made beforehand."""
    if overview.source[node.identity] is not Source.PARAMETER:
        return overview.source[node.identity] is Source.POSITION
    return all(axis.size.constant is not None for axis in node.type.axes)


def _made_of_pairs(overview: Overview, start: int, candidates: dict[int, Sides]) -> frozenset[int]:
    """The candidates that depend on a meeting of queries and sources: scores, not masks and biases."""
    found = set(_meetings(overview, start, candidates))
    for identity in sorted(candidates, key=overview.place.__getitem__):
        if not found.isdisjoint(overview.graph.operands(identity)):
            found.add(identity)
    return frozenset(found)


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


def _meetings(overview: Overview, start: int, members: dict[int, Sides]) -> Iterator[int]:
    """The members where a value made of sources alone meets one made of queries alone, whatever positions they have.

    One side may have every pair: a contraction makes scores of queries and of a table of relative positions; and a sum
    or product with it has more axes than both.
    """
    valued = sorted(_valued(overview, start, members), key=overview.place.__getitem__)
    made_of: dict[int, frozenset[Kind]] = {}
    for identity in valued:
        node = overview.graph.node(identity)
        there = members[identity].before(node)
        if there is None:
            made_of[identity] = _EVERY
            continue
        kinds: list[frozenset[Kind]] = []
        for operand in _read(overview, node):
            kind = there.kind(overview.graph.type(operand).names)
            given = overview.source[operand] is not Source.POSITION and kind is not Kind.NEITHER
            kinds.append(made_of.get(operand, frozenset((kind,)) if given else frozenset()))
        made_of[identity] = frozenset().union(*kinds)
        alone = {kind for found in kinds if len(found) == 1 for kind in found} - {Kind.BOTH}
        operands = [frozenset(overview.graph.type(operand).names) for operand in _read(overview, node)]
        if node.operator == "contract":
            grown = any(there.kind(names) is Kind.BOTH for names in operands)
        else:
            grown = not any(names.issuperset(node.type.names) for names in operands)
        if len(alone) == 2 or (alone and grown and len(kinds) == 2):
            yield identity


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
        read = _read(overview, node)
        operands = [frozenset(overview.graph.type(operand).names) for operand in read]
        data = [overview.source[operand] is Source.DATA for operand in read]
        for place, query in enumerate(there.queries):
            keys = [n for n, given in zip(operands, data, strict=True) if given and n & there.source and not n & query]
            queries = [names for names in operands if names & query and not names & there.source]
            found.update(
                other
                for other in range(count)
                for key in keys
                for asked in queries
                if other != place and there.queries[other] & key and there.queries[other] & asked
            )
    return frozenset(found)


def _read(overview: Overview, node: Node) -> tuple[int, ...]:
    """The operands that a node makes its numbers of: the condition of a `where` is not among them."""
    operands = overview.graph.operands(node.identity)
    return operands[1:] if node.operator == "where" else operands
