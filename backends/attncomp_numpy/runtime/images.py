"""Pooling and resampling of images: the spatial dimensions are the last."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from attncomp_numpy.runtime.arrays import Array, widened
from attncomp_numpy.runtime.structure import pad_last


def output_sizes(
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[int, ...]:
    """How many windows fit in each dimension of a padded image."""
    return tuple(
        max(0, (size - (width - 1) * gap - 1) // step + 1)
        for size, width, step, gap in zip(shape, kernel, stride, dilation, strict=True)
    )


def shifted(
    x: Array,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Iterator[tuple[tuple[int, ...], Array]]:
    """For each place in the kernel a view of what lies there in each window of a padded `x`."""
    sizes = output_sizes(x.shape[x.ndim - len(kernel) :], kernel, stride, dilation)
    lead = (slice(None),) * (x.ndim - len(kernel))
    for offsets in itertools.product(*map(range, kernel)):
        places = [
            slice(offset * gap, offset * gap + step * size, step)
            for offset, gap, step, size in zip(offsets, dilation, stride, sizes, strict=True)
        ]
        yield offsets, x[(*lead, *places)]


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


def resize_nearest(x: Array, shape: tuple[int, ...]) -> Array:
    """The last dimensions resampled to `shape`, each place by the number at floor(i n / m)."""
    for dim, wanted in enumerate(shape, x.ndim - len(shape)):
        places = np.arange(wanted) * x.shape[dim] // max(1, wanted)
        x = x.take(places, axis=dim)
    return x


def resize_linear(x: Array, shape: tuple[int, ...], align_corners: bool = False) -> Array:
    """The last dimensions resampled to `shape`, linearly in each.

    With `align_corners` the first and last places of both are the same; else their edges are.
    """
    result = widened(x)
    for dim, wanted in enumerate(shape, x.ndim - len(shape)):
        size = result.shape[dim]
        at = np.arange(wanted, dtype=np.float64)
        if align_corners:
            at = at * ((size - 1) / (wanted - 1) if wanted > 1 else 0.0)
        else:
            at = np.maximum((at + 0.5) * (size / max(1, wanted)) - 0.5, 0.0)
        low = np.minimum(at.astype(np.int64), size - 1)
        high = np.minimum(low + 1, size - 1)
        weight = (at - low).astype(result.dtype).reshape(-1, *[1] * (x.ndim - 1 - dim))
        start = result.take(low, axis=dim)
        result = start + weight * (result.take(high, axis=dim) - start)
    return result.astype(x.dtype, copy=False)


def sample(x: Array, grid: Array, *, align_corners: bool, padding: str = "zeros") -> Array:
    """`x` [batch, channel, height, width] at the places of grid [batch, rows, columns, 2].

    Bilinear; the last dimension of the grid is x, then y, in -1..1 (Jaderberg et al. 2015). Outside
    of the image there are zeros, or with padding "border" the numbers of the edge.
    """
    height, width = x.shape[2:]
    wide = widened(x)
    across = pixel_places(widened(grid)[..., 0], width, align_corners, padding)
    down = pixel_places(widened(grid)[..., 1], height, align_corners, padding)
    left, top = np.floor(across), np.floor(down)
    result = np.zeros((*x.shape[:2], *grid.shape[1:3]), wide.dtype)
    batch = np.arange(len(x)).reshape(-1, 1, 1)
    for step_down, step_across in itertools.product((0, 1), repeat=2):
        row, column = top + step_down, left + step_across
        weight = (1 - np.abs(down - row)) * (1 - np.abs(across - column))
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        weight = np.where(inside | np.isnan(weight), weight, wide.dtype.type(0.0))
        rows = np.where(inside, row, 0).astype(np.int64)
        columns = np.where(inside, column, 0).astype(np.int64)
        found = wide[batch, :, rows, columns]
        result += np.moveaxis(found * weight[..., None], -1, 1)
    return result.astype(x.dtype, copy=False)


def pixel_places(at: Array, size: int, align_corners: bool, padding: str) -> Array:
    """Coordinates in -1..1 as places among `size` pixels."""
    one = at.dtype.type(1)
    places: Array
    if align_corners:
        places = (at + one) * at.dtype.type((size - 1) / 2)
    else:
        places = ((at + one) * at.dtype.type(size) - one) / at.dtype.type(2)
    if padding == "border":
        places = np.clip(places, at.dtype.type(0), at.dtype.type(size - 1))
    return places
