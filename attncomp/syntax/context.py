"""Where the parser stopped: what the recognisers of slips look at, and words for what could have come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from attncomp.diagnostics.core import Diagnostic, Label, Span
from attncomp.syntax.lexeme import KEYWORDS, OPERAND_ENDS, Lexeme


@dataclass(frozen=True)
class Context:
    """The parser does not take `token`, the lexeme at `position`.

    `expected` are the terminals it would take there, `brackets` the open brackets, innermost last, `statement` the
    position where the statement or declaration begins, `declaration` the word that the declaration around it begins
    with ("block", "model", "fn" or "").
    """

    lexemes: list[Lexeme]
    position: int
    expected: frozenset[str]
    brackets: tuple[Lexeme, ...]
    statement: int
    declaration: str

    @property
    def token(self) -> Lexeme:
        """The lexeme that was not expected."""
        return self.lexemes[self.position]

    def at(self, offset: int) -> Lexeme:
        """The lexeme so many places behind the unexpected one, or before it; the last or first where there is none."""
        return self.lexemes[min(max(self.position + offset, 0), len(self.lexemes) - 1)]

    @property
    def before(self) -> Lexeme:
        """The lexeme before the unexpected one."""
        return self.at(-1)

    @property
    def after(self) -> Lexeme:
        """The lexeme behind the unexpected one."""
        return self.at(1)

    @property
    def opener(self) -> Lexeme | None:
        """The innermost open bracket."""
        return self.brackets[-1] if self.brackets else None

    @property
    def start(self) -> Lexeme:
        """The first lexeme of the statement or declaration."""
        return self.lexemes[self.statement]

    @property
    def wants_expression(self) -> bool:
        """Whether an expression must begin here."""
        return {"NAME", "INT", "MINUS"} <= self.expected

    @property
    def follows_operand(self) -> bool:
        """Whether the lexeme before can end an operand, and is part of the same statement."""
        return self.position > self.statement and self.before.type in OPERAND_ENDS

    @property
    def gap(self) -> Span:
        """Where something is missing: the unexpected lexeme, or behind the one before where a line ends in between."""
        if not (self.token.first or self.token.is_end) or self.position == 0:
            return self.token.span
        last = self.before.span
        return Span(last.file, last.end_line, last.end_column, last.end_line, last.end_column + 1)

    def mistake(
        self, code: str, message: str, help: str = "", label: str = "", *, span: Span | None = None,
        secondary: tuple[Label, ...] = (),
    ) -> Diagnostic:  # fmt: skip
        """A diagnostic at the unexpected lexeme, or at `span`."""
        return Diagnostic(code, message, Label(span or self.token.span, label), secondary, help)


_SIGNS = {
    "LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}", "COMMA": ",", "COLON": ":",
    "EQUAL": "=", "ARROW": "->", "RANGE": "..", "TILDE": "~", "DOT": ".", "VBAR": "|", "AT": "@",
}  # fmt: skip
_STRUCTURE = (
    "NAME", "DTYPE", "STRING", "LBRACE", "LPAR", "LSQB", "COMMA", "COLON", "EQUAL", "ARROW", "RANGE", "VBAR", "RPAR",
    "RSQB", "RBRACE", "IN", "IMPORT", "AS", "THEN", "ELSE", "NONE",
)  # fmt: skip
_WORDS = {"NAME": "a name", "DTYPE": "an element type", "STRING": "a string in quotes", "INT": "a number"}


def quoted(lexeme: Lexeme) -> str:
    """A lexeme for a message."""
    if lexeme.is_end:
        return "the end of the file"
    text = lexeme.text if len(lexeme.text) <= 40 else lexeme.text[:37] + "..."
    return f"`{text}`"


def expectation(context: Context) -> str:
    """What could have come instead, in words: `expected …`."""
    expected = context.expected
    if context.wants_expression:
        return "expected an expression"
    if "BLOCK" in expected and "RETURN" not in expected:
        return "expected `block`, `model`, `fn` or `from`"
    if "RETURN" in expected and "EQUAL" not in expected and not context.follows_operand:
        return "expected a statement or `}`"
    structure = [terminal for terminal in _STRUCTURE if terminal in expected]
    if context.follows_operand and context.brackets:
        structure = [terminal for terminal in structure if terminal not in ("LPAR", "LSQB", "LBRACE", "NAME", "AT")]
    if "RETURN" in expected and context.follows_operand:
        return "expected an operator, or a statement in a new line"
    if not structure:
        return "expected an operator" if context.follows_operand else ""
    return "expected " + alternatives(_word(terminal) for terminal in structure[:4])


def alternatives(words: Iterable[str]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    *head, last = list(words)
    return f"{', '.join(head)} or {last}" if head else last


def _word(terminal: str) -> str:
    if terminal in _WORDS:
        return _WORDS[terminal]
    return f"`{_SIGNS.get(terminal, terminal.lower() if terminal in KEYWORDS else terminal)}`"
