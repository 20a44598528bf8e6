"""Sizes as text, read back: the inverse of `str(Size)`."""

from __future__ import annotations

from attncomp.ir.sizes import Size
from attncomp.ir.text import Cursor


def read_size(text: str) -> Size:
    """The size that a text says: `2 * seq + 1`, `(height - 3) // 2 + 1`. Raises GraphTextError where it says none."""
    cursor = Cursor(text)
    size = size_at(cursor)
    if cursor.token.kind != "end":
        raise cursor.error(f"unexpected `{cursor.token.text}` after a size")
    return size


def size_at(cursor: Cursor) -> Size:
    """The size at a cursor: a sum of terms."""
    total = _term(cursor)
    while cursor.at("+") or cursor.at("-"):
        minus = cursor.next().text == "-"
        term = _term(cursor)
        total = total - term if minus else total + term
    return total


def _term(cursor: Cursor) -> Size:
    value = _factor(cursor)
    while cursor.at("*") or cursor.at("/") or cursor.at("//"):
        sign = cursor.next().text
        factor = _factor(cursor)
        if sign == "*":
            value = value * factor
            continue
        try:
            value = value.exactly(factor) if sign == "/" else value // factor
        except (ValueError, ZeroDivisionError) as error:
            raise cursor.error(str(error)) from None
    return value


def _factor(cursor: Cursor) -> Size:
    if cursor.take("-"):
        return -_factor(cursor)
    if cursor.take("("):
        size = size_at(cursor)
        cursor.expect(")")
        return size
    if cursor.token.kind == "whole":
        return Size.of(int(cursor.next().text))
    return Size.symbol(cursor.name("a size"))
