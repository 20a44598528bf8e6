"""Softmax, normalisation and reductions of the runtime, against float64, in every layout and on threads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from attncomp_numpy.runtime.normalization import (
    LONGEST_PRODUCT,
    batch_norm,
    log_softmax,
    norm,
    normalize,
    powers,
    reduced_sum,
    running_sum,
    softmax,
)
from attncomp_numpy.runtime.products import half_matmul
from attncomp_numpy.runtime.threads import THREADS
from numpy.typing import NDArray

Array = NDArray[Any]

DTYPES: list[Any] = [np.float16, np.float32, np.float64]
TOLERANCE: dict[Any, float] = {np.float16: 2e-3, np.float32: 2e-6, np.float64: 1e-13}
dtypes = pytest.mark.parametrize("dtype", DTYPES)


def random(*shape: int, seed: int = 0, dtype: Any = np.float32) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """As in a call of a module."""
    with np.errstate(all="ignore"):
        yield


def written_anywhere(function: Callable[..., Array], x: Array, expected: Array) -> None:
    """Compares what the function returns, and writes to arrays of any strides, to its operand too."""
    kept, tolerance = x.copy(), TOLERANCE[x.dtype.type]
    first = function(x)
    assert (first.shape, first.dtype) == (x.shape, x.dtype)
    np.testing.assert_allclose(first.astype(np.float64), expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_array_equal(x, kept)
    around = np.full((*x.shape, 2), 7, x.dtype)
    for out in (np.empty_like(x), np.empty(x.shape[::-1], x.dtype).T, around[..., 1], x):
        assert function(x, out=out) is out
        np.testing.assert_allclose(out.astype(np.float64), expected, rtol=tolerance, atol=tolerance)
        x[...] = kept
    assert (around[..., 0] == 7).all()
    token = THREADS.set(3)
    np.testing.assert_array_equal(function(x), first)
    THREADS.reset(token)


SHAPES = [
    ((5,), (0,)),
    ((3, 7), (1,)),
    ((3, 7), (0,)),
    ((3, 0), (1,)),
    ((0, 3), (1,)),
    ((2, 3, 1), (2,)),
    ((4, 130, 301), (2,)),
    ((4, 130, 301), (1,)),
    ((4, 130, 301), (0, 2)),
    ((2, 70001), (1,)),
    ((700, 600), (1,)),
]
shapes = pytest.mark.parametrize(("shape", "axis"), SHAPES)


def exact_powers(x: Array, axis: tuple[int, ...]) -> Array:
    wide = x.astype(np.float64)
    return np.asarray(np.exp(wide - wide.max(axis, keepdims=True, initial=-np.inf)))


@shapes
@dtypes
def test_softmax(shape: tuple[int, ...], axis: tuple[int, ...], dtype: Any) -> None:
    x = 3 * random(*shape, dtype=dtype)
    weights = exact_powers(x, axis)
    total = weights.sum(axis, keepdims=True)
    written_anywhere(lambda x, **out: powers(x, axis, **out), x, weights)
    written_anywhere(lambda x, **out: softmax(x, axis, **out), x, weights / total)
    written_anywhere(lambda x, **out: log_softmax(x, axis, **out), x, np.log(weights) - np.log(total))


@dtypes
@pytest.mark.parametrize("count", [2, 9000])
def test_rows_of_softmax_that_are_not_finite(dtype: Any, count: int) -> None:
    low = float(np.finfo(dtype).min)
    rows = [[-np.inf, -np.inf], [0.0, -np.inf], [np.nan, 1.0], [1.0, 1.0], [np.inf, 1.0], [low, low], [low, -np.inf]]
    x = np.array(rows * count, dtype)
    nan = [np.nan, np.nan]
    expected = [[0, 0], [1, 0], nan, [0.5, 0.5], [np.nan, 0], [0.5, 0.5], [1, 0]]
    # The power of the infinite place is that of infinity less infinity, and so is the total.
    expected[4] = nan
    np.testing.assert_array_equal(softmax(x, (1,)), np.array(expected * count, dtype))
    np.testing.assert_array_equal(powers(x, (1,))[:2], [[0, 0], [1, 0]])
    np.testing.assert_array_equal(log_softmax(x, (1,))[:2], [[-np.inf, -np.inf], [0, -np.inf]])
    assert np.isnan(log_softmax(x, (1,))[2]).all()


@dtypes
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(
    ("shape", "rank"),
    [
        ((5,), 1),
        ((7, 1), 1),
        ((0, 4), 1),
        ((3, 700, 96), 1),
        ((3, 700, 96), 2),
        ((90, 1000), 1),
        ((3, LONGEST_PRODUCT + 1), 1),
    ],
)
def test_normalize(shape: tuple[int, ...], rank: int, center: bool, dtype: Any) -> None:
    x = random(*shape, dtype=dtype) + dtype(2)
    wide, axes = x.astype(np.float64), tuple(range(len(shape) - rank, len(shape)))
    weight, bias = random(*shape[-rank:], seed=1, dtype=dtype), random(*shape[-rank:], seed=2, dtype=dtype)
    middle = wide - wide.mean(axes, keepdims=True) if center else wide
    plain = middle / np.sqrt(np.square(middle).mean(axes, keepdims=True) + 1e-2)
    whole: dict[str, Any] = {"rank": rank, "epsilon": 1e-2, "center": center}
    full = plain * weight.astype(np.float64) + bias.astype(np.float64)
    written_anywhere(lambda x, **out: normalize(x, **whole, **out), x, plain)
    written_anywhere(lambda x, **out: normalize(x, weight, bias, **whole, **out), x, full)
    turned = normalize(x.T.copy().T, **whole).astype(np.float64)
    np.testing.assert_allclose(turned, plain, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


def test_a_call_leaves_the_buffer_of_numpy_as_it_was() -> None:
    before = np.getbufsize()
    normalize(random(300, 1000), epsilon=1e-5)
    assert np.getbufsize() == before


@dtypes
@pytest.mark.parametrize("shape", [(2, 3), (0, 3, 4), (2, 5, 3, 4), (3, 70, 30, 30), (1, 2, 300, 301)])
def test_batch_norm(shape: tuple[int, ...], dtype: Any) -> None:
    x, channels = random(*shape, dtype=dtype), shape[1]
    mean, weight, bias = (random(channels, seed=seed, dtype=dtype) for seed in (1, 2, 3))
    variance = np.square(random(channels, seed=4, dtype=dtype))
    axes = (1, channels, *[1] * (len(shape) - 2))
    wide = [part.astype(np.float64).reshape(axes) for part in (mean, variance, weight, bias)]
    expected = (x.astype(np.float64) - wide[0]) / np.sqrt(wide[1] + 0.1) * wide[2] + wide[3]
    written_anywhere(lambda x, **out: batch_norm(x, mean, variance, weight, bias, 0.1, **out), x, expected)


@dtypes
@pytest.mark.parametrize("keep", [True, False])
@shapes
def test_norm(shape: tuple[int, ...], axis: tuple[int, ...], keep: bool, dtype: Any) -> None:
    x = random(*shape, dtype=dtype)
    expected = np.sqrt(np.square(x.astype(np.float64)).sum(axis, keepdims=keep))
    found = norm(x, axis, keep)
    out = np.empty(expected.shape, dtype)
    assert norm(x, axis, keep, out=out) is out
    assert isinstance(found, np.ndarray)
    for one in (found, out):
        assert (one.shape, one.dtype) == (expected.shape, dtype)
        np.testing.assert_allclose(one, expected, rtol=TOLERANCE[dtype])


def test_sums_and_products_of_half_numbers_are_made_in_single() -> None:
    x = random(3, 3000, dtype=np.float16) / np.float16(30)
    wide = x.astype(np.float64)
    for keep in (True, False):
        expected = wide.sum(1, keepdims=keep)
        out = np.empty(expected.shape, np.float16)
        assert reduced_sum(x, (1,), keep, out=out) is out
        np.testing.assert_array_equal(out, reduced_sum(x, (1,), keep))
        np.testing.assert_allclose(out, expected, rtol=1e-3, atol=1e-3)
    running = np.empty_like(x)
    assert running_sum(x, 1, out=running) is running
    np.testing.assert_allclose(running, wide.cumsum(1), rtol=1e-3, atol=1e-3)
    product = np.empty((3, 3), np.float16)
    assert half_matmul(x, x.T, out=product) is product
    np.testing.assert_allclose(product, wide @ wide.T, rtol=1e-3, atol=1e-3)
    assert math.isclose(float(norm(x, (0, 1))), math.sqrt(np.square(wide).sum()), rel_tol=1e-3)
