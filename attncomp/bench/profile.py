"""Where the time of a call of a NumPy module goes, measured on one thread and beside what the machine can do."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from attncomp.bench.makers import import_file, numpy_model, numpy_module
from attncomp.bench.rates import Rates, measure_rates
from attncomp.bench.recorded import (
    FUNCTIONS,
    PRODUCTS,
    Doing,
    RecordingNumpy,
    Tally,
    recorded,
    recording,
    touched_bytes,
)
from attncomp.bench.task import Task

_SECONDS = 1.5  # of calls that are recorded, about
_FEWEST, _MOST = 3, 15


@dataclass(frozen=True)
class Part:
    """The calls of NumPy of one kind in a call of the module: see `recorded.Doing` and `recorded.Tally`.

    `seconds` is the median over several calls of the module.
    """

    kind: str
    name: str
    dtype: str
    calls: int
    operations: int
    numbers: int
    bytes: int
    seconds: float

    @property
    def function(self) -> str:
        """As `Rates.functions` calls it."""
        return f"{self.name} {self.dtype}"

    def least(self, rates: Rates) -> float | None:
        """The seconds that its work takes at the machine's rates; None where there is no such rate."""
        if self.kind == PRODUCTS:
            return self.operations / rates.products[self.dtype] if self.dtype in rates.products else None
        if self.kind == FUNCTIONS:
            return self.numbers * rates.functions[self.function] if self.function in rates.functions else None
        return self.bytes / rates.copy


@dataclass(frozen=True)
class Profile:
    """A call on one thread: its parts, the seconds it takes when nothing is recorded and when it is, both medians.

    `traffic` is the bytes of its inputs and outputs, and `rates` what this machine does on one thread, measured by the
    same process.
    """

    parts: tuple[Part, ...]
    seconds: float
    recorded_seconds: float
    traffic: int
    rates: Rates

    @property
    def calls(self) -> int:
        """The calls of NumPy."""
        return sum(part.calls for part in self.parts)

    def work(self, parts: Iterable[Part]) -> float:
        """The seconds of parts without what calls cost that have nothing to do."""
        return sum(max(part.seconds - part.calls * self.rates.call, 0.0) for part in parts)

    @property
    def rest(self) -> float:
        """The seconds that are left for Python and for what every call of NumPy costs."""
        return max(self.seconds - self.work(self.parts), 0.0)

    @property
    def wanted(self) -> tuple[list[str], list[str]]:
        """The dtypes of products and the functions whose rates are of interest."""
        return _wanted(self.parts)

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "parts": [asdict(part) for part in self.parts],
            "seconds": self.seconds,
            "recorded_seconds": self.recorded_seconds,
            "traffic": self.traffic,
            "rates": self.rates.as_json(),
        }


@dataclass(frozen=True)
class Least:
    """The least seconds for a call's products and functions at a machine's rates, and for copying inputs and outputs.

    Products and functions are calls of NumPy of their own, so that their times add up. Inputs and outputs may be read
    and written by them, so that traffic bounds a call beside them and not after them.
    """

    threads: int
    products: float
    functions: float
    traffic: float

    @property
    def seconds(self) -> float:
        """The bound."""
        return max(self.products + self.functions, self.traffic)


def profile_module(task: Task) -> Profile:
    """Profiles the emitted NumPy module of the options `file` and `class`; the task has one thread.

    Calls that are recorded alternate with calls that are not, of a module of its own.
    """
    module = import_file(task.options["file"])
    vars(module)["np"] = RecordingNumpy()
    watched = numpy_model(module, task, {key: recorded(array) for key, array in task.weights().items()})
    inputs = [recorded(array) for array in task.inputs.values()]
    usual = numpy_module(task)
    usual()
    once = _seconds(usual)
    outputs = watched(*inputs)
    times: list[float] = []
    recorded_times: list[float] = []
    tallies: list[Mapping[Doing, Tally]] = []
    for _ in range(max(_FEWEST, min(_MOST, int(_SECONDS / max(once, 1e-9))))):
        times.append(_seconds(usual))
        with recording() as recorder:
            recorded_times.append(_seconds(lambda: watched(*inputs)))
        tallies.append(recorder.tallies)
    parts = tuple(_parts(tallies))
    rates = measure_rates(1, *_wanted(parts))
    traffic = touched_bytes([*inputs, outputs])
    return Profile(parts, statistics.median(times), statistics.median(recorded_times), traffic, rates)


def profile_from_json(told: Mapping[str, Any]) -> Profile:
    """What `Profile.as_json` wrote."""
    parts = tuple(Part(**part) for part in told["parts"])
    rates = Rates(**told["rates"])
    return Profile(parts, told["seconds"], told["recorded_seconds"], told["traffic"], rates)


def least(profile: Profile, rates: Rates) -> Least:
    """The bound for a call that does the profile's products and functions at these rates."""
    spent = dict.fromkeys((PRODUCTS, FUNCTIONS), 0.0)
    for part in profile.parts:
        if part.kind in spent:
            spent[part.kind] += part.least(rates) or 0.0
    return Least(rates.threads, spent[PRODUCTS], spent[FUNCTIONS], profile.traffic / rates.copy)


def _parts(tallies: Sequence[Mapping[Doing, Tally]]) -> Iterable[Part]:
    for doing, tally in tallies[-1].items():
        seconds = statistics.median(one[doing].seconds if doing in one else 0.0 for one in tallies)
        yield Part(
            doing.kind,
            doing.name,
            np.dtype(doing.dtype).name,
            tally.calls,
            tally.operations,
            tally.numbers,
            tally.bytes,
            seconds,
        )


def _wanted(parts: Sequence[Part]) -> tuple[list[str], list[str]]:
    products = dict.fromkeys(part.dtype for part in parts if part.kind == PRODUCTS)
    functions = dict.fromkeys(part.function for part in parts if part.kind == FUNCTIONS)
    return list(products), list(functions)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
