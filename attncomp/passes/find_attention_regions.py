"""`find-attention-regions`: an attention is a softmax over axes S and the contraction that consumes it over S.

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

Renames, casts and dropout may stand between the softmax and the contraction. Remarks say why a softmax whose value
reaches a contraction is not fused: the weights or the score are read elsewhere too, the contraction runs over other
axes, an operator on whole rows stands between, or there are no pairs to save.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attncomp.diagnostics.remarks import Remark, RemarkKind
from attncomp.ir.graph import Graph, Node
from attncomp.passes.base import Pass, PassResult
from attncomp.passes.overview import Overview, Source, braced, renamed, worked_axes
from attncomp.passes.regions import fuse
from attncomp.passes.reporting import about, fused
from attncomp.passes.score import Score, Sides, slice_score
from attncomp.passes.weights import Refusal, Weights, follow_weights


@dataclass(frozen=True)
class FindAttentionRegions(Pass):
    """Fuses every softmax with its score and the contraction that consumes it."""

    name: ClassVar[str] = "find-attention-regions"
    summary: ClassVar[str] = "fuses a softmax with its score and the contraction over its axes"

    def run(self, graph: Graph) -> PassResult:
        """One region or remark for each softmax whose value reaches a contraction, in the graph's order."""
        overview = Overview.of(graph)
        remarks: list[Remark] = []
        for softmax in list(graph.nodes("softmax")):
            if overview.source[softmax.identity] is Source.DATA:
                remarks.extend(self._visit(overview, softmax))
        return PassResult(any(remark.kind == "fused" for remark in remarks), tuple(remarks))

    def _visit(self, overview: Overview, softmax: Node) -> list[Remark]:
        weights = follow_weights(overview, softmax)
        if weights is None:
            return []
        if isinstance(weights, Refusal):
            return [_remark("missed", softmax, weights.message, weights.help)]
        sides = _sides(overview, softmax, weights)
        if not sides.query:
            message = "the values have every other axis of the weights: there are no pairs of query and source to save"
            return [_remark("note", softmax, message)]
        (start,) = overview.graph.operands(softmax.identity)
        score = slice_score(overview, start, softmax.identity, sides)
        if not score.meets:
            return [_refused(overview, softmax, score, sides)]
        stored = [overview.described(identity) for identity in (*score.blocked, *score.escaped)]
        members = {softmax.identity, *score.members, *weights.path, weights.contraction}
        region = fuse(overview, "attention", members, (weights.contraction,))
        pairs = " x ".join(f"|{name}|" for name in (*sorted(sides.query), *sorted(sides.source)))
        inputs = len(overview.graph.operands(region))
        message = f"the score of {pairs} numbers is made inside, from {inputs} inputs"
        return [
            fused(self.name, overview.graph, region, message, at=softmax),
            *(_remark("note", softmax, f"{what} enters the score as an array of {pairs} numbers") for what in stored),
        ]


def _sides(overview: Overview, softmax: Node, weights: Weights) -> Sides:
    """The softmax's axes are the sources; those of its other axes that the values lack are the queries."""
    source = worked_axes(softmax)
    values = overview.graph.type(weights.values)
    names = {name: name for name in softmax.type.names if name not in source}
    for identity in weights.path:
        exchanged = renamed(overview.graph.node(identity))
        names = {first: exchanged.get(now, now) for first, now in names.items()}
    return Sides(source, frozenset(first for first, now in names.items() if not values.has(now)))


def _refused(overview: Overview, softmax: Node, score: Score, sides: Sides) -> Remark:
    """Why queries and sources do not meet inside of the slice."""
    for identity in score.escaped:
        reader = overview.outside_reader(identity, {softmax.identity, *score.members}) or "the score itself, transposed"
        message = f"the score is read by {reader} too, so that it must be stored in full"
        return _remark("missed", softmax, message, "make the softmax the only reader of its score")
    for identity in score.blocked:
        node = overview.graph.node(identity)
        over = braced(worked_axes(node) & (sides.source | sides.query))
        message = f"`{node.operator}` over {over} stands between the score and its softmax, and needs whole rows"
        return _remark("missed", softmax, message, f"apply `{node.operator}` to the queries or the keys instead")
    return _remark("note", softmax, "the score is given, not made of queries and sources: there is nothing to save")


def _remark(kind: RemarkKind, node: Node, message: str, help: str = "") -> Remark:
    return about(kind, "attention", FindAttentionRegions.name, node, message, help)
