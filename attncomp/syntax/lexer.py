"""Text to lexemes, reporting every character, number and string that cannot stand in a model file."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, replace

import lark
from lark.exceptions import UnexpectedCharacters

from attncomp.diagnostics.core import Diagnostic, Label, Span
from attncomp.syntax.lexeme import END, Lexeme
from attncomp.syntax.tables import parser

MAX_REPORTS = 20
MAX_DIGITS = 18


@dataclass(frozen=True)
class Scan:
    """The lexemes of a text, `$END` last, its comments, and what is wrong with its characters."""

    lexemes: tuple[Lexeme, ...]
    comments: tuple[Lexeme, ...]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True)
class _Mistake:
    """A stretch of text that is no token; `repair`, of the same length, takes its place so that parsing goes on."""

    code: str
    message: str
    label: str
    help: str
    start: int
    repair: str


def scan(text: str, path: str) -> Scan:
    """Splits `text` into lexemes. Never raises: what is wrong is in the diagnostics."""
    places = _Places(text, path)
    mistakes: list[_Mistake] = []
    tokens: list[lark.Token] = []
    while True:
        try:
            tokens = list(parser().lex(text, dont_ignore=True))
            break
        except UnexpectedCharacters as error:
            mistake = _bad_character(text, error.pos_in_stream or 0)
            mistakes.append(mistake)
            text = text[: mistake.start] + mistake.repair + text[mistake.start + len(mistake.repair) :]
            if len(mistakes) >= MAX_REPORTS:
                text = text[: mistake.start].ljust(len(text))
    lexemes: list[Lexeme] = []
    comments: list[Lexeme] = []
    line = 0
    bad_until = 0
    for token in tokens:
        start = token.start_pos or 0
        if token.type == "SPACE" or start < bad_until:
            continue
        span = places.span(start, start + len(token))
        lexeme = Lexeme(token.type, str(token), span, span.line != line)
        line = span.line
        bad_number = _bad_number(lexeme, text, start)
        mistakes.extend(bad_number)
        bad_until = max([bad_until, *(mistake.start + len(mistake.repair) for mistake in bad_number)])
        (comments if token.type == "COMMENT" else lexemes).append(replace(lexeme, text="0") if bad_number else lexeme)
    last = len(text.rstrip())
    lexemes.append(Lexeme(END, "", places.span(last, last), True))
    diagnostics = [
        Diagnostic(m.code, m.message, Label(places.span(m.start, m.start + len(m.repair)), m.label), (), m.help)
        for m in sorted(mistakes, key=lambda m: m.start)
    ]
    return Scan(tuple(lexemes), tuple(comments), tuple(diagnostics))


class _Places:
    """Offsets of a text to lines and columns."""

    def __init__(self, text: str, path: str) -> None:
        self._path = path
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def span(self, start: int, end: int) -> Span:
        line, column = self._place(start)
        end_line, end_column = self._place(end)
        return Span(self._path, line, column, end_line, end_column)

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


_QUOTED = re.compile(r"'[^'\n]*'")
_REST_OF_LINE = re.compile(r"[^\n]*")
_MARK = re.compile(r"(?<![A-Za-z0-9_])fuse!?[ \t]*$", re.IGNORECASE)
_SPELLINGS = {
    "&&": "write `and`",
    "&": "write `and`",
    "!": "write `not`",
    "^": "write `**` for a power",
    "?": "write `if condition then a else b`",
    ";": "a statement ends where the next one begins: leave it out",
    "\\": "a statement may go on in the next line as it is: leave it out",
    "$": "leave it out",
    "`": "names stand without quotes",
}
_LOOKALIKES = {
    "→": "->", "−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=",
    "∞": "inf", "“": '"', "”": '"', "„": '"', "‘": '"', "’": "'", "′": "'", "（": "(", "）": ")", "，": ",", "：": ":",
}  # fmt: skip


def _bad_character(text: str, start: int) -> _Mistake:
    character = text[start]
    if character == "'":
        quoted = _QUOTED.match(text, start)
        if quoted is not None:
            help_ = f'write `"{_shown(quoted.group()[1:-1])}"`'
            inside = quoted.group()[1:-1].replace('"', " ")
            return _Mistake("E005", "a string stands in double quotes", "", help_, start, f'"{inside}"')
        help_ = "a `'` belongs right behind the name of an axis: `seq'`"
        return _Mistake("E008", "a `'` without a name before it", "", help_, start, " ")
    if character == '"':
        rest = _matched(_REST_OF_LINE, text, start)
        return _Mistake(
            "E008", "the string is not closed", "it starts here", 'close it with `"` in the same line', start,
            " " * len(rest),
        )  # fmt: skip
    if character in "0123456789":
        number = _matched(re.compile(r"[\w.]+"), text, start)
        return _Mistake("E008", f"`{_shown(number)}` is no number", "", "", start, "0".ljust(len(number)))
    if character == "!" and (mark := _MARK.search(text, max(start - 80, 0), start)) is not None:
        help_ = "write `fuse!`, in one piece and in small letters"
        repair = "fuse!".ljust(start + 1 - mark.start())
        return _Mistake("E005", "the mark of a statement is `fuse!`", "", help_, mark.start(), repair)
    spelling = "&&" if text.startswith("&&", start) else character
    if spelling in _SPELLINGS:
        repair = " " * len(spelling)
        return _Mistake("E005", f"`{spelling}` means nothing here", "", _SPELLINGS[spelling], start, repair)
    if character in _LOOKALIKES:
        return _Mistake(
            "E008", f"`{character}` is no character of the language", "", f"write `{_LOOKALIKES[character]}`", start,
            " ",
        )  # fmt: skip
    if character.isalnum():
        help_ = "a name is made of the letters A to Z, digits and `_`"
        first = start - len(_matched(re.compile(r"[A-Za-z0-9_]*"), text[max(start - 80, 0) : start][::-1], 0))
        word = _matched(re.compile(r"\w+"), text, first)
        repair = "".join(letter if letter.isascii() else "_" for letter in word)
        return _Mistake("E008", f"`{_shown(word)}` is no name", "", help_, first, repair)
    message = f"{_described(character)} is no character of the language"
    return _Mistake("E008", message, "", _replacement(character), start, " ")


def _replacement(character: str) -> str:
    """What to write in place of a character that is not one of the language."""
    plain = unicodedata.normalize("NFKC", character)
    if plain.isspace():
        return "write a space"
    if plain.isascii() and plain.isprintable():
        return f"write `{plain}`"
    return "" if character.isprintable() else "take it out: it does not show"


def _bad_number(lexeme: Lexeme, text: str, start: int) -> list[_Mistake]:
    """What is wrong with a lexeme that is a number: too long, too large, or run into a name."""
    if lexeme.type not in ("INT", "NUMBER"):
        return []
    length = len(lexeme.text)
    rest = re.compile(r"[A-Za-z_0-9]+|\.(?![.\w])").match(text, start + length)
    blank = " " * length
    if rest is not None and rest.group() == ".":
        help_ = f"write `{lexeme.text}.0`"
        return [_Mistake("E008", f"`{lexeme.text}.` is no number", "", help_, start, f"{blank} ")]
    if rest is not None:
        whole = lexeme.text + rest.group()
        help_ = "digits stand without `_`" if rest.group().startswith("_") else "write `*` for a product"
        return [_Mistake("E008", f"`{_shown(whole)}` is no number", "", help_, start, " " * len(whole))]
    if lexeme.type == "INT" and len(lexeme.text.lstrip("0")) > MAX_DIGITS:
        return [_Mistake("E008", f"a whole number has at most {MAX_DIGITS} digits", "", "", start, blank)]
    if lexeme.type == "NUMBER" and float(lexeme.text) == float("inf"):
        help_ = "write `inf` for infinity"
        return [_Mistake("E008", f"`{_shown(lexeme.text)}` is too large for a number", "", help_, start, blank)]
    return []


def _matched(pattern: re.Pattern[str], text: str, start: int) -> str:
    match = pattern.match(text, start)
    return "" if match is None else match.group()


def _described(character: str) -> str:
    """A character in words: by its name in Unicode where it would not show."""
    number = f"U+{ord(character):04X}"
    if character.isprintable() and not character.isspace():
        return f"`{character}`"
    return f"{number} ({unicodedata.name(character).lower()})" if unicodedata.name(character, "") else number


def _shown(text: str) -> str:
    """A piece of the source for a message: short and on one line."""
    return text if len(text) <= 40 else text[:37] + "..."
