"""Axis terms of the file as axes of the graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attncomp.diagnostics.core import Label, fail
from attncomp.ir.types import Axis, ValueType
from attncomp.semantics.scope import Frame
from attncomp.syntax import tree


def names_of(term: tree.AxisTerm | tree.AxisSet | Iterable[tree.AxisTerm]) -> tuple[tree.Name, ...]:
    """The names in an axis term or set, groups opened, in order. Raises E022 where one stands twice."""
    names: list[tree.Name] = []
    if isinstance(term, tree.Name):
        return (term,)
    terms = term.axes if isinstance(term, tree.AxisGroup) else term.terms if isinstance(term, tree.AxisSet) else term
    for inner in terms:
        names.extend(inner.axes if isinstance(inner, tree.AxisGroup) else (inner,))
    return once(names)


def once(names: Sequence[tree.Name]) -> tuple[tree.Name, ...]:
    """`names`, after a check that none stands twice. Raises E022."""
    seen: dict[str, tree.Name] = {}
    for name in names:
        if name.text in seen:
            raise fail(
                "E022",
                f"the axis `{name.text}` stands here twice",
                name.span,
                "again",
                secondary=(Label(seen[name.text].span, "first here"),),
                help=f"call the second one by its twin's name: `{name.text}'`",
            )
        seen[name.text] = name
    return tuple(names)


def declared(frame: Frame, term: tree.AxisTerm | tree.AxisSet) -> tuple[Axis, ...]:
    """The axes that a term names, each declared in the frame. Raises E011 and E022."""
    return tuple(frame.axis(name) for name in names_of(term))


def found_in(
    frame: Frame, term: tree.AxisTerm | tree.AxisSet | Iterable[tree.AxisTerm], type_: ValueType
) -> tuple[Axis, ...]:
    """The axes that a term names, each with its size in a value. Raises E011, E020, E022 and E023."""
    return tuple(frame.axis_in(name, type_) for name in names_of(term))
