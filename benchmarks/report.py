"""What was measured, as a page, as numbers, and as a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from measure import Growth, Outcome

from attncomp.bench.contest import Measured
from attncomp.bench.tables import HEADERS, LEGEND, contest_cells

NAME = "numpy_speed"


def write(
    folder: Path, outcomes: Sequence[Outcome], growths: Sequence[Growth], machine: Mapping[str, str], command: str
) -> list[Path]:
    """Writes the page, the numbers and, where matplotlib is installed, the figure; returns what was written."""
    folder.mkdir(parents=True, exist_ok=True)
    document = {
        "command": command,
        "machine": machine,
        "rows": [outcome.as_json() for outcome in outcomes],
        "growth": [growth.as_json() for growth in growths],
    }
    numbers = folder / f"{NAME}.json"
    numbers.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    written = [numbers]
    figure = folder / f"{NAME}.png"
    if growths and draw(growths, figure):
        written.append(figure)
    page = folder / f"{NAME}.md"
    page.write_text(as_page(outcomes, growths, machine, command, figure.name), encoding="utf-8")
    return [*written, page]


def as_page(
    outcomes: Sequence[Outcome], growths: Sequence[Growth], machine: Mapping[str, str], command: str, figure: str
) -> str:
    """The page in Markdown."""
    parts = ["# The NumPy modules beside others", ""]
    parts += [f"    $ {command}", "", *(f"- {name}: {text}" for name, text in machine.items()), ""]
    verdicts = [verdict for outcome in outcomes for verdict in outcome.verdicts]
    met = sum(verdict.met for verdict in verdicts)
    parts += [f"{met} of {len(verdicts)} targets are met.", "", f"({LEGEND}.)", ""]
    for group, members in groupby(outcomes, key=lambda outcome: outcome.row.group):
        parts += [f"## {group.capitalize()}", ""]
        for outcome in members:
            parts += [f"### {outcome.row.title}", ""]
            if outcome.failure is not None:
                parts += [f"Not measured: {outcome.failure}", ""]
                continue
            parts += [*_markdown(HEADERS, contest_cells(outcome.measured)), ""]
            for one in outcome.measured:
                parts += [f"- {one.name}: {remark}" for remark in (one.failure, one.note) if remark]
            parts += [*(f"- {'met' if one.met else '**missed**'}: {one}" for one in outcome.verdicts), ""]
    if growths:
        parts += ["## Growth", ""]
        for growth in growths:
            parts += [f"{growth.series.title}, exponents in the {growth.series.variable}:", ""]
            cells = [(name, *map(_number, found.values())) for name, found in growth.exponents().items()]
            parts += [*_markdown(("contestant", "time", "peak memory"), cells), ""]
        parts += [f"![time and peak memory against size]({figure})", ""]
    return "\n".join(parts)


def draw(growths: Sequence[Growth], path: Path) -> bool:
    """Time and peak memory of each series, both axes logarithmic. False where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
        from matplotlib.ticker import FormatStrFormatter, LogLocator
    except ImportError:
        return False
    figure = Figure(figsize=(10, 4 * len(growths)), layout="constrained")
    panels = figure.subplots(len(growths), 2, squeeze=False)
    for (left, right), growth in zip(panels, growths, strict=True):
        exponents = growth.exponents()
        for panel, what, label in ((left, "time", "seconds"), (right, "memory", "MiB at the peak")):
            for name in growth.names():
                points = growth.points(name, _second if what == "time" else _mebibytes)
                slope = exponents[name][what]
                text = name if slope is None else f"{name}: exponent {slope:.2f}"
                panel.loglog([x for x, _ in points], [y for _, y in points], marker="o", label=text)
            panel.set(title=growth.series.title, xlabel=growth.series.variable, ylabel=label)
            panel.set_xticks(list(growth.outcomes), labels=[str(place) for place in growth.outcomes], minor=False)
            panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            panel.yaxis.set_major_formatter(FormatStrFormatter("%g"))
            panel.minorticks_off()
            panel.legend()
    figure.savefig(path, dpi=110)
    return True


def _second(one: Measured) -> float | None:
    return one.median


def _mebibytes(one: Measured) -> float | None:
    return None if one.peak is None else one.peak / 2**20


def _markdown(headers: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    rule = "|".join(["---", *("---:" for _ in headers[1:])])
    return [f"| {' | '.join(headers)} |", f"|{rule}|", *(f"| {' | '.join(line)} |" for line in lines)]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
