"""Python expressions as text that knows how tightly it binds."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


class Precedence(enum.IntEnum):
    """How tightly an expression binds, loosest first, as in the Python reference."""

    CONDITIONAL = 0
    OR = 1
    AND = 2
    NOT = 3
    COMPARE = 4
    BIT_OR = 5
    BIT_XOR = 6
    BIT_AND = 7
    SHIFT = 8
    SUM = 9
    PRODUCT = 10
    UNARY = 11
    ATOM = 12


@dataclass(frozen=True)
class Expression:
    """The text of an expression on one line; `operations` counts what is inlined in it."""

    text: str
    precedence: Precedence = Precedence.ATOM
    operations: int = 0

    def within(self, precedence: Precedence) -> str:
        """The text as an operand of an operator that binds with `precedence`: in parentheses where it binds less."""
        return self.text if self.precedence >= precedence else f"({self.text})"


Argument = Expression | str

_BINARY: Mapping[str, Precedence] = {
    "or": Precedence.OR,
    "and": Precedence.AND,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), Precedence.COMPARE),
    "|": Precedence.BIT_OR,
    "^": Precedence.BIT_XOR,
    "&": Precedence.BIT_AND,
    **dict.fromkeys(("+", "-"), Precedence.SUM),
    **dict.fromkeys(("*", "/", "//", "%", "@"), Precedence.PRODUCT),
}


def text_of(argument: Argument) -> str:
    """The text of an argument."""
    return argument.text if isinstance(argument, Expression) else argument


def call(function: str, *arguments: Argument, **keywords: Argument | None) -> Expression:
    """`function(arguments, keyword=…)`; a keyword whose value is None is left out."""
    texts = [text_of(argument) for argument in arguments]
    texts += [f"{keyword}={text_of(value)}" for keyword, value in keywords.items() if value is not None]
    return Expression(f"{function}({', '.join(texts)})")


def method(target: Expression, name: str, *arguments: Argument, **keywords: Argument | None) -> Expression:
    """`target.name(arguments, keyword=…)`."""
    return call(f"{target.within(Precedence.ATOM)}.{name}", *arguments, **keywords)


def attribute(target: Expression, name: str) -> Expression:
    """`target.name`."""
    return Expression(f"{target.within(Precedence.ATOM)}.{name}")


def binary(operator: str, left: Expression, right: Expression) -> Expression:
    """`left operator right`; comparisons are not chained, and what is on the right of an equal is parenthesised."""
    precedence = _BINARY[operator]
    tighter = Precedence(precedence + 1)
    on_left = tighter if precedence is Precedence.COMPARE else precedence
    return Expression(f"{left.within(on_left)} {operator} {right.within(tighter)}", precedence)


def unary(operator: str, operand: Expression) -> Expression:
    """`-operand` or `~operand`; of a negation in parentheses, so that no `--` is written."""
    return Expression(f"{operator}{operand.within(Precedence.ATOM)}", Precedence.UNARY)


def number(value: bool | int | float, infinity: str = "math.inf", nan: str = "math.nan") -> Expression:
    """A literal. Infinities and NaN have no literal: their texts are given."""
    if isinstance(value, float) and not math.isfinite(value):
        text = nan if math.isnan(value) else infinity if value > 0 else f"-{infinity}"
    else:
        text = repr(value)
    return Expression(text, Precedence.UNARY if text.startswith("-") else Precedence.ATOM)


def tuple_text(items: Iterable[Argument]) -> str:
    """`()`, `(a,)`, `(a, b)`."""
    texts = [text_of(item) for item in items]
    return f"({texts[0]},)" if len(texts) == 1 else f"({', '.join(texts)})"


def slice_text(start: str = "", stop: str = "", step: str = "") -> str:
    """`start:stop:step`, with spaces around the colon where a part is more than a name or a number."""
    parts = [start, stop] + ([step] if step else [])
    plain = all(not part or part.lstrip("-").isalnum() or part.isidentifier() for part in parts)
    if plain:
        return ":".join(parts)
    text = f"{start} :" if start else ":"
    for position, part in enumerate(parts[1:]):
        last = position == len(parts) - 2
        text += (f" {part}" if part else "") + ("" if last else (" :" if part else ":"))
    return text


def subscript(target: Expression, indices: Sequence[Argument]) -> Expression:
    """`target[indices]`."""
    inner = ", ".join(text_of(index) for index in indices)
    return Expression(f"{target.within(Precedence.ATOM)}[{inner}]")
