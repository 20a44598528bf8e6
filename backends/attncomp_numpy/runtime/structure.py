"""Places looked up and moved round, padding, overlapping windows, and their adjoint."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from attncomp_numpy.runtime.arrays import Array
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.threads import each_piece


def take(x: Array, *ids: Array, out: Array | None = None) -> Array:
    """The places `ids` of the first dimensions of `x`; those below 0 count from the end.

    Raises IndexError for a place that `x` has not.
    """
    if out is None:
        return x[ids]
    if len(ids) > 1 or not (x.flags.c_contiguous and out.flags.c_contiguous):
        np.copyto(out, x[ids])
        return out
    (places,) = ids
    wrong = places[(places < -len(x)) | (places >= len(x))]
    if wrong.size:
        raise IndexError(f"index {wrong.flat[0]} is out of bounds for axis 0 with size {len(x)}")
    # All places are right: "wrap" only keeps NumPy from making an array of its own first.
    return np.take(x, places, axis=0, out=out, mode="wrap") if places.size else out


def roll(x: Array, shift: int, axis: int, *, out: Array | None = None) -> Array:
    """`x` moved by `shift` places along an axis; what leaves at one end comes in at the other."""
    result = np.empty(x.shape, x.dtype) if out is None else out
    lead = (slice(None),) * axis
    cut = shift % max(1, x.shape[axis])
    first, rest = slice(None, cut), slice(cut, None)
    np.copyto(result[(*lead, rest)], x[(*lead, slice(None, x.shape[axis] - cut))])
    np.copyto(result[(*lead, first)], x[(*lead, slice(x.shape[axis] - cut, None))])
    return result


def pad(
    x: Array,
    before: tuple[int, ...],
    after: tuple[int, ...],
    value: float = 0.0,
    *,
    out: Array | None = None,
) -> Array:
    """`x` with `before` and `after` more numbers on each dimension, all `value`."""
    shape = [low + size + high for low, size, high in zip(before, x.shape, after, strict=True)]
    result = np.empty(shape, x.dtype) if out is None else out
    inside = result
    for dim, (low, size) in enumerate(zip(before, x.shape, strict=True)):
        lead = (slice(None),) * dim
        inside[(*lead, slice(0, low))] = value
        inside[(*lead, slice(low + size, None))] = value
        inside = inside[(*lead, slice(low, low + size))]
    np.copyto(inside, x)
    return result


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
    *,
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """The adjoint of `windows`, whose kernel is last in `x`: added up to a result of `shape`.

    The first dimension that is not folded is taken in pieces; float16 is added up as float32.
    """
    result = np.empty(shape, x.dtype) if out is None else out
    dtype = np.dtype(np.float32) if x.dtype == np.float16 else x.dtype
    cut = next((dim for dim in range(len(shape)) if dim not in dims), 0)
    whole = cut in dims
    kernel = x.shape[len(shape) :]

    def work(own: Memory, part: slice) -> None:
        place = (slice(None),) * cut + ((slice(None) if whole else part),)
        source, target = x[place], result[place]
        total = target if target.dtype == dtype else own("total", target.shape, dtype)
        total.fill(0)
        for offsets in itertools.product(*map(range, kernel)):
            index = [slice(None)] * len(shape)
            for dim, offset, step, gap in zip(dims, offsets, stride, dilation, strict=True):
                start = offset * gap
                index[dim] = slice(start, start + step * (x.shape[dim] - 1) + 1, step)
            inside = total[tuple(index)]
            added: tuple[Any, ...] = (..., *offsets)
            np.add(inside, source[added], out=inside)
        if total is not target:
            np.copyto(target, total, casting="same_kind")

    if not all(x.shape[dim] for dim in dims):
        result.fill(0)
    elif result.size:
        count = 1 if whole else shape[cut]
        each = (x.nbytes + result.nbytes) // count
        each_piece(work, (count,), each, Memory() if memory is None else memory)
    return result
