"""A model file in its canonical form: two spaces of indent, lines of at most 100 columns, every comment kept."""

from __future__ import annotations

from collections.abc import Sequence

from attncomp.diagnostics.core import Span
from attncomp.syntax.layout import INDENT, WIDTH, Group, Layout, Sequence_
from attncomp.syntax.lexeme import CLOSERS, OPENERS, Lexeme
from attncomp.syntax.lexer import scan
from attncomp.syntax.parse import parse
from attncomp.syntax.tree import (
    Block,
    Declaration,
    ForStatement,
    Function,
    FuseStatement,
    Import,
    Model,
    Statement,
)

Item = Import | Declaration | Statement


def format_source(text: str, path: str) -> str:
    """The canonical form of a model file; its tree is the same but for the places.

    Raises DiagnosticError where `text` does not parse.
    """
    file = parse(text, path)
    return _Formatter(text, path).file(file.items)


class _Formatter:
    def __init__(self, text: str, path: str) -> None:
        scanned = scan(text, path)
        self._lexemes = scanned.lexemes
        self._at = {(lexeme.span.line, lexeme.span.column): number for number, lexeme in enumerate(self._lexemes)}
        self._ends = {
            (lexeme.span.end_line, lexeme.span.end_column): number
            for number, lexeme in enumerate(self._lexemes)
            if not lexeme.is_end
        }
        self._blank_before: dict[int, list[bool]] = {}  # for the comments before a lexeme, then for the lexeme
        leading, trailing = self._attach(scanned.comments)
        self._out = Layout(self._lexemes, leading, trailing)

    def file(self, items: Sequence[Item]) -> str:
        """The whole text."""
        self._items(items, 0)
        end = len(self._lexemes) - 1
        self._own_lines(end, 0, blank_first=self._wants_blank(end) and bool(items))
        return "".join(f"{line}\n" for line in self._out.lines)

    # --- comments and blank lines ---------------------------------------------------------------------------------

    def _attach(self, comments: Sequence[Lexeme]) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
        """Hangs each comment on the lexeme before it in its line, or else on the next lexeme."""
        leading: dict[int, list[str]] = {}
        trailing: dict[int, list[str]] = {}
        waiting = list(comments)
        line = 0
        for number, lexeme in enumerate(self._lexemes):
            blanks: list[bool] = []
            while waiting and (lexeme.is_end or _before(waiting[0].span, lexeme.span)):
                comment = waiting.pop(0)
                text = comment.text.rstrip()
                if comment.span.line == line:
                    trailing.setdefault(number - 1, []).append(text)
                    continue
                leading.setdefault(number, []).append(text)
                blanks.append(comment.span.line > line + 1)
                line = comment.span.line
            self._blank_before[number] = [*blanks, lexeme.span.line > line + 1]
            line = lexeme.span.end_line
        return leading, trailing

    def _own_lines(self, position: int, indent: int, *, blank_first: bool) -> None:
        """The comments before a lexeme, in lines of their own, with the blank lines among them."""
        comments = self._out.leading.pop(position, [])
        blanks = self._blank_before[position][-len(comments) - 1 :] if comments else []
        for number, text in enumerate(comments):
            if blank_first if number == 0 else blanks[number]:
                self._blank()
            self._out.begin(indent)
            self._out.comment(text)
            self._out.end()
        if comments and blanks[-1] and not self._lexemes[position].is_end and self._lexemes[position].type != "RBRACE":
            self._blank()

    def _blank(self) -> None:
        self._out.end()
        if self._out.lines and self._out.lines[-1]:
            self._out.lines.append("")

    def _wants_blank(self, position: int) -> bool:
        return self._blank_before[position][0]

    # --- items ----------------------------------------------------------------------------------------------------

    def _items(self, items: Sequence[Item], indent: int) -> None:
        previous: Item | None = None
        lines_before = 0
        for item in items:
            start = self._start(item)
            blank = False
            if previous is not None:
                light = all(isinstance(each, Import | Function) or indent for each in (previous, item))
                light = light and (bool(indent) or type(previous) is type(item))
                blank = self._wants_blank(start) or not light or self._is_tall(previous, lines_before)
            lines_before = len(self._out.lines)
            if self._out.leading.get(start):
                self._own_lines(start, indent, blank_first=blank)
            elif blank:
                self._blank()
            lines_before = len(self._out.lines)
            self._out.begin(indent)
            self._item(item, indent)
            self._out.end()
            previous = item

    def _is_tall(self, item: Item, lines_before: int) -> bool:
        """Whether a function took more than a line: then a blank line follows."""
        return isinstance(item, Function) and len(self._out.lines) > lines_before + 1

    def _start(self, item: Item) -> int:
        return self._at[item.span.line, item.span.column]

    def _stop(self, item: Item) -> int:
        """The position behind the last lexeme of an item."""
        return self._ends[item.span.end_line, item.span.end_column] + 1

    def _item(self, item: Item, indent: int) -> None:
        inner = _unmarked(item)
        if isinstance(inner, Block | Model | ForStatement):
            self._with_body(item, inner.body, indent)
            return
        start, stop = self._start(item), self._stop(item)
        comments = self._out.trailing.pop(stop - 1, [])
        sequence = self._out.sequence(start, stop)
        if isinstance(item, Function):
            self._function(sequence, indent)
        else:
            self._out.write(sequence, indent)
        for text in comments:
            self._out.comment(text)

    def _with_body(self, item: Item, body: Sequence[Statement], indent: int) -> None:
        start, stop = self._start(item), self._stop(item)
        opener = self._opener(stop - 1)
        moved = self._out.leading.pop(opener, [])  # a brace stands behind its head: comments before it go inside
        if moved:
            self._out.leading.setdefault(opener + 1, [])[:0] = moved
            self._blank_before[opener + 1][:0] = [False] * len(moved)
        self._header(self._out.sequence(start, opener), indent, tail=2)
        if self._fits_in_line(body, opener, stop - 1):
            inside = self._out.flat(self._out.sequence(opener + 1, stop - 1)).strip()
            self._out.text(f" {{ {inside} }}" if inside else " {}")
            for text in self._out.trailing.get(stop - 1, []):
                self._out.comment(text)
            return
        self._out.text(" {")
        for text in self._out.trailing.get(opener, []):
            self._out.comment(text)
        self._out.end()
        self._items(body, indent + INDENT)
        self._own_lines(stop - 1, indent + INDENT, blank_first=bool(body) and self._wants_blank(stop - 1))
        self._out.begin(indent)
        self._out.word(stop - 1)

    def _opener(self, closer: int) -> int:
        depth = 0
        for position in range(closer, -1, -1):
            depth += self._lexemes[position].type in OPENERS
            depth -= self._lexemes[position].type in CLOSERS
            if depth == 0:
                return position
        return 0

    def _fits_in_line(self, body: Sequence[Statement], opener: int, closer: int) -> bool:
        """Whether a body goes on in the line of its head: it did before, and is one short statement or none."""
        inner = range(opener, closer)
        if any(self._out.trailing.get(position) or self._out.leading.get(position + 1) for position in inner):
            return False
        if not body:
            return True
        if len(body) > 1 or isinstance(_unmarked(body[0]), ForStatement):
            return False
        if self._lexemes[opener].span.line != self._lexemes[closer].span.line:
            return False
        inside = self._out.flat(self._out.sequence(opener + 1, closer)).strip()
        return self._out.column + len(inside) + 5 <= WIDTH

    def _header(self, sequence: Sequence_, indent: int, tail: int) -> None:
        """The head of a declaration: where it is too long, each input in a line of its own."""
        flat = self._out.flat(sequence)
        inputs = next((item for item in sequence if self._is_inputs(item)), None)
        short = self._out.column + len(flat) + tail <= WIDTH and not self._out.commented(sequence)
        if inputs is None or short or not isinstance(inputs, Group) or not inputs.parts:
            self._out.write(sequence, indent, tail)
            return
        index = sequence.index(inputs)
        self._out.write(sequence[:index], indent, 1)
        self._out.write_group(inputs, indent)
        self._out.write(sequence[index + 1 :], indent, tail)

    def _is_inputs(self, item: int | Group) -> bool:
        return isinstance(item, Group) and self._lexemes[item.opener].type == "LPAR"

    def _function(self, sequence: Sequence_, indent: int) -> None:
        """A function: in one line, or its expression in the next one."""
        equal = next(
            index
            for index, item in enumerate(sequence)
            if isinstance(item, int) and self._lexemes[item].type == "EQUAL"
        )
        flat = self._out.flat(sequence)
        if self._out.column + len(flat) <= WIDTH and not self._out.commented(sequence):
            self._out.write(sequence, indent)
            return
        self._header(sequence[:equal], indent, tail=2)
        self._out.write(sequence[equal : equal + 1], indent)
        self._out.begin(indent + INDENT)
        self._out.write(sequence[equal + 1 :], indent + INDENT)


def _unmarked(item: Item) -> Item:
    """The statement behind a `fuse!`."""
    return item.statement if isinstance(item, FuseStatement) else item


def _before(one: Span, other: Span) -> bool:
    return (one.line, one.column) < (other.line, other.column)
