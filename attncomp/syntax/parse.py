"""Text to syntax tree, with every syntax error of the file in one go.

After an error the parser goes on at the next statement or declaration, in a fresh state that has seen the head of a
block, so that each mistake is reported once and alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from lark.exceptions import UnexpectedToken
from lark.lexer import Token
from lark.parsers.lalr_interactive_parser import InteractiveParser

from attncomp.diagnostics.core import Diagnostic, DiagnosticError, Span
from attncomp.syntax.brackets import balance
from attncomp.syntax.context import Context
from attncomp.syntax.depth import check_depth
from attncomp.syntax.lexeme import CLOSERS, DECLARATION_STARTS, OPENERS, OPERAND_ENDS, STATEMENT_STARTS, Lexeme
from attncomp.syntax.lexer import scan
from attncomp.syntax.slips import diagnose
from attncomp.syntax.source import read_source
from attncomp.syntax.tables import parser
from attncomp.syntax.tree import Declaration, Expression, File, Import
from attncomp.syntax.words import mend

__all__ = ["parse", "parse_expression", "read_source"]

MAX_ERRORS = 50


def parse(text: str, path: str) -> File:
    """The syntax tree of a file; `path` is what its spans are said to lie in.

    Raises DiagnosticError with every syntax error of the file, in the order of their places.
    """
    lexemes, diagnostics = _prepare(text, path)
    reader = _Reader(lexemes, _lines(diagnostics))
    items = reader.read()
    diagnostics.extend(reader.diagnostics)
    if diagnostics or items is None:
        raise DiagnosticError(_sorted(diagnostics))
    end = lexemes[-1].span
    file = File(path, items, Span(path, 1, 1, end.end_line, end.end_column))
    check_depth(file)
    return file


def parse_expression(text: str, span: Span) -> Expression:
    """An expression inside a string literal, such as the `i + 1` of `as "convs.{i + 1}"`.

    `span` is the place of the literal; every span of the result is that one. Raises DiagnosticError.
    """
    try:
        lexemes, diagnostics = _prepare(text, span.file)
    except DiagnosticError as error:
        raise DiagnosticError(_moved(diagnostic, span) for diagnostic in error.diagnostics) from None
    reader = _Reader([replace(lexeme, span=span) for lexeme in lexemes], frozenset(), start="expression")
    expression = None if diagnostics else reader.read_expression()
    diagnostics.extend(reader.diagnostics)
    if expression is None:
        raise DiagnosticError(_moved(diagnostic, span) for diagnostic in diagnostics[:1])
    check_depth(expression)
    return expression


def _prepare(text: str, path: str) -> tuple[list[Lexeme], list[Diagnostic]]:
    scanned = scan(text, path)
    balanced, bracket_mistakes = balance(scanned.lexemes)
    lexemes, word_mistakes = mend(balanced)
    lines = _lines(scanned.diagnostics)
    further = [mistake for mistake in bracket_mistakes if not _lines([mistake]) & lines]
    return lexemes, [*scanned.diagnostics, *further, *word_mistakes]


def _lines(diagnostics: Sequence[Diagnostic]) -> frozenset[int]:
    return frozenset(diagnostic.primary.span.line for diagnostic in diagnostics if diagnostic.primary is not None)


def _sorted(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    return sorted(diagnostics, key=lambda d: (d.primary.span.line, d.primary.span.column) if d.primary else (0, 0))


def _moved(diagnostic: Diagnostic, span: Span) -> Diagnostic:
    primary = None if diagnostic.primary is None else replace(diagnostic.primary, span=span)
    return replace(diagnostic, primary=primary, secondary=())


class _Reader:
    """Feeds lexemes to the parser. `mended` are lines with a mistake already reported: more there would be noise."""

    def __init__(self, lexemes: list[Lexeme], mended: frozenset[int], start: str = "file") -> None:
        self._lexemes = lexemes
        self._mended = mended
        self._parser: InteractiveParser = parser().parse_interactive(start=start)
        self._open: list[tuple[Lexeme, bool]] = []  # open brackets, and whether each opens a body of statements
        self._statement = 0
        self._declaration = ""
        self.diagnostics: list[Diagnostic] = []

    def read(self) -> tuple[Import | Declaration, ...] | None:
        """The items of a file, or None where the rest of it was skipped; errors are in `diagnostics`."""
        position = 0
        result: object = None
        while position < len(self._lexemes) and len(self.diagnostics) < MAX_ERRORS:
            self._notice_start(position)
            try:
                result = self._feed(self._lexemes[position])
            except UnexpectedToken:
                self._report(position)
                following = self._recover(position)
                if following is None:
                    return None
                position = following
                continue
            position += 1
        return cast("tuple[Import | Declaration, ...] | None", result)

    def read_expression(self) -> Expression | None:
        """The expression, or None where there is an error, which is in `diagnostics`."""
        for position, lexeme in enumerate(self._lexemes):
            try:
                result = self._feed(lexeme)
            except UnexpectedToken:
                self._report(position)
                return None
        return cast(Expression, result)

    def _feed(self, lexeme: Lexeme) -> object:
        result: object = self._parser.feed_token(cast(Token, lexeme))
        if lexeme.type in CLOSERS:
            is_body = lexeme.type == "LBRACE" and "RETURN" in self._choices()
            self._open.append((lexeme, is_body))
        elif lexeme.type in OPENERS and self._open:
            self._open.pop()
        return result

    def _choices(self) -> set[str]:
        """The terminals and rules that the table has an entry for in the present state: no more than a hint."""
        return set(self._parser.choices())  # type: ignore[no-untyped-call]

    def _accepts(self) -> frozenset[str]:
        """The terminals that may come next."""
        return frozenset(self._parser.accepts())  # type: ignore[no-untyped-call]

    def _notice_start(self, position: int) -> None:
        """Remembers where a declaration or a statement begins."""
        lexeme, before = self._lexemes[position], self._lexemes[max(position - 1, 0)]
        if not self._open and lexeme.type in DECLARATION_STARTS:
            self._statement, self._declaration = position, "" if lexeme.type == "FROM" else lexeme.text
        elif self._open:
            may_begin = self._open[-1][1] and "RETURN" in self._choices()
            if may_begin and (before.type == "LBRACE" or self._begins_statement(position)):
                self._statement = position
        elif lexeme.first and before.type == "RBRACE":
            self._statement = position

    def _begins_statement(self, position: int) -> bool:
        lexeme = self._lexemes[position]
        if lexeme.type in STATEMENT_STARTS:
            return True
        following = self._lexemes[position + 1].type if position + 1 < len(self._lexemes) else ""
        if lexeme.type != "NAME" or following not in ("EQUAL", "COLON", "COMMA"):
            begins = lexeme.first or self._lexemes[position - 1].type == "FUSE"
            word = begins and lexeme.type in ("NAME", "IF", "ELSE")
            return word and "RETURN" in self._accepts()
        return lexeme.first or self._lexemes[position - 1].type in ("LBRACE", "RBRACE", "FUSE")

    def _report(self, position: int) -> None:
        first, last = self._lexemes[self._statement].span.line, self._lexemes[position].span.line
        if any(line in self._mended for line in range(min(first, last), last + 1)):
            return
        context = Context(
            self._lexemes,
            position,
            self._accepts(),
            tuple(lexeme for lexeme, _ in self._open),
            self._statement,
            self._declaration,
        )
        self.diagnostics.append(diagnose(context))

    def _recover(self, position: int) -> int | None:
        """Sets the parser up for the next statement or declaration, and returns its position; None at the end."""
        bodies = [is_body for _, is_body in self._open]
        for place in range(position, len(self._lexemes) - 1):
            lexeme = self._lexemes[place]
            moved = place > position or position > self._statement
            if moved and lexeme.first and self._begins_declaration(lexeme, bodies):
                self._restart(0)
                return place
            if moved and lexeme.first and bodies and all(bodies) and self._looks_like_statement(place):
                self._restart(len(bodies))
                return place
            if lexeme.type in CLOSERS:
                follows = place > 0 and self._lexemes[place - 1].type in OPENERS
                bodies.append(lexeme.type == "LBRACE" and all(bodies) and (follows or self._is_loop(place)))
            elif lexeme.type in OPENERS and bodies:
                bodies.pop()
        return None

    def _begins_declaration(self, lexeme: Lexeme, bodies: list[bool]) -> bool:
        if lexeme.type == "FN":
            return not bodies
        return lexeme.type in DECLARATION_STARTS

    def _looks_like_statement(self, position: int) -> bool:
        """Whether a line that begins here begins a statement: by its first words, or since no operator is before it."""
        lexeme, following = self._lexemes[position], self._lexemes[position + 1]
        names_value = lexeme.type == "NAME" and following.type in ("EQUAL", "COLON", "COMMA")
        complete = position > 0 and self._lexemes[position - 1].type in OPERAND_ENDS
        return names_value or lexeme.type in STATEMENT_STARTS or (complete and lexeme.type in ("NAME", "IF"))

    def _is_loop(self, position: int) -> bool:
        """Whether the `{` at `position` opens the body of a `for` in the same line."""
        line = self._lexemes[position].span.line
        while position >= 0 and self._lexemes[position].span.line == line:
            if self._lexemes[position].type == "FOR":
                return True
            position -= 1
        return False

    def _restart(self, depth: int) -> None:
        """A fresh parser that has read as much as opens `depth` bodies."""
        self._parser = parser().parse_interactive(start="file")
        self._open = []
        head = [*["BLOCK", "NAME", "LPAR", "RPAR", "ARROW", "LBRACE", "RBRACE", "LBRACE"]] if depth else []
        head += [*["FOR", "NAME", "IN", "NAME", "LBRACE"]] * (depth - 1)
        span = self._lexemes[0].span
        for terminal in head:
            self._feed(Lexeme(terminal, "", span))
