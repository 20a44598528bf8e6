"""Warnings for what a body declares and never uses: layers (W001) and parameters (W002)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from attncomp.diagnostics.core import Diagnostic, Label
from attncomp.semantics.files import SourceFile
from attncomp.syntax import tree


def warnings(file: SourceFile, mistakes: Sequence[Diagnostic] = ()) -> tuple[Diagnostic, ...]:
    """The warnings of all models and blocks of a file; none for a line that has one of `mistakes` already."""
    lines = {(one.primary.span.file, one.primary.span.line) for one in mistakes if one.primary is not None}
    found: list[Diagnostic] = []
    for item in file.syntax.items:
        if isinstance(item, (tree.Model, tree.Block)):
            used = {name for statement in item.body for name in _read(statement)}
            for statement in _declared(item.body):
                place = (statement.name.span.file, statement.name.span.line)
                if statement.name.text not in used and place not in lines:
                    found.append(_warning(statement))
    return tuple(found)


def _declared(body: Sequence[tree.Statement]) -> Iterator[tree.LayerStatement | tree.ParameterStatement]:
    for statement in body:
        if isinstance(statement, (tree.LayerStatement, tree.ParameterStatement)):
            yield statement
        elif isinstance(statement, tree.ForStatement):
            yield from _declared(statement.body)
        elif isinstance(statement, tree.FuseStatement):
            yield from _declared((statement.statement,))


def _warning(statement: tree.LayerStatement | tree.ParameterStatement) -> Diagnostic:
    name = statement.name.text
    if isinstance(statement, tree.LayerStatement):
        return Diagnostic(
            "W001",
            f"the layer `{name}` is never called",
            Label(statement.name.span),
            (),
            "call it, or take it out: it adds nothing to the model",
        )
    return Diagnostic(
        "W002",
        f"the parameter `{name}` is never read",
        Label(statement.name.span),
        (),
        "read it, or take it out: it adds nothing to the model",
    )


def _read(part: object) -> Iterator[str]:
    """The names that a part of the tree refers to."""
    stack = [part]
    while stack:
        current = stack.pop()
        if isinstance(current, tree.Reference):
            yield current.name.text
        if isinstance(current, tree.SizeOf) and current.value is not None:
            yield current.value.text
        if isinstance(current, tuple):
            stack.extend(current)
        elif dataclasses.is_dataclass(current):
            stack.extend(getattr(current, field.name) for field in dataclasses.fields(current) if field.name != "span")
