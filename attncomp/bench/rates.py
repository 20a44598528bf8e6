"""What this machine can do with NumPy: products of BLAS, functions of numbers in cache, copies, and empty calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from attncomp.bench.recorded import RecordingUfunc, recorded, recording

_PRODUCT = 1024  # the rows and columns of a product that is large enough for BLAS to be at its best
_IN_CACHE = 1 << 14  # numbers that stay in the cache nearest to a core
_COPIED = 1 << 26  # bytes, more than caches hold
_TIMES = 5
_BLAS_DTYPES = ("float32", "float64")


@dataclass(frozen=True)
class Rates:
    """The best of some tries on so many threads at once.

    `products` are floating point operations a second by dtype, `functions` seconds a number by the function's name and
    dtype as `exp float32`, `copy` is bytes read and written a second, and `call` the seconds of a call of NumPy on one
    number, its recording included.
    """

    threads: int
    products: Mapping[str, float]
    functions: Mapping[str, float]
    copy: float
    call: float

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "threads": self.threads,
            "products": dict(self.products),
            "functions": dict(self.functions),
            "copy": self.copy,
            "call": self.call,
        }


def measure_rates(threads: int, products: Iterable[str], functions: Iterable[str]) -> Rates:
    """The rates for these dtypes of products and these functions; BLAS runs on as many threads as it is told to.

    Dtypes that BLAS does not know have no rate.
    """
    with ThreadPoolExecutor(threads) as pool:
        return Rates(
            threads,
            {dtype: _product_rate(dtype) for dtype in products if dtype in _BLAS_DTYPES},
            {function: _function_seconds(function, threads, pool) for function in functions},
            _copy_rate(threads, pool),
            _call_seconds(),
        )


def _best(work: Callable[[], object]) -> float:
    """The least seconds of some calls, after one that is not counted."""
    work()
    taken = []
    for _ in range(_TIMES):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def _product_rate(dtype: str) -> float:
    one = np.random.default_rng(0).standard_normal((_PRODUCT, _PRODUCT)).astype(dtype)
    target = np.empty_like(one)
    return 2 * _PRODUCT**3 / _best(lambda: np.matmul(one, one, out=target))


def _function_seconds(function: str, threads: int, pool: ThreadPoolExecutor) -> float:
    name, dtype = function.split()
    ufunc: np.ufunc = getattr(np, name)
    rounds = 64
    # Numbers for which every one of these functions is finite.
    given = [np.random.default_rng(0).uniform(0.1, 0.9, (threads, _IN_CACHE)).astype(dtype) for _ in range(ufunc.nin)]
    target = ufunc(*given)

    def on_one(row: int) -> None:
        mine, into = [array[row] for array in given], target[row]
        for _ in range(rounds):
            ufunc(*mine, into)

    return _best(lambda: list(pool.map(on_one, range(threads)))) / (threads * rounds * _IN_CACHE)


def _copy_rate(threads: int, pool: ThreadPoolExecutor) -> float:
    source = np.ones((threads, _COPIED // threads), np.uint8)
    target = np.ones_like(source)
    return (
        2
        * source.nbytes
        / _best(lambda: list(pool.map(lambda row: np.copyto(target[row], source[row]), range(threads))))
    )


def _call_seconds() -> float:
    multiply, one, rounds = RecordingUfunc(np.multiply), recorded(np.ones(1, np.float32)), 200
    with recording() as recorder:
        for _ in range(_TIMES * rounds):
            multiply(one, one, out=one)
    (tally,) = recorder.tallies.values()
    return tally.seconds / tally.calls
