"""Padding, overlapping windows, and their adjoint."""

from __future__ import annotations

import itertools

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
