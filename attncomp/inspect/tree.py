"""A syntax tree as indented text: one line a node, with the place it was written at."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from attncomp.diagnostics.core import Span
from attncomp.syntax import tree


def tree_to_text(file: tree.File) -> str:
    """The tree of a file. Names and literals stand in the line of their node, other parts below it, by field."""
    return "\n".join(_lines("", file, "")) + "\n"


def _lines(field: str, node: object, indent: str) -> Iterator[str]:
    """The lines of one node; `field` is what it is to the node above."""
    prefix = f"{indent}{field}: " if field else indent
    short = _inline(node)
    if short is not None:
        yield prefix + short
        return
    if isinstance(node, tuple):
        yield f"{indent}{field}:"
        for item in node:
            yield from _lines("", item, indent + "  ")
        return
    assert dataclasses.is_dataclass(node)
    words = [type(node).__name__]
    below: list[tuple[str, object]] = []
    for part in dataclasses.fields(node):
        value = getattr(node, part.name)
        if isinstance(value, Span) or value is None or value == () or part.name == "path":
            continue
        text = _inline(value)
        if text is None or (words and len(below) > 0):
            below.append((part.name, value))
        else:
            words.append(f"{part.name}={text}")
    span = getattr(node, "span", None)
    place = f"  @{span.line}:{span.column}" if isinstance(span, Span) else ""
    yield prefix + " ".join(words) + place
    for name, value in below:
        yield from _lines(name, value, indent + "  ")


def _inline(value: object) -> str | None:
    """A value that needs no lines of its own, else None."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return repr(value)
        case tree.Name(text):
            return text
        case tree.AxisGroup(axes):
            return "(" + " ".join(axis.text for axis in axes) + ")"
        case tree.AxisSet(terms):
            return "{" + ", ".join(_inline(term) or "" for term in terms) + "}"
        case tree.Number(number):
            return repr(number)
        case tree.String(text):
            return f'"{text}"'
        case tree.Constant(name):
            return name
        case tree.Reference(name, None):
            return name.text
        case tree.SizeOf(None, axis):
            return f"|{axis.text}|"
        case tree.SizeOf(name, axis) if name is not None:
            return f"|{name.text}.{axis.text}|"
        case tuple() if value and all(isinstance(item, tree.Name) for item in value):
            return ", ".join(item.text for item in value)
        case _:
            return None
