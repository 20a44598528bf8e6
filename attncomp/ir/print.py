"""A graph as text that a person reads, a diff shows well, and `ir.read` reads back.

    graph "MiniLM" {
      %0 "tokens" = input {name = "tokens", layout = [batch, seq]} : i64{batch=batch, seq=seq}
      %3 "scores" = contract(%1, %2) {axes = {key}} : f32{batch=batch, seq=seq} @ "m.attn":12:3-12:9 in "layer.0"
      require seq == 4 * rows
      return "out": %3 [batch, seq]
    }

Nodes are numbered from 0 in the graph's order, attributes stand in the order of the table. The text depends on
nothing but the graph.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from attncomp.diagnostics.core import Span
from attncomp.ir.attributes import ATTRIBUTE_KINDS, axis_text, written_layout
from attncomp.ir.graph import Graph, Node, Origin, Result
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.text import quoted
from attncomp.ir.types import ValueType


def print_graph(graph: Graph, depth: int = 0) -> str:
    """The text of a graph, without a newline at its end; `depth` is how deep it is nested."""
    inner = "  " * (depth + 1)
    numbers = {identity: number for number, identity in enumerate(graph.order())}
    lines = [f"graph {quoted(graph.name)} {{"]
    for identity, number in numbers.items():
        operands = [numbers[operand] for operand in graph.operands(identity)]
        lines.append(inner + _node_text(graph.node(identity), number, operands, depth + 1))
    for constraint in graph.constraints:
        lines.append(f"{inner}require {constraint}{_span_text(constraint.span)}")
    for result in graph.results:
        lines.append(inner + result_text(result, numbers[result.node]))
    lines.append("  " * depth + "}")
    return "\n".join(lines)


def _node_text(node: Node, number: int, operands: list[int], depth: int) -> str:
    return f"{operation_text(node, number, operands, depth)} : {type_text(node.type)}{_origin_text(node.origin)}"


def operation_text(
    node: Node, number: int, operands: Sequence[int], depth: int = 0, *, without: Collection[str] = ()
) -> str:
    """A node up to its type: `%3 "scores" = contract(%1, %2) {axes = {key}}`, `without` these attributes."""
    name = f" {quoted(node.name)}" if node.name else ""
    read = f"({', '.join(f'%{operand}' for operand in operands)})" if operands else ""
    attributes = [
        f"{attribute} = {ATTRIBUTE_KINDS[kind].print(node.attributes[attribute], depth)}"
        for attribute, kind in OPERATORS[node.operator].attributes.items()
        if attribute in node.attributes and attribute not in without
    ]
    held = f" {{{', '.join(attributes)}}}" if attributes else ""
    return f"%{number}{name} = {node.operator}{read}{held}"


def result_text(result: Result, number: int) -> str:
    """A result with the number of its node: `return "out": %3 [batch, seq]`."""
    return f"return {quoted(result.name)}: %{number} {written_layout(result.layout)}"


def type_text(type_: ValueType) -> str:
    """A type so that it reads back: `f32{batch=batch, seq=2 * rows}`."""
    return f"{type_.dtype}{{{', '.join(map(axis_text, type_.axes))}}}"


def _origin_text(origin: Origin) -> str:
    return _span_text(origin.span) + (f" in {quoted(origin.scope)}" if origin.scope else "")


def _span_text(span: Span | None) -> str:
    if span is None:
        return ""
    return f" @ {quoted(span.file)}:{span.line}:{span.column}-{span.end_line}:{span.end_column}"
