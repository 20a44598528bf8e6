"""The tokens of graph text, and a cursor that reads them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>"(?:[^"\\\n]|\\.)*")
      | (?P<node>%[0-9]+)
      | (?P<real>[0-9]+\.[0-9]*(?:e[+-]?[0-9]+)?|[0-9]+e[+-]?[0-9]+)
      | (?P<whole>[0-9]+)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*'*)
      | (?P<sign>->|==|<=|//|[{}\[\](),:=@/*+-])""",
    re.VERBOSE,
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*'*")


class GraphTextError(ValueError):
    """Text that is no graph: `message` without the place, and the line, counted from 1."""

    def __init__(self, message: str, line: int) -> None:
        self.message, self.line = message, line
        super().__init__(f"line {line}: {message}")


@dataclass(frozen=True)
class Token:
    """A token: its kind (a group of the token pattern, or "end"), its text, its line."""

    kind: str
    text: str
    line: int


def tokens(text: str) -> list[Token]:
    """The tokens of a text, and one at its end. Raises GraphTextError for a character that begins none."""
    found: list[Token] = []
    position, line = 0, 1
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            if text[position] == '"':
                raise GraphTextError("a string is not closed", line)
            raise GraphTextError(f"unexpected character {text[position]!r}", line)
        kind, read = str(match.lastgroup), match.group()
        if kind == "space":
            line += read.count("\n")
        else:
            found.append(Token(kind, read, line))
        position = match.end()
    found.append(Token("end", "the end of the text", line))
    return found


def quoted(text: str) -> str:
    """A string with quotes, on one line."""
    return json.dumps(text, ensure_ascii=False).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def name_text(name: str) -> str:
    """A name as it is where it can be read back so, else with quotes."""
    return name if _WORD.fullmatch(name) else quoted(name)


class Cursor:
    """A place in a text; every method reads on, or raises GraphTextError with the line."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._place = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self._tokens[self._place]

    def error(self, message: str) -> GraphTextError:
        """An error at the next token."""
        return GraphTextError(message, self.token.line)

    def next(self) -> Token:
        """The next token, read."""
        token = self.token
        if token.kind != "end":
            self._place += 1
        return token

    def at(self, text: str) -> bool:
        """Whether the next token is this sign or word."""
        return self.token.text == text and self.token.kind in ("sign", "word")

    def take(self, text: str) -> bool:
        """Reads this sign or word, if it is next."""
        found = self.at(text)
        if found:
            self._place += 1
        return found

    def expect(self, text: str) -> None:
        """Reads this sign or word, which must be next."""
        if not self.take(text):
            raise self.error(f"expected `{text}`, found `{self.token.text}`")

    def kind(self, kind: str, what: str) -> str:
        """The text of the next token, which must be of that kind."""
        if self.token.kind != kind:
            raise self.error(f"expected {what}, found `{self.token.text}`")
        return self.next().text

    def word(self, what: str = "a word") -> str:
        """The next word."""
        return self.kind("word", what)

    def string(self, what: str = "a string") -> str:
        """The next string, without its quotes and escapes."""
        line, text = self.token.line, self.kind("string", what)
        try:
            return str(json.loads(text))
        except json.JSONDecodeError:
            raise GraphTextError(f"the string {text} has an escape that there is not", line) from None

    def name(self, what: str = "a name") -> str:
        """The next name, quoted or not."""
        return self.string(what) if self.token.kind == "string" else self.word(what)

    def node(self) -> int:
        """The number of the next node, `%12`."""
        return int(self.kind("node", "a node")[1:])

    def whole(self) -> int:
        """The next whole number, negative ones too."""
        sign = -1 if self.take("-") else 1
        return sign * int(self.kind("whole", "a whole number"))

    def number(self) -> float:
        """The next number as a float; `inf` and `nan` too."""
        sign = "-" if self.take("-") else ""
        if self.token.kind in ("real", "whole") or self.token.text in ("inf", "nan"):
            return float(sign + self.next().text)
        raise self.error(f"expected a number, found `{self.token.text}`")
