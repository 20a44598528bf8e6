"""What an expression means: one function for each kind of expression, and the table that chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attncomp.diagnostics.core import DiagnosticError, fail
from attncomp.diagnostics.suggest import did_you_mean
from attncomp.ir.sizes import Size
from attncomp.semantics import arithmetic, axes, calls, operators, subscripts
from attncomp.semantics.context import placed
from attncomp.semantics.scope import Frame
from attncomp.semantics.static import Static, Word, kind
from attncomp.semantics.values import BlockValue, FunctionValue, Poison, Poisoned, Tensor, Value
from attncomp.syntax import tree

LIST_LIMIT = 1000


def evaluate(frame: Frame, expression: tree.Expression) -> Value:
    """The value of an expression in a frame. Raises DiagnosticError, or Poisoned where the mistake is known already."""
    frame.context.step(expression.span)
    try:
        value = _EVALUATORS[type(expression)](frame, expression)
    except DiagnosticError as error:
        raise placed(error, expression.span) from None
    if isinstance(value, Poison):
        raise Poisoned
    return value


def _number(frame: Frame, expression: tree.Number) -> Value:
    value = expression.value
    return Static(Size.of(value) if isinstance(value, int) else value)


def _string(frame: Frame, expression: tree.String) -> Value:
    return Static(Word(expression.value))


def _constant(frame: Frame, expression: tree.Constant) -> Value:
    return Static({"inf": float("inf"), "none": None, "true": True, "false": False}[expression.name])


def _list(frame: Frame, expression: tree.ListLiteral) -> Value:
    items = []
    for item in expression.items:
        value = evaluate(frame, item)
        if not isinstance(value, Static):
            raise fail(
                "E043",
                "a list holds static values, not tensors",
                item.span,
                help="join tensors with `stack{axis}(a, b)` or `concat{axis}(a, b)`",
            )
        items.append(value)
    found = Static(tuple(items))
    if found.leaves > LIST_LIMIT:
        raise fail("E033", f"this list holds more than {LIST_LIMIT} values", expression.span)
    return found


def _size_of(frame: Frame, expression: tree.SizeOf) -> Value:
    if expression.value is None:
        return Static(frame.axis(expression.axis).size)
    value = frame.lookup(expression.value.text)
    if isinstance(value, Poison):
        raise Poisoned
    if not isinstance(value, Tensor):
        raise fail(
            "E010",
            f"there is no tensor `{expression.value.text}` here",
            expression.value.span,
            help=did_you_mean(expression.value.text, frame.visible()),
        )
    return Static(frame.axis_in(expression.axis, frame.context.type(value.node)).size)


def _reference(frame: Frame, expression: tree.Reference) -> Value:
    name = expression.name.text
    value = frame.lookup(name)
    if expression.statics is not None:
        return calls.source(frame, expression, value)
    if isinstance(value, Static) and isinstance(value.value, Word) and (found := named(frame, value.value.text)):
        return found
    if value is not None:
        return value
    found = named(frame, name)
    if found is not None:
        return found
    if name in operators.OPERATORS:
        raise fail("E043", f"`{name}` is an operator, not a value", expression.span, help=f"apply it: `{name}(x)`")
    axis_hint = f"`{name}` is an axis; its size is `|{name}|`" if frame.find_axis(name) else ""
    raise fail(
        "E010",
        f"there is no value `{name}` here",
        expression.span,
        help=axis_hint or did_you_mean(name, frame.visible()),
    )


def named(frame: Frame, name: str) -> Value | None:
    """The block or function that the file of a frame knows by this name."""
    found = frame.file.find(name)
    if found is None:
        return None
    file, declaration = found
    match declaration:
        case tree.Function():
            return FunctionValue(declaration, file)
        case tree.Block():
            return BlockValue(declaration, file)
        case _:
            return None


def _unary(frame: Frame, expression: tree.Unary) -> Value:
    value = evaluate(frame, expression.operand)
    if expression.operator == "-":
        if isinstance(value, Static):
            return arithmetic.static_negate(value, expression.span)
        return _pointwise_unary(frame, "negate", value, expression)
    if isinstance(value, Static):
        if not isinstance(value.value, bool):
            raise fail("E043", f"`not` needs a truth value, and this is {kind(value)}", expression.operand.span)
        return Static(not value.value)
    return _pointwise_unary(frame, "logical_not", value, expression)


def _pointwise_unary(frame: Frame, operator: str, value: Value, expression: tree.Unary) -> Tensor:
    return arithmetic.pointwise(frame, operator, [value], [expression.operand.span], expression.span)


def _binary(frame: Frame, expression: tree.Binary) -> Value:
    left, right = _sides(frame, expression)
    if isinstance(left, Static) and isinstance(right, Static):
        return arithmetic.static_binary(expression.operator, left, right, expression.span, frame)
    return arithmetic.pointwise(
        frame,
        arithmetic.BINARY[expression.operator],
        [left, right],
        [expression.left.span, expression.right.span],
        expression.span,
    )


def _sides(frame: Frame, expression: tree.Binary) -> list[Value]:
    """The values of both sides; a bare unknown name beside `==` or `!=` is a word (`padding == same`)."""
    sides = [expression.left, expression.right]
    words = [_word(frame, side) if expression.operator in ("==", "!=") else None for side in sides]
    values = frame.context.evaluate_all(frame, [side for side, word in zip(sides, words, strict=True) if word is None])
    return [word if word is not None else values.pop(0) for word in words]


def _word(frame: Frame, expression: tree.Expression) -> Static | None:
    if not isinstance(expression, tree.Reference) or expression.statics is not None:
        return None
    value = frame.lookup(expression.name.text)
    if value is None:
        return Static(Word(expression.name.text))
    return value if isinstance(value, Static) and isinstance(value.value, Word) else None


def _contract(frame: Frame, expression: tree.Contract) -> Value:
    values = frame.context.evaluate_all(frame, [expression.left, expression.right])
    left = arithmetic.as_tensor(frame, values[0], expression.left.span)
    right = arithmetic.as_tensor(frame, values[1], expression.right.span)
    names = []
    for name in axes.names_of(expression.axes):
        resolved = [frame.axis_in(name, frame.context.type(side.node)).name for side in (left, right)]
        if resolved[0] not in names:
            names.append(resolved[0])
    if not names:
        raise fail("E041", "a product needs the axes it sums over", expression.axes.span, help="write `a @{key} b`")
    node = frame.context.add(
        frame,
        "contract",
        [left.node, right.node],
        expression.span,
        {"axes": tuple(names)},
        places=[expression.left.span, expression.right.span],
    )
    pending = arithmetic.consume(left, names, node).pending or arithmetic.consume(right, names, node).pending
    return Tensor(node, pending)


def _is_none(frame: Frame, expression: tree.IsNone) -> Value:
    value = evaluate(frame, expression.operand)
    return Static((isinstance(value, Static) and value.value is None) != expression.negated)


def _conditional(frame: Frame, expression: tree.Conditional) -> Value:
    condition = evaluate(frame, expression.condition)
    if not isinstance(condition, Static):
        raise fail(
            "E046",
            "the condition of `if` is a tensor, which is not known when compiling",
            expression.condition.span,
            help="choose element by element with `where(condition, a, b)`",
        )
    if not isinstance(condition.value, bool):
        raise fail(
            "E046",
            f"the condition of `if` is {kind(condition)}, not a truth value",
            expression.condition.span,
            help="compare it: `if size > 0 then …`",
        )
    return evaluate(frame, expression.consequent if condition.value else expression.alternative)


def _call(frame: Frame, expression: tree.Call) -> Value:
    return calls.call(frame, expression)


def _subscripted(frame: Frame, expression: tree.Subscripted) -> Value:
    return subscripts.subscript(frame, evaluate(frame, expression.value), expression)


_EVALUATORS: dict[type, Callable[[Frame, Any], Value]] = {
    tree.Number: _number,
    tree.String: _string,
    tree.Constant: _constant,
    tree.ListLiteral: _list,
    tree.SizeOf: _size_of,
    tree.Reference: _reference,
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Contract: _contract,
    tree.IsNone: _is_none,
    tree.Conditional: _conditional,
    tree.Call: _call,
    tree.Subscripted: _subscripted,
}
