"""Graph text back to a graph: the inverse of `ir.print`."""

from __future__ import annotations

from attncomp.diagnostics.core import Span
from attncomp.ir.attributes import ATTRIBUTE_KINDS, axis_at, dtype_at, layout_at, list_at
from attncomp.ir.graph import Attribute, Constraint, Graph, Origin, Result
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.size_text import size_at
from attncomp.ir.text import Cursor
from attncomp.ir.types import Axis, ValueType


def read_graph(text: str) -> Graph:
    """The graph that a text says. It is not verified. Raises GraphTextError, with the line, for any other text."""
    cursor = Cursor(text)
    graph = graph_at(cursor)
    if cursor.token.kind != "end":
        raise cursor.error(f"unexpected `{cursor.token.text}` after the graph")
    return graph


def graph_at(cursor: Cursor) -> Graph:
    """The graph at a cursor."""
    cursor.expect("graph")
    graph = Graph(cursor.string("the graph's name"))
    cursor.expect("{")
    while not cursor.take("}"):
        if cursor.token.kind == "node":
            _read_node(cursor, graph)
        elif cursor.take("require"):
            left = size_at(cursor)
            relation = "<=" if cursor.take("<=") else "=="
            if relation == "==":
                cursor.expect("==")
            graph.constraints = (*graph.constraints, Constraint(left, size_at(cursor), _span_at(cursor), relation))
        elif cursor.take("return"):
            graph.results = (*graph.results, _result_at(cursor, graph))
        else:
            raise cursor.error(f"expected a node, `require`, `return` or `}}`, found `{cursor.token.text}`")
    return graph


def _read_node(cursor: Cursor, graph: Graph) -> None:
    misplaced = cursor.error(f"nodes are numbered in order, and the next one is %{len(graph)}")
    if cursor.node() != len(graph):
        raise misplaced
    name = cursor.string() if cursor.token.kind == "string" else ""
    cursor.expect("=")
    unknown = cursor.error(f"there is no operator `{cursor.token.text}`")
    operator = cursor.word("an operator")
    if operator not in OPERATORS:
        raise unknown
    operands: list[int] = []
    if cursor.take("("):
        while not cursor.at(")"):
            operands.append(_operand_at(cursor, graph))
            if not cursor.take(","):
                break
        cursor.expect(")")
    attributes = _attributes_at(cursor, operator)
    cursor.expect(":")
    type_ = _type_at(cursor)
    span = _span_at(cursor)
    scope = cursor.string("a scope") if cursor.take("in") else ""
    graph.add(operator, operands, attributes, type_, Origin(span, scope), name)


def _operand_at(cursor: Cursor, graph: Graph) -> int:
    unknown = cursor.error(f"`{cursor.token.text}` is no earlier node")
    operand = cursor.node()
    if operand not in graph:
        raise unknown
    return operand


def _attributes_at(cursor: Cursor, operator: str) -> dict[str, Attribute]:
    kinds = OPERATORS[operator].attributes
    attributes: dict[str, Attribute] = {}
    if not cursor.take("{"):
        return attributes
    while not cursor.at("}"):
        unknown = cursor.error(f"`{operator}` has no attribute `{cursor.token.text}`")
        attribute = cursor.word("an attribute")
        if attribute not in kinds or attribute in attributes:
            raise unknown
        cursor.expect("=")
        attributes[attribute] = ATTRIBUTE_KINDS[kinds[attribute]].read(cursor)
        if not cursor.take(","):
            break
    cursor.expect("}")
    return attributes


def _type_at(cursor: Cursor) -> ValueType:
    dtype = dtype_at(cursor)
    twice = cursor.error("two axes with one name")
    axes = tuple(axis for axis in list_at(cursor, "{}", axis_at) if isinstance(axis, Axis))
    try:
        return ValueType(dtype, axes)
    except ValueError:
        raise twice from None


def _result_at(cursor: Cursor, graph: Graph) -> Result:
    name = cursor.string("the name of a result")
    cursor.expect(":")
    return Result(name, _operand_at(cursor, graph), layout_at(cursor))


def _span_at(cursor: Cursor) -> Span | None:
    if not cursor.take("@"):
        return None
    file = cursor.string("a file")
    numbers: list[int] = []
    for sign in (":", ":", "-", ":"):
        cursor.expect(sign)
        numbers.append(int(cursor.kind("whole", "a line or column")))
    return Span(file, *numbers)
