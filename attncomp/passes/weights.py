"""What becomes of the weights that a softmax makes: the contractions that consume them, and all that lies between.

The walk goes forwards from the softmax. A value is a `row` of weights while it holds a number for each source and is
made place by place over these: masked, scaled, dropped out, cast, renamed, mixed over the heads. It ends at the
contractions over the sources.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from attncomp.ir.graph import Node
from attncomp.ir.working import worked_axes
from attncomp.passes.overview import Overview, Source
from attncomp.passes.sides import REDUCTIONS, WHOLE, Names, Sides

# How many operators may read weights before the walk gives up: a map of weights that goes on through a network.
_SEARCH = 64
_JOINING = frozenset(("add", "subtract", "multiply", "divide", "where", "cast"))


@dataclass(frozen=True)
class Weights:
    """The rows of weights with their sides, the softmax first, in order; and who reads them.

    `ends` are the contractions over the sources, each with the row that it reads; `sums` the sums and means of weights
    alone, likewise; `others` every other reader of a row. The queries in `sides` are the softmax's other axes.
    """

    rows: dict[int, Sides]
    ends: dict[int, int]
    sums: dict[int, int]
    others: dict[int, None]

    def leading_to(self, overview: Overview, ends: Iterable[int]) -> set[int]:
        """The rows on the ways from the softmax to `ends`."""
        found: set[int] = set()
        waiting = list(ends)
        while waiting:
            for operand in overview.graph.operands(waiting.pop()):
                if operand in self.rows and operand not in found:
                    found.add(operand)
                    waiting.append(operand)
        return found


def follow_weights(overview: Overview, softmax: Node) -> Weights:
    """Every row of the weights of `softmax`, and what reads it.

    A row may be summed over an axis of its own, heads say. Where that meets a row that still has the axis, the sum
    needs all of it before: then it is no row.
    """
    barred: frozenset[int] = frozenset()
    while True:
        weights = _walk(overview, softmax, barred)
        columns = _columns(overview, weights)
        if not columns:
            return weights
        barred |= columns


def _walk(overview: Overview, softmax: Node, barred: frozenset[int]) -> Weights:
    graph, place = overview.graph, overview.place
    source = worked_axes(softmax)
    others = tuple(frozenset((name,)) for name in softmax.type.names if name not in source)
    weights = Weights({softmax.identity: Sides(source, others)}, {}, {}, {})
    waiting = [(place[user], user) for user in graph.users(softmax.identity)]
    heapq.heapify(waiting)
    seen: set[int] = set()
    while waiting and len(seen) < _SEARCH:
        _, identity = heapq.heappop(waiting)
        if identity in seen:
            continue
        seen.add(identity)
        if _is_row(overview, weights, identity, barred):
            for user in graph.users(identity):
                heapq.heappush(waiting, (place[user], user))
    if not weights.ends:
        for end in [end for end, row in weights.sums.items() if _factor(overview, weights.rows, row) is not None]:
            weights.ends[end] = weights.sums.pop(end)
    return weights


def _is_row(overview: Overview, weights: Weights, identity: int, barred: frozenset[int]) -> bool:
    """Notes one reader of rows by what it is, and says whether it is a row itself."""
    graph, rows = overview.graph, weights.rows
    node = graph.node(identity)
    read = [operand for operand in graph.operands(identity) if operand in rows]
    sides = rows[read[0]]
    consumed = sides.source <= worked_axes(node)
    if identity in barred or node.operator in WHOLE or any(rows[operand] != sides for operand in read):
        weights.others[identity] = None
    elif node.operator == "contract" and consumed and len(read) == 1:
        weights.ends[identity] = read[0]
    elif node.operator in ("sum", "mean") and consumed:
        weights.sums[identity] = read[0]
    elif (after := sides.after(node, graph.type(read[0]).names)) is None:
        weights.others[identity] = None
    else:
        rows[identity] = after
        return True
    return False


def _columns(overview: Overview, weights: Weights) -> frozenset[int]:
    """The first reductions on the ways to where rows of different axes meet."""
    graph = overview.graph
    meetings = [o for o in weights.others if len({weights.rows[r] for r in graph.operands(o) if r in weights.rows}) > 1]
    reductions = [row for row in weights.leading_to(overview, meetings) if graph.node(row).operator in REDUCTIONS]
    return frozenset(sorted(reductions, key=overview.place.__getitem__)[:1])


def values_of(overview: Overview, weights: Weights, end: int) -> int:
    """What a contraction weighs: its operand that is no row of weights, or the factor of the row that it sums."""
    row = weights.ends[end]
    factor = _factor(overview, weights.rows, row)
    others = [operand for operand in overview.graph.operands(end) if operand != row]
    return factor if not others and factor is not None else others[0]


def _factor(overview: Overview, rows: Mapping[int, Sides], row: int) -> int | None:
    """What a row multiplies weights with, where that has all the sources: values, if the row is then summed."""
    if overview.graph.node(row).operator != "multiply":
        return None
    factors = [operand for operand in overview.graph.operands(row) if operand not in rows]
    return next((one for one in factors if rows[row].source <= frozenset(overview.graph.type(one).names)), None)


def queries_of(overview: Overview, weights: Weights, ends: Iterable[int]) -> tuple[int, ...]:
    """Which of the softmax's other axes, by position, some of the values at `ends` lack.

    A table of values for relative positions lacks the batch too: it counts where there are no other values.
    """
    values = {end: values_of(overview, weights, end) for end in ends}
    data = [end for end in values if overview.source[values[end]] is Source.DATA]
    found: set[int] = set()
    for end in data or values:
        sides = weights.rows[weights.ends[end]]
        parts = _parts(overview, values[end], sides.source)
        found.update(
            place for place, query in enumerate(sides.queries) if any(query.isdisjoint(names) for names in parts)
        )
    return tuple(sorted(found))


def _parts(overview: Overview, values: int, source: Names) -> list[Names]:
    """The axes of values, and of what they are added or multiplied from, so far as it has sources.

    So values of relative positions, which differ for each query, may be added to those of the sources before.
    """
    graph = overview.graph
    found: list[Names] = []
    waiting, seen = [values], {values}
    while waiting and len(found) < _SEARCH:
        node = graph.node(waiting.pop())
        names = frozenset(node.type.names)
        if names.isdisjoint(source):
            continue
        found.append(names)
        if node.operator in _JOINING:
            new = [operand for operand in graph.operands(node.identity) if operand not in seen]
            seen.update(new)
            waiting.extend(new)
    return found
