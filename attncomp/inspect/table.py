"""Rows as a table of plain text, as wide as its cells or as narrow as a terminal."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_GAP = "  "
_NARROWEST = 12
_CONTINUED = "  "
_PIECE = re.compile(r"(?:\.\.|[^ .,])+[ .,]*|[ .,]+")


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = (), width: int | None = None
) -> list[str]:
    """The lines of a table with a rule below its header. The columns `right` hold numbers: they end at one place.

    Where a `width` is given, the widest columns are broken into several lines until the table fits; no column gets
    narrower than twelve characters.
    """
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    if width is not None:
        _narrow(widths, width - len(_GAP) * (len(widths) - 1))
    lines = []
    for row in (header, tuple("-" * extent for extent in widths), *rows):
        cells = [_broken(cell, extent) for cell, extent in zip(row, widths, strict=True)]
        for number in range(max(map(len, cells))):
            pieces = [cell[number] if number < len(cell) else "" for cell in cells]
            aligned = [
                piece.rjust(extent) if column in right else piece.ljust(extent)
                for column, (piece, extent) in enumerate(zip(pieces, widths, strict=True))
            ]
            lines.append(_GAP.join(aligned).rstrip())
    return lines


def _narrow(widths: list[int], room: int) -> None:
    """Takes from the widest column, one character at a time, until all fit or none may get narrower."""
    while sum(widths) > room and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1


def _broken(cell: str, width: int) -> list[str]:
    """A cell in lines of at most that width, broken after spaces, commas and dots where it can be."""
    if len(cell) <= width:
        return [cell]
    lines = [""]
    for piece in _PIECE.findall(cell):
        if lines[-1].strip() and len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append(_CONTINUED)
        rest = piece
        while len(lines[-1]) + len(rest.rstrip()) > width:
            taken = width - len(lines[-1])
            lines[-1] += rest[:taken]
            rest = rest[taken:]
            lines.append(_CONTINUED)
        lines[-1] += rest
    return [line.rstrip() for line in lines]
