"""The profile of a module: its work counted exactly, shares that add up, and bounds that follow from rates."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attncomp import pipeline
from attncomp.bench.bounds import PROFILE_HEADERS, bound_by, how_far, how_measured, lines, profile_cells
from attncomp.bench.crew import WorkerError
from attncomp.bench.profile import Least, Part, Profile, least, profile_from_json, profile_module
from attncomp.bench.profiler import Profiler
from attncomp.bench.rates import Rates, measure_rates
from attncomp.bench.subject import Subject
from attncomp.bench.task import Task

MODEL = """
model Tiny(x: f32[row, key = 4], y: f32[key, column = 3]) -> f32[row, column] {
  return softmax{column}(x @{key} y)
}
"""
RATES = Rates(1, {"float32": 1e9}, {"exp float32": 1e-8}, 1e9, 1e-6)


def subject(folder: Path) -> Subject:
    return Subject(pipeline.build(pipeline.parse(MODEL)), {"row": 5}, 0, folder)


def part(kind: str, name: str, calls: int, amount: int, seconds: float) -> Part:
    return Part(kind, name, "float32", calls, amount, amount, amount, seconds)


PROFILE = Profile(
    (
        part("products", "matmul", 2, 3_000_000, 0.004),
        part("functions", "exp", 1, 100_000, 0.002),
        part("arithmetic", "add", 10, 500_000, 0.001),
        part("copies", "setitem", 1, 1_000, 0.000001),
    ),
    0.008,
    0.010,
    2_000_000,
    RATES,
)


def test_the_work_of_a_module_is_counted(tmp_path: Path) -> None:
    contestant = subject(tmp_path).contestant("numpy")
    found = profile_module(Task(contestant.folder, 1, contestant.options))
    products = [one for one in found.parts if one.kind == "products"]
    assert sum(one.operations for one in products) == 2 * 5 * 4 * 3
    assert sum(one.numbers for one in found.parts if one.name == "exp") == 5 * 3
    assert found.traffic == 4 * (5 * 4 + 4 * 3 + 5 * 3)
    assert min(found.work(found.parts) + found.rest, found.seconds, found.recorded_seconds) > 0
    assert set(found.rates.products) == {"float32"} and "exp float32" in found.rates.functions


def test_processes_give_the_same_counts(tmp_path: Path) -> None:
    contestant = subject(tmp_path).contestant("numpy")
    with Profiler(1) as profiler:
        cause = profiler.cause(contestant, 1.0)
        again = profiler.profile(contestant)
    assert profile_from_json(json.loads(json.dumps(again.as_json()))) == again
    assert [(one.name, one.calls) for one in again.parts] == [(one.name, one.calls) for one in cause.profile.parts]
    assert cause.least.threads == 1 and 0 < cause.least.seconds < 1.0
    assert cause.remarks[0].startswith("bound by: ")
    assert json.loads(json.dumps(cause.as_json()))["least"]["seconds"] == cause.least.seconds


def test_a_module_that_fails_is_told(tmp_path: Path) -> None:
    contestant = subject(tmp_path).contestant("numpy")
    with Profiler(1) as profiler, pytest.raises(WorkerError, match="AttributeError"):
        profiler.profile(replace(contestant, options={**contestant.options, "class": "Absent"}))


def test_rates_are_of_this_machine() -> None:
    rates = measure_rates(2, ["float32", "int64"], ["exp float32", "power float64"])
    assert rates.threads == 2 and set(rates.products) == {"float32"}
    assert 1e8 < rates.products["float32"] < 1e14
    assert all(1e-12 < seconds < 1e-6 for seconds in rates.functions.values()) and len(rates.functions) == 2
    assert 1e8 < rates.copy < 1e13 and 1e-8 < rates.call < 1e-3


def test_parts_and_rest_are_the_whole() -> None:
    # Each call costs a microsecond, which belongs to the rest.
    assert PROFILE.work(PROFILE.parts) == pytest.approx(0.003998 + 0.001999 + 0.00099)
    assert PROFILE.rest == pytest.approx(0.008 - 0.006987)
    assert sum(line.time for line in lines(PROFILE)) + PROFILE.rest == pytest.approx(PROFILE.seconds)
    assert [line.label for line in lines(PROFILE)] == ["products", "exponentials", "arithmetic", "copies"]


def test_the_table_and_the_sentence() -> None:
    cells = profile_cells(PROFILE)
    assert all(len(one) == len(PROFILE_HEADERS) for one in cells)
    assert cells[0] == ("products", "2", "3 MFLOP", "4 ms", "50 %", "750 MFLOP/s", "75 %")
    assert cells[-1] == ("Python, and calling NumPy", "14", "", "1.01 ms", "13 %", "72.4 µs a call", "")
    assert bound_by(PROFILE) == (
        "products at 75 % of BLAS speed (50 % of the time), exponentials at 50 % of np.exp's (25 %), "
        "Python and calling NumPy, 72.4 µs for each of 14 calls (13 %), "
        "passes over memory at 51 % of np.copyto's speed (12 %)"
    )
    assert how_measured(PROFILE) == (
        "profile of one thread, 8 ms a call, of which calls of NumPy are 88 %; "
        "while it is recorded, a call takes 1.25 times as long"
    )


def test_parts_that_take_longer_than_the_call_are_the_whole() -> None:
    slow = replace(PROFILE, seconds=0.001)
    assert slow.rest == 0.0
    assert sum(line.share for line in lines(slow)) == pytest.approx(1.0)


def test_what_has_no_rate_has_no_efficiency() -> None:
    odd = replace(PROFILE, parts=(replace(PROFILE.parts[0], dtype="int64"),))
    assert lines(odd)[0].efficiency is None
    assert bound_by(odd).endswith(", products (50 %)")


def test_the_least_follows_from_rates() -> None:
    found = least(PROFILE, replace(RATES, threads=2, products={"float32": 2e9}, functions={"exp float32": 5e-9}))
    assert isinstance(found, Least) and found.threads == 2
    assert (found.products, found.functions, found.traffic) == pytest.approx((0.0015, 0.0005, 0.002))
    assert found.seconds == pytest.approx(0.002)
    assert how_far(replace(found, traffic=0.0), 0.003) == (
        "the least that NumPy could take for it here, on 2 threads: 2 ms (products 1.5 ms, functions 500 µs); "
        "the module takes 1.50 of that"
    )
    # What is only copied takes as long as copying it.
    assert replace(found, traffic=np.float64(0.01)).seconds == 0.01
