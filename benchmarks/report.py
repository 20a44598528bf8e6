"""What was measured, as a page, as numbers, and as a figure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from figure import draw
from measure import BESIDE, MEMORY, OURS, TIME, Growth, Outcome, Verdict

from attncomp.bench.bounds import PROFILE_HEADERS, profile_cells
from attncomp.bench.tables import HEADERS, LEGEND, contest_cells, duration, ratio, size

NAME = "numpy_speed"
INTRODUCTION = """\
Modules that attncomp emits, which need NumPy alone, beside PyTorch in eager mode, its fused attention, `torch.compile`,
the libraries that the networks come from, and ONNX Runtime. Inputs and weights are random; results are compared before
anything is timed; each contestant has a process of its own and the same number of threads, and all are called in turns.
[How it is measured](../README.md#how-it-is-measured) says the rest."""
TARGETS = """\
`time` and `peak` are ratios of the NumPy module's median time and peak memory to those of what it is compared with:
below 1 the module is faster, or smaller. What is missed is marked with how far it is above what was aimed at."""
WHY = """\
From a profile of the module on one thread: which calls of NumPy the time goes to, and how fast those are beside the
best that this machine does (a product of 1024 x 1024, functions of numbers that are in cache, `np.copyto` of more than
the caches hold). `least` is the time of the module's own products and functions of numbers at those rates on all
threads, or of copying its inputs and outputs where that takes longer; `of it` is how many times as long it takes."""


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
    figures = draw(growths, folder / f"{NAME}_growth") if growths else []
    page = folder / f"{NAME}.md"
    text = as_page(outcomes, growths, machine, command, next((path.name for path in figures), None))
    page.write_text(text, encoding="utf-8")
    return [numbers, *figures, page]


def as_page(
    outcomes: Sequence[Outcome],
    growths: Sequence[Growth],
    machine: Mapping[str, str],
    command: str,
    figure: str | None = None,
) -> str:
    """The page in Markdown."""
    parts = ["# How fast the NumPy modules are", "", INTRODUCTION, ""]
    parts += [*_table(("machine", ""), list(machine.items()), left=(1,)), "", f"    $ {command}", ""]
    parts += [*_targets(outcomes), *_causes(outcomes), *_growths(growths, figure), *_details(outcomes)]
    return "\n".join(parts)


def anchor(title: str) -> str:
    """Where GitHub puts a heading."""
    return "#" + re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _targets(outcomes: Sequence[Outcome]) -> Iterator[str]:
    verdicts = [verdict for outcome in outcomes for verdict in outcome.verdicts]
    met = sum(verdict.met for verdict in verdicts)
    yield from ("## Targets", "", f"{met} of {len(verdicts)} targets are met.", "", TARGETS, "")
    headers = ("work", "against", "time", "aimed at", "", "peak", "aimed at", "")
    lines = []
    for outcome in outcomes:
        link = f"[{outcome.row.title}]({anchor(outcome.row.title)})"
        if outcome.failure is not None:
            lines.append((link, "not measured", *[""] * 6))
        by_rival: dict[str, dict[str, Verdict]] = {}
        for verdict in outcome.verdicts:
            by_rival.setdefault(verdict.rival, {})[verdict.what] = verdict
        for place, (rival, found) in enumerate(by_rival.items()):
            peak = found.get(MEMORY) or found.get(BESIDE)
            beside = BESIDE in found
            cells = (*_judged(found.get(TIME)), *(_judged(peak) if peak else (_peaks(outcome, rival), "", "")))
            lines.append(("" if place else link, "inputs and result alone" if beside else rival, *cells))
    yield from (*_table(headers, lines, left=(1,)), "")


def _judged(verdict: Verdict | None) -> tuple[str, str, str]:
    if verdict is None:
        return "", "", ""
    target, found = verdict.shown
    return found, f"≤ {target}", "met" if verdict.met else f"**missed by {verdict.excess * 100:.0f} %**"


def _peaks(outcome: Outcome, rival: str) -> str:
    ours, other = outcome.of(OURS), outcome.of(rival)
    return "" if ours is None or other is None else ratio(ours.peak, other.peak)


def _causes(outcomes: Sequence[Outcome]) -> Iterator[str]:
    lines = []
    for outcome in outcomes:
        cause = outcome.cause
        if cause is not None:
            link = f"[{outcome.row.title}]({anchor(outcome.row.title)})"
            lines.append((link, *cause.cells))
    if lines:
        yield from ("## What bounds what is missed", "", WHY, "")
        yield from (*_table(("work", "takes", "least", "of it", "bound by"), lines, left=(4,)), "")


def _growths(growths: Sequence[Growth], figure: str | None) -> Iterator[str]:
    if not growths:
        return
    yield from ("## Growth", "", "Exponents of a power law through all points, by least squares of the logarithms.", "")
    lines = []
    for growth in growths:
        for name, found in growth.exponents().items():
            lines.append((growth.series.title, growth.series.variable, name, *map(_number, found.values())))
    yield from _table(("work", "against", "contestant", "exponent of time", "of peak memory"), lines, left=(1, 2))
    yield ""
    if figure is not None:
        yield from (f"![time and peak memory against size, both axes logarithmic]({figure})", "")
    for growth in growths:
        names = growth.names()
        headers = (
            f"{growth.series.title}, {growth.series.symbol}",
            *(f"{name}: {what}" for name in names for what in (TIME, "peak")),
        )
        yield from (*_table(headers, [_point(outcome, place, names) for place, outcome in growth.outcomes.items()]), "")


def _details(outcomes: Sequence[Outcome]) -> Iterator[str]:
    if outcomes:
        yield from ("## All numbers", "", f"({LEGEND}.)", "")
    for group, members in groupby(outcomes, key=lambda outcome: outcome.row.group):
        yield from (f"### Group: {group}", "")
        for outcome in members:
            yield from (f"#### {outcome.row.title}", "")
            if outcome.failure is not None:
                yield from (f"Not measured: {outcome.failure}", "")
                continue
            yield from (f"`{outcome.row.model}` at {_sizes(outcome)}", "")
            yield from (*_table(HEADERS, contest_cells(outcome.measured)), "")
            for one in outcome.measured:
                yield from (f"- {one.name}: {remark}" for remark in (one.failure, one.note) if remark)
            yield from (f"- {'met' if one.met else '**missed**'}: {one}" for one in outcome.verdicts)
            yield from _cause(outcome)
            yield ""


def _cause(outcome: Outcome) -> Iterator[str]:
    if outcome.no_cause is not None:
        yield f"- {outcome.no_cause}"
    if outcome.cause is not None:
        yield from (f"- {remark}" for remark in outcome.cause.remarks)
        yield from ("", "<details><summary>profile</summary>", "")
        yield from _table(PROFILE_HEADERS, profile_cells(outcome.cause.profile))
        yield from ("", "</details>")


def _sizes(outcome: Outcome) -> str:
    return ", ".join(f"{name} = {size}" for name, size in outcome.sizes.items()) or "its only size"


def _point(outcome: Outcome, place: int, names: Sequence[str]) -> tuple[str, ...]:
    found = [outcome.of(name) for name in names]
    cells = [("–", "–") if one is None else (duration(one.median), size(one.peak)) for one in found]
    return (str(place), *(text for pair in cells for text in pair))


def _table(headers: Sequence[str], lines: Sequence[Sequence[str]], left: Sequence[int] = ()) -> Iterator[str]:
    """A table, its first column and those of `left` to the left, all others to the right."""
    rule = "|".join("---" if place == 0 or place in left else "---:" for place in range(len(headers)))
    yield f"| {' | '.join(headers)} |"
    yield f"|{rule}|"
    for line in lines:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
