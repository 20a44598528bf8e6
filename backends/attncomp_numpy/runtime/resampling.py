"""Images read at other sizes and at given places: the spatial dimensions are the last."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from attncomp_numpy.runtime.arrays import Array
from attncomp_numpy.runtime.dimensions import each_dimension
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.threads import each_piece


def resize_nearest(
    x: Array, shape: tuple[int, ...], *, out: Array | None = None, memory: Memory | None = None
) -> Array:
    """The last dimensions resampled to `shape`, each place by the number at floor(i n / m)."""
    sizes = x.shape[x.ndim - len(shape) :]
    places = [
        np.arange(wanted) * size // max(1, wanted)
        for size, wanted in zip(sizes, shape, strict=True)
    ]

    def along(source: Array, target: Array, dim: int, _: Memory) -> None:
        np.take(source, places[dim], axis=dim, out=target, mode="clip")

    return each_dimension(along, x, shape, resized_dims(sizes, shape), out=out, memory=memory)


def resize_linear(
    x: Array,
    shape: tuple[int, ...],
    align_corners: bool = False,
    *,
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """The last dimensions resampled to `shape`, linearly in each.

    With `align_corners` the first and last places of both are the same; else their edges are.
    """
    sizes = x.shape[x.ndim - len(shape) :]
    dtype = np.promote_types(x.dtype, np.float32)
    order = resized_dims(sizes, shape)
    lines = {dim: neighbours(sizes[dim], shape[dim], dtype, align_corners) for dim in order}

    def along(source: Array, target: Array, dim: int, own: Memory) -> None:
        if sizes[dim] == 1:
            np.copyto(target, source)
            return
        low, high, share, rest = lines[dim]
        unit = (-1, *[1] * (-1 - dim))
        other = own("other", target.shape, dtype)
        np.take(source, low, axis=dim, out=target, mode="clip")
        np.multiply(target, rest.reshape(unit), out=target)
        np.take(source, high, axis=dim, out=other, mode="clip")
        np.multiply(other, share.reshape(unit), out=other)
        np.add(target, other, out=target)

    return each_dimension(along, x, shape, order, out=out, memory=memory)


def resized_dims(sizes: tuple[int, ...], shape: tuple[int, ...]) -> list[int]:
    """The dimensions that change, counted from the end, in the order that needs the fewest steps.

    Those that shrink come first; then those that grow, of which the last is read number by number
    and so is best read while the others are small.
    """
    dims = range(-len(shape), 0)
    shrinking = [dim for dim in dims if sizes[dim] > shape[dim]]
    return shrinking + [dim for dim in reversed(dims) if sizes[dim] < shape[dim]]


def neighbours(
    size: int, wanted: int, dtype: np.dtype[np.generic], align_corners: bool
) -> tuple[Array, Array, Array, Array]:
    """For each new place the places below and above it, and the shares of above and of below."""
    at = np.arange(wanted, dtype=np.float64)
    if align_corners:
        at = at * ((size - 1) / (wanted - 1) if wanted > 1 else 0.0)
    else:
        at = np.maximum((at + 0.5) * (size / max(1, wanted)) - 0.5, 0.0)
    low = np.minimum(at.astype(np.intp), size - 1)
    share = (at - low).astype(dtype)
    return low, np.minimum(low + 1, size - 1), share, 1 - share


# Zeros around an image: a place further outside is moved to where it lies between two of them.
FRAME = 2


def sample(
    x: Array,
    grid: Array,
    *,
    align_corners: bool,
    padding: str = "zeros",
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """`x` [batch, channel, height, width] at the places of grid [batch, rows, columns, 2].

    Bilinear; the last dimension of the grid is x, then y, in -1..1 (Jaderberg et al. 2015). Outside
    of the image there are zeros, or with padding "border" the numbers of the edge.
    """
    memory = Memory() if memory is None else memory
    dtype = np.dtype(np.float32) if x.dtype == np.float16 else x.dtype
    channels, (height, width) = x.shape[1], x.shape[2:]
    result = np.empty((*x.shape[:2], *grid.shape[1:3]), x.dtype) if out is None else out
    if not result.size:
        return result
    framed = framed_images(x, dtype, memory)
    across = framed.shape[3]
    area = framed.shape[2] * across
    planes = framed.reshape(channels, -1)
    starts = (np.arange(len(x)) * area + FRAME * (across + 1)).reshape(-1, 1, 1)

    def work(own: Memory, images: slice, rows: slice) -> None:
        size = (images.stop - images.start, rows.stop - rows.start, grid.shape[2])
        read, down = own("x", size, dtype), own("y", size, dtype)
        pixel_places(grid[images, rows, :, 0], width, align_corners, padding, read)
        pixel_places(grid[images, rows, :, 1], height, align_corners, padding, down)
        corner, shares = own("corner", size, np.intp), own("shares", (4, *size), dtype)
        surroundings(read, down, across, area, corner, shares, own)
        np.add(corner, starts[images], out=corner)
        target = result[images, :, rows].swapaxes(0, 1)
        whole = (channels, *size)
        place, found = own("place", size, np.intp), own("found", whole, dtype)
        total = target if target.dtype == dtype else own("total", whole, dtype)
        for turn, step in enumerate((0, 1, across, across + 1)):
            np.add(corner, step, out=place)
            np.take(planes, place, axis=1, out=found, mode="clip")
            np.multiply(found, shares[turn], out=found if turn else total)
            if turn:
                np.add(total, found, out=total)
        if total is not target:
            np.copyto(target, total, casting="same_kind")

    each = grid.shape[2] * (2 * np.intp().itemsize + (2 * channels + 9) * dtype.itemsize)
    each_piece(work, grid.shape[:2], each, memory)
    return result


def framed_images(x: Array, dtype: np.dtype[Any], memory: Memory) -> Array:
    """The images [channel, batch, height, width] with `FRAME` zeros around each."""
    batch, channels, height, width = x.shape
    shape = (channels, batch, height + 2 * FRAME, width + 2 * FRAME)
    framed = memory("framed", shape, dtype)

    def work(_: Memory, part: slice, images: slice) -> None:
        target = framed[part, images]
        target[..., :FRAME, :] = target[..., FRAME + height :, :] = 0
        target[..., :FRAME] = target[..., FRAME + width :] = 0
        target[..., FRAME:-FRAME, FRAME:-FRAME] = x[images, part].swapaxes(0, 1)

    each_piece(work, shape[:2], 2 * dtype.itemsize * math.prod(shape[2:]), memory)
    return framed


def pixel_places(at: Array, size: int, align_corners: bool, padding: str, target: Array) -> None:
    """Writes coordinates in -1..1 as places among `size` pixels; those far outside are moved."""
    half = (size - 1) / 2
    scale = half if align_corners else size / 2
    np.multiply(at, target.dtype.type(scale), out=target, dtype=target.dtype)
    np.add(target, target.dtype.type(half), out=target)
    low, high = (0, size - 1) if padding == "border" else (-FRAME, size)
    # Comparisons are fast, and with NaN false.
    if not (target.min() >= low and target.max() <= high):
        np.clip(target, target.dtype.type(low), target.dtype.type(high), out=target)


def surroundings(
    across: Array, down: Array, width: int, area: int, corner: Array, shares: Array, own: Memory
) -> None:
    """For places in an image of rows of `width` pixels, the pixel before each and four shares.

    The shares are those of the pixels at `corner`, right of it, below it, and right below.
    """
    # Float32 counts to 2^24.
    exact = np.dtype(np.float64) if area >= 1 << 24 else across.dtype
    left, top = own("left", across.shape, across.dtype), own("top", down.shape, down.dtype)
    index = own("index", across.shape, exact)
    np.floor(across, out=left)
    np.floor(down, out=top)
    np.multiply(top, width, out=index, dtype=exact)
    np.add(index, left, out=index)
    np.copyto(corner, index, casting="unsafe")
    np.subtract(across, left, out=across)
    np.subtract(down, top, out=down)
    np.subtract(1, across, out=left)
    np.subtract(1, down, out=top)
    for turn, (row, column) in enumerate(
        ((top, left), (top, across), (down, left), (down, across))
    ):
        np.multiply(row, column, out=shares[turn])
