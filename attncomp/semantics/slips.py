"""Mistakes that have a meaning, and so must be looked for: the forgotten rename, a model inside another."""

from __future__ import annotations

from collections.abc import Iterable

from attncomp.diagnostics.core import DiagnosticError, Label, Span, fail
from attncomp.ir.operators.table import OPERATORS
from attncomp.semantics.scope import Frame


def reject_shared_softmax(frame: Frame, node: int, axes: Iterable[str], span: Span) -> None:
    """Raises E020 for a softmax over an axis that both operands of the score carry.

    Such a score pairs each query with its own key alone, and the softmax runs over the queries: nobody means that. A
    value's product with itself is its squared norm where the rest of the score has more axes: that is meant.
    """
    graph = frame.context.graph
    seen: set[int] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if current in seen:
            continue
        seen.add(current)
        operator = graph.node(current).operator
        operands = graph.operands(current)
        if operator == "contract":
            if operands[0] == operands[1] and set(graph.type(current).names) < set(graph.type(node).names):
                continue
            left, right = (graph.type(operand) for operand in operands)
            for axis in axes:
                if left.has(axis) and right.has(axis) and graph.type(current).has(axis):
                    place = graph.node(current).origin.span
                    name = frame.show(axis)
                    secondary = (Label(place, f"both operands of this product carry `{name}`"),) if place else ()
                    raise fail(
                        "E020",
                        f"the softmax runs over `{name}`, which the queries and the keys both carry: was the "
                        "rename forgotten?",
                        span,
                        secondary=secondary,
                        help=f"rename the keys and the values: `k[{name} -> {name}']`, and write `softmax{{{name}'}}`",
                    )
        elif OPERATORS[operator].category == "pointwise":
            stack.extend(operands)


def model_inside(name: str, span: Span) -> DiagnosticError:
    """A model where a block or function should stand, to be raised."""
    return fail(
        "E044",
        f"`{name}` is a model: it is where a program begins, not a part of another",
        span,
        help="move its body into a `block`, and use that in both",
    )
