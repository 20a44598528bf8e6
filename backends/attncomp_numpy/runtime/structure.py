"""Padding, overlapping windows, and their adjoint."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from attncomp_numpy.runtime.arrays import Array


def pad(x: Array, before: tuple[int, ...], after: tuple[int, ...], value: float = 0.0) -> Array:
    """`x` with `before` and `after` more numbers on each dimension, all `value`."""
    shape = [low + size + high for low, size, high in zip(before, x.shape, after, strict=True)]
    result = np.full(shape, value, x.dtype)
    result[tuple(slice(low, low + size) for low, size in zip(before, x.shape, strict=True))] = x
    return result


def pad_last(x: Array, before: tuple[int, ...], after: tuple[int, ...], value: float) -> Array:
    """`x` with its last dimensions padded; as it is where there is nothing to add."""
    if not any(before + after):
        return x
    rest = (0,) * (x.ndim - len(before))
    return pad(x, rest + before, rest + after, value)


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


def windows(
    x: Array,
    dims: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Array:
    """Sliding windows over `dims`; the dimensions of the kernel are appended. A view."""
    spans = tuple((size - 1) * gap + 1 for size, gap in zip(kernel, dilation, strict=True))
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axis=dims)
    index = [slice(None)] * view.ndim
    for place, dim in enumerate(dims):
        index[dim] = slice(None, None, stride[place])
        index[x.ndim + place] = slice(None, None, dilation[place])
    return view[tuple(index)]


def fold(
    x: Array,
    dims: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    shape: tuple[int, ...],
) -> Array:
    """The adjoint of `windows`, whose kernel is last in `x`: added up to a result of `shape`."""
    result = np.zeros(shape, x.dtype)
    count = len(dims)
    for offsets in itertools.product(*map(range, x.shape[x.ndim - count :])):
        index = [slice(None)] * len(shape)
        for dim, offset, step, gap in zip(dims, offsets, stride, dilation, strict=True):
            index[dim] = slice(offset * gap, offset * gap + step * (x.shape[dim] - 1) + 1, step)
        if all(x.shape[dim] for dim in dims):
            places: list[int | slice] = [slice(None)] * (x.ndim - count)
            result[tuple(index)] += x[tuple(places + list(offsets))]
    return result
