"""`attnc bench`: the modules of a model and their peers, side by side."""

from __future__ import annotations

import json
import re
import shlex
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from attncomp.cli.output import check_writable, write_text
from attncomp.cli.reporting import reporting_options
from attncomp.cli.sources import build, model_options, parse_sizes
from attncomp.diagnostics.core import Diagnostic, DiagnosticError, fail
from attncomp.diagnostics.suggest import did_you_mean

if TYPE_CHECKING:
    from attncomp.bench.contest import Measured, Progress
    from attncomp.bench.profiler import Cause
    from attncomp.bench.subject import Subject

_RUNTIME = re.compile(r"(E07[0-9]): (.*)", re.DOTALL)
_OWN = "numpy"
NONE = "none"


@click.command()
@click.argument("file")
@model_options
@click.option(
    "--size", "sizes", multiple=True, metavar="NAME=NUMBER", help="A size of the inputs; may repeat. Else 1 or 128."
)
@click.option("--threads", type=click.IntRange(min=1), help="Threads of each contestant; all cores if not given.")
@click.option("--repeats", type=click.IntRange(min=1), default=15, show_default=True, help="Turns of each contestant.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What is drawn, and how.")
@click.option(
    "--peers",
    metavar="LIST",
    help="Of torch, torch-compile, onnxruntime, with commas, or none; else torch and onnxruntime where installed.",
)
@click.option(
    "--profile", is_flag=True, help="Also tell where the time of the NumPy module goes, and the least it could be."
)
@click.option("-o", "--output", metavar="OUT.json", help="A file for all the numbers.")
@reporting_options
def bench(
    file: str,
    model: str | None,
    options: tuple[str, ...],
    present: tuple[str, ...],
    sizes: tuple[str, ...],
    threads: int | None,
    repeats: int,
    seed: int,
    peers: str | None,
    profile: bool,
    output: str | None,
) -> None:
    """Time the NumPy module of a model beside its PyTorch module and other peers.

    Inputs and weights are drawn; results are compared before anything is timed. Each contestant has a process and the
    same number of threads, and all are called in turns. Peak memory is what a call adds to what is there before the
    first one: weights and inputs do not count.

    A profile is of one thread: the calls of NumPy by what they do, beside what this machine does at best.
    """
    from attncomp.bench.crew import cores
    from attncomp.bench.subject import Subject

    chosen = _peers(peers)
    if output is not None:
        check_writable(output)
    built = build(file, model, options, present)
    asked = parse_sizes(built.graph, sizes)
    count = threads or cores()
    with tempfile.TemporaryDirectory(prefix="attnc-bench-") as folder, _progress() as progress:
        subject = Subject(built, asked, seed, Path(folder))
        measured = _measure(subject, (_OWN, *chosen), count, repeats, progress)
        cause = _cause(subject, measured[0], count, progress) if profile else None
    _report(subject, measured, cause, count, seed, output)


def _peers(given: str | None) -> tuple[str, ...]:
    """The peers to measure. Raises DiagnosticError E090 for one that there is not, or that is not installed."""
    from attncomp.bench.subject import KINDS

    known = [name for name in KINDS if name != _OWN]
    if given is None:
        found = tuple(name for name in known if name != "torch-compile" and not KINDS[name].missing)
        if not found:
            help_ = "install one, such as by `pip install 'attncomp[torch]'`, or time it alone by `--peers none`"
            raise fail("E090", "there is no peer to compare with: PyTorch is not installed", help=help_)
        return found
    names = list(dict.fromkeys(name.strip() for name in given.split(",")))
    if names == [NONE]:
        return ()
    mistakes = list(_mistakes(names, known))
    if mistakes:
        raise DiagnosticError(mistakes)
    return tuple(names)


def _mistakes(names: Iterable[str], known: Sequence[str]) -> Iterator[Diagnostic]:
    from attncomp.bench.subject import KINDS

    for name in names:
        if name not in known:
            yield Diagnostic("E090", f"there is no peer `{name}`", help=did_you_mean(name, [*known, NONE]))
        elif KINDS[name].missing:
            missing = KINDS[name].missing
            which = f"{', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed"
            yield Diagnostic("E090", f"the peer `{name}` needs {which}", help=f"`pip install {' '.join(missing)}`")


def _measure(
    subject: Subject, kinds: Iterable[str], threads: int, repeats: int, progress: Progress
) -> tuple[Measured, ...]:
    """Raises DiagnosticError with what the NumPy module says where it does not take these sizes."""
    from attncomp.bench.contest import ContestError, contest
    from attncomp.bench.crew import Crew

    progress("compiling")
    contestants = [subject.contestant(kind) for kind in kinds]
    with Crew(threads) as crew:
        try:
            return contest(contestants, crew, repeats=repeats, progress=progress)
        except ContestError as error:
            found = _RUNTIME.match(str(error))
            sizes = ", ".join(f"{name}={size}" for name, size in subject.sizes.items())
            help_ = f"the sizes are {sizes}; another one is given by `--size NAME=NUMBER`" if sizes else ""
            code, message = found.groups() if found else ("E090", f"the NumPy module gives no result: {error}")
            raise fail(code, message, help=help_) from None


def _cause(subject: Subject, measured: Measured, threads: int, progress: Progress) -> Cause:
    from attncomp.bench.profiler import Profiler

    progress("profile")
    assert measured.median is not None  # the first contestant has one, or nothing was measured
    with Profiler(threads) as profiler:
        return profiler.cause(subject.contestant(_OWN), measured.median)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A line that says what is being done, in a terminal alone."""
    from rich.console import Console

    with Console(stderr=True).status("") as status:
        yield status.update


def _report(
    subject: Subject, measured: Sequence[Measured], cause: Cause | None, threads: int, seed: int, output: str | None
) -> None:
    from rich.console import Console

    from attncomp.bench.bounds import PROFILE_HEADERS, profile_cells
    from attncomp.bench.machine import describe
    from attncomp.bench.tables import LEGEND, cells_table, contest_table, machine_table, size

    command = shlex.join(["attnc", *sys.argv[1:]])
    machine = describe(threads)
    sizes = ", ".join(f"{name} = {value}" for name, value in subject.sizes.items())
    title = f"{subject.built.graph.name}{f' at {sizes}' if sizes else ''}, {size(subject.weight_bytes)} of weights"
    console = Console()
    console.print(machine_table(machine))
    console.print(contest_table(measured, title, f"$ {command}"))
    console.print(LEGEND, style="dim")
    if cause is not None:
        console.print(cells_table(PROFILE_HEADERS, profile_cells(cause.profile), "where the time of a call goes"))
        for remark in cause.remarks:
            console.print(remark, markup=False, highlight=False)
    if output is not None:
        document = {
            "command": command,
            "machine": machine,
            "model": subject.built.graph.name,
            "sizes": subject.sizes,
            "seed": seed,
            "contestants": [one.as_json() for one in measured],
            "cause": None if cause is None else cause.as_json(),
        }
        write_text(output, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
