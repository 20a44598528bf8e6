"""Statements as lines that `ruff format --line-length 100` leaves as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attncomp.emission.expressions import Expression, Precedence

LINE_LENGTH = 100
INDENT = "    "

_OPEN = {"(": ")", "[": "]", "{": "}"}

# Binary operators by how loosely they bind, loosest first: a line is broken before those of one kind.
_OPERATORS = (
    (" or ",),
    (" and ",),
    (" == ", " != ", " < ", " <= ", " > ", " >= "),
    (" | ",),
    (" & ",),
    (" + ", " - "),
    (" * ", " / ", " // ", " % ", " @ "),
)


def fits(line: str) -> bool:
    """Whether a line is within the limit."""
    return len(line) <= LINE_LENGTH


def statement(prefix: str, expression: Expression, depth: int, comment: str = "") -> list[str]:
    """`prefix` and an expression (`x = …`, `return …`), broken where too long; a comment only where it fits."""
    line = INDENT * depth + prefix + expression.text
    if comment and fits(f"{line}  # {comment}"):
        return [f"{line}  # {comment}"]
    if fits(line):
        return [line]
    opening = _last_opening(expression.text) if expression.precedence is Precedence.ATOM else None
    if opening is not None:
        return bracketed(prefix + expression.text[: opening + 1], expression.text[opening + 1 : -1], depth)
    return [
        f"{INDENT * depth}{prefix}(",
        *_operands(expression.text, depth + 1),
        f"{INDENT * depth})",
    ]


def bracketed(opening: str, inner: str, depth: int, closing: str = "", *, explode: bool = False) -> list[str]:
    """Brackets that end a line and start one: their content on a line of its own, else an item a line.

    `closing` follows the closing bracket; `explode` puts an item on a line in any case, as for tuples and dicts.
    """
    end = f"{INDENT * depth}{_OPEN[opening[-1]]}{closing}"
    content = INDENT * (depth + 1) + inner
    if fits(content) and not explode:
        return [INDENT * depth + opening, content, end]
    lines = [INDENT * depth + opening]
    items = split_top_level(inner)
    clauses = _split(inner, lambda place: inner.startswith(" for ", place), drop=0)
    if len(clauses) > 1:
        return [*lines, *(INDENT * (depth + 1) + clause for clause in clauses), end]
    if len(items) == 1 and opening[-1] == "[" and _is_call(opening):
        return [*lines, content, end]
    for item in items:
        lines += _item(item, depth + 1)
    return [*lines, end]


def definition(name: str, parameters: Sequence[str], result: str, depth: int = 0) -> list[str]:
    """`def name(parameters) -> result:`."""
    line = f"{INDENT * depth}def {name}({', '.join(parameters)}) -> {result}:"
    if fits(line):
        return [line]
    return bracketed(f"def {name}(", ", ".join(parameters), depth, f" -> {result}:")


def entry(prefix: str, value: str, depth: int) -> list[str]:
    """An item of a bracket that has an item a line: `prefix value,`."""
    return _item(prefix + value, depth)


def _item(item: str, depth: int) -> list[str]:
    line = f"{INDENT * depth}{item},"
    opening = _last_opening(item)
    if fits(line) or opening is None:
        return [line]
    start = item[: opening + 1]
    return bracketed(start, item[opening + 1 : -1], depth, ",", explode=not _is_call(start))


def _is_call(opening: str) -> bool:
    """Whether a text that ends in an opening bracket calls or subscripts what is before it."""
    return len(opening) > 1 and (opening[-2].isalnum() or opening[-2] in "_)]")


def _operands(text: str, depth: int) -> list[str]:
    if fits(INDENT * depth + text):
        return [INDENT * depth + text]
    return [INDENT * depth + part for part in _split_operators(text)]


def _last_opening(text: str) -> int | None:
    """The place of the bracket that the last character closes, where it holds something; no other bracket before it."""
    if not text or text[-1] not in ")]}":
        return None
    stack: list[int] = []
    opening = None
    for place, character in _code(text):
        if character in _OPEN:
            stack.append(place)
        elif character in ")]}":
            opening = stack.pop()
            if place != len(text) - 1 and not stack:
                return None
    return opening if opening is not None and opening < len(text) - 2 else None


def split_top_level(text: str) -> list[str]:
    """`text` at its commas outside of brackets and strings."""
    return _split(text, lambda place: text[place] == ",", drop=1)


def _split_operators(text: str) -> list[str]:
    loosest = next(
        (ops for ops in _OPERATORS if any(text.startswith(op, place) for place, _ in _outside(text) for op in ops)),
        (),
    )
    return _split(text, lambda place: any(text.startswith(op, place) for op in loosest), drop=0)


def _split(text: str, breaks: Callable[[int], bool], drop: int) -> list[str]:
    parts, start = [], 0
    for place, _ in _outside(text):
        if breaks(place):
            parts.append(text[start:place].strip())
            start = place + drop
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def _outside(text: str) -> list[tuple[int, str]]:
    """The characters outside of brackets and strings."""
    found, nested = [], 0
    for place, character in _code(text):
        if character in _OPEN:
            nested += 1
        elif character in ")]}":
            nested -= 1
        elif not nested:
            found.append((place, character))
    return found


def _code(text: str) -> list[tuple[int, str]]:
    """The characters outside of strings; every string of emitted text is in double quotes."""
    found, inside, escaped = [], False, False
    for place, character in enumerate(text):
        if inside:
            if not escaped and character == '"':
                inside = False
            escaped = character == "\\" and not escaped
        elif character == '"':
            inside = True
        else:
            found.append((place, character))
    return found
