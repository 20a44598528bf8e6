"""Pooling of images: the spatial dimensions are the last."""

from __future__ import annotations

import math

import numpy as np

from attncomp_numpy.runtime.arrays import Array, widened
from attncomp_numpy.runtime.structure import pad_last, shifted


def max_pool(
    x: Array,
    *,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
) -> Array:
    """The largest number in each window of the last dimensions; padding never wins."""
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    result: Array | None = None
    for _, part in shifted(pad_last(x, before, after, lowest), kernel, stride, dilation):
        result = part.copy() if result is None else np.maximum(result, part, out=result)
    assert result is not None
    return result


def average_pool(
    x: Array,
    *,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    count_padding: bool = True,
) -> Array:
    """The mean of each window of the last dimensions, with or without the padding."""
    wide = widened(x)
    total = window_sums(wide, kernel, stride, dilation, before, after)
    if count_padding or not any(before + after):
        count: Array = np.asarray(math.prod(kernel), wide.dtype)
    else:
        ones = np.ones(x.shape[x.ndim - len(kernel) :], wide.dtype)
        count = window_sums(ones, kernel, stride, dilation, before, after)
    np.divide(total, count, out=total)
    return total.astype(x.dtype, copy=False)


def window_sums(
    x: Array,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
) -> Array:
    """The sum of each window of the last dimensions."""
    result: Array | None = None
    for _, part in shifted(pad_last(x, before, after, 0.0), kernel, stride, dilation):
        result = part.copy() if result is None else np.add(result, part, out=result)
    assert result is not None
    return result


def adaptive_average_pool(x: Array, dims: tuple[int, ...], shape: tuple[int, ...]) -> Array:
    """`dims` averaged to `shape`: bin i of m goes from floor(i n / m) to ceil((i + 1) n / m)."""
    result = widened(x)
    for dim, bins in zip(dims, shape, strict=True):
        size = result.shape[dim]
        means = [
            result.take(range(size * at // bins, -(-size * (at + 1) // bins)), axis=dim).mean(
                axis=dim
            )
            for at in range(bins)
        ]
        empty = (*result.shape[:dim], 0, *result.shape[dim + 1 :])
        result = np.stack(means, axis=dim) if means else np.empty(empty, result.dtype)
    return result.astype(x.dtype, copy=False)
