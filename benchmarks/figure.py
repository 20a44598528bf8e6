"""How time and memory grow, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measure import MEMORY, TIME, Growth

# Colours of Okabe and Ito 2008, which are told apart by everyone, and marks for prints without colour.
_LOOKS = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"), ("#CC79A7", "D"))
_SUFFIXES = ("svg", "png")
_LABELS = {TIME: "time of a call [ms]", MEMORY: "peak memory [MiB]"}
_UNITS = {TIME: 1e-3, MEMORY: 2.0**20}
_STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.linewidth": 0.6,
    "legend.fontsize": 7,
    "lines.linewidth": 1.0,
    "lines.markersize": 4,
    "svg.hashsalt": "growth",  # or every drawing of the same numbers would be another file
}


def draw(growths: Sequence[Growth], stem: Path) -> list[Path]:
    """Writes time and peak memory of each series against its variable, axes logarithmic, each with its fitted power.

    Returns the files; none where matplotlib is not installed.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError:
        return []
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.0, 2.6 * len(growths)), layout="constrained")
        panels = figure.subplots(len(growths), 2, squeeze=False)
        places = [(growth, what) for growth in growths for what in (TIME, MEMORY)]
        for letter, panel, (growth, what) in zip("abcdefghijklmnop", panels.flat, places, strict=False):
            _panel(panel, growth, what)
            panel.set_title(f"({letter}) {growth.series.title}", loc="left")
        files = [stem.with_suffix(f".{suffix}") for suffix in _SUFFIXES]
        for path in files:
            metadata = {"Date": None} if path.suffix == ".svg" else None
            figure.savefig(path, dpi=200, metadata=metadata)
    return files


def _panel(panel: Any, growth: Growth, what: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    exponents = growth.exponents()
    values: list[float] = []
    for name, (colour, mark) in zip(growth.names(), _LOOKS, strict=False):
        points = [(place, number / _UNITS[what]) for place, number in growth.points(name, what)]
        slope = exponents[name][what]
        label = name if slope is None else f"{name}, ${growth.series.symbol}^{{{slope:.2f}}}$"
        panel.loglog(*zip(*points, strict=True), color=colour, marker=mark, label=label) if points else None
        values += [number for _, number in points]
    panel.set(xlabel=f"{growth.series.variable} ${growth.series.symbol}$", ylabel=_LABELS[what])
    panel.set_xticks(list(growth.outcomes), labels=[str(place) for place in growth.outcomes])
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.tick_params(axis="x", which="minor", length=0)
    # A decade alone has too few ticks to read a number from.
    narrow = bool(values) and max(values) < 30 * min(values)
    panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.grid(which="major", linewidth=0.4, color="0.88")
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    if values:
        # What hardly changes shall look so, and then the legend needs room above.
        low, rise = min(values), max(values) / min(values)
        panel.set_ylim(*(low * rise**-0.08, low * rise**1.1) if rise > 10 else (low / 1.3, low * max(rise, 3) ** 1.5))
        panel.legend(frameon=False, loc="upper left")
