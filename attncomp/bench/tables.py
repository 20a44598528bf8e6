"""Measurements as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attncomp.bench.contest import Measured

if TYPE_CHECKING:
    from rich.table import Table

HEADERS = ("contestant", "median", "spread", "ratio", "peak", "ratio", "difference")
LEGEND = (
    "median: of a call; spread: half the distance of its quartiles; peak: memory that calls add to weights and inputs; "
    "ratio: of the first one's to this one's, lower is better for the first; difference: of the results, relative"
)
_UNKNOWN = "–"


def machine_table(machine: Mapping[str, str]) -> Table:
    """The description of a machine."""
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, text in machine.items():
        table.add_row(name, text)
    return table


def contest_table(measured: Sequence[Measured], title: str, caption: str = "") -> Table:
    """A row for each contestant, and what there is to say of it under it."""
    remarks = [f"{one.name}: {remark}" for one in measured for remark in (one.failure, one.note) if remark]
    return cells_table(HEADERS, contest_cells(measured), title, "\n".join(filter(None, (*remarks, caption))))


def cells_table(headers: Sequence[str], lines: Sequence[Sequence[str]], title: str, caption: str = "") -> Table:
    """Text under headers, the first column to the left and all others to the right."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), caption=escape(caption), title_justify="left", caption_justify="left")
    for position, header in enumerate(headers):
        table.add_column(header, justify="right" if position else "left", no_wrap=position > 0)
    for cells in lines:
        table.add_row(*map(escape, cells))
    return table


def contest_cells(measured: Sequence[Measured]) -> list[tuple[str, ...]]:
    """The numbers of each contestant, as text under `HEADERS`.

    Ratios are of the first one's number to its own, so that lower is better for the first.
    """
    first, *others = measured
    return [
        _cells(first, _UNKNOWN, _UNKNOWN),
        *(_cells(one, ratio(first.median, one.median), ratio(first.peak, one.peak)) for one in others),
    ]


def _cells(one: Measured, time_ratio: str, peak_ratio: str) -> tuple[str, ...]:
    difference = _UNKNOWN if one.difference is None else f"{one.difference:.1e}"
    return (one.name, duration(one.median), percent(one.spread), time_ratio, size(one.peak), peak_ratio, difference)


def duration(seconds: float | None) -> str:
    """Seconds in the unit that keeps three digits."""
    if seconds is None:
        return _UNKNOWN
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}" if seconds < 999.5 * scale else f"{seconds / scale:.0f} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def size(bytes_: float | None) -> str:
    """Bytes in MiB."""
    if bytes_ is None:
        return _UNKNOWN
    return f"{bytes_ / 2**20:.1f} MiB"


def ratio(above: float | None, below: float | None) -> str:
    """A quotient, where both are known."""
    return _UNKNOWN if above is None or not below else f"{above / below:.2f}"


def percent(part: float | None) -> str:
    """A part of one as a percentage."""
    return _UNKNOWN if part is None else f"±{part * 50:.0f} %"
