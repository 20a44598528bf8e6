"""Brackets, matched before parsing, so that an unclosed one is reported where it opens."""

from __future__ import annotations

from dataclasses import replace

from attncomp.diagnostics.core import Diagnostic, Label, Span, fail
from attncomp.syntax.lexeme import BRACKET_TEXT, CLOSERS, KEYWORDS, OPENERS, OPERAND_ENDS, STATEMENT_STARTS, Lexeme

MAX_NESTING = 100

# A `{` behind one of these opens a body; behind a name or a sign it opens a set of axes or options.
_BODY_FOLLOWS = frozenset(OPENERS)


def balance(lexemes: tuple[Lexeme, ...]) -> tuple[list[Lexeme], list[Diagnostic]]:
    """The lexemes with every bracket closed by its own kind, and what had to be mended for that.

    Raises DiagnosticError where brackets are nested more than `MAX_NESTING` deep (E007), and where a declaration stands
    inside of a body (E001): what follows would be misread.
    """
    loose = _balanced(lexemes, strict=False)
    if not any(diagnostic.message == _closes_nothing("}") for diagnostic in loose[1]):
        return loose
    strict = _balanced(lexemes, strict=True)
    return min(strict, loose, key=lambda result: len(result[1]))


def _balanced(lexemes: tuple[Lexeme, ...], *, strict: bool) -> tuple[list[Lexeme], list[Diagnostic]]:
    balancer = _Balancer(lexemes, strict)
    for position in range(len(lexemes)):
        balancer.take(position)
    return balancer.result, balancer.diagnostics


def _closes_nothing(text: str) -> str:
    return f"`{text}` closes nothing"


class _Balancer:
    """One run over the lexemes. Where `strict`, a body of several lines is closed at the start of a line alone."""

    def __init__(self, lexemes: tuple[Lexeme, ...], strict: bool) -> None:
        self._lexemes = lexemes
        self._strict = strict
        self._open: list[tuple[int, bool]] = []  # positions of openers, and whether each opens a body of statements
        self._suspects: list[tuple[int, Lexeme]] = []  # bodies whose closer stands too far left, with that closer
        self._loop_header = False
        self.result: list[Lexeme] = []
        self.diagnostics: list[Diagnostic] = []

    def take(self, position: int) -> None:
        lexeme = self._lexemes[position]
        self._close_what_must_be_closed(position)
        if lexeme.type in CLOSERS:
            self._open_bracket(position)
        elif lexeme.type in OPENERS:
            self._close_bracket(lexeme)
        else:
            self._loop_header = self._loop_header or lexeme.type == "FOR"
            self.result.append(lexeme)

    def _open_bracket(self, position: int) -> None:
        lexeme = self._lexemes[position]
        follows = position > 0 and self._lexemes[position - 1].type in _BODY_FOLLOWS
        outside = all(is_body for _, is_body in self._open)
        body = lexeme.type == "LBRACE" and outside and (self._loop_header or follows)
        self._loop_header = self._loop_header and not body
        self._open.append((position, body))
        self.result.append(lexeme)
        if len(self._open) > MAX_NESTING:
            help_ = "name the inner part in a statement of its own"
            raise fail("E007", f"brackets are nested more than {MAX_NESTING} deep", lexeme.span, help=help_)

    def _close_bracket(self, closer: Lexeme) -> None:
        while self._open:
            position, is_body = self._open[-1]
            opener = self._lexemes[position]
            stray = self._strict and is_body and not closer.first and opener.span.line != closer.span.line
            if CLOSERS[opener.type] == closer.type and not stray:
                if is_body and closer.first and closer.span.column < self._indent(position):
                    self._suspects.append((position, closer))
                self._open.pop()
                self.result.append(closer)
                return
            outer = any(CLOSERS[self._lexemes[other].type] == closer.type for other, _ in self._open)
            if is_body:
                break
            if not outer or (closer.type == "RBRACE" and not closer.first):
                self._mismatched(opener, closer)
                return
            self._unclosed(closer)
        text = _closes_nothing(closer.text)
        self.diagnostics.append(Diagnostic("E003", text, Label(closer.span), (), "leave it out"))

    def _indent(self, position: int) -> int:
        """The column in which the line of a lexeme begins."""
        while not self._lexemes[position].first:
            position -= 1
        return self._lexemes[position].span.column

    def _mismatched(self, opener: Lexeme, closer: Lexeme) -> None:
        """Takes `closer` for the right kind, and says that it is the wrong one."""
        right = BRACKET_TEXT[CLOSERS[opener.type]]
        message = f"`{opener.text}` is closed by `{closer.text}`"
        primary = Label(closer.span, f"this should be `{right}`")
        self.diagnostics.append(
            Diagnostic("E003", message, primary, (Label(opener.span, "opened here"),), f"write `{right}`")
        )
        self._open.pop()
        self.result.append(replace(closer, type=CLOSERS[opener.type], text=right))

    def _close_what_must_be_closed(self, position: int) -> None:
        """Reports the brackets that this lexeme shows to be unclosed: it begins a statement or a declaration."""
        lexeme = self._lexemes[position]
        if lexeme.is_end or (lexeme.first and lexeme.type in ("BLOCK", "MODEL", "FROM")):
            inside = not lexeme.is_end and self._open and self._open[-1][1]
            if inside and lexeme.span.column > self._indent(self._open[-1][0]):
                what = "an import" if lexeme.type == "FROM" else f"a `{lexeme.text}`"
                help_ = "move it out of this body, to the top of the file"
                raise fail("E001", f"{what} stands in a file, not inside of a body", lexeme.span, help=help_)
            while self._open:
                self._unclosed(lexeme)
        elif lexeme.first and lexeme.type in STATEMENT_STARTS:
            while self._open and not self._open[-1][1]:
                self._unclosed(lexeme)
        elif lexeme.type == "ARROW":
            while self._open and self._lexemes[self._open[-1][0]].type == "LPAR":
                self._unclosed(lexeme)
        elif self._begins_assignment(position):
            while self._open and not self._open[-1][1] and not self._lexemes[self._open[-1][0] + 1].first:
                self._unclosed(lexeme)

    def _begins_assignment(self, position: int) -> bool:
        """Whether a line begins here with a name and `=` although the expression before is complete."""
        if position == 0 or position + 1 >= len(self._lexemes) or not self._lexemes[position].first:
            return False
        before, lexeme, after = self._lexemes[position - 1 : position + 2]
        return lexeme.type == "NAME" and after.type == "EQUAL" and before.type in OPERAND_ENDS

    def _unclosed(self, where: Lexeme) -> None:
        """Closes the innermost bracket just before `where`, and says that it was left open."""
        position, is_body = self._open.pop()
        opener = self._lexemes[position]
        closer = BRACKET_TEXT[CLOSERS[opener.type]]
        if is_body and self._suspects:
            suspect, found = self._suspects.pop(0)
            opener, label = self._lexemes[suspect], Label(found.span, "this closes it, but stands under another line")
        elif where.is_end:
            label = Label(where.span, "the file ends here")
        elif where.type in OPENERS:
            label = Label(where.span, "this closes the bracket around it")
        elif where.type == "ARROW" or (where.type in KEYWORDS and where.type not in STATEMENT_STARTS):
            label = Label(where.span, f"before this `{where.text}`")
        else:
            label = Label(where.span, "before this statement")
        what = "the body" if is_body else f"`{opener.text}`"
        message, help_ = f"{what} is never closed", f"add `{closer}`"
        self.diagnostics.append(Diagnostic("E002", message, Label(opener.span, "opened here"), (label,), help_))
        last = self.result[-1].span
        end = Span(last.file, last.end_line, last.end_column, last.end_line, last.end_column)
        self.result.append(Lexeme(CLOSERS[opener.type], closer, end))
