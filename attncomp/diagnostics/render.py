"""Diagnostics as text for a terminal, with the lines of the source that they point at, and as data for a tool."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from attncomp.diagnostics.core import Diagnostic, Label, Severity, Span

TAB = 4
WIDTH = 120
MESSAGE = 600

_BOLD, _RESET = "\x1b[1m", "\x1b[0m"
_COLOURS = {Severity.ERROR: "\x1b[1;31m", Severity.WARNING: "\x1b[1;33m"}
_BLUE, _CYAN = "\x1b[1;34m", "\x1b[1;36m"


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], *, color: bool = False) -> str:
    """The diagnostics in the order of their places, each with its snippet, and a line that counts them.

    `sources` holds the text of each file by the name that spans use; a file that it lacks gets no snippet. Control
    characters of a source are shown as pictures, so that a terminal does not act on them. No diagnostics give "".
    """
    found = sorted(diagnostics, key=_order)
    if not found:
        return ""
    painter = _Painter(color)
    lines = {file: _lines(text) for file, text in sources.items()}
    parts = [_one(diagnostic, lines, painter) for diagnostic in found]
    return "\n".join([*parts, count(found)]) + "\n"


def count(diagnostics: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; "" for none."""
    found = list(diagnostics)
    words = []
    for severity in (Severity.ERROR, Severity.WARNING):
        number = sum(1 for diagnostic in found if diagnostic.severity is severity)
        if number:
            words.append(f"{number} {severity.value}{'' if number == 1 else 's'}")
    return ", ".join(words)


def to_json(diagnostics: Iterable[Diagnostic]) -> list[dict[str, object]]:
    """The diagnostics as plain data, in the order of their places. Keys are those of `Diagnostic` and `Span`."""
    return [
        {
            "code": diagnostic.code,
            "severity": diagnostic.severity.value,
            "message": diagnostic.message,
            "primary": None if diagnostic.primary is None else _label_data(diagnostic.primary),
            "secondary": [_label_data(label) for label in diagnostic.secondary],
            "help": diagnostic.help,
        }
        for diagnostic in sorted(diagnostics, key=_order)
    ]


def snippet(label: Label, sources: Mapping[str, str], *, color: bool = False) -> str:
    """The place of a label and its line of the source with a mark under the span, without a diagnostic around it."""
    lines = {label.span.file: _lines(sources[label.span.file])} if label.span.file in sources else {}
    gutter = len(str(label.span.line)) if lines else 1
    painter = _Painter(color)
    place = f"{visible(label.span.file)}:{label.span.line}:{label.span.column}"
    shown = _snippet([(label, True)], lines.get(label.span.file), gutter, Severity.WARNING, painter)
    return "\n".join([f"{' ' * gutter}{painter.paint('-->', _BLUE)} {place}", *shown])


def _label_data(label: Label) -> dict[str, object]:
    span = label.span
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "text": label.text,
    }


def _order(diagnostic: Diagnostic) -> tuple[str, int, int, str, str]:
    """By place, those without a place first; then by code and message, so that the order never varies."""
    if diagnostic.primary is None:
        return "", 0, 0, diagnostic.code, diagnostic.message
    span = diagnostic.primary.span
    return span.file, span.line, span.column, diagnostic.code, diagnostic.message


def _lines(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.split("\n")]


@dataclass(frozen=True)
class _Painter:
    color: bool

    def paint(self, text: str, escape: str) -> str:
        return f"{escape}{text}{_RESET}" if self.color and text else text


def _one(diagnostic: Diagnostic, sources: Mapping[str, Sequence[str]], painter: _Painter) -> str:
    severity = diagnostic.severity
    head = painter.paint(f"{severity.value}[{diagnostic.code}]", _COLOURS[severity])
    out = [f"{head}{painter.paint(': ' + visible(diagnostic.message), _BOLD)}"]
    gutter = _gutter(diagnostic, sources)
    by_file: dict[str, list[tuple[Label, bool]]] = {}
    if diagnostic.primary is not None:
        by_file[diagnostic.primary.span.file] = [(diagnostic.primary, True)]
    for label in diagnostic.secondary:
        by_file.setdefault(label.span.file, []).append((label, False))
    for position, (file, labels) in enumerate(by_file.items()):
        span = labels[0][0].span
        arrow = painter.paint("-->" if position == 0 else ":::", _BLUE)
        out.append(f"{' ' * gutter}{arrow} {visible(file)}:{span.line}:{span.column}")
        out.extend(_snippet(labels, sources.get(file), gutter, severity, painter))
    if diagnostic.help:
        bar = painter.paint(" " * gutter + " =", _BLUE)
        out.append(f"{bar} {painter.paint('help', _CYAN)}: {visible(diagnostic.help)}")
    return "\n".join(out) + "\n"


def _gutter(diagnostic: Diagnostic, sources: Mapping[str, Sequence[str]]) -> int:
    """The width of the column of line numbers."""
    labels = [*([diagnostic.primary] if diagnostic.primary else []), *diagnostic.secondary]
    return max((len(str(label.span.line)) for label in labels if label.span.file in sources), default=1)


def _snippet(
    labels: Sequence[tuple[Label, bool]],
    lines: Sequence[str] | None,
    gutter: int,
    severity: Severity,
    painter: _Painter,
) -> list[str]:
    """The lines of one file that the labels begin in, with carets under the primary one and dashes under the others."""
    if lines is None or not any(0 < label.span.line <= len(lines) for label, _ in labels):
        return [
            f"{' ' * gutter} {painter.paint('=', _BLUE)} {visible(label.text)} (line {label.span.line})"
            for label, primary in labels
            if label.text and not primary
        ]
    empty = painter.paint(" " * gutter + " |", _BLUE)
    out = [empty]
    before = 0
    numbers = sorted({label.span.line for label, _ in labels if 0 < label.span.line <= len(lines)})
    for number in numbers:
        if before and number > before + 2:
            out.append(painter.paint("...", _BLUE))
        elif before and number == before + 2:
            text = _clipped(lines[number - 2], [])[0]
            out.append(f"{painter.paint(f'{number - 1:>{gutter}} |', _BLUE)} {text}".rstrip())
        here = sorted(
            ((label, primary) for label, primary in labels if label.span.line == number),
            key=lambda item: (-item[0].span.column, item[1]),
        )
        text, marks = _clipped(lines[number - 1], [label.span for label, _ in here])
        out.append(f"{painter.paint(f'{number:>{gutter}} |', _BLUE)} {text}".rstrip())
        for (label, primary), (start, width) in zip(here, marks, strict=True):
            escape = _COLOURS[severity] if primary else _BLUE
            mark = ("^" if primary else "-") * width
            words = f"{mark} {visible(label.text)}".rstrip()
            out.append(f"{empty} {' ' * start}{painter.paint(words, escape)}")
        before = number
    return out


def _clipped(line: str, spans: Sequence[Span]) -> tuple[str, list[tuple[int, int]]]:
    """A line as it is shown, and for each span where its mark starts and how wide it is, in columns of the screen.

    A span that goes on in the next lines is marked to the end of this one. A line longer than `WIDTH` is cut around
    the first span.
    """
    cells = [_cell(character) for character in line]
    starts = [0]
    for _, width in cells:
        starts.append(starts[-1] + width)
    marks = []
    for span in spans:
        first = min(max(span.column - 1, 0), len(cells))
        last = len(cells) if span.end_line > span.line else min(max(span.end_column - 1, first), len(cells))
        marks.append((starts[first], max(starts[last] - starts[first], 1)))
    if starts[-1] <= WIDTH:
        return "".join(text for text, _ in cells), marks
    focus = min((start for start, _ in marks), default=0)
    left = max(min(focus - WIDTH // 3, starts[-1] - WIDTH), 0)
    kept = [
        position for position in range(len(cells)) if left <= starts[position] and starts[position + 1] <= left + WIDTH
    ]
    origin = starts[kept[0]]
    end = starts[kept[-1] + 1]
    head, tail = ("..." if kept[0] else ""), ("..." if kept[-1] + 1 < len(cells) else "")
    text = head + "".join(cells[position][0] for position in kept) + tail
    shifted = []
    for start, width in marks:
        place = min(max(start, origin), end)
        shifted.append((place - origin + len(head), max(min(start + width, end) - place, 1)))
    return text, shifted


def _cell(character: str) -> tuple[str, int]:
    """What stands for a character on the screen, and how many columns it takes."""
    if character == "\t":
        return " " * TAB, TAB
    shown = visible(character)
    if shown != character:
        return shown, len(shown)
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me"):
        return character, 0
    return character, 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def visible(text: str) -> str:
    """`text` with every control and formatting character as a picture or as its number, harmless for a terminal.

    A text longer than `MESSAGE` is cut in its middle: a name may be as long as a file.
    """
    if len(text) > MESSAGE:
        text = f"{text[: MESSAGE // 2]}...{text[-MESSAGE // 2 :]}"
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else _picture(character) for character in text)


def _picture(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if character.isspace() and unicodedata.category(character) == "Zs":
        return " "
    return f"<U+{code:04X}>"
