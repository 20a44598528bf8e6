"""Measurements as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from attncomp.bench.contest import Measured

if TYPE_CHECKING:
    from rich.table import Table

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


def contest_table(measured: Sequence[Measured], title: str, caption: str) -> Table:
    """A row for each contestant; ratios are the first one's median over the row's, so that lower is better for it."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), caption=escape(caption), title_justify="left", caption_justify="left")
    table.add_column("contestant")
    for header in ("median", "quartiles", "first / this", "peak memory", "difference"):
        table.add_column(header, justify="right")
    first = measured[0]
    for one in measured:
        cells = (
            duration(one.median),
            percent(one.spread),
            ratio(first.median, one.median),
            size(one.peak),
            _UNKNOWN if one.difference is None else f"{one.difference:.1e}",
        )
        table.add_row(escape(one.name), *cells)
        for remark in filter(None, (one.failure, one.note)):
            table.add_row(f"  {escape(remark)}", style="dim")
    return table


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
