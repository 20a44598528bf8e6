"""What one attention region would hold: the softmax, its score, its rows of weights, the contractions over its axes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from attncomp.ir.graph import Node
from attncomp.passes.overview import Overview, Source
from attncomp.passes.regions import is_convex
from attncomp.passes.score import Score, Start, riders, slice_score
from attncomp.passes.sides import Sides
from attncomp.passes.weights import Weights, follow_weights, queries_of, values_of


@dataclass(frozen=True)
class Plan:
    """A region that could be made.

    `sides` are those at the softmax, `rows` what becomes of its weights inside, `stored` those rows that something
    outside reads too: further results, behind those of the contractions `ends`.
    """

    softmax: int
    sides: Sides
    score: Score
    rows: frozenset[int]
    ends: tuple[int, ...]
    stored: tuple[int, ...]

    @property
    def members(self) -> set[int]:
        """All nodes of the region."""
        return {*self.score.members, *self.rows, *self.ends}

    @property
    def outputs(self) -> tuple[int, ...]:
        """The results of the region, in order."""
        return (*self.ends, *self.stored)

    def pairs(self, softmax: Node) -> str:
        """How many numbers the score has, by its axes: `|seq| x |seq'|`."""
        names = softmax.type.names
        queries = [name for name in names if name in self.sides.query]
        return " x ".join(f"|{name}|" for name in (*queries, *(name for name in names if name in self.sides.source)))


def plans(overview: Overview, softmax: Node, weights: Weights, shared: Collection[int] = ()) -> Iterator[Plan]:
    """The regions to try, the largest first: with sums of the weights, with every contraction, with the first alone.

    `shared` are nodes that the region may make for itself, though others read them.
    """
    ends = tuple(weights.ends)
    for chosen in dict.fromkeys(((*ends, *weights.sums), ends, ends[:1])):
        yield _plan(overview, softmax, weights, chosen, shared)


def _plan(overview: Overview, softmax: Node, weights: Weights, ends: tuple[int, ...], shared: Collection[int]) -> Plan:
    queries = queries_of(overview, weights, [end for end in ends if end in weights.ends])
    rows = frozenset((softmax.identity, *weights.leading_to(overview, ends)))
    inside = (*rows, *ends)
    score = slice_score(overview, _starts(overview, softmax, weights, rows, ends, queries), inside, shared)
    ridden = riders(overview, score, len(queries))
    kept = tuple(query for place, query in enumerate(queries) if place not in ridden)
    every = not kept and len(queries) > 1
    if every or (kept and kept != queries):
        queries = kept or queries
        starts = _starts(overview, softmax, weights, rows, ends, queries, every=every)
        score = slice_score(overview, starts, inside, shared)
    region = {*score.members, *inside}
    stored = [row for row in weights.rows if row in rows and overview.outside_reader(row, region) is not None]
    sides = weights.rows[softmax.identity].of(queries, every=every)
    return Plan(softmax.identity, sides, score, rows, ends, tuple(stored))


def shared_scores(overview: Overview, softmaxes: Iterable[Node]) -> frozenset[int]:
    """What scores alone read, of attentions that can each be a region if they make it for themselves."""
    graph, everything = overview.graph, overview.place.keys()
    scores: set[int] = set()
    for softmax in softmaxes:
        if softmax.identity in graph and overview.source[softmax.identity] is Source.DATA:
            weights = follow_weights(overview, softmax)
            if queries_of(overview, weights, weights.ends):
                tried = plans(overview, softmax, weights, everything)
                plan = next((plan for plan in tried if plan.score.meetings and is_one(overview, plan)), None)
                scores.update(() if plan is None else (softmax.identity, *plan.score.members))
    results = {result.node for result in graph.results}
    return frozenset(one for one in scores - results if scores.issuperset(graph.users(one)))


def _starts(
    overview: Overview,
    softmax: Node,
    weights: Weights,
    rows: frozenset[int],
    ends: tuple[int, ...],
    queries: tuple[int, ...],
    *,
    every: bool = False,
) -> list[Start]:
    """The softmax's operand, and whatever else a row or a contraction reads beside a row."""
    graph = overview.graph
    (scored,) = graph.operands(softmax.identity)
    starts = [Start(scored, weights.rows[softmax.identity].of(queries, every=every))]
    for row in weights.rows:
        if row not in rows or row == softmax.identity:
            continue
        read = graph.operands(row)
        sides = next(weights.rows[operand] for operand in read if operand in weights.rows).of(queries, every=every)
        starts.extend(Start(operand, sides, weighs=True) for operand in read if operand not in rows)
    for end in ends:
        if end in weights.ends:
            row = weights.ends[end]
            starts.append(
                Start(values_of(overview, weights, end), weights.rows[row].of(queries, every=every), weighs=True)
            )
    return starts


def is_one(overview: Overview, plan: Plan) -> bool:
    """Whether the nodes can be one: nothing outside lies between them, and no weights wait for a sum of weights."""
    inner = plan.members - set(plan.ends)
    waits = any(operand in plan.ends for node in inner for operand in overview.graph.operands(node))
    chained = any(operand in plan.ends for end in plan.ends for operand in overview.graph.operands(end))
    return not waits and not chained and is_convex(overview, plan.members)


def lies_between(overview: Overview, plan: Plan) -> int | None:
    """The first value that depends on a part of the region and that another part waits for; None without one."""
    graph, place, members = overview.graph, overview.place, plan.members
    last = max(place[member] for member in members)
    after: set[int] = set()
    waiting = [user for member in members for user in graph.users(member) if user not in members]
    while waiting:
        identity = waiting.pop()
        if identity not in after and identity not in members and place[identity] < last:
            after.add(identity)
            waiting.extend(graph.users(identity))
    needed: set[int] = set()
    waiting = [operand for member in members for operand in graph.operands(member)]
    while waiting:
        identity = waiting.pop()
        if identity in after and identity not in needed:
            needed.add(identity)
            waiting.extend(graph.operands(identity))
    return min(needed, key=place.__getitem__, default=None)
