"""Lexemes laid out in lines: flat where they fit, else broken at operators or in brackets.

What comes out depends on the lexemes and comments alone, never on how the lines were broken before, so that formatting
twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from attncomp.syntax.lexeme import CLOSERS, OPENERS, OPERAND_ENDS, Lexeme
from attncomp.syntax.spacing import ends_contraction, is_binary_minus, spaces

WIDTH = 100
INDENT = 2

# The operators that a line may be broken before, by how loosely they bind.
_BREAKS = {
    "THEN": 0, "ELSE": 0, "OR": 1, "AND": 2, "COMPARISON": 3, "IS": 3, "PLUS": 4, "MINUS": 4,
    "STAR": 5, "SLASH": 5, "FLOOR_DIVIDE": 5, "PERCENT": 5, "AT": 5,
}  # fmt: skip


@dataclass
class Group:
    """A bracket and what it holds between commas; `comments` are those behind each part."""

    opener: int
    closer: int = -1
    parts: list[Sequence_] = field(default_factory=list)
    comments: list[list[str]] = field(default_factory=list)


Sequence_ = list["int | Group"]


class Layout:
    """The lexemes of a file, the comments that hang on them, and the lines written so far.

    `leading` are comments in lines of their own before a lexeme, `trailing` the one behind it in its line. Positions
    of lexemes stand for lexemes throughout.
    """

    def __init__(
        self, lexemes: Sequence[Lexeme], leading: dict[int, list[str]], trailing: dict[int, list[str]]
    ) -> None:
        self.lexemes = lexemes
        self.leading = leading
        self.trailing = trailing
        self.lines: list[str] = []
        self._spaces = spaces(lexemes)
        self._line: str | None = None
        self._must_break = False
        self._continuation = 0

    # --- lines ----------------------------------------------------------------------------------------------------

    def begin(self, indent: int) -> None:
        """Ends the line being written and begins another."""
        self.end()
        self._line = " " * indent
        self._continuation = indent + INDENT

    def end(self) -> None:
        """Ends the line being written, if one is."""
        if self._line is not None:
            self.lines.append(self._line.rstrip())
        self._line = None
        self._must_break = False

    def comment(self, text: str) -> None:
        """A comment at the end of the line; nothing may follow in it."""
        line = self._line or ""
        self._line = f"{line}  {text}" if line.strip() else line + text
        self._must_break = True

    @property
    def column(self) -> int:
        """How much of the line is written."""
        return len(self._line or "")

    def text(self, text: str) -> None:
        """Text as it is, in a new line where a comment has ended this one."""
        if self._must_break:
            self.begin(self._continuation - INDENT)
            text = text.lstrip()
        self._line = (self._line or "") + text

    def word(self, position: int) -> None:
        """One lexeme with its comments, and the space before it."""
        indent = self._continuation
        for text in self.leading.get(position, []):
            if (self._line or "").strip():
                self._rest_in_new_line(indent)
            self._line = (self._line or "") + text
            self._rest_in_new_line(indent if self._line.startswith(" " * indent) else indent - INDENT)
        if self._must_break:
            self._rest_in_new_line(indent)
        space = self._spaces[position] and bool((self._line or "").strip())
        self._line = (self._line or "") + (" " if space else "") + self.lexemes[position].text
        for text in self.trailing.get(position, []):
            self.comment(text)

    def _rest_in_new_line(self, indent: int) -> None:
        continuation = self._continuation
        self.begin(indent)
        self._continuation = continuation

    # --- structure ------------------------------------------------------------------------------------------------

    def sequence(self, start: int, stop: int) -> Sequence_:
        """The lexemes from `start` to before `stop`, brackets matched and commas that say nothing left out."""
        result: Sequence_ = []
        stack: list[tuple[Sequence_, Group]] = []
        current = result
        for position in range(start, stop):
            type_ = self.lexemes[position].type
            if type_ in CLOSERS:
                group = Group(position)
                current.append(group)
                stack.append((current, group))
                current = []
            elif type_ in OPENERS and stack:
                outer, group = stack.pop()
                if current:
                    self._add_part(group, current, position - 1)
                group.closer = position
                current = outer
            elif type_ == "COMMA" and stack:
                self._add_part(stack[-1][1], current, position)
                current = []
            else:
                current.append(position)
        return result

    def _add_part(self, group: Group, part: Sequence_, last: int) -> None:
        """Closes a part; the comments behind its last lexeme and behind the comma then stand behind both."""
        comments = self.trailing.pop(last, [])
        if self.lexemes[last].type == "COMMA":
            comments = self.trailing.pop(last - 1, []) + comments
            self.leading.setdefault(last + 1, [])[:0] = self.leading.pop(last, [])
        group.parts.append(part)
        group.comments.append(comments)

    def flat(self, sequence: Sequence_) -> str:
        """The sequence in one line, without comments, with the space before its first lexeme."""
        out: list[str] = []
        for item in sequence:
            position = item.opener if isinstance(item, Group) else item
            out.append(" " if self._spaces[position] else "")
            out.append(self.lexemes[position].text)
            if isinstance(item, Group):
                out.append(", ".join(self.flat(part).lstrip(" ") for part in item.parts))
                out.append(self.lexemes[item.closer].text)
        return "".join(out)

    def commented(self, sequence: Sequence_, *, first: bool = False) -> bool:
        """Whether a comment hangs on any lexeme; those before the first one count only with `first`."""
        for index, item in enumerate(sequence):
            position = item.opener if isinstance(item, Group) else item
            if (index or first) and self.leading.get(position):
                return True
            if self.trailing.get(position):
                return True
            if isinstance(item, Group) and (self.trailing.get(item.closer) or self._commented_inside(item)):
                return True
        return False

    def _commented_inside(self, group: Group) -> bool:
        if self.trailing.get(group.opener) or self.leading.get(group.closer) or any(group.comments):
            return True
        return any(self.commented(part, first=True) for part in group.parts)

    # --- writing --------------------------------------------------------------------------------------------------

    def write(self, sequence: Sequence_, indent: int, tail: int = 0) -> None:
        """Writes a sequence that belongs to a line of that indent; `tail` columns must stay free behind it."""
        first = self.lexemes[sequence[0]].type if sequence and isinstance(sequence[0], int) else ""
        listed = first in ("AXIS", "RETURN", "FROM") and not self._commented_between(sequence)
        if listed and not self._fits(sequence, tail):
            self._continuation = indent + INDENT
            self._write_items(sequence, indent, tail)
        else:
            self._write_one(sequence, indent, tail)

    def _write_one(self, sequence: Sequence_, indent: int, tail: int) -> None:
        """Writes a sequence without commas outside of brackets, or with a comment among them."""
        if self._fits(sequence, tail):
            self._write_flat(sequence)
            return
        self._continuation = indent + INDENT
        if self._commented_between(sequence):
            self._write_greedily(sequence, indent, tail)
        else:
            self._write_broken(sequence, indent, tail)

    def _fits(self, sequence: Sequence_, tail: int) -> bool:
        return not self.commented(sequence) and self.column + len(self.flat(sequence)) + tail <= WIDTH

    def _write_flat(self, sequence: Sequence_) -> None:
        for item in sequence:
            if isinstance(item, int):
                self.word(item)
                continue
            self.word(item.opener)
            for number, part in enumerate(item.parts):
                self.text(", " if number else "")
                position = part[0].opener if isinstance(part[0], Group) else part[0]
                flat = self.flat(part).lstrip(" ")
                self.text(flat) if not self.leading.get(position) else self._write_flat(part)
            self.word(item.closer)

    def _commented_between(self, sequence: Sequence_) -> bool:
        """Whether a comment stands outside of the brackets of the sequence."""
        for index, item in enumerate(sequence):
            position = item.opener if isinstance(item, Group) else item
            last = item.closer if isinstance(item, Group) else item
            if (index and self.leading.get(position)) or self.trailing.get(last):
                return True
        return False

    def _write_greedily(self, sequence: Sequence_, indent: int, tail: int) -> None:
        for index, item in enumerate(sequence):
            if isinstance(item, int):
                self.word(item)
                continue
            room = tail if index == len(sequence) - 1 else 0
            short = self.column + len(self.flat([item])) + room <= WIDTH
            if not self._must_break and short and not self._commented_inside(item):
                self._write_flat([item])
            else:
                self.write_group(item, self._indent_of_line(indent))

    def _indent_of_line(self, indent: int) -> int:
        line = self._line or ""
        return len(line) - len(line.lstrip(" ")) if line.strip() else indent

    def _write_items(self, sequence: Sequence_, indent: int, tail: int) -> None:
        """Items between commas outside of any bracket, as many in a line as fit."""
        items: list[Sequence_] = [[]]
        for item in sequence:
            items[-1].append(item)
            if isinstance(item, int) and self.lexemes[item].type == "COMMA":
                items.append([])
        for number, part in enumerate(items):
            room = tail if number == len(items) - 1 else 0
            if number and not self._fits(part, room):
                self.begin(indent + INDENT)
            self._write_one(part, self._indent_of_line(indent), room)

    def _write_broken(self, sequence: Sequence_, indent: int, tail: int) -> None:
        pieces = self._pieces(sequence)
        fit = all(len(self.flat(piece)) + indent + INDENT + tail <= WIDTH for piece in pieces)
        calm = not any(self.commented(piece) for piece in pieces)
        group = self._group_to_break(sequence, indent, tail)
        worthwhile = group is not None and len(self.flat([group])) >= WIDTH // 4
        if len(pieces) > 1 and (not worthwhile or (fit and calm)):
            self._write_pieces(pieces, indent, tail)
        elif group is not None:
            index = sequence.index(group)
            self._write_flat(sequence[:index])
            self.write_group(group, indent)
            self._write_flat(sequence[index + 1 :])
        else:
            self._write_greedily(sequence, indent, tail)

    def _pieces(self, sequence: Sequence_) -> list[Sequence_]:
        """The sequence cut before its loosest operators."""
        levels = [self._level(item) for item in sequence]
        loosest = min((level for level in levels if level is not None), default=None)
        pieces: list[Sequence_] = [[]]
        for item, level in zip(sequence, levels, strict=True):
            if level is not None and level == loosest and pieces[-1]:
                pieces.append([])
            pieces[-1].append(item)
        return pieces

    def _level(self, item: int | Group) -> int | None:
        if isinstance(item, Group):
            return None
        type_ = self.lexemes[item].type
        if type_ == "MINUS" and not is_binary_minus(self.lexemes, item):
            return None
        return _BREAKS.get(type_)

    def _write_pieces(self, pieces: list[Sequence_], indent: int, tail: int) -> None:
        for number, piece in enumerate(pieces):
            if number:
                self.begin(indent + INDENT)
            room = tail if number == len(pieces) - 1 else 0
            if number and len(piece) > 1 and not self._fits(piece, room):
                self._write_flat(piece[:1])
                self.write(piece[1:], indent + INDENT, room)
            else:
                self.write(piece, indent + INDENT if number else indent, room)

    def _group_to_break(self, sequence: Sequence_, indent: int, tail: int) -> Group | None:
        """The last bracket whose breaking leaves what is before it, and what is behind it, in one line each."""
        for index in range(len(sequence) - 1, -1, -1):
            group = sequence[index]
            if not isinstance(group, Group) or not group.parts or self._is_contracted(group):
                continue
            before, behind = sequence[:index], sequence[index + 1 :]
            if self.commented(before) or self.commented(behind, first=True) or self.leading.get(group.opener):
                continue
            if self.column + len(self.flat(before)) + 2 > WIDTH:
                continue
            if indent + 1 + len(self.flat(behind)) + tail <= WIDTH:
                return group
        return None

    def _is_contracted(self, group: Group) -> bool:
        """Whether these are the axes of a contraction."""
        return group.opener > 0 and self.lexemes[group.opener - 1].type == "AT"

    def write_group(self, group: Group, indent: int) -> None:
        """A bracket with each of its parts in a line of its own."""
        self.word(group.opener)
        comma = "," if self._takes_comma(group) else ""
        for part, comments in zip(group.parts, group.comments, strict=True):
            self.begin(indent + INDENT)
            last = part is group.parts[-1]
            self._continuation = indent + INDENT
            self._leading_lines(part, indent + INDENT)
            self.write(part, indent + INDENT, 1)
            self.text("," if not last else comma)
            for number, text in enumerate(comments):
                if number:
                    self.begin(indent + INDENT)
                self.comment(text)
        for text in self.leading.pop(group.closer, []):
            self.begin(indent + INDENT)
            self._line = (self._line or "") + text
        self.begin(indent)
        self.word(group.closer)
        self._continuation = indent + INDENT

    def _leading_lines(self, part: Sequence_, indent: int) -> None:
        position = part[0].opener if isinstance(part[0], Group) else part[0]
        for text in self.leading.pop(position, []):
            self._line = (self._line or "") + text
            self.begin(indent)

    def _takes_comma(self, group: Group) -> bool:
        """Whether a comma may stand behind the last part: not in `(a b)`, `(x + y)` and `blocks[12]`."""
        opener = group.opener
        before = self.lexemes[opener - 1] if opener else None
        if not group.parts or before is None:
            return False
        called = before.type in OPERAND_ENDS and not ends_contraction(self.lexemes, opener - 1)
        if self.lexemes[opener].type == "LPAR" and not called:
            first = group.parts[0]
            return any(isinstance(item, int) and self.lexemes[item].type == "COLON" for item in first)
        repeated = self.lexemes[opener].type == "LSQB" and opener > 1 and self.lexemes[opener - 2].type == "LAYER"
        return not repeated
