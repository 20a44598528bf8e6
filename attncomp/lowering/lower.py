"""Graph to program: an order for every value, positional operators, loops over repeated layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncomp.diagnostics.core import fail
from attncomp.ir.graph import Graph, Initializer, Node, Origin
from attncomp.ir.sizes import Size
from attncomp.ir.types import Layout
from attncomp.lowering.buffers import planned
from attncomp.lowering.context import Context, attribute, many
from attncomp.lowering.emitter import Emitter, Hint
from attncomp.lowering.layout import Laid
from attncomp.lowering.names import name_program
from attncomp.lowering.preparing import prepared
from attncomp.lowering.program import Input, Parameter, Program, Value
from attncomp.lowering.region import lower_region
from attncomp.lowering.rolling import Body, roll
from attncomp.lowering.simplify import simplify
from attncomp.lowering.tables import FOLDING, RULES


def lower(
    graph: Graph, *, source: str = "", roll_loops: bool = True, in_pieces: bool = False, by_queries: bool = False
) -> Program:
    """The program of a graph.

    `source` is the model's file, for comments; without `roll_loops` repeated layers stay apart; with `in_pieces`
    regions are done a piece at a time, with `by_queries` an attention that has no form for kernels. Raises
    DiagnosticError (E035) where no input has a dimension that binds a symbol.
    """
    emitter = Emitter(in_pieces=in_pieces, by_queries=by_queries)
    inputs = tuple(_input(emitter, node) for node in graph.nodes("input"))
    context = Context(graph, emitter, {one.name: laid for one, laid in inputs})
    parameters = [_parameter(context, node) for node in graph.nodes("parameter")]
    lower_graph(context)
    outputs = tuple((result.name, _result(context, result.node, result.layout)) for result in graph.results)
    names = [value.name for _, value in outputs]
    body = Body(tuple(simplify(emitter.statements, names)), tuple(parameters))
    if roll_loops:
        body = roll(body, frozenset(names), emitter)
    prepare, steps = prepared(body.statements, emitter.shared.static)
    program = Program(
        graph.name, source, tuple(one for one, _ in inputs), outputs, body.parameters, prepare, steps,
        _bindings(graph, [one for one, _ in inputs]), graph.constraints,
    )  # fmt: skip
    if in_pieces:
        program = planned(program, emitter)
    return name_program(program, emitter.shared.hints)


def lower_graph(context: Context) -> None:
    """Lowers every node of a graph that has no place yet."""
    graph, emitter = context.graph, context.emitter
    for node in graph.nodes():
        if node.identity in context.laid or node.identity in context.folded:
            continue
        emitter.origin = node.origin
        laid = _lower_node(context, node)
        context.laid[node.identity] = laid
        if node.name:
            emitter.call(laid.value, node.name)


def _lower_node(context: Context, node: Node) -> Laid:
    fold = context.folds.get(node.identity)
    if fold is not None:
        inner = context.graph.node(fold.inner)
        laid = FOLDING[inner.operator](context, inner, context.graph.operands(fold.inner), fold)
        old = {old: new for new, old in fold.names}
        layout = tuple(tuple(old.get(axis, axis) for axis in group) for group in laid.layout)
        return Laid(laid.value, layout, {old.get(axis, axis): size for axis, size in laid.sizes.items()})
    operands = context.graph.operands(node.identity)
    if node.operator == "input":
        return context.inputs[attribute(node, "name", str)]
    if node.operator == "region":
        context.results[node.identity] = lower_region(context, node, operands, lower_graph)
        return context.results[node.identity][0]
    if node.operator == "part":
        return context.results[operands[0]][attribute(node, "position", int)]
    if node.operator in FOLDING:
        return FOLDING[node.operator](context, node, operands, None)
    return RULES[node.operator](context, node, operands)


def _stored(emitter: Emitter, node: Node, hint: Hint) -> Laid:
    """A new value for an input or a parameter, in its stated order."""
    layout: Layout = many(node, "layout", tuple)
    sizes = {axis.name: axis.size for axis in node.type.axes}
    shape = Laid(0, layout, sizes).shape(layout)
    return Laid(emitter.value(node.type.dtype, layout, shape, hint), layout, sizes)


def _input(emitter: Emitter, node: Node) -> tuple[Input, Laid]:
    name = attribute(node, "name", str)
    laid = _stored(emitter, node, Hint(name, named=True))
    return Input(name, laid.array), laid


def _parameter(context: Context, node: Node) -> Parameter:
    key = attribute(node, "key", str)
    laid = _stored(context.emitter, node, Hint(key, named=True))
    context.laid[node.identity] = laid
    context.emitter.shared.static.add(laid.array.name)
    context.emitter.shared.weighted.add(laid.array.name)
    trainable = node.attributes.get("trainable", True)
    return Parameter(key, laid.array, attribute(node, "initializer", Initializer), bool(trainable))


def _result(context: Context, node: int, layout: Layout) -> Value:
    """A result in the order in which it is handed over."""
    emitter = context.emitter
    emitter.origin = Origin(context.graph.node(node).origin.span)
    laid = context.laid[node]
    if not isinstance(laid.value, Value):
        laid = context.array(node)
    return emitter.relayout(laid, layout).array


def _bindings(graph: Graph, inputs: Sequence[Input]) -> Mapping[str, tuple[Value, int]]:
    """The dimension that each symbol is read from. Raises E035 for a symbol that no dimension is exactly."""
    found: dict[str, tuple[Value, int]] = {}
    for one in inputs:
        for dim, size in enumerate(one.value.shape):
            for symbol in size.symbols():
                if size == Size.symbol(symbol):
                    found.setdefault(symbol, (one.value, dim))
    for node in graph.nodes():
        for axis in node.type.axes:
            for symbol in sorted(axis.size.symbols() - found.keys()):
                raise fail(
                    "E035",
                    f"the size `{symbol}` is not known: no input has a dimension of exactly that size",
                    node.origin.span,
                    f"`{axis.name}` has size {axis.size}",
                    help=f"give an input an axis of size `{symbol}`",
                )
    return found
