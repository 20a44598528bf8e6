"""Where a space stands between two lexemes of one line."""

from __future__ import annotations

from collections.abc import Sequence

from attncomp.syntax.lexeme import OPENERS, OPERAND_ENDS, Lexeme

_NONE_AFTER = frozenset({"LPAR", "LSQB", "LBRACE", "DOT", "RANGE", "AT"})
_NONE_BEFORE = frozenset({"RPAR", "RSQB", "RBRACE", "COMMA", "COLON", "DOT", "RANGE"})


def spaces(lexemes: Sequence[Lexeme]) -> list[bool]:
    """For each lexeme, whether a space stands before it in its line. Braces of bodies are not treated here."""
    result: list[bool] = []
    inside_size = False
    for position, lexeme in enumerate(lexemes):
        before = lexemes[position - 1] if position else None
        apart = before is not None and not inside_size and not _is_prefix(lexemes, position - 1)
        between = before is not None and (_between(before, lexeme) or ends_contraction(lexemes, position - 1))
        result.append(apart and between)
        inside_size = inside_size != (lexeme.type == "VBAR")
    return result


def is_binary_minus(lexemes: Sequence[Lexeme], position: int) -> bool:
    """Whether the `-` at `position` has an operand on its left."""
    return position > 0 and lexemes[position - 1].type in OPERAND_ENDS and not ends_contraction(lexemes, position - 1)


def ends_contraction(lexemes: Sequence[Lexeme], position: int) -> bool:
    """Whether this is the brace that closes the axes of `a @{k} b`: an operand follows it."""
    if lexemes[position].type != "RBRACE":
        return False
    while position > 0 and lexemes[position].type != "LBRACE":
        position -= 1
    return position > 0 and lexemes[position - 1].type == "AT"


def _is_prefix(lexemes: Sequence[Lexeme], position: int) -> bool:
    return lexemes[position].type == "MINUS" and not is_binary_minus(lexemes, position)


def _between(before: Lexeme, lexeme: Lexeme) -> bool:
    if lexeme.type == "RANGE":
        return before.type == "EQUAL"
    if before.type in _NONE_AFTER or lexeme.type in _NONE_BEFORE:
        return False
    postfix = lexeme.type in ("LPAR", "LSQB", "LBRACE")
    return not (postfix and (before.type in OPENERS or before.type in ("NAME", "DTYPE")))
