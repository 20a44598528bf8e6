"""Fused regions: the body is lowered in a scope of its own, and looked at for a form that backends know."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attncomp.ir.estimate import estimate
from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.table import OPERATORS
from attncomp.lowering.attention import attention_form
from attncomp.lowering.context import Context, attribute
from attncomp.lowering.emitter import Emitter
from attncomp.lowering.flow import outside, results, without_unread
from attncomp.lowering.layout import Laid
from attncomp.lowering.pieces import lower_in_pieces
from attncomp.lowering.program import Region, Value

LowerGraph = Callable[[Context], None]

# From how many bytes on a pointwise region is done in pieces, on the threads of a call.
LARGE = 1 << 20

# How many operators the name of a region spells out.
_SPELLED = 4


def lower_region(context: Context, node: Node, operands: Sequence[int], lower_graph: LowerGraph) -> tuple[Laid, ...]:
    """A region on values as they lie outside; what it needs in another order is moved before it. All its results."""
    kind = attribute(node, "kind", str)
    name = _called(kind, attribute(node, "body", Graph))
    if context.emitter.shared.in_pieces and (kind != "pointwise" or _is_large(context, node)):
        laid = lower_in_pieces(context, node, operands, lower_graph, name)
        if laid is not None:
            return laid
    return _lower_at_once(context, node, operands, lower_graph, name)


def _is_large(context: Context, node: Node) -> bool:
    """Whether a region makes more than the calls for its pieces cost."""
    type_ = context.graph.type(node.identity)
    return estimate(type_.elements()) * type_.dtype.bytes >= LARGE


def _lower_at_once(
    context: Context, node: Node, operands: Sequence[int], lower_graph: LowerGraph, name: str
) -> tuple[Laid, ...]:
    body = attribute(node, "body", Graph)
    outer = context.emitter
    emitter = Emitter(outer)
    inner = Context(body, emitter, {f"i{place}": context.laid[operand] for place, operand in enumerate(operands)})
    lower_graph(inner)
    laid = tuple(_as_array(inner, result.node) for result in body.results)
    local = {value.name for one in emitter.statements for value in results(one)}
    made = tuple(dict.fromkeys(one.array for one in laid if one.array.name in local))
    if not made:
        return laid
    kind = attribute(node, "kind", str)
    statements = without_unread(emitter.statements, {value.name for value in made})
    form, refused = None, ""
    if kind == "attention" and not outer.shared.in_pieces:
        recognised = attention_form(emitter, statements, made)
        statements, form, refused = recognised.body, recognised.form, recognised.refused
    if refused and outer.shared.by_queries:
        pieces = lower_in_pieces(context, node, operands, lower_graph, name, refused)
        if pieces is not None:
            return pieces
    if form is not None:
        for value, role in ((form.query, "queries"), (form.key, "keys"), (form.value, "values")):
            outer.suggest(value, role)
    origin = outer.origin
    region = Region(made, kind, name, outside(statements), tuple(statements), form, origin, refused=refused)
    outer.add_region(region)
    return laid


def _called(kind: str, body: Graph) -> str:
    """What a region is called: a pointwise one by what it does (`add_relu`), any other by its kind."""
    words = [one.operator for one in body.nodes() if OPERATORS[one.operator].category == "pointwise"]
    words = [word for word in words if word != "cast"] or words
    distinct = list(dict.fromkeys(words))
    if kind != "pointwise":
        return kind
    if len(distinct) == 1:
        return "_".join(words[:2])
    return "_".join(distinct) if len(distinct) <= _SPELLED else f"{words[0]}_to_{words[-1]}"


def _as_array(inner: Context, identity: int) -> Laid:
    laid = inner.laid[identity]
    return laid if isinstance(laid.value, Value) else inner.array(identity)
