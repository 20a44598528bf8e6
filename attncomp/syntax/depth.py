"""A limit on how deeply expressions nest, so that no later stage runs out of stack."""

from __future__ import annotations

from attncomp.diagnostics.core import Span, fail
from attncomp.syntax import tree

MAX_DEPTH = 100

_EXPRESSIONS = (
    tree.Unary, tree.Binary, tree.Contract, tree.IsNone, tree.Conditional, tree.Call, tree.Subscripted, tree.Reference,
    tree.ListLiteral,
)  # fmt: skip


def check_depth(root: tree.File | tree.Expression) -> None:
    """Raises DiagnosticError (E007) at the outermost expression that holds more than `MAX_DEPTH` within each other."""
    waiting: list[tuple[object, int, Span | None]] = [(root, 0, None)]
    while waiting:
        node, depth, outermost = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend((item, depth, outermost) for item in reversed(node))
            continue
        if not hasattr(node, "span") or isinstance(node, tree.Name):
            continue
        if isinstance(node, _EXPRESSIONS):
            depth, outermost = depth + 1, outermost or node.span
            if depth > MAX_DEPTH and outermost is not None:
                help_ = "name a part of it in a statement of its own"
                raise fail("E007", f"the expression is nested more than {MAX_DEPTH} deep", outermost, help=help_)
        waiting.extend((value, depth, outermost) for value in vars(node).values() if not isinstance(value, (str, Span)))
