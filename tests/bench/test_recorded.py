"""What is counted of a module's calls of NumPy: exactly what it does, whether by function, operator or method."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from attncomp.bench.recorded import (
    ARITHMETIC,
    COPIES,
    FUNCTIONS,
    GATHERS,
    OTHERS,
    PRODUCTS,
    REDUCTIONS,
    RecordedArray,
    RecordingNumpy,
    recorded,
    recording,
    touched_bytes,
)

Counted = dict[tuple[str, str, str], tuple[int, int, int, int]]
xp = RecordingNumpy()


def counted(work: Callable[[], object]) -> Counted:
    with recording() as recorder:
        work()
    return {
        (doing.kind, doing.name, doing.dtype): (tally.calls, tally.operations, tally.numbers, tally.bytes)
        for doing, tally in recorder.tallies.items()
    }


@pytest.fixture
def x() -> Any:
    return recorded(np.arange(12, dtype=np.float32).reshape(3, 4))


def test_products_by_function_and_by_operator(x: Any) -> None:
    y = recorded(np.ones((5, 4, 2), np.float32))
    once = (1, 2 * 5 * 3 * 2 * 4, 5 * 3 * 2, 4 * (12 + 40 + 30))
    assert counted(lambda: xp.matmul(x, y)) == {(PRODUCTS, "matmul", "f"): once}
    assert counted(lambda: x @ y) == {(PRODUCTS, "matmul", "f"): once}
    target = xp.empty((5, 3, 2), np.float32)
    assert counted(lambda: xp.matmul(x, y, out=target)) == {(PRODUCTS, "matmul", "f"): once}
    assert counted(lambda: xp.dot(x[0], x[1])) == {(PRODUCTS, "dot", "f"): (1, 8, 1, 32)}


def test_functions_and_arithmetic(x: Any) -> None:
    assert counted(lambda: xp.exp(x, out=x)) == {(FUNCTIONS, "exp", "f"): (1, 0, 12, 96)}
    assert counted(lambda: x + 1) == {(ARITHMETIC, "add", "f"): (1, 0, 12, 96)}
    assert counted(lambda: xp.where(x > 3, x, 0.0)) == {
        (ARITHMETIC, "greater", "?"): (1, 0, 12, 48 + 12),
        (ARITHMETIC, "where", "f"): (1, 0, 12, 12 + 48 + 48),
    }


@pytest.mark.parametrize("way", [lambda x: x.sum(axis=1), lambda x: xp.add.reduce(x, axis=1)])
def test_reductions(way: Callable[[Any], object], x: Any) -> None:
    assert counted(lambda: way(x)) == {(REDUCTIONS, "add", "f"): (1, 0, 3, 48 + 12)}


def test_a_function_is_counted_as_itself(x: Any) -> None:
    assert counted(lambda: xp.sum(x)) == {(REDUCTIONS, "sum", "f"): (1, 0, 1, 48)}
    assert counted(lambda: xp.flip(x, axis=0).copy()) == {(COPIES, "copy", "f"): (1, 0, 12, 96)}
    assert counted(lambda: xp.linalg.norm(x)) == {(OTHERS, "norm", "f"): (1, 0, 1, 48)}


def test_copies_and_gathers(x: Any) -> None:
    target = xp.empty((3, 4), np.float64)
    assert counted(lambda: x.astype(np.float64)) == {(COPIES, "astype", "d"): (1, 0, 12, 48 + 96)}
    assert counted(lambda: xp.copyto(target, x)) == {(COPIES, "copyto", "d"): (1, 0, 12, 96 + 48)}
    assert counted(lambda: target.__setitem__(slice(0, 1), x[:1])) == {(COPIES, "setitem", "d"): (1, 0, 4, 32 + 16)}
    assert counted(lambda: x.T.reshape(12)) == {(COPIES, "reshape", "f"): (1, 0, 12, 96)}
    places = np.array([2, 2])
    # Of the source only the rows that are taken are read.
    assert counted(lambda: x[places]) == {(GATHERS, "getitem", "f"): (1, 0, 8, 32 + 32 + 16)}
    assert counted(lambda: x.take(places, axis=0)) == {(GATHERS, "take", "f"): (1, 0, 8, 32 + 32 + 16)}


def test_views_allocations_and_what_is_no_array_are_not_counted(x: Any) -> None:
    def work() -> None:
        x[1:, None].transpose(0, 2, 1), x.reshape(2, 6), x[0], xp.asarray(x), xp.empty(3), xp.broadcast_to(x, (2, 3, 4))
        xp.can_cast(np.float32, np.float64), xp.float32(1.0), xp.dtype("f4").itemsize

    assert counted(work) == {}


def test_everything_stays_recorded(x: Any) -> None:
    windows = xp.lib.stride_tricks.sliding_window_view(x, 2, axis=1)
    target = np.empty((3, 4), np.float32)
    found = [
        x + 1,
        x[0],
        x.T,
        x.copy(),
        xp.empty(2),
        xp.zeros_like(x),
        windows,
        xp.negative(x, out=target),
        *xp.modf(x),
    ]
    assert all(type(one) is RecordedArray for one in found)
    assert np.array_equal(target, -np.arange(12).reshape(3, 4))
    total = np.add(1, 1, dtype=np.float32)
    assert total == 2 and type(xp.sum(x)) is np.float32  # a number is NumPy's own


def test_in_place_and_methods_of_ufuncs(x: Any) -> None:
    same = x
    same += 1
    assert same is x and float(x[0, 0]) == 1.0
    assert counted(lambda: xp.maximum.reduce(x, axis=0, keepdims=True)) == {
        (REDUCTIONS, "maximum", "f"): (1, 0, 4, 48 + 16)
    }


def test_nothing_is_counted_outside(x: Any) -> None:
    with recording() as recorder:
        pass
    xp.exp(x)
    assert recorder.tallies == {}


def test_bytes_of_what_is_repeated() -> None:
    assert touched_bytes([np.broadcast_to(np.ones((3, 1), np.float32), (5, 3, 4)), [np.ones(2)], 7]) == 12 + 16
