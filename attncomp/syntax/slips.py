"""The classic mistakes, recognised where the parser stopped, with the likely fix.

`diagnose` asks each recogniser of the table in turn; the first that knows the slip answers.
"""

from __future__ import annotations

from collections.abc import Callable

from attncomp.diagnostics.core import Diagnostic, Label
from attncomp.diagnostics.suggest import nearest
from attncomp.syntax.context import Context, expectation, quoted
from attncomp.syntax.lexeme import CLOSERS, KEYWORDS, OPERAND_STARTS, STATEMENT_STARTS
from attncomp.syntax.misplaced import MISPLACED
from attncomp.syntax.pythonisms import PYTHONISMS

Recogniser = Callable[[Context], Diagnostic | None]

_DTYPES = {
    "float": "f32", "float32": "f32", "float64": "f32", "f64": "f32", "double": "f32", "half": "f16", "float16": "f16",
    "bfloat16": "bf16", "int": "i64", "long": "i64", "int64": "i64", "int32": "i32", "boolean": "bool", "tensor": "f32",
}  # fmt: skip
_DECLARATION_WORDS = ("block", "model", "from")
_STATEMENT_WORDS = ("axis", "param", "layer", "for", "return")
_ALL_DTYPES = "the element types are f32, f16, bf16, i64, i32 and bool"


def diagnose(context: Context) -> Diagnostic:
    """What went wrong at a lexeme that the parser does not take."""
    for recognise in RECOGNISERS:
        found = recognise(context)
        if found is not None:
            return found
    label = expectation(context)
    if context.token.is_end:
        return context.mistake("E001", "the file ends too early", "", label, span=context.gap)
    return context.mistake("E001", f"unexpected {quoted(context.token)}", "", label)


# --- missing arrows -----------------------------------------------------------------------------------------------


def _missing_result(context: Context) -> Diagnostic | None:
    if context.expected != {"ARROW"} or context.before.type != "RPAR" or context.brackets:
        return None
    form = "f32[batch, seq]" if context.declaration == "model" else "{seq, embed}"
    message = f"the `->` and the result of this {context.declaration} are missing"
    if context.token.type == "EQUAL":
        help_ = f"write `-> {form} {{ return … }}`, or make it a `fn`"
        return context.mistake("E004", message, help_, "expected `->`")
    if context.token.type in ("LBRACE", "DTYPE", "LPAR") and not _opens_body(context):
        message = "`->` is missing before the result"
    return context.mistake("E004", message, f"write `-> {form}` behind the inputs", "expected `->`")


def _opens_body(context: Context) -> bool:
    """Whether the `{` is a body: a statement begins in it."""
    following = context.at(2)
    return context.after.first or context.after.type in STATEMENT_STARTS or following.type == "EQUAL"


def _missing_arrow(context: Context) -> Diagnostic | None:
    if "ARROW" not in context.expected or context.opener is None or context.opener.type == "LPAR":
        return None
    if context.before.type == "EQUAL" or (context.token.type == "EQUAL" and context.after.text.startswith(">")):
        return context.mistake("E004", "an arrow is written `->`", "write `->`")
    if context.token.text == ">" and context.before.type == "MINUS":
        return context.mistake("E004", "an arrow is written `->`, in one piece", "write `->`")
    if context.token.type in ("NAME", "LPAR") and not context.token.first:
        what = f"`{context.before.text} -> {context.token.text}`" if context.token.type == "NAME" else "`a -> (b c)`"
        help_ = f"write {what}, or `,` between two axes"
        return context.mistake("E004", "`->` is missing between the axes", help_, "expected `->` or `,`")
    return None


def _fat_arrow(context: Context) -> Diagnostic | None:
    if context.before.type == "EQUAL" and context.token.text == ">":
        span = context.before.span.to(context.token.span)
        return context.mistake("E004", "an arrow is written `->`", "write `->`", span=span)
    return None


# --- the wrong kind of bracket ------------------------------------------------------------------------------------

_WRONG_BRACKETS = {
    ("AT", "LBRACE"): ("the axes of a contraction stand in braces", "write `a @{key} b`"),
    ("block", "LBRACE"): ("a {} names its axes as a set, in braces", "write `{{seq, embed}}`"),
    ("model", "DTYPE"): ("a model states the type and the order of its inputs and results", "write `f32[batch, seq]`"),
    ("model", "LSQB"): ("a model states the order of the axes, in square brackets", "write `f32[batch, seq]`"),
    ("param", "LSQB"): ("a parameter is stored in an order, in square brackets", "write `param v: [hidden]`"),
    ("let", "LBRACE"): ("the axes of a value are a set, in braces", "write `e: {{query, source}} = …`"),
    ("layer", "LSQB"): ("a number of layers stands in square brackets", "write `layer blocks[12] = …`"),
    ("options", "LBRACE"): ("options stand in braces, inputs in parentheses", "write `{{name = default}}(x: …)`"),
}


def _wrong_bracket(context: Context) -> Diagnostic | None:
    token = context.token
    if token.type not in CLOSERS and not (token.type == "DTYPE" and "LBRACE" in context.expected):
        return None
    where = _place(context)
    for terminal in ("LBRACE", "DTYPE", "LSQB"):
        if terminal in context.expected and (where, terminal) in _WRONG_BRACKETS:
            message, help_ = _WRONG_BRACKETS[where, terminal]
            declaration = context.declaration or "block"
            return context.mistake("E003", message.format(declaration), help_.replace("{{", "{").replace("}}", "}"))
    return None


def _place(context: Context) -> str:
    """Which construct is being read."""
    if context.before.type == "AT":
        return "AT"
    start = context.start.type
    if start in ("BLOCK", "MODEL", "FN"):
        if context.position - context.statement == 2:
            return "options"
        return "model" if start == "MODEL" else "block"
    return {"PARAM": "param", "LAYER": "layer", "NAME": "let"}.get(start, "")


def _dtype(context: Context) -> Diagnostic | None:
    token = context.token
    if "DTYPE" not in context.expected or token.type != "NAME" or context.before.type not in ("COLON", "ARROW"):
        return None
    likely = _DTYPES.get(token.text.lower())
    if "LBRACE" in context.expected and likely is None and context.after.type != "LSQB":
        help_ = "write the axes as a set: `{seq, embed}`"
        return context.mistake("E001", f"unexpected {quoted(token)}", help_, "expected `{`")
    help_ = f"write `{likely}`; {_ALL_DTYPES}" if likely else _ALL_DTYPES
    return context.mistake("E001", f"{quoted(token)} is no element type", help_)


# --- reserved words -----------------------------------------------------------------------------------------------


def _reserved(context: Context) -> Diagnostic | None:
    token = context.token
    if token.type == "EQUAL" and context.position == context.statement + 1 and context.before.type in KEYWORDS:
        token = context.before
    elif token.type not in KEYWORDS | {"DTYPE"} or "NAME" not in context.expected:
        return None
    else:
        begins = token.first and token.type in STATEMENT_STARTS | {"BLOCK", "MODEL", "FROM"}
        continues = context.wants_expression and context.after.type in OPERAND_STARTS | KEYWORDS
        if begins or continues:
            return None
    kind = "an element type" if token.type == "DTYPE" else "a reserved word"
    help_ = f"choose another name, such as `{token.text}_`"
    message = f"{quoted(token)} is {kind} and cannot be a name"
    return context.mistake("E001", message, help_, span=token.span)


# --- statements and declarations ----------------------------------------------------------------------------------


def _unfinished(context: Context) -> Diagnostic | None:
    token = context.token
    begins = token.first and token.type in STATEMENT_STARTS | {"BLOCK", "MODEL", "FROM"}
    if not context.wants_expression or not (begins or token.is_end or token.type == "RBRACE"):
        return None
    before = context.before
    if context.position == context.statement or before.type in ("LBRACE", "COMMA"):
        return None
    return context.mistake(
        "E001", f"an expression is missing behind {quoted(before)}", "", "expected an expression", span=before.span
    )


def _missing_body(context: Context) -> Diagnostic | None:
    if context.declaration not in ("block", "model") or context.brackets or "LBRACE" not in context.expected:
        return None
    if context.before.type not in ("RBRACE", "RSQB", "RPAR") or context.token.type == "COLON":
        return None
    if context.token.type == "EQUAL":
        help_ = "write `{ return … }`, or make it a `fn`"
        return context.mistake("E001", f"a {context.declaration} has a body in braces, not an expression", help_)
    message = f"the body of this {context.declaration} is missing"
    return context.mistake("E001", message, "", "expected `{`", span=context.gap)


def _function_body(context: Context) -> Diagnostic | None:
    if context.declaration == "fn" and context.token.type == "LBRACE" and "EQUAL" in context.expected:
        help_ = "write `= …`; for several statements make it a `block`"
        return context.mistake("E001", "a `fn` is a single expression and has no body", help_, "expected `=`")
    return None


def _outside(context: Context) -> Diagnostic | None:
    """A statement at the top of a file."""
    if context.brackets or "BLOCK" not in context.expected or (context.declaration and not context.token.first):
        return None
    token = context.token
    begins_let = token.type == "NAME" and context.after.type in ("EQUAL", "COLON", "COMMA")
    if token.type not in STATEMENT_STARTS and not begins_let:
        return None
    what = f"`{token.text}`" if token.type in KEYWORDS else "a statement"
    help_ = "a file holds imports, blocks, models and functions"
    return context.mistake("E001", f"{what} stands outside of a block or model", help_)


def _misspelt(context: Context) -> Diagnostic | None:
    """A word that is nearly one that begins a declaration or a statement."""
    token, start = context.token, context.start
    if token.type == "NAME" and "BLOCK" in context.expected and not context.brackets:
        word, known = token, [*_DECLARATION_WORDS]
    elif start.type == "NAME" and context.position == context.statement + 1 and token.type in ("NAME", "INT"):
        word, known = start, [*_STATEMENT_WORDS]
    else:
        return None
    likely = nearest(word.text, known)
    if likely is None:
        return None
    message = f"unexpected {quoted(word)}"
    return context.mistake("E001", message, f"did you mean `{likely}`?", span=word.span)


def _no_effect(context: Context) -> Diagnostic | None:
    """An expression as a statement."""
    start = context.start
    if context.position != context.statement + 1 or start.type != "NAME" or "EQUAL" not in context.expected:
        return None
    if context.token.type not in ("LPAR", "LSQB", "LBRACE", "PLUS", "MINUS", "STAR", "AT"):
        return None
    help_ = "give the value a name, `y = …`, or return it"
    return context.mistake("E001", "a statement must name its value", help_, "expected `=`")


def _return_in_function(context: Context) -> Diagnostic | None:
    if context.token.type == "RETURN" and context.wants_expression and not context.token.first:
        return context.mistake("E001", "`return` is a statement, and an expression is expected", "leave out `return`")
    return None


def _bare_fraction(context: Context) -> Diagnostic | None:
    if context.token.type != "DOT" or not context.wants_expression or context.after.type != "INT":
        return None
    span = context.token.span.to(context.after.span)
    return context.mistake(
        "E008", f"`.{context.after.text}` is no number", f"write `0.{context.after.text}`", span=span
    )


def _key_after_initializer(context: Context) -> Diagnostic | None:
    if context.token.type == "AS" and context.start.type == "PARAM":
        help_ = 'write `param NAME: […] as "key" ~ initializer`'
        return context.mistake("E001", "the key of a parameter stands before its initializer", help_)
    return None


def _missing_else(context: Context) -> Diagnostic | None:
    if "ELSE" not in context.expected or context.wants_expression:
        return None
    if context.token.type in OPERAND_STARTS and not context.token.first:
        return None
    help_ = "write `if condition then a else b`"
    return context.mistake("E001", "`else` is missing", help_, "expected `else`", span=context.gap)


def _missing_then(context: Context) -> Diagnostic | None:
    if "THEN" not in context.expected or context.wants_expression:
        return None
    help_ = "write `if condition then a else b`"
    if context.token.type == "EQUAL":
        return context.mistake("E001", "`=` gives a name, `==` compares", "write `==`")
    return context.mistake("E001", "`then` is missing", help_, "expected `then`", span=context.gap)


def _missing_comma(context: Context) -> Diagnostic | None:
    token = context.token
    if "COMMA" not in context.expected or token.type not in OPERAND_STARTS | {"LPAR", "MINUS"} or not context.brackets:
        return None
    if not context.follows_operand:
        return None
    return context.mistake("E001", f"unexpected {quoted(token)}", "write `,` between the two", "expected `,`")


def _chained_comparison(context: Context) -> Diagnostic | None:
    if context.token.type != "COMPARISON" or not context.follows_operand:
        return None
    first = next(
        (lexeme for lexeme in context.lexemes[context.statement : context.position] if lexeme.type == "COMPARISON"),
        None,
    )
    if first is None:
        return None
    help_ = "write `a < b and b < c`"
    return context.mistake("E001", "comparisons do not chain", help_, secondary=(Label(first.span, "the first"),))


def _empty_brackets(context: Context) -> Diagnostic | None:
    opener = context.opener
    if opener is None or context.before != opener or CLOSERS.get(opener.type) != context.token.type:
        return None
    span = opener.span.to(context.token.span)
    return context.mistake("E001", f"nothing stands in `{opener.text}{context.token.text}`", "", span=span)


RECOGNISERS: tuple[Recogniser, ...] = (
    *PYTHONISMS,
    *MISPLACED,
    _fat_arrow,
    _missing_result,
    _missing_body,
    _function_body,
    _dtype,
    _wrong_bracket,
    _outside,
    _missing_arrow,
    _unfinished,
    _key_after_initializer,
    _reserved,
    _misspelt,
    _no_effect,
    _return_in_function,
    _bare_fraction,
    _chained_comparison,
    _missing_then,
    _missing_else,
    _missing_comma,
    _empty_brackets,
)
