"""Images read at other sizes and at given places: the spatial dimensions are the last."""

from __future__ import annotations

import itertools

import numpy as np

from attncomp_numpy.runtime.arrays import Array, widened


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
