"""The timing core: who is compared, who is timed, what is told of those who fail."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from attncomp.bench.contest import Contestant, ContestError, Measured, contest, relative_difference
from attncomp.bench.crew import Crew
from attncomp.bench.task import Task, write_task

MAKERS = Path(__file__).with_name("contestants.py")
MEGABYTE = 2**20


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    write_task(tmp_path / "task", {"x": np.arange(6.0).reshape(2, 3)}, {"layer.weight": np.ones(3, np.float32)})
    return tmp_path / "task"


@pytest.fixture
def crew() -> Iterator[Crew]:
    with Crew(1) as found:
        yield found


def made(function: str, arrays: Path, name: str = "", **settings: object) -> Contestant:
    compared = bool(settings.pop("compared", True))
    return Contestant(name or function, f"{MAKERS}:{function}", arrays, settings, compared)


def test_arrays_come_back_by_name(arrays: Path) -> None:
    task = Task(arrays, 1)
    assert list(task.inputs) == ["x"]
    assert task.inputs["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert list(task.weights()) == ["layer.weight"]


def test_medians_are_of_every_turn_and_tell_fast_from_slow(arrays: Path, crew: Crew) -> None:
    contestants = [made("twice", arrays, "slow", wait=0.06), made("twice", arrays, "fast")]
    slow, fast = contest(contestants, crew, repeats=3)
    assert (slow.name, len(slow.seconds)) == ("slow", 3)
    assert len(fast.seconds) in range(3, 91, 3)  # as many calls in each turn
    assert slow.median is not None and slow.median > 0.06
    assert fast.median is not None and fast.median < 0.06
    assert fast.difference == 0.0 and slow.difference is None
    assert "kernel" in fast.kernel


def test_slow_calls_have_fewer_turns_within_a_budget(arrays: Path, crew: Crew) -> None:
    (slow,) = contest([made("twice", arrays, wait=0.2)], crew, repeats=9, budget=0.5)
    assert len(slow.seconds) == 3
    (fast,) = contest([made("twice", arrays, wait=0.06)], crew, repeats=5, budget=10.0)
    assert len(fast.seconds) == 5


def test_one_that_differs_is_told_and_not_timed(arrays: Path, crew: Crew) -> None:
    contestants = [made("twice", arrays), made("three_times", arrays), made("three_times", arrays, "b", compared=False)]
    _, wrong, other = contest(contestants, crew, repeats=1)
    assert wrong.seconds == () and wrong.median is None
    assert wrong.difference == pytest.approx(0.5)
    assert wrong.failure == "its result differs by 5.0e-01: not timed"
    assert other.failure is None and other.seconds and other.difference is None


def test_one_that_fails_leaves_the_others(arrays: Path, crew: Crew) -> None:
    names = ("twice", "impossible", "raising", "dying")
    found = contest([made(name, arrays) for name in names], crew, repeats=1)
    assert [one.name for one in found] == list(names)
    assert found[0].seconds
    assert found[1].failure == "there is no such thing"
    assert found[2].failure == "E071: `x` is wrong\nin two lines"
    assert found[3].failure == "its process ended with status 7: farewell"


def test_without_the_first_there_is_nothing(arrays: Path, crew: Crew) -> None:
    with pytest.raises(ContestError, match="no such thing"):
        contest([made("impossible", arrays), made("twice", arrays)], crew, repeats=1)


def test_the_peak_is_what_a_call_adds(arrays: Path, crew: Crew) -> None:
    contestants = [made("hungry", arrays, given_back=40 * MEGABYTE, kept=20 * MEGABYTE), made("twice", arrays)]
    hungry, modest = contest(contestants, crew, repeats=1)
    assert hungry.peak is not None and modest.peak is not None
    assert 55 * MEGABYTE < hungry.peak < 70 * MEGABYTE
    assert modest.peak < 4 * MEGABYTE


def test_threads_and_kernel_are_those_asked_for(arrays: Path, crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    write_task(arrays, {"x": np.array([1, 1, 1, 0])}, {})
    ones = Contestant("ones", f"{MAKERS}:same", arrays)
    found = contest([made("told", arrays), ones], crew, repeats=1)
    assert found[1].difference == 0.0


def test_one_process_for_all_gives_the_same_results(arrays: Path) -> None:
    with Crew(1, shared=True) as crew:
        assert crew.worker() is crew.worker()
        first, wrong = contest([made("twice", arrays), made("three_times", arrays)], crew, repeats=1)
        again, _ = contest([made("twice", arrays), made("twice", arrays, "b")], crew, repeats=1)
    assert first.seconds and again.seconds and wrong.difference == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("found", "wanted", "difference"),
    [
        ([1.0, 2.0], [1.0, 4.0], 0.5),
        ([0.5], [0.0], 0.5),
        ([np.nan, np.inf], [np.nan, np.inf], 0.0),
        ([np.nan], [1.0], np.inf),
        ([1.0], [-np.inf], np.inf),
        ([np.inf], [-np.inf], np.inf),
        ([1.0], [1.0, 2.0], np.inf),
        ([], [], 0.0),
        ([True], [False], 1.0),
    ],
)
def test_differences(found: list[float], wanted: list[float], difference: float) -> None:
    assert relative_difference([np.array(found)], [np.array(wanted)]) == difference


def test_a_result_too_few_is_a_difference() -> None:
    assert relative_difference([np.ones(2)], [np.ones(2), np.ones(2)]) == np.inf


def test_what_is_written_of_a_measurement() -> None:
    written = Measured("one", "", (1.0, 3.0, 2.0), 5, float("inf")).as_json()
    assert written["median"] == 2.0
    assert written["difference"] == "infinite"
    assert Measured("one", "", (1.0, 1.0, 2.0, 2.0)).spread == pytest.approx(2 / 3)


def test_a_file_of_the_current_folder_is_no_library(
    arrays: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with Crew(1) as crew:
        (found,) = contest([made("twice", arrays)], crew, repeats=1)
    assert found.seconds
