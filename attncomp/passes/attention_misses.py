"""What keeps the nodes of an attention from being one, and what a fused one still reads in full."""

from __future__ import annotations

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Node
from attncomp.ir.working import worked_axes
from attncomp.passes.attention_plan import Plan, lies_between
from attncomp.passes.attention_words import named, remark, spoken, written
from attncomp.passes.overview import Overview, braced
from attncomp.passes.sides import REDUCTIONS

_BY_POSITION = "read it for each pair instead, by a gather of positions: `t[distance = arange{…} - arange{…} + …]`"


def no_queries(softmax: Node) -> Remark:
    """The note about pooling: each source has one weight."""
    message = "the values have every other axis of the weights: there are no pairs of query and source to save"
    return remark("note", softmax, message)


def stored_part(overview: Overview, plan: Plan) -> list[Remark]:
    """Notes about numbers of every pair that a fused score reads as they are stored."""
    graph = overview.graph
    found = [i for i in (*plan.score.blocked, *plan.score.escaped) if graph.type(i).dtype.is_float]
    pairs = plan.pairs(graph.node(plan.softmax))
    return [
        remark(
            "note",
            graph.node(i),
            f"{named(overview, i)} enters the score as an array of {pairs} numbers",
            _BY_POSITION if i in plan.score.blocked else "",
        )
        for i in found
    ]


def between(overview: Overview, plan: Plan) -> Remark:
    """Something outside depends on the weights, and the contraction waits for it."""
    identity = lies_between(overview, plan)
    node = overview.graph.node(plan.softmax if identity is None else identity)
    over, weights = worked_axes(node), written(overview, plan.softmax, "w")
    read = [operand for operand in overview.graph.operands(plan.ends[0]) if operand not in plan.rows]
    mixed = f"{weights} @{braced(plan.sides.source)} {written(overview, read[0], 'v') if read else 'v'}"
    if node.operator not in REDUCTIONS:
        message = f"{named(overview, node.identity)} lies between the weights and their contraction, outside of both"
        help = f"let the contraction read the weights as the softmax makes them: `{mixed}`"
        return remark("missed", node, message, help)
    taken = f"{node.operator}{braced(over)}({weights})"
    if not over & plan.sides.source:
        message = f"{spoken(node)} needs the weights of every query before the contraction reads them"
        return remark("missed", node, message, "make it of the keys or the values alone, such as `norm{key}(k)`")
    message = f"{spoken(node)} needs the weights of whole rows before the contraction reads them"
    joining = {overview.graph.node(row).operator for row in plan.rows}
    if "divide" in joining:
        return remark("missed", node, message, f"divide behind the contraction: `({mixed}) / {taken}`")
    if "subtract" in joining:
        help = f"take it off behind the contraction: `{mixed} - {taken} * sum{braced(plan.sides.source)}(v)`"
        return remark("missed", node, message, help)
    return remark("missed", node, message, f"multiply behind the contraction: `({mixed}) * f({taken})`")
