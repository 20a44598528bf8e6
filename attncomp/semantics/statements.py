"""Statements: the body of a model or block, one after another; a mistake in one does not hide those in the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attncomp.diagnostics.core import DiagnosticError, Label, fail
from attncomp.ir.sizes import Size
from attncomp.semantics import arithmetic, axes, declarations, results
from attncomp.semantics.scope import Frame
from attncomp.semantics.static import Static
from attncomp.semantics.values import (
    Layers,
    Poison,
    Poisoned,
    Several,
    Tensor,
    Value,
)
from attncomp.syntax import tree


class Returned(Exception):
    """Carries the values of a `return` out of the statements around it."""

    def __init__(self, statement: tree.ReturnStatement, values: tuple[Value, ...]) -> None:
        self.statement, self.values = statement, values


def run(frame: Frame, declaration: tree.Block) -> tuple[Value, ...]:
    """Elaborates the body of a block; its results, checked against `->`, or poison where there is a mistake."""
    values: list[Value] = []
    for output, (value, expression) in zip(declaration.outputs, returned(frame, declaration), strict=True):
        values.append(value if expression is None else checked(frame, value, expression, output))
    return tuple(values)


def checked(frame: Frame, value: Value, expression: tree.Expression, output: tree.Output) -> Value:
    """A returned value with the axes that `->` says, or poison after a report."""
    try:
        return results.check_result(frame, output, arithmetic.as_tensor(frame, value, expression.span), expression.span)
    except DiagnosticError as error:
        _report(frame, [error])
    except Poisoned:
        pass
    return Poison()


def returned(frame: Frame, declaration: tree.Block | tree.Model) -> list[tuple[Value, tree.Expression | None]]:
    """Elaborates a body; for each output what is returned and where it stands, or poison after a report."""
    count = len(declaration.outputs)
    try:
        _statements(frame, declaration.body)
    except Returned as result:
        values, statement = result.values, result.statement
        if len(values) == count:
            spread = statement.values if len(statement.values) == count else statement.values * count
            return list(zip(values, spread, strict=True))
        if any(isinstance(value, Poison) for value in values):
            return [(Poison(), None)] * count
        _report(
            frame,
            [
                fail(
                    "E021",
                    f"`->` says {_results(count)}, and {_results(len(values))} "
                    f"{'is' if len(values) == 1 else 'are'} returned",
                    statement.span,
                    secondary=(Label(declaration.name.span, "declared here"),),
                    help="return as many values as `->` names: `return a, b`" if count > 1 else "return one value",
                )
            ],
        )
    else:
        _report(
            frame,
            [
                fail(
                    "E021",
                    f"`{declaration.name.text}` returns nothing",
                    declaration.name.span,
                    help="end the body with `return …`",
                )
            ],
        )
    return [(Poison(), None)] * count


def _results(count: int) -> str:
    return "one result" if count == 1 else f"{count} results"


def _report(frame: Frame, errors: Sequence[DiagnosticError]) -> None:
    for error in errors:
        frame.context.report(error.diagnostics)


def _statements(frame: Frame, body: Sequence[tree.Statement]) -> None:
    for statement in body:
        try:
            _EXECUTORS[type(statement)](frame, statement)
        except (DiagnosticError, Poisoned) as error:
            if isinstance(error, DiagnosticError):
                _report(frame, [error])
            for name in _assigned(statement):
                frame.values[name.text] = Poison()


def _assigned(statement: tree.Statement) -> tuple[tree.Name, ...]:
    """The names that a statement would have defined."""
    match statement:
        case tree.LetStatement(names):
            return names
        case tree.LayerStatement(name) | tree.ParameterStatement(name):
            return (name,)
        case tree.ForStatement(_, _, _, body):
            return tuple(name for inner in body for name in _assigned(inner))
        case tree.FuseStatement(_, inner):
            return _assigned(inner)
        case _:
            return ()


# --- statements that compute ----------------------------------------------------------------------------------


def _let(frame: Frame, statement: tree.LetStatement) -> None:
    value = frame.context.evaluate(frame, statement.value)
    if len(statement.names) > 1:
        _unpack(frame, statement, value)
        return
    name = statement.names[0]
    if statement.ascription is not None:
        value = _ascribed(
            frame, statement.ascription, arithmetic.as_tensor(frame, value, statement.value.span), statement
        )
    else:
        arithmetic.settle(frame, value, name.text)
    if isinstance(value, Several):
        raise fail(
            "E042", f"this has {len(value.values)} results for one name", statement.span, help="unpack them: `a, b = …`"
        )
    _name_node(frame, value, name.text)
    frame.define(name, value)


def _unpack(frame: Frame, statement: tree.LetStatement, value: Value) -> None:
    count = len(value.values) if isinstance(value, Several) else 1
    if not isinstance(value, Several) or count != len(statement.names):
        raise fail(
            "E042" if count > len(statement.names) else "E041",
            f"{len(statement.names)} names for {count} {'result' if count == 1 else 'results'}",
            statement.span,
            help="write one name for each: `" + ", ".join("abcdefgh"[:count]) + " = …`" if count <= 8 else "",
        )
    for name, item in zip(statement.names, value.values, strict=True):
        _name_node(frame, item, name.text)
        frame.define(name, item)


def _name_node(frame: Frame, value: Value, name: str) -> None:
    if isinstance(value, Tensor):
        node = frame.context.graph.node(value.node)
        if not node.name and node.operator not in ("input", "parameter"):
            frame.context.graph.update(value.node, name=name)


def _ascribed(frame: Frame, ascription: tree.AxisSet, value: Tensor, statement: tree.LetStatement) -> Tensor:
    wanted = [axis.name for axis in axes.declared(frame, ascription)]
    has = [name for name in frame.context.type(value.node).names if name not in frame.riders]
    if set(wanted) != set(has):
        raise fail(
            "E025",
            f"this has {frame.axis_text(has)}, not {frame.axis_text(wanted)}",
            statement.value.span,
            secondary=(Label(ascription.span, "stated here"),),
            help=results.result_help(frame, wanted, has),
        )
    return Tensor(value.node)


def _for(frame: Frame, statement: tree.ForStatement) -> None:
    for value in _iterated(frame, statement):
        frame.context.step(statement.span)
        frame.values[statement.variable.text] = value
        _statements(frame, statement.body)
    frame.values.pop(statement.variable.text, None)


def _iterated(frame: Frame, statement: tree.ForStatement) -> Sequence[Value]:
    if statement.stop is not None:
        start, stop = declarations.bound(frame, statement.start), declarations.bound(frame, statement.stop)
        if stop - start > declarations.REPEAT_LIMIT:
            raise fail("E033", f"{stop - start} rounds are more than {declarations.REPEAT_LIMIT}", statement.span)
        return [Static(Size.of(index)) for index in range(start, stop)]
    value = frame.context.evaluate(frame, statement.start)
    if isinstance(value, Layers):
        return value.items
    if isinstance(value, Static) and isinstance(value.value, tuple):
        return value.value
    raise fail("E043", "`for` runs through repeated layers, a list, or a range such as `0..12`", statement.start.span)


def _return(frame: Frame, statement: tree.ReturnStatement) -> None:
    values: list[Value] = []
    for expression in statement.values:
        try:
            value = frame.context.evaluate(frame, expression)
            values.extend(value.values if isinstance(value, Several) and len(statement.values) == 1 else (value,))
        except DiagnosticError as error:
            _report(frame, [error])
            values.append(Poison())
        except Poisoned:
            values.append(Poison())
    raise Returned(statement, tuple(values))


def _fuse(frame: Frame, statement: tree.FuseStatement) -> None:
    with frame.context.marked(statement.mark):
        _EXECUTORS[type(statement.statement)](frame, statement.statement)


_EXECUTORS: dict[type, Callable[[Frame, Any], None]] = {
    tree.AxisStatement: declarations.axis_statement,
    tree.ParameterStatement: declarations.parameter_statement,
    tree.LayerStatement: declarations.layer_statement,
    tree.Function: declarations.function_statement,
    tree.LetStatement: _let,
    tree.ForStatement: _for,
    tree.ReturnStatement: _return,
    tree.FuseStatement: _fuse,
}
