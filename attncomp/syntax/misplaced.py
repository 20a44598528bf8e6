"""Numbers, sizes and tuples in places where they do not stand, recognised where the parser stopped."""

from __future__ import annotations

from collections.abc import Callable

from attncomp.diagnostics.core import Diagnostic
from attncomp.syntax.context import Context
from attncomp.syntax.lexeme import OPERAND_ENDS, Lexeme


def _number_for_axis(context: Context) -> Diagnostic | None:
    """`softmax{-1}`, `Linear{64 -> 128}`, `LayerNorm{8}`."""
    token, opener = context.token, context.opener
    if opener is None or opener.type != "LBRACE" or token.type not in ("INT", "NUMBER", "MINUS"):
        return None
    if "NAME" not in context.expected or "INT" in context.expected:
        return None
    if token.type == "MINUS":
        return context.mistake("E001", "axes have names here, not positions", "write the name: `softmax{seq}(x)`")
    help_ = (
        f"declare an axis, `axis hidden = {token.text}`, and write its name; an option is written `name = {token.text}`"
    )
    return context.mistake("E001", "axes have names here, not sizes", help_)


def _size_in_braces(context: Context) -> Diagnostic | None:
    """`Linear{embed -> hidden = 128}`."""
    opener, name = context.opener, context.before
    if context.token.type != "EQUAL" or opener is None or opener.type != "LBRACE":
        return None
    if name.type != "NAME" or context.at(-2).type != "ARROW":
        return None
    size = context.after.text if context.after.type in ("INT", "NAME") else "…"
    help_ = f"declare it before: `axis {name.text} = {size}`"
    return context.mistake("E001", f"the size of `{name.text}` stands where it is declared", help_)


def _tuple(context: Context) -> Diagnostic | None:
    """`return (a, b)`."""
    if context.token.type != "COMMA" or context.opener is None or context.opener.type != "LPAR":
        return None
    before = _before(context, context.opener)
    if "COMMA" in context.expected or before.type in OPERAND_ENDS or "RPAR" not in context.expected:
        return None
    names = "return a, b" if before.type == "RETURN" else "a, b = f(x)"
    return context.mistake("E005", "several values stand without parentheses", f"write `{names}`")


def _before(context: Context, lexeme: Lexeme) -> Lexeme:
    return context.lexemes[max(context.lexemes.index(lexeme) - 1, 0)]


def _packed(context: Context) -> Diagnostic | None:
    """`x[embed -> head key]`, `x[head key -> embed]`."""
    token, before, opener = context.token, context.before, context.opener
    if opener is None or opener.type not in ("LSQB", "LBRACE") or token.type != "NAME" or before.type != "NAME":
        return None
    if token.first or not (
        context.at(-2).type == "ARROW" or (context.at(-2) == opener and context.after.type == "ARROW")
    ):
        return None
    span = before.span.to(token.span)
    help_ = f"write `({before.text} {token.text})`, leftmost major"
    return context.mistake("E003", "axes that are packed stand in parentheses", help_, span=span)


def _loop(context: Context) -> Diagnostic | None:
    """`for i in range(3)`, `for b in blocks[1]`, `for b in f(x)`."""
    token, before = context.token, context.before
    if context.start.type != "FOR" or "RANGE" not in context.expected or token.type not in ("LPAR", "LSQB"):
        return None
    if before.text == "range":
        stop = context.after.text if context.at(2).type == "RPAR" and context.after.type in ("INT", "NAME") else "12"
        return context.mistake("E005", "a range is written with two dots", f"write `0..{stop}`", span=before.span)
    help_ = "name it in a statement before, and run through the name; a range is written `0..12`"
    return context.mistake("E001", "`for` runs through layers or a list by their name", help_)


def _braces_as_body(context: Context) -> Diagnostic | None:
    """`fn f(x) = { … }`."""
    if context.declaration != "fn" or context.token.type != "LBRACE" or context.before.type != "EQUAL":
        return None
    help_ = "write the expression alone; for several statements make it a `block`"
    return context.mistake("E001", "a `fn` is a single expression and has no body", help_)


def _mark(context: Context) -> Diagnostic | None:
    """`fuse!` before what computes nothing, alone, twice, or in the middle of a statement."""
    token, before = context.token, context.before
    if before.type == "FUSE" and context.position:
        if token.type in ("AXIS", "PARAM", "LAYER"):
            message = f"`fuse!` marks a statement that computes, and `{token.text}` declares"
            return context.mistake("E001", message, "write it before the statement that calls or reads this")
        if token.type == "FN":
            help_ = "write it before the statement that calls the function"
            return context.mistake("E001", "`fuse!` marks a statement that computes, and `fn` declares", help_)
        message = "`fuse!` stands twice" if token.type == "FUSE" else "a statement is missing behind `fuse!`"
        return context.mistake("E001", message, _MARK_HELP, span=before.span)
    if token.type != "FUSE":
        return None
    if not context.brackets:
        return context.mistake("E001", "`fuse!` stands outside of a block or model", _MARK_HELP)
    return context.mistake("E001", "`fuse!` stands at the start of a statement alone", _MARK_HELP)


_MARK_HELP = "write `fuse! y = …` or `fuse! return …` in the body of a block or model"


MISPLACED: tuple[Callable[[Context], Diagnostic | None], ...] = (
    _number_for_axis,
    _size_in_braces,
    _tuple,
    _packed,
    _loop,
    _braces_as_body,
    _mark,
)
