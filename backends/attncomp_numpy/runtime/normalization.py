"""Softmax, normalisation and reductions."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator

import numpy as np

from attncomp_numpy.runtime.arrays import Array, stored, widened
from attncomp_numpy.runtime.chunks import CHUNK, share
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.threads import pieces

# Rows of so many numbers NumPy works on as they are, if told that its buffer holds no more.
LONG_ROW = 512
# From how many numbers on telling it so, and back, takes less time than that saves.
MANY = 1 << 15
LOWEST = {kind: np.array(np.finfo(kind).min) for kind in "fd"}
# Fewer numbers than these are added up at once by NumPy.
FEW = 1 << 12
# Sums of rows longer than this are made pairwise: BLAS adds its products up one after another.
LONGEST_PRODUCT = 1 << 14


@contextlib.contextmanager
def rows_in_place(size: int, width: int) -> Iterator[None]:
    """Has NumPy read and write rows of `width` of the `size` numbers of an array where they lie.

    Where an operand broadcasts, it copies what fits into its buffer there and back instead, which
    is faster for short rows, and takes twice as long for long ones.
    """
    if width < LONG_ROW or size < MANY:
        yield
        return
    before = np.setbufsize(LONG_ROW)
    try:
        yield
    finally:
        np.setbufsize(before)


@functools.lru_cache(maxsize=64)
def ones(width: int, dtype: str) -> Array:
    """So many ones, to add up rows by a product."""
    made = np.ones(width, dtype)
    made.flags.writeable = False
    return made


def row_sums(rows: Array) -> Array:
    """The sum of each row of `rows` [row, column], as [row, 1]."""
    width = rows.shape[1]
    if width > LONGEST_PRODUCT:
        return np.asarray(np.add.reduce(rows, 1, keepdims=True))
    return np.asarray(np.matmul(rows, ones(width, rows.dtype.char))).reshape(-1, 1)


def row_squares(rows: Array) -> Array:
    """The sum of the squares of each row of `rows` [row, column], as [row, 1]."""
    if rows.shape[1] > LONGEST_PRODUCT:
        return np.asarray(np.add.reduce(np.square(rows), 1, keepdims=True))
    return np.asarray(np.matmul(rows[:, None, :], rows[:, :, None])).reshape(-1, 1)


def totals(x: Array, axis: tuple[int, ...]) -> Array:
    """The sums of `x` over some dimensions, which stay with size 1."""
    last = x.ndim - 1
    if axis == (last,) and x.size >= FEW and x.flags.c_contiguous:
        shape = x.shape[:last]
        return row_sums(x.reshape(math.prod(shape), x.shape[last])).reshape(*shape, 1)
    return np.asarray(np.add.reduce(x, axis, keepdims=True))


def mean(
    x: Array, axis: tuple[int, ...], keepdims: bool = False, *, out: Array | None = None
) -> Array:
    """The mean of `x` over some dimensions; by a product with ones where they follow each other."""
    first, last = axis[0], axis[-1] + 1
    count = math.prod(x.shape[first:last])
    together = axis == tuple(range(first, last)) and x.flags.c_contiguous
    if not together or x.size < FEW or count > LONGEST_PRODUCT or x.dtype.char not in "fd":
        return np.asarray(np.mean(x, axis=axis, keepdims=keepdims, out=out))
    shape = (math.prod(x.shape[:first]), count, math.prod(x.shape[last:]))
    weight = ones(count, x.dtype.char)
    if shape[2] == 1:
        total = np.matmul(x.reshape(shape[:2]), weight)
    else:
        total = np.matmul(weight, x.reshape(shape))
    np.divide(total, total.dtype.type(count), out=total)
    kept = [1 if dim in axis else size for dim, size in enumerate(x.shape)]
    short = [size for dim, size in enumerate(x.shape) if dim not in axis]
    return stored(total.reshape(kept if keepdims else short), x.dtype, out)


def in_rows(
    function: Callable[[Array, Array], None], x: Array, axis: tuple[int, ...], out: Array | None
) -> Array:
    """A `function(source, target)` that works over some dimensions of `x`, on pieces of the others.

    The target may be the source. Float16 is computed as float32.
    """
    result = np.empty(x.shape, x.dtype) if out is None else out
    half = x.dtype.char == "e"
    if x.size <= 4 * CHUNK and not half:
        function(x, result)
        return result
    kept = [dim for dim in range(x.ndim) if dim not in axis]

    def work(own: Memory, *place: slice) -> None:
        index = [slice(None)] * x.ndim
        for dim, part in zip(kept, place, strict=True):
            index[dim] = part
        piece, target = x[tuple(index)], result[tuple(index)]
        if half:
            wide = own("wide", piece.shape)
            np.copyto(wide, piece)
            function(wide, wide)
            np.copyto(target, wide, casting="same_kind")
        else:
            function(piece, target)

    row = math.prod(x.shape[dim] for dim in axis)
    parts = pieces(tuple(x.shape[dim] for dim in kept), 2 * row * x.itemsize)
    share(work, parts, x.size)
    return result


def powers_into(axis: tuple[int, ...], source: Array, target: Array) -> None:
    """`powers` of a piece of an array."""
    shift_into(axis, source, target)
    np.exp(target, out=target)


def shift_into(axis: tuple[int, ...], source: Array, target: Array) -> None:
    """`x - max(x)` of a piece of an array; a row of -inf alone stays that."""
    top = np.asarray(np.maximum.reduce(source, axis, keepdims=True, initial=-np.inf))
    np.maximum(top, LOWEST[top.dtype.char], out=top)
    np.subtract(source, top, out=target)


def softmax_into(axis: tuple[int, ...], source: Array, target: Array) -> None:
    """`softmax` of a piece of an array."""
    powers_into(axis, source, target)
    total = totals(target, axis)
    # The power of the largest number is 1, so that less is a row of -inf alone.
    np.maximum(total, total.dtype.type(1.0), out=total)
    np.divide(target, total, out=target)


def log_softmax_into(axis: tuple[int, ...], source: Array, target: Array) -> None:
    """`log_softmax` of a piece of an array."""
    shift_into(axis, source, target)
    total = totals(np.exp(target), axis)
    np.maximum(total, total.dtype.type(1.0), out=total)
    np.log(total, out=total)
    np.subtract(target, total, out=target)


def softmax(x: Array, axis: tuple[int, ...], *, out: Array | None = None) -> Array:
    """The softmax over some dimensions; a row of -inf alone gives zeros."""
    return in_rows(functools.partial(softmax_into, axis), x, axis, out)


def powers(x: Array, axis: tuple[int, ...], *, out: Array | None = None) -> Array:
    """The softmax before its division: `exp(x - max(x))`; a row of -inf alone gives zeros.

    At once: this is asked of what is a piece already.
    """
    if x.dtype.char == "e":
        return in_rows(functools.partial(powers_into, axis), x, axis, out)
    result = np.empty(x.shape, x.dtype) if out is None else out
    powers_into(axis, x, result)
    return result


def log_softmax(x: Array, axis: tuple[int, ...], *, out: Array | None = None) -> Array:
    """The logarithm of the softmax; a row of -inf alone stays -inf."""
    return in_rows(functools.partial(log_softmax_into, axis), x, axis, out)


def normalize(
    x: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    rank: int = 1,
    epsilon: float,
    center: bool = True,
    out: Array | None = None,
) -> Array:
    """The last `rank` dimensions of `x` with mean 0 and variance 1, times weight, plus bias.

    Without `center` this is the normalisation by the root mean square.
    """
    axis = tuple(range(x.ndim - rank, x.ndim))
    width = math.prod(x.shape[x.ndim - rank :])
    scale = None if weight is None else widened(weight).reshape(-1)
    shift = None if bias is None else widened(bias).reshape(-1)

    def normalize_into(source: Array, target: Array) -> None:
        """The rows of a piece of the array."""
        count = source.size // max(1, width)
        rows = np.ascontiguousarray(source).reshape(count, width)
        direct = target.flags.c_contiguous
        result = target.reshape(count, width) if direct else np.empty(rows.shape, rows.dtype)
        with rows_in_place(source.size, width):
            if center:
                mean = row_sums(rows)
                np.divide(mean, mean.dtype.type(width), out=mean)
                rows = np.subtract(rows, mean, out=result)
            spread = row_squares(rows)
            np.divide(spread, spread.dtype.type(width), out=spread)
            np.add(spread, spread.dtype.type(epsilon), out=spread)
            np.sqrt(spread, out=spread)
            np.divide(rows, spread, out=result)
            if scale is not None:
                np.multiply(result, scale, out=result)
            if shift is not None:
                np.add(result, shift, out=result)
        if not direct:
            target[...] = result.reshape(target.shape)

    return in_rows(normalize_into, x, axis, out)


def batch_norm(
    x: Array,
    mean: Array,
    variance: Array,
    weight: Array,
    bias: Array,
    epsilon: float,
    *,
    out: Array | None = None,
) -> Array:
    """`x` [batch, channel, ...] normalised by the statistics of each channel."""
    inner = x.shape[2:]
    scale = widened(weight) / np.sqrt(widened(variance) + widened(weight).dtype.type(epsilon))
    shift = (widened(bias) - mean * scale).reshape(-1, *[1] * len(inner))
    scale = scale.reshape(shift.shape)
    result = np.empty(x.shape, x.dtype) if out is None else out
    half = x.dtype.char == "e"

    def work(own: Memory, batch: slice, channel: slice) -> None:
        piece, target = x[batch, channel], result[batch, channel]
        made = own("wide", piece.shape) if half else target
        with rows_in_place(piece.size, math.prod(inner)):
            np.multiply(piece, scale[channel], out=made)
            np.add(made, shift[channel], out=made)
        if half:
            target[...] = made

    parts = pieces(x.shape[:2], 3 * math.prod(inner) * x.itemsize)
    share(work, parts, x.size)
    return result


def norm(
    x: Array, axis: tuple[int, ...], keepdims: bool = False, *, out: Array | None = None
) -> Array:
    """The Euclidean length of `x` over some dimensions."""
    wide, last = widened(x), x.ndim - 1
    if axis == (last,) and wide.flags.c_contiguous:
        kept = x.shape[:last]
        total = row_squares(wide.reshape(math.prod(kept), x.shape[last]))
        total = total.reshape((*kept, 1) if keepdims else kept)
    else:
        total = np.asarray(np.sum(np.square(wide), axis=axis, keepdims=keepdims))
    return stored(np.asarray(np.sqrt(total)), x.dtype, out)


def reduced_sum(
    x: Array, axis: tuple[int, ...], keepdims: bool = False, *, out: Array | None = None
) -> Array:
    """The sum of float16 numbers over some dimensions, added up in float32."""
    total = np.sum(x, axis=axis, keepdims=keepdims, dtype=np.float32)
    return stored(np.asarray(total), x.dtype, out)


def running_sum(x: Array, axis: int, *, out: Array | None = None) -> Array:
    """The cumulative sum of float16 numbers, added up in float32."""
    return stored(np.cumsum(x, axis=axis, dtype=np.float32), x.dtype, out)
