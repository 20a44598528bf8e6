"""Static values: what is known when compiling, such as options and sizes."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Union

from attncomp.ir.sizes import Size

# What a user may give for an option, from the command line or from Python. A string is a word (`same`, `gelu`).
StaticValue = Union[bool, int, float, str, None, Sequence["StaticValue"]]


@dataclass(frozen=True)
class Word:
    """A bare name that stands for itself (`padding = same`), or for a function or block (`activation = gelu`)."""

    text: str


@dataclass(frozen=True)
class Static:
    """A value known when compiling: a truth value, a size (any whole number), a number, a word, none, a list."""

    value: bool | Size | float | Word | tuple[Static, ...] | None

    @cached_property
    def leaves(self) -> int:
        """How many values this is, those in lists inside of lists counted each."""
        return sum(item.leaves for item in self.value) if isinstance(self.value, tuple) else 1

    @property
    def whole(self) -> int | None:
        """The whole number that this value is, else None."""
        return self.value.constant if isinstance(self.value, Size) else None

    @property
    def number(self) -> float | int | None:
        """The number that this value is, else None; a size that depends on a symbol is no number yet."""
        if isinstance(self.value, Size):
            return self.value.constant
        return self.value if isinstance(self.value, float) else None


def static(value: StaticValue | Size) -> Static:
    """A user's value as a static one, NumPy's numbers included. Raises TypeError for any other object."""
    if isinstance(value, bool) or value is None:
        return Static(value)
    if isinstance(value, Size):
        return Static(value)
    if isinstance(value, numbers.Integral):
        return Static(Size.of(int(value)))
    if isinstance(value, str):
        return Static(Word(value))
    if isinstance(value, Sequence):
        return Static(tuple(map(static, value)))
    if isinstance(value, numbers.Real):
        return Static(float(value))
    raise TypeError(f"an option is a number, a truth value, a string, None or a list of these, not {value!r}")


def kind(value: Static) -> str:
    """The kind of a static value in the words of the messages."""
    match value.value:
        case bool():
            return "a truth value"
        case Size():
            return "a whole number"
        case float():
            return "a number"
        case Word():
            return "a word"
        case None:
            return "none"
        case _:
            return "a list"


def describe(value: Static) -> str:
    """A static value as a user would write it."""
    match value.value:
        case bool():
            return "true" if value.value else "false"
        case Word(text):
            return text
        case None:
            return "none"
        case tuple():
            return "[" + ", ".join(map(describe, value.value)) + "]"
        case _:
            return str(value.value)


def fits(value: Static, default: Static) -> bool:
    """Whether an option with this default takes the value: the same kind, or a whole number where a number is asked."""
    if default.value is None or value.value is None:
        return True
    if isinstance(default.value, float):
        return isinstance(value.value, float) or value.whole is not None
    if isinstance(default.value, tuple):
        return isinstance(value.value, (tuple, Size))
    if isinstance(default.value, Size):
        return isinstance(value.value, (Size, tuple))
    return type(value.value) is type(default.value)
