"""Why a score is not made inside of an attention: the operator at which it failed, and the edit that would help."""

from __future__ import annotations

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Node
from attncomp.ir.working import worked_axes
from attncomp.passes.attention_plan import Plan
from attncomp.passes.attention_words import bare, reader, remark, spoken
from attncomp.passes.overview import Overview, braced
from attncomp.passes.sides import REDUCTIONS, Sides

_TAKING = frozenset(("slice", "index"))
_WEIGHTS_INSTEAD = "read the weights instead: they can be a further result of the region, the score cannot"


def refused_score(overview: Overview, plan: Plan) -> Remark:
    """Why queries and sources do not meet inside of the slice."""
    graph, score = overview.graph, plan.score
    part = _part_of_a_product(overview, plan)
    if part is not None:
        message = "the score is a part of a larger product, which others read too: there is nothing to save"
        return remark("note", part, message)
    for identity in score.escaped:
        if identity in score.twofold:
            message = "the score meets itself transposed: a tile of it needs another one, so that it is stored in full"
            help = "make the transposed score of its own product, of the keys as queries and the queries as keys"
            return remark("missed", _renaming(overview, identity) or graph.node(plan.softmax), message, help)
        readers = [user for user in graph.users(identity) if user not in plan.members]
        if readers:
            return _read_elsewhere(overview, plan, identity, graph.node(readers[0]))
        message = "the score is a result of the model too, so that it must be stored in full"
        return remark("missed", graph.node(identity), message, _WEIGHTS_INSTEAD)
    for identity, sides in score.blocked.items():
        return _blocked(graph.node(identity), sides)
    message = "the score is given, not made of queries and sources: there is nothing to save"
    return remark("note", graph.node(plan.softmax), message, "make it here, of queries and keys: `q @{key} k`")


def _part_of_a_product(overview: Overview, plan: Plan) -> Node | None:
    """A slice of projections of one value that were made together, where the score is one."""
    graph = overview.graph
    for identity in plan.score.blocked:
        if graph.node(identity).operator in _TAKING:
            (whole,) = graph.operands(identity)
            if len(graph.users(whole)) > 1 and _taken_apart(overview, whole, plan.members):
                return graph.node(identity)
    for identity in plan.score.escaped:
        if _taken_apart(overview, identity, plan.members):
            return graph.node(plan.softmax)
    return None


def _taken_apart(overview: Overview, identity: int, inside: set[int]) -> bool:
    readers = [user for user in overview.graph.users(identity) if user not in inside]
    return bool(readers) and all(overview.graph.node(user).operator in _TAKING for user in readers)


def _read_elsewhere(overview: Overview, plan: Plan, identity: int, node: Node) -> Remark:
    if node.operator not in REDUCTIONS or not _leads_to(overview, node.identity, plan.softmax):
        said = reader(overview, identity, plan.members)
        message = f"the score is read by {said} too, so that it must be stored in full"
        return remark("missed", node, message, _WEIGHTS_INSTEAD)
    message = f"{spoken(node)} needs whole rows of the score before the softmax"
    joining = {overview.graph.node(user).operator for user in overview.graph.users(node.identity)}
    if worked_axes(node) <= plan.sides.source and joining <= {"subtract", "add"}:
        help = "leave it out: a softmax does not change where a row gets one number"
        return remark("missed", node, message, help)
    return remark("missed", node, message, "scale by something that queries or keys have alone: `norm{key}(q)`")


def _blocked(node: Node, sides: Sides) -> Remark:
    over = worked_axes(node) & (sides.source | sides.query)
    message = f"{spoken(node, over)} stands between the score and its softmax: a tile of its result needs other tiles"
    if node.operator == "softmax":
        help = f"use one softmax, sharpened by a factor: `softmax{braced(over)}(2 * s)`"
        return remark("missed", node, message, help)
    return remark("missed", node, message, f"apply {bare(node)} to the queries or the keys instead")


def _renaming(overview: Overview, identity: int) -> Node | None:
    readers = map(overview.graph.node, overview.graph.users(identity))
    return next((node for node in readers if node.operator == "rename"), None)


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
