"""Pointwise functions of the runtime: how exact they are, and that they write where they are told to."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from attncomp_numpy.runtime.activations import (
    erf,
    gelu,
    gelu_tanh,
    hardsigmoid,
    hardswish,
    integer_power,
    relu,
    sigmoid,
    silu,
    softplus,
)
from attncomp_numpy.runtime.chunks import CHUNK, SHARED_NUMBERS, in_chunks
from attncomp_numpy.runtime.threads import THREADS
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[..., Array]

DTYPES: list[Any] = [np.float16, np.float32, np.float64]
FEW = np.linspace(-7, 7, 3 * CHUNK + 5)
WIDE = np.concatenate([FEW, *(sign * np.logspace(-30, 2, 2000) for sign in (1, -1)), [0.0, -0.0]])


def exact_erf(x: Array) -> Array:
    return np.array([math.erf(point) for point in x.flat]).reshape(x.shape)


def exact_sigmoid(x: Array) -> Array:
    return np.asarray(np.exp(-np.logaddexp(0, -x)))


def exact_gelu(x: Array) -> Array:
    return np.asarray(x * [math.erfc(-point / math.sqrt(2)) / 2 for point in x])


def exact_hardsigmoid(x: Array) -> Array:
    return np.asarray(np.clip(x + 3, 0, 6) / 6)


EXACT: dict[Function, Function] = {
    erf: exact_erf,
    gelu: exact_gelu,
    gelu_tanh: lambda x: x * exact_sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)),
    sigmoid: exact_sigmoid,
    silu: lambda x: x * exact_sigmoid(x),
    softplus: lambda x: np.logaddexp(0, x),
    hardsigmoid: exact_hardsigmoid,
    hardswish: lambda x: x * exact_hardsigmoid(x),
    relu: lambda x: np.maximum(x, 0),
}
# What the next float is away, of numbers about 1.
EPSILON: dict[Any, float] = {dtype: float(np.finfo(dtype).eps) for dtype in DTYPES}

functions = pytest.mark.parametrize("function", EXACT, ids=lambda function: function.__name__)
dtypes = pytest.mark.parametrize("dtype", DTYPES)


def random(*shape: int, seed: int = 0, dtype: Any = np.float32) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """As in a call of a module."""
    with np.errstate(all="ignore"):
        yield


@functions
@dtypes
def test_a_function_is_exact_up_to_rounding(function: Function, dtype: Any) -> None:
    x = WIDE.astype(dtype)
    expected = EXACT[function](x.astype(np.float64))
    found = function(x)
    assert found.dtype == dtype
    error = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    assert error.max() <= 2.5 * EPSILON[dtype]


@pytest.mark.parametrize("function", [gelu, gelu_tanh, sigmoid, silu, softplus], ids=lambda function: function.__name__)
def test_small_results_keep_their_digits(function: Function) -> None:
    x = np.linspace(-5, 0, 5 * CHUNK + 1).astype(np.float32)[:-1]
    expected = EXACT[function](x.astype(np.float64))
    relative = np.abs(function(x) / expected - 1)
    assert relative[x > -2].max() <= 2e-6
    assert relative.max() <= 3e-3
    tiny = np.array([1e-30, -1e-30, 1e-42], np.float32)
    if function is not sigmoid and function is not softplus:
        np.testing.assert_allclose(function(tiny), tiny / 2, rtol=1e-6)


def test_erf_in_double() -> None:
    assert np.abs(erf(FEW) - exact_erf(FEW)).max() <= 1e-15


def test_erf_in_single() -> None:
    single = FEW.astype(np.float32)
    assert np.abs(erf(single) - exact_erf(single)).max() <= 1.5e-7


ENDS: dict[Function, list[float]] = {
    erf: [math.nan, 1, -1],
    # As in PyTorch: minus infinity times no probability.
    gelu: [math.nan, math.inf, math.nan],
    gelu_tanh: [math.nan, math.inf, math.nan],
    silu: [math.nan, math.inf, math.nan],
    sigmoid: [math.nan, 1, 0],
    softplus: [math.nan, math.inf, 0],
    hardsigmoid: [math.nan, 1, 0],
    hardswish: [math.nan, math.inf, math.nan],
    relu: [math.nan, math.inf, 0],
}


@functions
@dtypes
def test_what_is_not_finite(function: Function, dtype: Any) -> None:
    found = function(np.array([np.nan, np.inf, -np.inf], dtype))
    np.testing.assert_array_equal(found, np.array(ENDS[function], dtype))


@functions
@dtypes
def test_the_largest_numbers(function: Function, dtype: Any) -> None:
    x = np.finfo(dtype).max * np.array([1, -1, 0.5, -0.5], dtype)
    growing = ENDS[function][1] == math.inf
    expected = np.where(x > 0, x if growing else 1, -1 if function is erf else 0)
    np.testing.assert_allclose(function(x), expected, rtol=1e-3 if dtype == np.float16 else 1e-6)


@functions
@dtypes
@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1,), (7, 5), (CHUNK + 1,), (3, 7001), (2, 300, 401)])
def test_out_of_any_layout(function: Function, dtype: Any, shape: tuple[int, ...]) -> None:
    x = random(*shape, dtype=dtype)
    kept = x.copy()
    expected = function(x)
    assert isinstance(expected, np.ndarray)
    assert (expected.shape, expected.dtype) == (shape, dtype)
    np.testing.assert_array_equal(x, kept)
    whole = np.full((2, *shape, 2), 9, dtype)
    for out in (np.empty(shape, dtype), np.empty(shape[::-1], dtype).T, whole[0, ..., 1], x):
        assert function(x, out=out) is out
        np.testing.assert_array_equal(out, expected)
        x[...] = kept
    assert (whole[1] == 9).all()
    assert (whole[..., 0] == 9).all()


@functions
def test_a_view_gives_the_same_and_is_left_alone(function: Function) -> None:
    whole = random(4, 160, 300)
    kept = whole.copy()
    for view in (whole.T[::2], whole[:, ::-1], whole[..., 1:7], np.broadcast_to(whole[0], whole.shape)):
        np.testing.assert_array_equal(function(view), function(np.ascontiguousarray(view)))
    np.testing.assert_array_equal(whole, kept)


@functions
@dtypes
def test_several_threads_give_the_same(function: Function, dtype: Any) -> None:
    x = random(3, SHARED_NUMBERS // 3 + 11, dtype=dtype)
    expected = function(x)
    token = THREADS.set(3)
    for given in (x, x.T):
        np.testing.assert_array_equal(function(given), expected if given is x else expected.T)
    np.testing.assert_array_equal(function(x, out=x), expected)
    THREADS.reset(token)


def test_a_function_of_numpy_in_chunks() -> None:
    x = random(5, CHUNK)
    np.testing.assert_array_equal(in_chunks(np.tanh, x, x), np.tanh(random(5, CHUNK)))


def test_relu_of_whole_numbers() -> None:
    x = np.arange(-SHARED_NUMBERS, SHARED_NUMBERS)
    found = relu(x)
    assert found.dtype == x.dtype
    np.testing.assert_array_equal(found, np.maximum(x, 0))


def test_overwriting_uses_the_memory_of_the_operand() -> None:
    x = random(30, 50)
    expected = gelu(x)
    found = gelu(x, out=x)
    assert np.shares_memory(found, x)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("exponent", range(1, 17))
@dtypes
def test_integer_power(exponent: int, dtype: Any) -> None:
    x = random(2 * CHUNK + 3, seed=exponent, dtype=dtype)
    tolerance = 20 * EPSILON[dtype]
    for power in (partial(integer_power, x, exponent), partial(integer_power, x, exponent, out=x)):
        expected = x.astype(np.float64) ** exponent
        found = power()
        assert found.dtype == dtype
        near = np.abs(expected) < float(np.finfo(dtype).max)
        np.testing.assert_allclose(found[near], expected[near], rtol=tolerance, atol=float(np.finfo(dtype).tiny))
