"""`find-attention-regions`: an attention is a softmax over axes S and the contractions that consume it over S.

The score, which is what the softmax reads, is found by dependence and not by spelling: any graph of pointwise
operators, contractions and position arithmetic in which queries meet sources. So scaled, biased, masked, causal,
windowed, capped, grouped, cosine and additive attention are one region. A lowering may evaluate it a tile of queries
x a tile of sources at a time with a running maximum and sum, and never store the score (Milakov and Gimelshein,
arXiv:1805.02867; Rabe and Staats, arXiv:2112.05682). The body is the decomposition, so that a backend without such a
kernel can run it as it is.

    %3 = contract(%0, %1) {axes = {key}}
    %4 = constant {value = f32 8.0}
    %5 = divide(%3, %4)                             %3 = region(%0, %1, %2) {kind = "attention", body = …}
    %6 = softmax(%5) {axes = {source}}         →    return "y": %3
    %7 = contract(%6, %2) {axes = {source}}
    return "y": %7

Between the softmax and the contraction may stand whatever works place by place over S: masks, factors, casts, dropout,
renames, a mixing of heads, the weights of a second softmax. Several contractions of the same weights are results of one
region; so are the weights where something outside reads them too. Remarks say why a softmax whose value reaches a
contraction is not fused: the score is read elsewhere too, the contraction runs over other axes, something needs whole
rows, or there are no pairs to save.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Graph, Node
from attncomp.passes.attention_misses import between, no_queries, stored_part
from attncomp.passes.attention_plan import Plan, is_one, plans, shared_scores
from attncomp.passes.attention_words import named, reader
from attncomp.passes.base import Pass, PassResult
from attncomp.passes.overview import Overview, Source
from attncomp.passes.regions import fuse
from attncomp.passes.reporting import fused
from attncomp.passes.score_misses import refused_score
from attncomp.passes.sides import Kind
from attncomp.passes.weights import Weights, follow_weights, queries_of
from attncomp.passes.weights_misses import no_contraction


@dataclass(frozen=True)
class FindAttentionRegions(Pass):
    """Fuses every softmax with its score and the contractions that consume it."""

    name: ClassVar[str] = "find-attention-regions"
    summary: ClassVar[str] = "fuses a softmax with its score and the contractions over its axes"

    def run(self, graph: Graph) -> PassResult:
        """One region or remark for each softmax whose value reaches a contraction, in the graph's order."""
        overview = Overview.of(graph)
        softmaxes = tuple(graph.nodes("softmax"))
        remarks: list[Remark] = []
        shared: frozenset[int] | None = None
        for softmax in softmaxes:
            if softmax.identity not in graph or overview.source[softmax.identity] is not Source.DATA:
                continue
            weights = follow_weights(overview, softmax)
            if not weights.ends:
                remarks.extend(no_contraction(overview, softmax, weights))
            elif not queries_of(overview, weights, weights.ends):
                remarks.append(no_queries(softmax))
            else:
                if shared is None and next(plans(overview, softmax, weights)).score.escaped:
                    shared = shared_scores(overview, softmaxes)
                remarks.extend(self._visit(overview, softmax, weights, shared or frozenset()))
        return PassResult(any(remark.kind == "fused" for remark in remarks), tuple(remarks))

    def _visit(self, overview: Overview, softmax: Node, weights: Weights, shared: frozenset[int]) -> list[Remark]:
        plan = None
        for plan in plans(overview, softmax, weights, shared):
            if not plan.score.meetings:
                return [refused_score(overview, plan)]
            if is_one(overview, plan):
                return self._fuse(overview, softmax, plan)
        assert plan is not None
        return [between(overview, plan)]

    def _fuse(self, overview: Overview, softmax: Node, plan: Plan) -> list[Remark]:
        notes = stored_part(overview, plan)
        kept = _made_again(overview, plan) + _stored(overview, plan)
        region = fuse(overview, "attention", plan.members, plan.outputs, reorder=False)
        if _has_earlier_readers(overview, region):
            overview.reorder()
        made = f"the score of {plan.pairs(softmax)} numbers is made inside, from {_read(overview, plan, region)}"
        several = f"; {len(plan.ends)} contractions read its weights" if len(plan.ends) > 1 else ""
        return [fused(self.name, overview.graph, region, made + several + kept, at=softmax), *notes]


def _read(overview: Overview, plan: Plan, region: int) -> str:
    """What a region reads, in words: how many inputs, which of them hold every pair, and whether positions."""
    graph = overview.graph
    operands = graph.operands(region)
    pairs = [value for value in operands if plan.sides.kind(graph.type(value).names) is Kind.BOTH]
    said = f"{len(operands)} {'input' if len(operands) == 1 else 'inputs'}"
    if pairs:
        said += f" ({', '.join(dict.fromkeys(named(overview, value) for value in pairs))} with every pair)"
    body = graph.node(region).attributes["body"]
    assert isinstance(body, Graph)
    return f"{said} and positions" if any(node.operator == "arange" for node in body.nodes()) else said


def _has_earlier_readers(overview: Overview, region: int) -> bool:
    """Whether something that reads a further result of a region stands before it."""
    graph, place = overview.graph, overview.place
    parts = [user for user in graph.users(region) if graph.node(user).operator == "part"]
    return any(place[user] < place[region] for part in parts for user in graph.users(part))


def _made_again(overview: Overview, plan: Plan) -> str:
    """That others who read a part of the score make it again; "" where nobody does."""
    shared = [one for one in plan.score.members if not plan.members.issuperset(overview.graph.users(one))]
    said = " and ".join(dict.fromkeys(reader(overview, one, plan.members) for one in shared))
    return f"; it is made again for {said}" if said else ""


def _stored(overview: Overview, plan: Plan) -> str:
    """That weights are stored, and who reads them; "" where they are not."""
    if not plan.stored:
        return ""
    said = " and ".join(dict.fromkeys(reader(overview, row, plan.members) for row in plan.stored))
    return f"; the weights are stored, for {said} reads them too"
