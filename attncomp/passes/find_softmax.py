"""`find-softmax`: a softmax written by hand is a softmax.

A quotient of exponentials and their sum over axes S is `softmax` over S of what is exponentiated, whatever was taken
off before, so long as that lacks the axes S: the maximum, a constant, nothing. The quotient may stand behind the
contraction with the values instead (the deferred normaliser), be a product with `1 / sum`, or be written with
logarithms; exponentials that a mask zeroes are those of -inf. Only in this form does a later pass see an attention,
and only in this form does nothing overflow.

    %1 = max(%0) {axes = {source}}
    %2 = subtract(%0, %1)                           %3 = softmax(%0) {axes = {source}}
    %3 = exp(%2)                                    %4 = contract(%3, %9) {axes = {source}}
    %4 = sum(%3) {axes = {source}}             →    return "y": %4
    %5 = contract(%3, %9) {axes = {source}}
    %6 = divide(%5, %4)
    return "y": %6

Where no exponential overflows and not all are 0, the values are the same within rounding. Elsewhere a quotient is NaN
or 0 (and the logarithm of one -inf), and the softmax has its own value: 0 for a row that is masked as a whole. What is
taken off stays where dropping it would leave a parameter without a reader.

What a score subtracts from a product of queries and keys it adds with the other sign, as kernels take a bias.

A denominator that is more than the sum (an epsilon, weights) makes no softmax. A remark says so where the quotient is
contracted over S, so that an attention is lost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.build import Builder
from attncomp.ir.graph import Graph, Node, Origin
from attncomp.ir.types import DType
from attncomp.passes.added_biases import add_biases
from attncomp.passes.base import Pass, PassResult
from attncomp.passes.cleanup import remove_unread
from attncomp.passes.near_softmax import near_miss
from attncomp.passes.softmax_forms import Found, found_at


@dataclass(frozen=True)
class FindSoftmax(Pass):
    """Replaces quotients of exponentials and their sum, and their logarithms, by `softmax` and `log_softmax`."""

    name: ClassVar[str] = "find-softmax"
    summary: ClassVar[str] = "makes one softmax of exponentials over their sum"

    def run(self, graph: Graph) -> PassResult:
        """One walk in order: the logarithms of a softmax are seen once it is one."""
        builder = Builder(graph)
        made: dict[Found, int] = {}
        replaced: list[int] = []
        remarks: list[Remark] = []
        for identity in graph.order():
            node = graph.node(identity)
            found = found_at(graph, node)
            if found is not None:
                graph.replace_uses(identity, _build(builder, node, found, made))
                replaced.append(identity)
            elif node.operator == "divide":
                remarks.extend(near_miss(self.name, graph, node))
        remove_unread(graph, replaced)
        added = [add_biases(builder, softmax) for softmax in list(graph.nodes("softmax"))]
        return PassResult(bool(replaced) or any(added), tuple(remarks))


def _build(builder: Builder, node: Node, found: Found, made: dict[Found, int]) -> int:
    """Adds what `node` is; a softmax that stands already is not made twice."""
    weights = Found(found.operator, found.score, found.axes)
    if weights not in made:
        score = found.score.score
        for condition, kept in found.score.masks:
            excluded = builder.constant(-math.inf, _real(node.type.dtype), origin=node.origin)
            chosen = (score, excluded) if kept else (excluded, score)
            score = builder.add("where", (condition, *chosen), origin=node.origin)
        name = node.name if found.values is None else ""
        origin = _origin(builder.graph, node, found)
        made[weights] = builder.add(found.operator, (score,), {"axes": found.axes}, origin, name)
    if found.values is None:
        return made[weights]
    return builder.contract(made[weights], found.values, found.axes, origin=node.origin, name=node.name)


def _origin(graph: Graph, node: Node, found: Found) -> Origin:
    """The place of `node`, with the marks of every operator that the softmax stands for."""
    if not graph.marks:
        return node.origin
    ends = {found.score.score} if found.values is None else {found.score.score, found.values}
    outside = ends.union(*map(graph.ancestors, ends))
    origin = node.origin
    for identity in sorted(graph.ancestors(node.identity) - outside):
        origin = origin.marked_too(graph.node(identity).origin)
    return origin


def _real(dtype: DType) -> DType:
    return dtype if dtype.is_float else DType.F32
