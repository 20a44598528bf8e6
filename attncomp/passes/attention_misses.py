"""Why an attention is not fused: the condition that failed, the operator it failed at, and the edit that would help."""

from __future__ import annotations

from attncomp.diagnostics.remarks import Remark, RemarkKind
from attncomp.ir.graph import Node
from attncomp.passes.attention_plan import Plan, lies_between
from attncomp.passes.overview import Overview, Source, axis_names, braced, worked_axes
from attncomp.passes.reporting import about
from attncomp.passes.score import Score, Start, slice_score
from attncomp.passes.sides import Names, Sides
from attncomp.passes.weights import Weights

_PASS = "find-attention-regions"
# How many operators a near miss may have between the softmax and its contraction.
_SEARCH = 12
# Reductions: they take a row as a whole and give one number for it.
_REDUCTIONS = frozenset(("sum", "mean", "max", "min", "var", "norm"))


def no_queries(softmax: Node) -> Remark:
    """The note about pooling: each source has one weight."""
    message = "the values have every other axis of the weights: there are no pairs of query and source to save"
    return _remark("note", softmax, message)


def stored_part(overview: Overview, plan: Plan) -> list[Remark]:
    """Notes about numbers of every pair that a fused score reads as they are stored."""
    found = [i for i in (*plan.score.blocked, *plan.score.escaped) if overview.graph.type(i).dtype.is_float]
    pairs = plan.pairs(overview.graph.node(plan.softmax))
    return [
        _remark(
            "note",
            overview.graph.node(identity),
            f"{overview.described(identity)} enters the score as an array of {pairs} numbers",
        )
        for identity in found
    ]


def between(overview: Overview, plan: Plan) -> Remark:
    """Something outside depends on the weights, and the contraction waits for it."""
    identity = lies_between(overview, plan)
    node = overview.graph.node(plan.softmax if identity is None else identity)
    source, over = plan.sides.source, worked_axes(node)
    weights, end = _written(overview, plan.softmax, "w"), plan.ends[0]
    if node.operator not in _REDUCTIONS:
        message = f"{overview.described(node.identity)} lies between the weights and their contraction, outside of both"
        help = "let the contraction read the weights as the softmax makes them, and apply the rest to its result"
        return _remark("missed", node, message, help)
    message = f"`{node.operator}` over {braced(over)} needs the weights of whole rows before the contraction reads them"
    if any(overview.graph.node(row).operator == "divide" for row in plan.rows):
        values = _values_written(overview, end, plan)
        quotient = f"({weights} @{braced(source)} {values}) / {node.operator}{braced(over)}({weights})"
        return _remark("missed", node, message, f"divide behind the contraction: `{quotient}`")
    help = f"apply it to the result of the contraction: `f({weights} @{braced(source)} v)`"
    return _remark("missed", node, message, help)


# --- the score --------------------------------------------------------------------------------------------------


def refused_score(overview: Overview, plan: Plan) -> Remark:
    """Why queries and sources do not meet inside of the slice."""
    score, softmax = plan.score, overview.graph.node(plan.softmax)
    for identity in score.escaped:
        if identity in score.twofold:
            message = "the score meets itself transposed: a tile of it needs another one, so that it is stored in full"
            help = "make the transposed score of its own product, of the keys as queries and the queries as keys"
            return _remark("missed", _renaming(overview, identity) or softmax, message, help)
        readers = [user for user in overview.graph.users(identity) if user not in plan.members]
        if readers:
            return _score_read(overview, plan, overview.graph.node(readers[0]))
        message = "the score is a result of the model too, so that it must be stored in full"
        return _remark("missed", overview.graph.node(identity), message, _WEIGHTS_INSTEAD)
    for identity in score.blocked:
        return _blocked(overview.graph.node(identity), plan.sides)
    message = "the score is given, not made of queries and sources: there is nothing to save"
    return _remark("note", softmax, message, "make it here, of queries and keys: `q @{key} k`")


_WEIGHTS_INSTEAD = "read the weights instead: they can be a further result of the region, the score cannot"


def _score_read(overview: Overview, plan: Plan, reader: Node) -> Remark:
    over = worked_axes(reader)
    if reader.operator not in _REDUCTIONS or not _leads_to(overview, reader.identity, plan.softmax):
        said = overview.described(reader.identity)
        return _remark("missed", reader, f"the score is read by {said} too, so that it must be stored in full",
                       _WEIGHTS_INSTEAD)  # fmt: skip
    message = f"`{reader.operator}` over {braced(over)} needs whole rows of the score before the softmax"
    joining = {overview.graph.node(user).operator for user in overview.graph.users(reader.identity)}
    if over <= plan.sides.source and joining <= {"subtract", "add"}:
        return _remark("missed", reader, message, "leave it out: a softmax does not change where a row gets one number")
    help = "scale by something that queries or keys have alone, such as `norm{key}(q)`"
    return _remark("missed", reader, message, help)


def _blocked(node: Node, sides: Sides) -> Remark:
    over = worked_axes(node) & (sides.source | sides.query)
    message = f"`{node.operator}` over {braced(over)} stands between the score and its softmax, and needs whole rows"
    if node.operator == "softmax":
        return _remark(
            "missed", node, message, f"use one softmax, sharpened by a factor: `softmax{braced(over)}(2 * s)`"
        )
    return _remark("missed", node, message, f"apply `{node.operator}` to the queries or the keys instead")


def _renaming(overview: Overview, identity: int) -> Node | None:
    readers = map(overview.graph.node, overview.graph.users(identity))
    return next((reader for reader in readers if reader.operator == "rename"), None)


def _leads_to(overview: Overview, start: int, target: int) -> bool:
    place = overview.place
    waiting, seen = [start], {start}
    while waiting:
        for user in overview.graph.users(waiting.pop()):
            if user == target:
                return True
            if user not in seen and place[user] < place[target]:
                seen.add(user)
                waiting.append(user)
    return False


# --- the weights ------------------------------------------------------------------------------------------------


def no_contraction(overview: Overview, softmax: Node, weights: Weights) -> list[Remark]:
    """Why no contraction over the softmax's axes reads the weights; nothing where none is near."""
    graph, place = overview.graph, overview.place
    for identity in sorted(weights.others, key=place.__getitem__):
        node = graph.node(identity)
        read = [operand for operand in graph.operands(identity) if operand in weights.rows]
        remark = _stranger(overview, softmax, node, [weights.rows[operand] for operand in read])
        if remark is not None:
            return [remark]
    for identity, sides in weights.rows.items():
        node = graph.node(identity)
        if node.operator == "contract":
            values = [operand for operand in graph.operands(identity) if operand not in weights.rows]
            if values and overview.source[values[0]] is Source.DATA:
                return [_other_axes(softmax, node, sides.source)]
    return _chosen(overview, softmax, weights)


def _stranger(overview: Overview, softmax: Node, node: Node, read: list[Sides]) -> Remark | None:
    """What keeps a reader of weights from being a row of them or their contraction, where that is near."""
    source, over = read[0].source, worked_axes(node)
    if node.operator == "contract":
        if len(read) > 1 and source <= over:
            help = f"contract the weights with values: `w @{braced(source)} v`"
            return _remark("missed", node, "one contraction reads the weights as both of its operands", help)
        return _other_axes(softmax, node, source) if source & over else None
    if any(sides != read[0] for sides in read):
        if not _reaches_contraction(overview, node, source):
            return None
        message = f"`{node.operator}` joins the weights with themselves transposed: a tile of them needs another one"
        help = f"contract each by itself and join the results: `w @{braced(source)} v`"
        return _remark("missed", node, message, help)
    if node.operator == "softmax" or not source & over or not _reaches_contraction(overview, node, source):
        return None
    named = braced(source & over)
    message = f"`{node.operator}` over {named} stands between the softmax and the contraction over {braced(source)}"
    if node.operator == "cumsum":
        (axis,) = axis_names(node.attributes["axis"])
        backwards = f"flip{{{axis}}}(cumsum{{{axis}}}(flip{{{axis}}}(v)))"
        return _remark("missed", node, message, f"sum the values up from behind instead: `w @{named} {backwards}`")
    return _remark("missed", node, message, f"apply `{node.operator}` to the values instead, or to the score")


def _other_axes(softmax: Node, contraction: Node, source: Names) -> Remark:
    over = braced(worked_axes(contraction))
    message = f"the softmax runs over {braced(worked_axes(softmax))}, but the contraction that reads it over {over}"
    named = braced(source)
    return _remark(
        "missed",
        contraction,
        message,
        f"let both run over the same axes: `softmax{over}(…) @{over} v`, or `softmax{named}(…) @{named} v`",
    )


def _chosen(overview: Overview, softmax: Node, weights: Weights) -> list[Remark]:
    """The note about weights of queries and sources that only choose one source."""
    chooser = next((n for n in map(overview.graph.node, weights.others) if n.operator == "argmax"), None)
    if chooser is None:
        return []
    (start,) = overview.graph.operands(softmax.identity)
    score: Score = slice_score(overview, [Start(start, weights.rows[softmax.identity])], (softmax.identity,))
    graph = overview.graph
    if not any(all(overview.source[o] is Source.DATA for o in graph.operands(node)) for node in score.meetings):
        return []
    axes = braced(worked_axes(softmax))
    message = f"`argmax` chooses one source, and no contraction over {axes} reads the weights"
    return [_remark("note", chooser, message, f"weigh all of them: `softmax{axes}(…) @{axes} v`")]


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


# --- words ------------------------------------------------------------------------------------------------------


def _written(overview: Overview, identity: int, otherwise: str) -> str:
    """A value as the model may write it."""
    name = overview.graph.node(identity).name
    return name if name.isidentifier() else otherwise


def _values_written(overview: Overview, end: int, plan: Plan) -> str:
    others = [operand for operand in overview.graph.operands(end) if operand not in plan.rows]
    return _written(overview, others[0], "v") if others else "v"


def _remark(kind: RemarkKind, node: Node, message: str, help: str = "") -> Remark:
    return about(kind, "attention", _PASS, node, message, help)
