"""The core of every measurement: results compared first, then medians of many calls, taken in turns."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from attncomp.bench.crew import Crew, Worker, WorkerError
from attncomp.bench.task import read_arrays

# Threads of one contestant spin for some milliseconds after its last call, and would take the cores from the next.
_PAUSE = 0.05
# What a contestant may take in a turn: long enough for its caches to be its own, short enough for many turns.
_SLOT = 0.1
_MOST_CALLS = 30
# After a pause caches are cold and threads asleep: a call that takes longer than this does not notice.
_NEVER_COLD = 0.5
_FEWEST_TURNS = 3
# The relative difference that is rounding, for networks of some hundred operators in float32.
TOLERANCE = 1e-3


class ContestError(Exception):
    """The first contestant, which all others are compared with, gave no result."""


@dataclass(frozen=True)
class Contestant:
    """What makes it (see `worker`), from which arrays and options; whether its result must be the first one's."""

    name: str
    maker: str
    folder: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    compared: bool = True
    note: str = ""


@dataclass(frozen=True)
class Measured:
    """What was measured: seconds of each call, bytes at the peak of the first calls, and how far its result lies.

    `difference` is the largest distance to the first contestant's result, relative to its largest number. With a
    `failure` there are no `seconds`.
    """

    name: str
    note: str
    seconds: tuple[float, ...] = ()
    peak: int | None = None
    difference: float | None = None
    failure: str | None = None
    kernel: str = ""
    result_bytes: int = 0

    @property
    def median(self) -> float | None:
        """The median of the seconds."""
        return statistics.median(self.seconds) if self.seconds else None

    @property
    def spread(self) -> float | None:
        """The distance of the quartiles, relative to the median: how much the machine was disturbed."""
        if len(self.seconds) < 4 or self.median is None:
            return None
        low, _, high = statistics.quantiles(self.seconds, n=4)
        return (high - low) / self.median

    def as_json(self) -> dict[str, object]:
        """All of it, with the median; an infinite difference, for which JSON has no number, as the word."""
        difference = self.difference
        return {
            "name": self.name,
            "note": self.note,
            "median": self.median,
            "seconds": list(self.seconds),
            "peak_bytes": self.peak,
            "result_bytes": self.result_bytes,
            "difference": "infinite" if difference == float("inf") else difference,
            "failure": self.failure,
            "kernel": self.kernel,
        }


Progress = Callable[[str], None]


def contest(
    contestants: Sequence[Contestant],
    crew: Crew,
    *,
    repeats: int,
    tolerance: float = TOLERANCE,
    budget: float | None = None,
    progress: Progress = lambda doing: None,
) -> tuple[Measured, ...]:
    """Measures contestants in `repeats` turns; one whose result differs from the first one's is not timed.

    They are made at the same time, which is not measured, and called one after the other.
    With a `budget` of seconds there are fewer turns where calls are slow, but three where that many are asked for.
    Raises ContestError, with what it said, where the first gives no result.
    """
    workers: dict[str, Worker] = {}
    slots: dict[str, _Slot] = {}
    found: dict[str, Measured] = {}
    try:
        reference: list[np.ndarray] | None = None
        progress("making them")
        made = _made(contestants, crew)
        for contestant, worker, kernel in made:
            progress(f"{contestant.name}: first calls")
            try:
                measured, seconds, results = _first_calls(contestant, worker, kernel)
            except WorkerError as error:
                if reference is None:
                    raise ContestError(str(error)) from None
                found[contestant.name] = Measured(contestant.name, contestant.note, failure=str(error))
                continue
            if reference is None:
                reference = results
            elif contestant.compared:
                difference = relative_difference(results, reference)
                measured = replace(measured, difference=difference, failure=_too_far(difference, tolerance))
            found[contestant.name] = measured
            if measured.failure is None:
                workers[contestant.name] = worker
                slots[contestant.name] = _Slot.of(seconds)
        if budget is not None:
            affordable = int(budget / max(sum(slot.seconds for slot in slots.values()), 1e-9))
            repeats = min(repeats, max(affordable, _FEWEST_TURNS))
        times = _turns(workers, slots, repeats, progress)
        return tuple(replace(one, seconds=tuple(times.get(one.name, ()))) for one in found.values())
    finally:
        crew.dismiss()


@dataclass(frozen=True)
class _Slot:
    """What a contestant does in a turn: so many calls, after one to warm up or not, which take about `seconds`."""

    calls: int
    warm_up: bool
    seconds: float

    @staticmethod
    def of(seconds: float) -> _Slot:
        calls = max(1, min(_MOST_CALLS, int(_SLOT / max(seconds, 1e-9))))
        warm_up = seconds < _NEVER_COLD
        return _Slot(calls, warm_up, (calls + warm_up) * seconds + _PAUSE)


def relative_difference(found: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> float:
    """The largest distance of two results, relative to the largest number of the second; infinite where they are of
    different shapes, or one is finite where the other is not.
    """
    if [one.shape for one in found] != [one.shape for one in wanted]:
        return float("inf")
    return max((_distance(one, other) for one, other in zip(found, wanted, strict=True)), default=0.0)


def _distance(found: np.ndarray, wanted: np.ndarray) -> float:
    one, other = (array.astype(np.float64) for array in (found, wanted))
    finite = np.isfinite(other)
    if not np.array_equal(np.isfinite(one), finite) or not np.array_equal(one[~finite], other[~finite], equal_nan=True):
        return float("inf")
    if not finite.any():
        return 0.0
    distance = float(np.abs(one - other, where=finite, out=np.zeros_like(one)).max())
    return distance / (float(np.abs(other[finite]).max()) or 1.0)


def _too_far(difference: float, tolerance: float) -> str | None:
    return f"its result differs by {difference:.1e}: not timed" if difference > tolerance else None


def _made(contestants: Sequence[Contestant], crew: Crew) -> list[tuple[Contestant, Worker, str | WorkerError]]:
    """Each contestant with its process, and the kernel of its BLAS or why it could not be made."""
    asked = []
    for contestant in contestants:
        worker = crew.worker()
        worker.send(
            "make",
            contestant.name,
            maker=contestant.maker,
            folder=str(contestant.folder),
            threads=crew.threads,
            options=dict(contestant.options),
        )
        asked.append((contestant, worker))
    return [(contestant, worker, _kernel(worker)) for contestant, worker in asked]


def _kernel(worker: Worker) -> str | WorkerError:
    try:
        return str(worker.answer()["kernel"])
    except WorkerError as error:
        return error


def _first_calls(
    contestant: Contestant, worker: Worker, kernel: str | WorkerError
) -> tuple[Measured, float, list[np.ndarray]]:
    """The peak and the result of the first calls, and the seconds of one. Raises WorkerError, that of making it too."""
    if isinstance(kernel, WorkerError):
        raise kernel
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "results.npz"
        ran = worker.ask("run", contestant.name, output=str(output))
        results = read_arrays(output)
        measured = Measured(
            contestant.name,
            contestant.note,
            peak=ran["peak"],
            kernel=kernel,
            result_bytes=sum(array.nbytes for array in results),
        )
        return measured, ran["seconds"], results


def _turns(
    workers: Mapping[str, Worker], slots: Mapping[str, _Slot], repeats: int, progress: Progress
) -> dict[str, list[float]]:
    """The seconds of each call: all contestants in turns, each time in the other order."""
    times: dict[str, list[float]] = {name: [] for name in workers}
    for turn in range(repeats):
        progress(f"turn {turn + 1} of {repeats}")
        for name in list(workers) if turn % 2 == 0 else list(workers)[::-1]:
            time.sleep(_PAUSE)
            slot = slots[name]
            times[name].extend(workers[name].ask("time", name, calls=slot.calls, warm_up=slot.warm_up)["seconds"])
    return times
