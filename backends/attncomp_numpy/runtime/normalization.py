"""Softmax, normalisation and reductions."""

from __future__ import annotations

import math

import numpy as np

from attncomp_numpy.runtime.arrays import Array, widened
from attncomp_numpy.runtime.chunks import CHUNK


def softmax(x: Array, axis: tuple[int, ...], overwrite: bool = False) -> Array:
    """The softmax over some dimensions; a row of -inf alone gives zeros."""
    wide = widened(x)
    out = wide if overwrite or wide is not x else None
    top = wide.max(axis, keepdims=True, initial=-np.inf)
    top[top == -np.inf] = 0.0
    weights: Array = np.subtract(wide, top, out=out)
    np.exp(weights, out=weights)
    total = weights.sum(axis, keepdims=True)
    total[total == 0.0] = 1.0
    np.divide(weights, total, out=weights)
    return weights.astype(x.dtype, copy=False)


def powers(x: Array, axis: tuple[int, ...], overwrite: bool = False) -> Array:
    """The softmax before its division: `exp(x - max(x))`; a row of -inf alone gives zeros."""
    out = x if overwrite else None
    top = x.max(axis, keepdims=True, initial=-np.inf)
    top[top == -np.inf] = 0.0
    result: Array = np.subtract(x, top, out=out)
    return np.exp(result, out=result)


def log_softmax(x: Array, axis: tuple[int, ...], overwrite: bool = False) -> Array:
    """The logarithm of the softmax; a row of -inf alone stays -inf."""
    wide = widened(x)
    out = wide if overwrite or wide is not x else None
    top = wide.max(axis, keepdims=True, initial=-np.inf)
    top[top == -np.inf] = 0.0
    shifted: Array = np.subtract(wide, top, out=out)
    total = np.exp(shifted).sum(axis, keepdims=True)
    total[total == 0.0] = 1.0
    np.subtract(shifted, np.log(total), out=shifted)
    return shifted.astype(x.dtype, copy=False)


def normalize(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    rank: int = 1,
    epsilon: float,
    center: bool = True,
    overwrite: bool = False,
) -> Array:
    """The last `rank` dimensions of `x` with mean 0 and variance 1, times weight, plus bias.

    Without `center` this is the normalisation by the root mean square. Rows are taken so many at a
    time that they stay in cache; float16 is computed as float32.
    """
    width = math.prod(x.shape[x.ndim - rank :])
    rows = x.reshape(math.prod(x.shape[: x.ndim - rank]), width)
    result = rows if overwrite else np.empty_like(rows)
    scale = None if weight is None else weight.reshape(-1)
    shift = None if bias is None else bias.reshape(-1)
    step = max(1, 4 * CHUNK // max(1, width))
    for start in range(0, len(rows), step):
        block = widened(rows[start : start + step])
        if center:
            block = block - block.mean(axis=1, keepdims=True)
        spread = np.square(block).mean(axis=1, keepdims=True)
        np.add(spread, spread.dtype.type(epsilon), out=spread)
        np.sqrt(spread, out=spread)
        block = np.divide(block, spread)
        if scale is not None:
            np.multiply(block, scale, out=block)
        if shift is not None:
            np.add(block, shift, out=block)
        result[start : start + step] = block
    return result.reshape(x.shape)


def batch_norm(
    x: Array, mean: Array, variance: Array, weight: Array, bias: Array, epsilon: float
) -> Array:
    """`x` [batch, channel, ...] normalised by the statistics of each channel."""
    channel = (-1, *[1] * (x.ndim - 2))
    scale = widened(weight) / np.sqrt(widened(variance) + weight.dtype.type(epsilon))
    shift = widened(bias) - mean * scale
    result: Array = widened(x) * scale.reshape(channel)
    np.add(result, shift.reshape(channel), out=result)
    return result.astype(x.dtype, copy=False)


def norm(x: Array, axis: tuple[int, ...], keepdims: bool = False) -> Array:
    """The Euclidean length of `x` over some dimensions."""
    total = np.sum(np.square(widened(x)), axis=axis, keepdims=keepdims)
    return np.asarray(np.sqrt(total)).astype(x.dtype, copy=False)


def reduced_sum(x: Array, axis: tuple[int, ...], keepdims: bool = False) -> Array:
    """The sum of float16 numbers over some dimensions, added up in float32."""
    total = np.sum(x, axis=axis, keepdims=keepdims, dtype=np.float32)
    return np.asarray(total).astype(x.dtype, copy=False)


def running_sum(x: Array, axis: int) -> Array:
    """The cumulative sum of float16 numbers, added up in float32."""
    return np.cumsum(x, axis=axis, dtype=np.float32).astype(x.dtype)
