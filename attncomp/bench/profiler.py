"""Profiles of contestants, made by processes that live as long as they are needed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from types import TracebackType

from attncomp.bench.bounds import bound_by, how_far, how_measured
from attncomp.bench.contest import Contestant
from attncomp.bench.crew import Worker
from attncomp.bench.profile import Least, Profile, least, profile_from_json
from attncomp.bench.rates import Rates
from attncomp.bench.tables import duration, ratio


@dataclass(frozen=True)
class Cause:
    """Why a module takes as long as it does: a profile on one thread, and the bound for as many as are measured.

    `seconds` is what a call takes on that many threads.
    """

    profile: Profile
    least: Least
    seconds: float

    @property
    def remarks(self) -> tuple[str, str, str]:
        """What bounds it, how far it is from the least, and how that was measured."""
        return f"bound by: {bound_by(self.profile)}", how_far(self.least, self.seconds), how_measured(self.profile)

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The time, the least, their ratio, and what bounds it, as text."""
        least = self.least.seconds
        return duration(self.seconds), duration(least), ratio(self.seconds, least), bound_by(self.profile)

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return {
            "bound_by": bound_by(self.profile),
            "least": {**asdict(self.least), "seconds": self.least.seconds},
            "profile": self.profile.as_json(),
        }


class Profiler:
    """Profiles on one thread, and bounds for so many threads as are measured; a process for each of the two."""

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._workers: dict[int, Worker] = {}
        self._rates: dict[tuple[tuple[str, ...], tuple[str, ...]], Rates] = {}

    def cause(self, contestant: Contestant, seconds: float) -> Cause:
        """Of an emitted NumPy module that takes so long on all threads. Raises WorkerError where it does not run."""
        profile = self.profile(contestant)
        return Cause(profile, self.least(profile), seconds)

    def profile(self, contestant: Contestant) -> Profile:
        """Of an emitted NumPy module. Raises WorkerError where it does not run."""
        options = dict(contestant.options)
        told = self._worker(1).ask("profile", folder=str(contestant.folder), threads=1, options=options)
        return profile_from_json(told)

    def least(self, profile: Profile) -> Least:
        """The bound for a call on all threads."""
        products, functions = profile.wanted
        key = (tuple(products), tuple(functions))
        if key not in self._rates:
            asked = self._worker(self.threads)
            self._rates[key] = Rates(**asked.ask("rates", threads=self.threads, products=products, functions=functions))
        return least(profile, self._rates[key])

    def _worker(self, threads: int) -> Worker:
        if threads not in self._workers:
            self._workers[threads] = Worker(threads)
        return self._workers[threads]

    def __enter__(self) -> Profiler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._workers:
            self._workers.popitem()[1].close()
