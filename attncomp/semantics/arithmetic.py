"""Operators between values: exact on static values, pointwise on tensors, with the rule for broadcasting.

Pointwise operands broadcast by axis name. Where no operand has all the axes of the result, nobody has asked for that
result yet: it is pending until an ascription asks for it or an operator consumes one of the extra axes.
"""

from __future__ import annotations

import math
import operator as python_operator
from collections.abc import Callable, Iterable, Mapping, Sequence

from attncomp.diagnostics.core import DiagnosticError, Label, Span, fail
from attncomp.ir.graph import Attribute
from attncomp.ir.sizes import Size, provably_different
from attncomp.ir.types import DType
from attncomp.semantics.scope import Frame
from attncomp.semantics.static import Static, Word, describe, kind
from attncomp.semantics.values import (
    BlockValue,
    FunctionValue,
    Layer,
    Layers,
    Pending,
    Poison,
    Poisoned,
    Several,
    Tensor,
    Value,
)

BINARY = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "//": "floor_divide",
    "%": "modulo",
    "**": "power",
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "and": "logical_and",
    "or": "logical_or",
}
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "==": python_operator.eq,
    "!=": python_operator.ne,
    "<": python_operator.lt,
    "<=": python_operator.le,
    ">": python_operator.gt,
    ">=": python_operator.ge,
}
FLOAT_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": python_operator.add,
    "-": python_operator.sub,
    "*": python_operator.mul,
    "/": python_operator.truediv,
    "//": python_operator.floordiv,
    "%": python_operator.mod,
    "**": python_operator.pow,
}
EXPONENT_LIMIT = 64


# --- static values --------------------------------------------------------------------------------------------


def static_binary(symbol: str, left: Static, right: Static, span: Span, frame: Frame) -> Static:
    """`left symbol right` on static values. `/` between sizes is exact, or E031."""
    if symbol in ("and", "or"):
        if isinstance(left.value, bool) and isinstance(right.value, bool):
            return Static(left.value and right.value if symbol == "and" else left.value or right.value)
        raise fail("E043", f"`{symbol}` joins truth values, not {kind(left)} and {kind(right)}", span)
    if symbol in COMPARISONS:
        return Static(_compare(symbol, left, right, span))
    if isinstance(left.value, Size) and isinstance(right.value, Size):
        return Static(_size_arithmetic(symbol, left.value, right.value, span, frame))
    left_number, right_number = left.number, right.number
    if left_number is None or right_number is None:
        raise _not_numbers(symbol, left, right, span)
    return Static(_float_arithmetic(symbol, left_number, right_number, span))


def _float_arithmetic(symbol: str, left: float | int, right: float | int, span: Span) -> float:
    try:
        value = FLOAT_ARITHMETIC[symbol](float(left), float(right))
    except ZeroDivisionError:
        raise fail("E031", f"{left} is divided by zero", span) from None
    except OverflowError:
        raise fail("E033", "the result is too large for a number", span) from None
    if isinstance(value, complex):
        raise fail("E043", f"{left} has no power {right}: it is negative", span)
    return float(value)


def _not_numbers(symbol: str, left: Static, right: Static, span: Span) -> DiagnosticError:
    for side, other in ((left, right), (right, left)):
        if isinstance(side.value, Size) and side.number is None and isinstance(other.value, float):
            return fail(
                "E035",
                f"the size {side.value} is not known when compiling, so it has no exact product with a fraction",
                span,
                help="use whole numbers, or `//`",
            )
    odd = left if not isinstance(left.value, (Size, float)) else right
    help_ = "`if … then 1 else 0` makes a number of a truth value" if isinstance(odd.value, bool) else ""
    return fail("E043", f"`{symbol}` needs numbers, and this is {kind(odd)}", span, f"`{describe(odd)}`", help=help_)


def _compare(symbol: str, left: Static, right: Static, span: Span) -> bool:
    if isinstance(left.value, Size) and isinstance(right.value, Size):
        return _compare_sizes(symbol, left.value, right.value, span)
    left_number, right_number = left.number, right.number
    if left_number is not None and right_number is not None:
        return COMPARISONS[symbol](left_number, right_number)
    if symbol in ("==", "!="):
        return (left == right) == (symbol == "==")
    raise fail("E043", f"`{symbol}` compares numbers, not {kind(left)} and {kind(right)}", span)


def _compare_sizes(symbol: str, left: Size, right: Size, span: Span) -> bool:
    difference = (left - right).constant
    if difference is not None:
        return COMPARISONS[symbol](difference, 0)
    raise fail(
        "E046",
        f"whether {left} {symbol} {right} is not known when compiling",
        span,
        help="a condition is decided when compiling: it can read options and known sizes",
    )


def _size_arithmetic(symbol: str, left: Size, right: Size, span: Span, frame: Frame) -> Size | float:
    match symbol:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/" | "//" | "%" if right.constant == 0:
            raise fail("E031", f"{left} is divided by zero", span)
        case "//" | "%":
            if right.constant is None:
                frame.context.bound(Size.of(1), right, span)
            return left // right if symbol == "//" else left % right
        case "/":
            return _exact_quotient(left, right, span, frame)
        case _:
            return _power(left, right, span)


def _exact_quotient(left: Size, right: Size, span: Span, frame: Frame) -> Size:
    if left.divides_evenly(right) is False:
        raise fail(
            "E031",
            f"{left} does not divide by {right}",
            span,
            f"{left} / {right} leaves a remainder",
            secondary=uses(frame),
            help="choose sizes that divide, or write `//` to round down",
        )
    quotient = left.exactly(right)
    frame.context.equate(left, (left // right) * right, span)
    return quotient


def uses(frame: Frame) -> tuple[Label, ...]:
    """The innermost use that is being elaborated, and the outermost: that in the user's own model."""
    calls = frame.context.calls
    shown = calls if len(calls) < 2 else (calls[-1], calls[0])
    return tuple(Label(use.span, f"in this use of `{use.name}`") for use in shown)


def _power(base: Size, exponent: Size, span: Span) -> Size | float:
    power = exponent.constant
    if power is None:
        raise fail("E035", f"the exponent {exponent} is not known when compiling", span)
    if power < 0 and base.constant is not None:
        return _float_arithmetic("**", base.constant, power, span)
    if not 0 <= power <= EXPONENT_LIMIT:
        raise fail("E033", f"the exponent {power} is too large for a size", span)
    return base**power


def static_negate(value: Static, span: Span) -> Static:
    """`-value`."""
    if isinstance(value.value, Size):
        return Static(-value.value)
    if isinstance(value.value, float):
        return Static(-value.value)
    raise fail("E043", f"`-` needs a number, and this is {kind(value)}", span)


FUNCTIONS: Mapping[str, Callable[[float], float]] = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
    "tanh": math.tanh,
    "erf": math.erf,
    "rsqrt": lambda x: 1 / math.sqrt(x),
}


def static_function(name: str, value: Static, span: Span) -> Static | None:
    """A pointwise function of a known number, or None where it is not known or the function is none for numbers."""
    number = value.number
    if number is None:
        return None
    if name == "abs":
        return Static(Size.of(abs(number)) if isinstance(number, int) else abs(number))
    if name not in FUNCTIONS:
        return None
    try:
        return Static(FUNCTIONS[name](float(number)))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise fail("E043", f"`{name}({describe(value)})` is not a number", span) from None


# --- tensors --------------------------------------------------------------------------------------------------


def as_tensor(frame: Frame, value: Value, span: Span, dtype: DType | None = None) -> Tensor:
    """A value as a tensor; a static number becomes a constant of `dtype`, or of its own kind where none is given."""
    match value:
        case Tensor():
            return value
        case Static():
            return Tensor(_constant(frame, value, span, dtype))
        case Poison():
            raise Poisoned
        case Several(values):
            raise fail(
                "E042",
                f"this has {len(values)} results where one value is needed",
                span,
                help="unpack them first: `a, b = …`",
            )
        case Layers(items):
            raise fail(
                "E043",
                f"these are {len(items)} layers, not a value",
                span,
                help="call them one by one: `for block in blocks { x = block(x) }`",
            )
        case Layer():
            raise fail("E043", "this is a layer, not a value", span, help="call it, with its input in parentheses")
        case BlockValue(declaration):
            name = declaration.name.text
            help_ = f"make a layer of it and call that: `layer {name.lower()} = {name}`, `{name.lower()}(x)`"
            raise fail("E043", "this is a block, not a value", span, help=help_)
        case FunctionValue():
            raise fail("E043", "this is a function, not a value", span, help="call it: `f(x)`")


def _constant(frame: Frame, value: Static, span: Span, dtype: DType | None) -> int:
    context = frame.context
    match value.value:
        case bool():
            return context.constant(frame, value.value, DType.BOOL, span)
        case Size() as size:
            own = dtype if dtype is not None and dtype is not DType.BOOL else DType.I64
            if size.constant is not None:
                if abs(size.constant) >= 2**63:
                    raise fail("E033", f"the number {size} does not fit in 64 bits", span)
                return context.constant(frame, size.constant, own, span)
            return context.add(frame, "size", (), span, {"size": size, "dtype": own})
        case float():
            return context.constant(frame, value.value, dtype if dtype and dtype.is_float else DType.F32, span)
        case None:
            raise fail(
                "E043",
                "this is none, where a value is needed",
                span,
                help="decide first: `if mask is none then … else …`",
            )
        case Word(text):
            raise fail("E010", f"there is no value `{text}` here", span)
        case _:
            raise fail("E043", f"this is {kind(value)}, where a tensor is needed", span)


def tensors(frame: Frame, values: Sequence[Value], spans: Sequence[Span]) -> list[Tensor]:
    """Operands of a pointwise operator: numbers take the dtype of their partners."""
    known = [frame.context.type(value.node).dtype for value in values if isinstance(value, Tensor)]
    dtype = max(known, key=lambda d: (d.is_float, d.is_integer)) if known else None
    return [as_tensor(frame, value, span, dtype) for value, span in zip(values, spans, strict=True)]


def pointwise(
    frame: Frame,
    operator: str,
    values: Sequence[Value],
    spans: Sequence[Span],
    span: Span,
    attributes: Mapping[str, Attribute] | None = None,
) -> Tensor:
    """A pointwise operator on values, with the broadcasting rule."""
    operands = tensors(frame, values, spans)
    if operator == "power":
        _check_power(frame, operands[0], values[1], span)
    _check_sizes(frame, operands, spans, span)
    node = frame.context.add(frame, operator, [operand.node for operand in operands], span, attributes, places=spans)
    return Tensor(node, _broadcast(frame, operands, span))


def _check_power(frame: Frame, base: Tensor, exponent: Value, span: Span) -> None:
    """Raises E045 for a whole number with a negative power, which is no whole number."""
    power = exponent.number if isinstance(exponent, Static) else None
    if isinstance(power, int) and power < 0 and not frame.context.type(base.node).dtype.is_float:
        help_ = f"write `1 / x ** {-power}`, or convert it: `cast{{f32}}(x) ** {power}`"
        raise fail("E045", f"a whole number has no power {power} among the whole numbers", span, help=help_)


def where(frame: Frame, values: Sequence[Value], spans: Sequence[Span], span: Span) -> Tensor:
    """`where(condition, a, b)`: a number takes the dtype of the other choice."""
    condition = as_tensor(frame, values[0], spans[0])
    choices = tensors(frame, values[1:], spans[1:])
    operands = [condition, *choices]
    _check_sizes(frame, operands, spans, span)
    node = frame.context.add(frame, "where", [operand.node for operand in operands], span, places=spans)
    return Tensor(node, _broadcast(frame, operands, span))


def _check_sizes(frame: Frame, operands: Sequence[Tensor], spans: Sequence[Span], span: Span) -> None:
    """Raises E030 with both operands labelled where one axis has two sizes."""
    known: dict[str, tuple[Size, Span]] = {}
    for operand, place in zip(operands, spans, strict=True):
        for axis in frame.context.type(operand.node).axes:
            first = known.setdefault(axis.name, (axis.size, place))
            if provably_different(first[0], axis.size):
                name = frame.show(axis.name)
                raise fail(
                    "E030",
                    f"two sizes for the axis `{name}`: {first[0]} and {axis.size}",
                    place,
                    f"`{name}` is {axis.size} here",
                    secondary=(Label(first[1], f"`{name}` is {first[0]} here"),),
                    help=f"if they are different axes, rename one: `x[{name} -> …]`",
                )


def own_axes(frame: Frame, node: int) -> tuple[str, ...]:
    """The axes of a node that are not riders of this frame, in reading order."""
    return tuple(name for name in frame.context.type(node).names if name not in frame.riders)


def _broadcast(frame: Frame, operands: Sequence[Tensor], span: Span) -> Pending | None:
    lists = [own_axes(frame, operand.node) for operand in operands]
    union = dict.fromkeys(axis for axes in lists for axis in axes)
    full = [operand for operand, axes in zip(operands, lists, strict=True) if len(axes) == len(union)]
    if full:
        settled = any(operand.pending is None for operand in full)
        return None if settled else full[0].pending
    parts = [axes for axes in lists if axes]
    shared = frozenset[str].intersection(*map(frozenset, parts))
    text = " and ".join(frame.axis_text(axes) for axes in parts)
    pending = next((operand.pending for operand in operands if operand.pending), None)
    extra = frozenset(union) - shared | (pending.extra if pending else frozenset())
    return Pending(extra, span, f"{text} broadcast to {frame.axis_text(union)}, which nothing here asks for")


def consume(value: Tensor, axes: Iterable[str], node: int) -> Tensor:
    """The result of an operator that consumed `axes` of `value`: settles a pending broadcast over one of them."""
    pending = value.pending
    return Tensor(node, None if pending is None or pending.extra & set(axes) else pending)


def settle(frame: Frame, value: Value, what: str) -> None:
    """Raises E024 where `value` is a broadcast that nothing has asked for."""
    if isinstance(value, Tensor) and value.pending is not None:
        pending = value.pending
        axes = frame.axis_text(own_axes(frame, value.node))
        raise fail(
            "E024",
            pending.message,
            pending.span,
            help=f"if you mean it, say so: `{what}: {axes} = …`; if not, rename an axis so that they meet",
        )
