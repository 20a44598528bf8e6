"""Pooling of images: the spatial dimensions are the last.

A window of several dimensions is reduced along one after the other, which reads each number once
for each place of the kernel's sides, not of its area. Windows are clipped to the image, so that no
padded copy is made.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from attncomp_numpy.runtime.arrays import Array
from attncomp_numpy.runtime.dimensions import along_dim, each_dimension
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.structure import output_sizes
from attncomp_numpy.runtime.threads import each_piece


def max_pool(
    x: Array,
    *,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """The largest number in each window of the last dimensions; padding never wins."""
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    sizes = padded_sizes(x, kernel, stride, dilation, before, after)

    def along(source: Array, target: Array, dim: int, _: Memory) -> None:
        steps = kernel[dim], stride[dim], dilation[dim], before[dim]
        reduce_windows(np.maximum, source, target, dim, *steps, lowest)

    order = changing(kernel, stride, before, after)
    return each_dimension(along, x, sizes, order, out=out, memory=memory)


def average_pool(
    x: Array,
    *,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    count_padding: bool = True,
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """The mean of each window of the last dimensions, with or without the padding."""
    sizes = padded_sizes(x, kernel, stride, dilation, before, after)
    dtype = np.promote_types(x.dtype, np.float32)

    def along(source: Array, target: Array, dim: int, _: Memory) -> None:
        steps = kernel[dim], stride[dim], dilation[dim], before[dim]
        reduce_windows(np.add, source, target, dim, *steps, 0)

    divisor: Array = np.full((), math.prod(kernel), dtype)
    if not count_padding and any(before + after):
        divisor = np.ones((), dtype)
        for dim in range(-len(sizes), 0):
            inside = np.empty(sizes[dim], dtype)
            steps = kernel[dim], stride[dim], dilation[dim], before[dim]
            reduce_windows(np.add, np.ones(x.shape[dim], dtype), inside, -1, *steps, 0)
            divisor = np.multiply.outer(divisor, inside)
    order = changing(kernel, stride, before, after)
    return each_dimension(along, x, sizes, order, divisor, out=out, memory=memory)


def padded_sizes(
    x: Array,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
) -> tuple[int, ...]:
    """How many windows fit in each of the last dimensions of `x` with its padding."""
    spatial = zip(before, x.shape[x.ndim - len(kernel) :], after, strict=True)
    return output_sizes(tuple(map(sum, spatial)), kernel, stride, dilation)


def changing(
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
) -> list[int]:
    """The dimensions, counted from the end, where a window is more than the number at its place."""
    geometry = list(zip(kernel, stride, before, after, strict=True))
    return [dim for dim in range(-len(geometry), 0) if geometry[dim] != (1, 1, 0, 0)]


def reduce_windows(
    function: np.ufunc,
    x: Array,
    target: Array,
    dim: int,
    kernel: int,
    stride: int,
    dilation: int,
    before: int,
    empty: Any,
) -> None:
    """Reduces each window of a dimension, counted from the end, into `target`.

    What lies outside of the image is left out; a window with nothing inside gives `empty`.
    """
    size, count = x.shape[dim], target.shape[dim]
    whole: list[tuple[int, int, Array]] = []
    partial: list[tuple[int, int, Array]] = []
    for shift in range(-before, kernel * dilation - before, dilation):
        first = max(0, -(shift // stride))
        stop = min(count, (size - 1 - shift) // stride + 1)
        if first < stop:
            start = first * stride + shift
            places = slice(start, start + (stop - first - 1) * stride + 1, stride)
            found = first, stop, x[along_dim(dim, places)]
            (whole if stop - first == count else partial).append(found)
    if len(whole) > 1:
        function(whole[0][2], whole[1][2], out=target)
    elif whole:
        np.copyto(target, whole[0][2])
    else:
        target.fill(empty)
    for first, stop, part in whole[2:] + partial:
        inside = target[along_dim(dim, slice(first, stop))]
        function(inside, part, out=inside)


def adaptive_average_pool(
    x: Array,
    shape: tuple[int, ...],
    *,
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """The last dimensions averaged to `shape`.

    Bin i of m in a dimension of size n goes from floor(i n / m) to ceil((i + 1) n / m).
    """
    rank = len(shape)
    sizes = x.shape[x.ndim - rank :]
    result = np.empty((*x.shape[: x.ndim - rank], *shape), x.dtype) if out is None else out
    if set(shape) == {1}:
        rows = x.reshape(*x.shape[: x.ndim - rank], math.prod(sizes))
        mean_rows(rows, result.reshape(rows.shape[:-1]), memory)
        return result
    ends = [bins(*both) for both in zip(sizes, shape, strict=True)]

    def along(source: Array, target: Array, dim: int, _: Memory) -> None:
        if sizes[dim] % shape[dim] == 0 and sizes[dim]:
            width = sizes[dim] // shape[dim]
            reduce_windows(np.add, source, target, dim, width, width, 1, 0, 0)
            return
        for place, (start, stop) in enumerate(ends[dim]):
            part = source[along_dim(dim, slice(start, stop))]
            np.add.reduce(part, axis=dim, out=target[along_dim(dim, place)])

    dtype = np.promote_types(x.dtype, np.float32)
    divisor: Array = np.ones((), dtype)
    for places in ends:
        widths = np.array([stop - start for start, stop in places], dtype)
        divisor = np.multiply.outer(divisor, widths)
    order = range(-rank, 0)
    return each_dimension(along, x, shape, order, divisor, out=result, memory=memory)


def mean_rows(x: Array, target: Array, memory: Memory | None) -> None:
    """Writes the mean of each row, which is the last dimension, to `target`."""
    dtype = np.promote_types(x.dtype, np.float32)
    ones, size = np.ones(x.shape[-1], dtype), np.full((), x.shape[-1], dtype)

    def work(own: Memory, *part: slice) -> None:
        rows, means = x[part], target[part]
        total = own("total", means.shape, dtype)
        if rows.dtype != dtype:
            wide = own("wide", rows.shape, dtype)
            np.copyto(wide, rows)
            rows = wide
        np.matmul(rows, ones, out=total)
        np.divide(total, size, out=means, casting="same_kind")

    each = dtype.itemsize * (x.shape[-1] + 1)
    each_piece(work, target.shape, each, Memory() if memory is None else memory)


def bins(size: int, count: int) -> list[tuple[int, int]]:
    """Where each of `count` bins of a dimension starts and stops."""
    return [(at * size // count, -(-(at + 1) * size // count)) for at in range(count)]
