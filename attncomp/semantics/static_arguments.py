"""The entries of braces as they are written, with the values of their options."""

from __future__ import annotations

from collections.abc import Sequence

from attncomp.semantics.scope import Frame
from attncomp.semantics.static import Static, Word
from attncomp.semantics.values import StaticArgument, Value
from attncomp.syntax import tree


def static_arguments(frame: Frame, statics: Sequence[tree.Static]) -> tuple[StaticArgument, ...]:
    """The entries of braces, with their options evaluated in the frame where they stand."""
    found = []
    for entry in statics:
        match entry:
            case tree.StaticAxis(term, span):
                found.append(StaticArgument("axis", span, term=term))
            case tree.StaticArrow(source, target, span):
                found.append(StaticArgument("arrow", span, term=source, target=target))
            case tree.StaticBinding(axis, value, span):
                found.append(
                    StaticArgument("binding", span, term=axis, target=_axis_term(value), value=_extent(frame, value))
                )
            case tree.StaticOption(name, value, span):
                found.append(
                    StaticArgument(
                        "option", span, name=name, target=_axis_term(value), value=option_value(frame, value)
                    )
                )
    return tuple(found)


def _axis_term(value: tree.Expression | tree.AxisGroup) -> tree.AxisTerm | None:
    if isinstance(value, tree.AxisGroup):
        return value
    return value.name if isinstance(value, tree.Reference) and value.statics is None else None


def _extent(frame: Frame, value: tree.Expression | tree.AxisGroup) -> Value | None:
    """What a binding is worth; a bare name that stands for no value is an axis."""
    if isinstance(value, tree.AxisGroup):
        return None
    if isinstance(value, tree.Reference) and value.statics is None and frame.lookup(value.name.text) is None:
        return None
    return frame.context.evaluate(frame, value)


def option_value(frame: Frame, value: tree.Expression) -> Value:
    """The value of an option; a bare name that stands for no value is a word."""
    if isinstance(value, tree.Reference) and value.statics is None and frame.lookup(value.name.text) is None:
        found = frame.file.find(value.name.text)
        return frame.context.evaluate(frame, value) if found else Static(Word(value.name.text))
    return frame.context.evaluate(frame, value)
