"""Slips that the grammar lets pass, or that can be mended on the spot: seen in the lexemes alone."""

from __future__ import annotations

from dataclasses import replace

from attncomp.diagnostics.core import Diagnostic, Label
from attncomp.syntax.lexeme import CLOSERS, Lexeme

_CAPITALS = {"True": "TRUE", "False": "FALSE", "None": "NONE"}

# Operators and layers whose axes or sizes stand in braces, and which a call must follow.
_BRACED = frozenset(
    {
        "sum",
        "mean",
        "max",
        "min",
        "var",
        "norm",
        "argmax",
        "softmax",
        "log_softmax",
        "cumsum",
        "concat",
        "stack",
        "flip",
    }
    | {"Linear", "Conv", "BatchNorm", "LayerNorm", "RMSNorm", "GroupNorm", "Embedding", "Dropout"}
)


def mend(lexemes: list[Lexeme]) -> tuple[list[Lexeme], list[Diagnostic]]:
    """The lexemes with `True`, `False` and `None` spelled as here, and every slip found."""
    found: list[Diagnostic] = []
    result: list[Lexeme] = []
    for position, lexeme in enumerate(lexemes):
        result.append(lexeme)
        if lexeme.type == "NAME" and lexeme.text in _CAPITALS:
            right = lexeme.text.lower()
            found.append(
                Diagnostic("E005", f"`{lexeme.text}` is written `{right}`", Label(lexeme.span), (), f"write `{right}`")
            )
            result[-1] = replace(lexeme, type=_CAPITALS[lexeme.text], text=right)
        elif lexeme.text == "lambda" and _beside_name(lexemes, position):
            help_ = "write `fn f(x) = …` in a statement of its own"
            found.append(Diagnostic("E005", "there is no `lambda`", Label(lexeme.span), (), help_))
        elif lexeme.text in ("==", "!=") and position + 1 < len(lexemes):
            found.extend(_compared_with_none(lexemes, position))
        elif lexeme.type == "NAME" and lexeme.text in _BRACED and position + 1 < len(lexemes):
            found.extend(_wrong_bracket(lexemes, position))
    return result, found


def _beside_name(lexemes: list[Lexeme], position: int) -> bool:
    following = lexemes[min(position + 1, len(lexemes) - 1)]
    return following.type == "NAME" and not following.first


def _compared_with_none(lexemes: list[Lexeme], position: int) -> list[Diagnostic]:
    following = lexemes[position + 1]
    if following.text not in ("none", "None"):
        return []
    sign = "is none" if lexemes[position].text == "==" else "is not none"
    span = lexemes[position].span.to(following.span)
    return [Diagnostic("E005", "`none` is not a value to compare with", Label(span), (), f"write `{sign}`")]


def _wrong_bracket(lexemes: list[Lexeme], position: int) -> list[Diagnostic]:
    """`softmax[seq](x)`, `mean(height, width)(x)`, `Linear[a -> b]`."""
    name, opener = lexemes[position], lexemes[position + 1]
    if opener.type not in ("LPAR", "LSQB") or (position and lexemes[position - 1].type in ("LAYER", "DOT", "FN")):
        return []
    end = position + 2
    while lexemes[end].type in ("NAME", "COMMA", "ARROW"):
        end += 1
    inside = lexemes[position + 2 : end]
    if not inside or lexemes[end].type != CLOSERS[opener.type] or end + 1 >= len(lexemes):
        return []
    called = lexemes[end + 1].type == "LPAR" and not lexemes[end + 1].first
    layer = name.text[0].isupper() and opener.type == "LSQB"
    if not called and not layer:
        return []
    axes = " ".join(lexeme.text for lexeme in inside).replace(" ,", ",")
    axes = axes if len(axes) <= 60 else "…"
    message = f"the axes of {'a layer' if name.text[0].isupper() else 'an operator'} stand in braces"
    span = opener.span.to(lexemes[end].span)
    return [Diagnostic("E003", message, Label(span), (), f"write `{name.text}{{{axes}}}`")]
