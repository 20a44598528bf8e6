"""Why no contraction over a softmax's axes reads its weights, where one is near."""

from __future__ import annotations

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Node
from attncomp.ir.working import axis_names, worked_axes
from attncomp.passes.attention_words import bare, remark, spoken
from attncomp.passes.overview import Overview, Source, braced
from attncomp.passes.score import Start, slice_score
from attncomp.passes.sides import Names, Sides
from attncomp.passes.weights import Weights

# How many operators a near miss may have between the softmax and its contraction.
_SEARCH = 12


def no_contraction(overview: Overview, softmax: Node, weights: Weights) -> list[Remark]:
    """The remark about what reads the weights instead; nothing where no contraction is near."""
    graph, place = overview.graph, overview.place
    for identity in sorted(weights.others, key=place.__getitem__):
        found = _stranger(overview, softmax, graph.node(identity), weights)
        if found is not None:
            return [found]
    for identity, sides in weights.rows.items():
        node = graph.node(identity)
        if node.operator == "contract":
            values = [operand for operand in graph.operands(identity) if operand not in weights.rows]
            if values and overview.source[values[0]] is Source.DATA:
                return [_other_axes(softmax, node, sides.source)]
    return _chosen(overview, softmax, weights)


def _stranger(overview: Overview, softmax: Node, node: Node, weights: Weights) -> Remark | None:
    """What keeps a reader of weights from being a row of them or their contraction, where that is near."""
    rows = [operand for operand in overview.graph.operands(node.identity) if operand in weights.rows]
    read = [weights.rows[operand] for operand in rows]
    source, over = read[0].source, worked_axes(node)
    if node.operator == "contract":
        if len(read) > 1 and source <= over:
            help = f"contract the weights with values: `w @{braced(source)} v`"
            return remark("missed", node, "one contraction reads the weights as both of its operands", help)
        return _other_axes(softmax, node, source) if source & over else None
    if node.operator == "softmax" or not _reaches_contraction(overview, node, source):
        return None
    if any(sides != read[0] for sides in read):
        message = "the weights meet themselves transposed: a tile of them needs another one"
        return remark(
            "missed", node, message, f"contract each by itself, and join the results: `w @{braced(source)} v`"
        )
    if not source & over:
        return None
    message = f"{spoken(node, source & over)} stands between the softmax and the contraction over {braced(source)}"
    return remark("missed", node, message, _values_instead(node, braced(source)))


def _values_instead(node: Node, source: str) -> str:
    """The edit for an operator along the sources: what it does to weights can often be done to values."""
    if node.operator == "cumsum":
        (axis,) = axis_names(node.attributes["axis"])
        backwards = f"flip{{{axis}}}(cumsum{{{axis}}}(flip{{{axis}}}(v)))"
        return f"sum the values up from behind instead: `w @{source} {backwards}`"
    if node.operator == "roll":
        return "apply `roll` to the values instead, by the opposite shift"
    return f"apply {bare(node)} to the values instead"


def _other_axes(softmax: Node, contraction: Node, source: Names) -> Remark:
    over, named = braced(worked_axes(contraction)), braced(source)
    message = f"the softmax runs over {braced(worked_axes(softmax))}, but the contraction that reads it over {over}"
    help = f"let both run over the same axes: `softmax{over}(…) @{over} v`, or `softmax{named}(…) @{named} v`"
    return remark("missed", contraction, message, help)


def _chosen(overview: Overview, softmax: Node, weights: Weights) -> list[Remark]:
    """The note about weights of queries and sources that only choose one source."""
    graph = overview.graph
    chooser = next((node for node in map(graph.node, weights.others) if node.operator == "argmax"), None)
    if chooser is None:
        return []
    (start,) = graph.operands(softmax.identity)
    score = slice_score(overview, [Start(start, weights.rows[softmax.identity])], (softmax.identity,))
    if not any(all(overview.source[o] is Source.DATA for o in graph.operands(node)) for node in score.meetings):
        return []
    axes = braced(worked_axes(softmax))
    message = f"`argmax` chooses one source, and no contraction over {axes} reads the weights"
    return [remark("note", chooser, message, f"weigh all of them: `softmax{axes}(…) @{axes} v`")]


def _reaches_contraction(overview: Overview, start: Node, source: Names) -> bool:
    """Whether `start` leads within a few operators to a contraction over all sources."""
    waiting, seen = [(start.identity, source)], 0
    while waiting and seen < _SEARCH:
        identity, here = waiting.pop(0)
        node, seen = overview.graph.node(identity), seen + 1
        if node.operator == "contract" and here <= worked_axes(node):
            return True
        after = Sides(here, ()).after(node, ())
        kept = here & frozenset(node.type.names) if after is None else after.source
        if kept:
            waiting.extend((user, kept) for user in overview.graph.users(identity))
    return False
