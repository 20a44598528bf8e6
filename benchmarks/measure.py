"""A row of the table, measured: its modules and rivals made, compared, timed, and held against what is aimed at."""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rows import FOLDER, Rival, Row, Series, Work

from attncomp import pipeline
from attncomp.bench.contest import Contestant, ContestError, Measured, contest
from attncomp.bench.crew import Crew
from attncomp.bench.subject import Subject
from attncomp.bench.tables import size
from attncomp.diagnostics.core import DiagnosticError
from attncomp.semantics.static import StaticValue

OURS = "NumPy module"
SEED = 0
BUDGET = 60.0  # seconds of calls for a row
PEERS = FOLDER / "peers.py"


@dataclass(frozen=True)
class Verdict:
    """A number that was aimed at, and what it is: a ratio to a rival, or bytes beside the result."""

    what: str
    rival: str
    target: float
    found: float

    @property
    def met(self) -> bool:
        """Whether it is at most what was aimed at."""
        return self.found <= self.target

    def __str__(self) -> str:
        if self.what == "beside the result":
            return f"{size(self.found)} beside the result, at most {size(self.target)}"
        return f"{self.what} {self.found:.2f} of {self.rival}, at most {self.target:g}"


@dataclass(frozen=True)
class Outcome:
    """What became of a row. With a `failure` nothing was measured."""

    row: Row
    sizes: Mapping[str, int]
    measured: tuple[Measured, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    failure: str | None = None

    def of(self, name: str) -> Measured | None:
        """The contestant of that name."""
        return next((one for one in self.measured if one.name == name), None)

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "group": self.row.group,
            "title": self.row.title,
            "model": f"{self.row.work.file.relative_to(FOLDER.parent)}:{self.row.work.model or ''}".rstrip(":"),
            "sizes": dict(self.sizes),
            "failure": self.failure,
            "contestants": [one.as_json() for one in self.measured],
            "verdicts": [
                {"what": one.what, "rival": one.rival, "target": one.target, "found": one.found, "met": one.met}
                for one in self.verdicts
            ],
        }


@dataclass(frozen=True)
class Growth:
    """A series, measured, and the exponents of time and peak in the variable, for each contestant."""

    series: Series
    outcomes: Mapping[int, Outcome]

    def points(self, name: str, what: Callable[[Measured], float | None]) -> list[tuple[int, float]]:
        """The numbers of a contestant where there are any."""
        found = [(place, outcome.of(name)) for place, outcome in self.outcomes.items()]
        numbers = [(place, what(one)) for place, one in found if one is not None]
        return [(place, number) for place, number in numbers if number]

    def names(self) -> list[str]:
        """The contestants."""
        return list(dict.fromkeys(one.name for outcome in self.outcomes.values() for one in outcome.measured))

    def exponents(self) -> dict[str, dict[str, float | None]]:
        """By contestant, of the median and of the peak."""
        return {
            name: {
                "time": exponent(self.points(name, lambda one: one.median)),
                "memory": exponent(self.points(name, lambda one: one.peak)),
            }
            for name in self.names()
        }

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "title": self.series.title,
            "variable": self.series.variable,
            "exponents": self.exponents(),
            "points": {str(place): outcome.as_json() for place, outcome in self.outcomes.items()},
        }


@dataclass(frozen=True)
class Setting:
    """How everything is measured. `quick`: in small, in one process, once, for tests of the benchmark itself."""

    threads: int
    repeats: int
    without: frozenset[str] = frozenset()
    quick: bool = False
    progress: Callable[[str], None] = lambda doing: None


def measure(row: Row, setting: Setting, crew: Crew) -> Outcome:
    """A row's outcome; what does not compile or run is told in it."""
    rivals = [rival for rival in row.rivals if rival.kind not in setting.without]
    setting.progress(row.title)
    with tempfile.TemporaryDirectory(prefix="attnc-bench-") as name:
        folder = Path(name)
        sizes: Mapping[str, int] = row.work.sizes
        try:
            subject = _subject(row.work, setting, folder / "ours")
            sizes = subject.sizes
            contestants = [subject.contestant("numpy", OURS)]
            contestants += [_contestant(rival, row.work, subject, setting, folder) for rival in rivals]
            measured = contest(
                contestants,
                crew,
                repeats=setting.repeats,
                budget=BUDGET,
                progress=lambda doing: setting.progress(f"{row.title}: {doing}"),
            )
        except (DiagnosticError, ContestError) as error:
            return Outcome(row, sizes, failure=str(error))
    return Outcome(row, sizes, measured, tuple(_verdicts(row, rivals, measured)))


def measure_series(series: Series, setting: Setting, crew: Crew) -> Growth:
    """Each point of a series."""
    return Growth(series, {place: measure(row, setting, crew) for place, row in series.points.items()})


def exponent(points: Sequence[tuple[float, float]]) -> float | None:
    """The slope of the line through the points, both coordinates as logarithms, by least squares."""
    if len(points) < 2:
        return None
    slope, _ = statistics.linear_regression(*zip(*((math.log(x), math.log(y)) for x, y in points), strict=True))
    return slope


def _chosen(work: Work, setting: Setting) -> Work:
    return work.quick() if setting.quick else work


def _subject(work: Work, setting: Setting, folder: Path) -> Subject:
    chosen = _chosen(work, setting)
    options: dict[str, StaticValue] = dict(chosen.options)  # type: ignore[arg-type]
    built = pipeline.build(pipeline.parse(chosen.file), model=chosen.model, options=options)
    return Subject(built, chosen.sizes, SEED, folder)


def _contestant(rival: Rival, work: Work, subject: Subject, setting: Setting, folder: Path) -> Contestant:
    if rival.own is not None:
        own = _subject(rival.own, setting, folder / "own")
        return own.contestant("numpy", rival.name, compared=rival.compared)
    stands_in = not rival.is_here or (setting.quick and not rival.of_any_size)
    if rival.kind or stands_in:
        note = f"our PyTorch module stands in for {rival.library}" if stands_in else ""
        note += ", which is not installed" * (not rival.is_here)
        return subject.contestant(rival.kind or "torch", rival.name, compared=rival.compared, note=note)
    options = {**_chosen(work, setting).options, **rival.options}
    return Contestant(rival.name, f"{PEERS}:{rival.function}", subject.folder, options, rival.compared)


def _verdicts(row: Row, rivals: Iterable[Rival], measured: Sequence[Measured]) -> Iterable[Verdict]:
    ours, *_ = measured
    by_name = {one.name: one for one in measured}
    for rival in rivals:
        other = by_name[rival.name]
        if rival.time is not None and ours.median is not None and other.median:
            yield Verdict("time", rival.name, rival.time, ours.median / other.median)
        if rival.memory is not None and ours.peak is not None and other.peak:
            yield Verdict("memory", rival.name, rival.memory, ours.peak / other.peak)
    if row.beside_result is not None and ours.peak is not None:
        yield Verdict("beside the result", "", row.beside_result, max(ours.peak - ours.result_bytes, 0))
