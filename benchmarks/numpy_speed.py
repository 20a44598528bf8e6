"""How fast the NumPy modules are, beside PyTorch, its libraries and ONNX Runtime (`make bench`).

Inputs and weights are drawn, results compared before they are timed; each contestant has a process of its own and the
same number of threads, and all are called in turns. `benchmarks/README.md` says what is measured and what bounds it.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from measure import Outcome, Setting, measure, measure_series
from report import write
from rich.console import Console
from rich.markup import escape
from rows import FOLDER, rows, series

from attncomp.bench.crew import Crew
from attncomp.bench.machine import describe, load
from attncomp.bench.profiler import Profiler
from attncomp.bench.tables import LEGEND, contest_table, machine_table

HEAVY = ("torch-compile", "onnxruntime")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Time the NumPy modules beside their peers.")
    parser.add_argument("--threads", type=int, default=2, help="threads of each contestant (default 2)")
    parser.add_argument("--repeats", type=int, default=7, help="turns of each contestant (default 7)")
    parser.add_argument(
        "--budget",
        type=float,
        default=15.0,
        metavar="SECONDS",
        help="for the turns of a row, at least three (default 15)",
    )
    parser.add_argument("--only", default="*", metavar="PATTERN", help="rows whose title fits, such as 'SE*'")
    parser.add_argument("--without", action="append", default=[], choices=HEAVY, help="a peer to leave out")
    parser.add_argument("--quick", action="store_true", help="all rows in small and once: no measurement, a test")
    parser.add_argument("--output", type=Path, default=FOLDER / "results", help="the folder for page, numbers, figure")
    given = parser.parse_args(arguments)
    console = Console()
    machine = {**describe(given.threads), "code": commit()}
    console.print(machine_table(machine))
    without = frozenset(HEAVY if given.quick else given.without)
    repeats = 1 if given.quick else given.repeats
    outcomes = []
    with (
        Crew(given.threads, shared=given.quick) as crew,
        Profiler(given.threads) as profiler,
        Console(stderr=True).status("") as status,
    ):
        setting = Setting(
            given.threads, repeats, given.budget, without, given.quick, lambda doing: status.update(escape(doing))
        )
        for row in rows():
            if fnmatch(row.title, given.only):
                outcomes.append(measure(row, setting, crew, profiler))
                show(console, outcomes[-1])
        chosen = [one.quick() if given.quick else one for one in series() if fnmatch(one.title, given.only)]
        growths = [measure_series(one, setting, crew, profiler, outcomes) for one in chosen]
    for growth in growths:
        for name, found in growth.exponents().items():
            shown = ", ".join(f"{what} {value:.2f}" for what, value in found.items() if value is not None)
            console.print(f"{growth.series.title}, {name}: exponents in the {growth.series.variable}: {shown}")
    command = shown_command(sys.argv[1:] if arguments is None else arguments)
    for path in write(given.output, outcomes, growths, {**machine, "load at the end": load()}, command):
        console.print(f"wrote {path}")
    console.print(LEGEND, style="dim")
    console.print(f"$ {command}", markup=False)


def shown_command(arguments: Sequence[str]) -> str:
    """What was asked for, without the folder that it is written to."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--output")
    _, kept = parser.parse_known_args(arguments)
    return shlex.join(["python", "benchmarks/numpy_speed.py", *kept])


def commit() -> str:
    """The commit of the code that is measured, and whether there is more than that; empty where git does not tell."""
    command = ["git", "describe", "--always", "--dirty=, with changes", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def show(console: Console, outcome: Outcome) -> None:
    """A row as a table, with what was aimed at under it."""
    if outcome.failure is not None:
        console.print(f"[red]{escape(outcome.row.title)}: not measured: {escape(outcome.failure)}")
        return
    console.print(contest_table(outcome.measured, outcome.row.title))
    for verdict in outcome.verdicts:
        colour, word = ("green", "met") if verdict.met else ("red", "missed")
        console.print(f"  [{colour}]{word}[/]: {verdict}")
    remarks = () if outcome.cause is None else outcome.cause.remarks
    for remark in (*remarks, outcome.no_cause):
        if remark is not None:
            console.print(f"  {remark}", markup=False, highlight=False)


if __name__ == "__main__":
    main()
