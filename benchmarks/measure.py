"""A row of the table, measured: its modules and rivals made, compared, timed, and held against what is aimed at."""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rows import FOLDER, Rival, Row, Series, Work

from attncomp import pipeline
from attncomp.bench.contest import Contestant, ContestError, Measured, contest
from attncomp.bench.crew import Crew, WorkerError
from attncomp.bench.profiler import Cause, Profiler
from attncomp.bench.subject import Subject
from attncomp.bench.tables import size
from attncomp.diagnostics.core import DiagnosticError
from attncomp.semantics.static import StaticValue

OURS = "NumPy module"
TIME, MEMORY, BESIDE = "time", "memory", "beside the result"
SEED = 0
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

    @property
    def excess(self) -> float:
        """How far it is above what was aimed at, as a part of that; negative where it is below."""
        return self.found / self.target - 1.0

    @property
    def shown(self) -> tuple[str, str]:
        """The target and what was found, as text."""
        if self.what == BESIDE:
            return size(self.target), size(self.found)
        return f"{self.target:g}", f"{self.found:.2f}"

    def __str__(self) -> str:
        target, found = self.shown
        if self.what == BESIDE:
            return f"{found} beside the result, at most {target}"
        return f"{self.what} {found} of {self.rival}, at most {target}"


@dataclass(frozen=True)
class Outcome:
    """What became of a row. With a `failure` nothing was measured.

    `cause` is there where a time is missed, or else `no_cause` says why there is none. `took` is the seconds that it
    all took, preparations included.
    """

    row: Row
    sizes: Mapping[str, int]
    measured: tuple[Measured, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    failure: str | None = None
    cause: Cause | None = None
    no_cause: str | None = None
    took: float = 0.0

    @property
    def missed(self) -> tuple[Verdict, ...]:
        """What was aimed at and not reached."""
        return tuple(one for one in self.verdicts if not one.met)

    def of(self, name: str) -> Measured | None:
        """The contestant of that name."""
        return next((one for one in self.measured if one.name == name), None)

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "group": self.row.group,
            "title": self.row.title,
            "model": self.row.model,
            "sizes": dict(self.sizes),
            "failure": self.failure,
            "took": round(self.took, 1),
            "contestants": [one.as_json() for one in self.measured],
            "verdicts": [
                {"what": one.what, "rival": one.rival, "target": one.target, "found": one.found, "met": one.met}
                for one in self.verdicts
            ],
            "cause": None if self.cause is None else self.cause.as_json(),
        }


@dataclass(frozen=True)
class Growth:
    """A series, measured, and the exponents of time and peak in the variable, for each contestant."""

    series: Series
    outcomes: Mapping[int, Outcome]

    def points(self, name: str, what: str) -> list[tuple[int, float]]:
        """The seconds or the bytes at the peak of a contestant, where there are any."""
        found = [(place, outcome.of(name)) for place, outcome in self.outcomes.items()]
        numbers = [(place, one.median if what == TIME else one.peak) for place, one in found if one is not None]
        return [(place, number) for place, number in numbers if number]

    def names(self) -> list[str]:
        """The contestants."""
        return list(dict.fromkeys(one.name for outcome in self.outcomes.values() for one in outcome.measured))

    def exponents(self) -> dict[str, dict[str, float | None]]:
        """By contestant, of the median and of the peak."""
        return {name: {what: exponent(self.points(name, what)) for what in (TIME, MEMORY)} for name in self.names()}

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
    """How everything is measured: in so many turns, or fewer where those would take more than `budget` seconds.

    `quick`: in small, in one process, once, for tests of the benchmark itself.
    """

    threads: int
    repeats: int
    budget: float = 20.0
    without: frozenset[str] = frozenset()
    quick: bool = False
    progress: Callable[[str], None] = lambda doing: None


def measure(row: Row, setting: Setting, crew: Crew, profiler: Profiler) -> Outcome:
    """A row's outcome; what does not compile or run is told in it, and what bounds a time that is missed."""
    start = time.perf_counter()
    rivals = [rival for rival in row.rivals if rival.kind not in setting.without]
    setting.progress(row.title)
    outcome = Outcome(row, row.work.sizes)
    with tempfile.TemporaryDirectory(prefix="attnc-bench-") as name:
        folder = Path(name)
        try:
            subject = _subject(row.work, setting, folder / "ours")
            outcome = replace(outcome, sizes=subject.sizes)
            ours = subject.contestant("numpy", OURS)
            measured = contest(
                [ours, *(_contestant(rival, row.work, subject, setting, folder) for rival in rivals)],
                crew,
                repeats=setting.repeats,
                budget=setting.budget,
                progress=lambda doing: setting.progress(f"{row.title}: {doing}"),
            )
            outcome = replace(outcome, measured=measured, verdicts=tuple(_verdicts(row, rivals, measured)))
            if any(one.what == TIME for one in outcome.missed):
                setting.progress(f"{row.title}: profile")
                outcome = _with_cause(outcome, ours, profiler)
        except (DiagnosticError, ContestError) as error:
            outcome = replace(outcome, failure=str(error))
    return replace(outcome, took=time.perf_counter() - start)


def _with_cause(outcome: Outcome, ours: Contestant, profiler: Profiler) -> Outcome:
    seconds = outcome.measured[0].median
    assert seconds is not None  # a verdict on time was made of it
    try:
        return replace(outcome, cause=profiler.cause(ours, seconds))
    except WorkerError as error:
        return replace(outcome, no_cause=f"no profile: {error}")


def measure_series(
    series: Series, setting: Setting, crew: Crew, profiler: Profiler, before: Sequence[Outcome] = ()
) -> Growth:
    """Each point of a series; one that is a row with the same rivals, measured `before`, is taken from there."""
    found = {}
    for place, row in series.points.items():
        same = (one for one in before if one.failure is None and row.is_part_of(one.row))
        known = next(same, None)
        found[place] = measure(row, setting, crew, profiler) if known is None else _only(known, row)
    return Growth(series, found)


def _only(known: Outcome, row: Row) -> Outcome:
    names = {OURS, *(rival.name for rival in row.rivals)}
    measured = tuple(one for one in known.measured if one.name in names)
    return Outcome(row, known.sizes, measured)


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
            yield Verdict(TIME, rival.name, rival.time, ours.median / other.median)
        if rival.memory is not None and ours.peak is not None and other.peak:
            yield Verdict(MEMORY, rival.name, rival.memory, ours.peak / other.peak)
    if row.beside_result is not None and ours.peak is not None:
        yield Verdict(BESIDE, "", row.beside_result, max(ours.peak - ours.result_bytes, 0))
