"""What a reader of Python writes out of habit, recognised where the parser stopped (E005)."""

from __future__ import annotations

import itertools
from collections.abc import Callable

from attncomp.diagnostics.core import Diagnostic
from attncomp.syntax.context import Context, quoted
from attncomp.syntax.lexeme import OPERAND_ENDS, OPERAND_STARTS

_WORDS = {
    "def": "write `fn f(x) = …`, or `block F(x: {…}) -> {…} { … }` where there are parameters",
    "class": "write `block F(x: {…}) -> {…} { … }`",
    "while": "write `for i in 0..12 { … }`",
    "with": "leave it out",
    "elif": "write `else if`",
    "pass": "leave it out",
    "assert": "sizes are checked by the axes that are stated",
    "raise": "sizes are checked by the axes that are stated",
    "del": "leave it out",
    "global": "leave it out",
    "async": "leave it out",
    "let": "write `y = …`",
    "var": "write `y = …`",
    "const": "write `y = …`",
    "func": "write `fn f(x) = …`",
    "function": "write `fn f(x) = …`",
}
_ATTRIBUTES = {
    "shape": "write `|x.axis|` for the size of an axis",
    "size": "write `|x.axis|` for the size of an axis",
    "T": "axes have names: there is no order to change",
    "transpose": "axes have names: there is no order to change",
    "permute": "axes have names: there is no order to change",
    "view": "write `x[embed -> (head key)]` to split an axis",
    "reshape": "write `x[embed -> (head key)]` to split an axis",
    "unsqueeze": "values broadcast by the names of their axes",
    "expand": "values broadcast by the names of their axes",
    "dtype": "write `cast{f16}(x)` to change the element type",
}
_COMPOUND = frozenset({"PLUS", "MINUS", "STAR", "SLASH", "PERCENT", "POWER", "FLOOR_DIVIDE", "AT"})


def _word(context: Context) -> Diagnostic | None:
    for lexeme in (context.at(-2), context.before, context.token):
        if lexeme.type != "NAME" or lexeme.text not in _WORDS:
            continue
        following = context.lexemes[context.lexemes.index(lexeme) + 1]
        if following.first or following.type not in OPERAND_STARTS | {"COLON", "NOT", "FOR"}:
            continue
        return context.mistake("E005", f"there is no `{lexeme.text}`", _WORDS[lexeme.text], span=lexeme.span)
    return None


def _import(context: Context) -> Diagnostic | None:
    if context.token.type == "IMPORT" and "IMPORT" not in context.expected:
        help_ = "write `from std.nn import MLP`, the file first"
        return context.mistake("E005", "an import names what it takes from a file", help_)
    if context.start.type == "FROM" and context.before.type == "IMPORT" and context.token.type == "STAR":
        return context.mistake("E005", "an import names what it takes", "list the names: `import MLP, SE`")
    return None


def _comment(context: Context) -> Diagnostic | None:
    for line in (context.token.span.line, context.before.span.line):
        words = [lexeme for lexeme in context.lexemes if lexeme.span.line == line]
        slashes = next((place for place, lexeme in enumerate(words) if lexeme.type == "FLOOR_DIVIDE"), None)
        if slashes is None:
            continue
        rest = words[slashes + 1 :]
        prose = any(one.type == two.type == "NAME" for one, two in itertools.pairwise(rest))
        if slashes == 0 or prose:
            span = words[slashes].span
            return context.mistake("E005", "`//` divides and floors", "a comment begins with `#`", span=span)
    return None


def _attribute(context: Context) -> Diagnostic | None:
    if context.token.type != "DOT" or context.before.type not in OPERAND_ENDS:
        return None
    name = context.after.text if context.after.type == "NAME" else ""
    help_ = _ATTRIBUTES.get(name, "")
    if not help_ and name:
        help_ = f"call the operator: `{name}(x)`, with its axes in braces"
    span = context.token.span.to(context.after.span) if name else context.token.span
    return context.mistake("E005", "a value has no attributes and no methods", help_, span=span)


def _colon(context: Context) -> Diagnostic | None:
    if context.token.type != "COLON":
        return None
    if context.opener is not None and context.opener.type == "LSQB":
        help_ = "name the axis: `x[seq = 1..3]`, `x[seq = 1..]`"
        return context.mistake("E005", "a slice names its axis", help_)
    if "LBRACE" in context.expected or context.expected == {"ARROW"}:
        form = "-> {seq, embed} { … }" if context.expected == {"ARROW"} else "{ … }"
        return context.mistake("E005", "a body stands in braces", f"write `{form}`")
    if context.start.type == "IF" or "THEN" in context.expected:
        return context.mistake("E005", "`if` is an expression", "write `y = if condition then a else b`")
    return None


def _if_statement(context: Context) -> Diagnostic | None:
    if context.token.type == "IF" and "RETURN" in context.expected and context.token.first:
        help_ = "write `y = if condition then a else b`"
        return context.mistake("E005", "`if` is an expression, not a statement", help_)
    if context.token.type == "IF" and context.follows_operand:
        return context.mistake("E005", "the condition comes first", "write `if condition then a else b`")
    if context.token.type == "ELSE" and "RETURN" in context.expected:
        help_ = "write `y = if condition then a else b`"
        return context.mistake("E005", "`else` without `if … then …`", help_)
    return None


def _compound(context: Context) -> Diagnostic | None:
    sign = context.before if context.token.type == "EQUAL" else context.token
    if context.token.type in _COMPOUND and context.after.type == "EQUAL":
        span = context.token.span.to(context.after.span)
    elif context.token.type == "EQUAL" and context.before.type in _COMPOUND:
        span = context.before.span.to(context.token.span)
    else:
        return None
    name = context.start.text if context.start.type == "NAME" else "x"
    help_ = f"write `{name} = {name} {sign.text} …`"
    return context.mistake("E005", f"there is no `{sign.text}=`", help_, span=span)


def _stars(context: Context) -> Diagnostic | None:
    if context.token.type not in ("STAR", "POWER") or context.before.type not in ("LPAR", "COMMA"):
        return None
    help_ = "write every input by its name"
    return context.mistake("E005", f"there is no `{context.token.text}` before a name", help_)


def _double_bar(context: Context) -> Diagnostic | None:
    token, after = context.token, context.after
    if token.type == after.type == "VBAR" and (token.span.line, token.span.column + 1) == (
        after.span.line,
        after.span.column,
    ):
        span = token.span.to(after.span)
        return context.mistake("E005", "`||` means nothing here", "write `or`", span=span)
    return None


def _contraction(context: Context) -> Diagnostic | None:
    if context.before.type == "AT" and context.token.type != "LBRACE" and context.token.type not in ("LPAR", "LSQB"):
        help_ = "write `a @{key} b`: it sums over `key`"
        return context.mistake("E005", "a contraction names its axes", help_, span=context.before.span)
    return None


def _is(context: Context) -> Diagnostic | None:
    if context.before.type == "IS" or (context.before.type == "NOT" and context.at(-2).type == "IS"):
        help_ = "write `==` to compare numbers, `mask is none` for an optional input"
        return context.mistake("E005", "`is` compares with `none` alone", help_)
    return None


def _doc_string(context: Context) -> Diagnostic | None:
    if context.token.type == "STRING" and (context.before.type == "STRING" or not context.wants_expression):
        if context.before.type == "NAME" and context.before.text in ("f", "r", "b", "rf", "fr"):
            help_ = f'write `"…"`: a string stands without `{context.before.text}`'
            return context.mistake("E005", "a string has no prefix", help_, span=context.before.span)
        if context.token.first:
            return context.mistake("E005", "a string is not a comment", "a comment begins with `#`")
    return None


def _equality(context: Context) -> Diagnostic | None:
    if context.token.text == "==" and context.position == context.statement + 1 and "EQUAL" in context.expected:
        return context.mistake("E005", "`==` compares, `=` gives a name", "write `=`")
    return None


def _annotated(context: Context) -> Diagnostic | None:
    """`x: Tensor` as a statement or an input."""
    annotated = context.before.type == "COLON" and context.token.type == "NAME" and "LBRACE" in context.expected
    if annotated and context.token.text in ("Tensor", "torch", "np", "numpy", "Array", "ndarray"):
        help_ = "write the axes: `x: {seq, embed}`"
        return context.mistake("E005", f"{quoted(context.token)} says nothing about the axes", help_)
    return None


PYTHONISMS: tuple[Callable[[Context], Diagnostic | None], ...] = (
    _comment,
    _word,
    _import,
    _attribute,
    _colon,
    _if_statement,
    _compound,
    _stars,
    _double_bar,
    _contraction,
    _is,
    _doc_string,
    _equality,
    _annotated,
)
