"""Convolution with kernels of 3 x 3 by fewer multiplications."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from attncomp_numpy.runtime.arrays import Array, widened
from attncomp_numpy.runtime.convolution import clear_around, convolved, within
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.threads import THREADS, on_threads, shares

# The bytes of the transformed tiles of all channels, made by the threads together.
TRANSFORMED_BYTES = 1 << 23
# The bytes that a thread makes of some channels, before and behind the products.
TILES_BYTES = 1 << 19
# How many channels of the result a thread makes at least at once, so that products are fast.
FEWEST_CHANNELS = 64
# Where the polynomials of a tile are evaluated, beside infinity: exact in binary, and of several
# choices one with the least rounding. The usual 0, 1, -1, 2, -2 have twice its error.
POINTS = {2: (0.0, 1.0, -1.0), 4: (0.0, 0.75, -0.75, 1.5, -1.5)}


@functools.cache
def winograd_matrices(tile: int) -> tuple[Array, Array, Array]:
    """The maps of a window, a kernel and a product for outputs of tile x tile, in float64.

    They are [(tile + 2)^2, (tile + 2)^2], [(tile + 2)^2, 9] and [tile^2, (tile + 2)^2] (Lavin and
    Gray, arXiv:1509.09308), from polynomials that are multiplied by their values at points.
    """
    points = POINTS[tile]
    size = len(points) + 1
    window, kernel, product = np.zeros((size, size)), np.zeros((size, 3)), np.zeros((tile, size))
    for row, point in enumerate(points):
        others = [other for other in points if other != point]
        window[row, :-1] = np.poly(others)[::-1]
        kernel[row] = [point**power / np.prod(np.subtract(point, others)) for power in range(3)]
        product[:, row] = [point**power for power in range(tile)]
    window[-1] = np.poly(points)[::-1]
    kernel[-1, -1] = product[-1, -1] = 1
    return np.kron(window, window), np.kron(kernel, kernel), np.kron(product, product)


def winograd_weight(weight: Array, tile: int) -> Array:
    """A weight [out, channel, 3, 3] as [(tile + 2)^2, out, channel]: see `winograd_convolution`."""
    wide = widened(weight)
    kernels = wide.reshape(-1, 9).astype(np.float64)
    rows = winograd_matrices(tile)[1]
    result = np.empty((len(rows), *weight.shape[:2]), wide.dtype)
    for row, made in zip(rows, result, strict=True):
        made[...] = (kernels @ row).reshape(made.shape)
    return result


def winograd_convolution(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """`x` [batch, channel, height, width] convolved with a weight from `winograd_weight`.

    The channels of tiles of the image are transformed, multiplied at each point, and transformed
    back (Winograd 1980, Lavin and Gray 2016). With a dilation, neighbours are that far apart.
    """
    points, outer, inner = weight.shape
    tile = math.isqrt(points) - 2
    result = convolved(x, outer, (3, 3), (1, 1), dilation, before, after, out)
    if not result.size:
        return result
    owner = Memory() if memory is None else memory
    span = tile * dilation[0]
    rows, columns = (
        -(-size // (tile * gap)) for size, gap in zip(result.shape[2:], dilation, strict=True)
    )
    row_bytes = points * inner * dilation[0] * columns * dilation[1] * weight.itemsize
    most = max(1, TRANSFORMED_BYTES // max(1, row_bytes))
    images = max(1, most // rows)
    for image, row in itertools.product(range(0, len(x), images), range(0, rows, most)):
        places = slice(image, image + images)
        block = result[places, :, row * span : (row + most) * span]
        convolve_tiles(x[places], weight, bias, block, row * span, dilation, before, owner)
    return result


def convolve_tiles(
    x: Array,
    weight: Array,
    bias: Array | None,
    result: Array,
    start: int,
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    memory: Memory,
) -> None:
    """Writes rows of `winograd_convolution`, from row `start` of an image on, to `result`."""
    points, outer, inner = weight.shape
    side = math.isqrt(points)
    tile = side - 2
    spans = tuple(tile * gap for gap in dilation)
    counts = tuple(-(-size // span) for size, span in zip(result.shape[2:], spans, strict=True))
    grid = (len(x), counts[0], dilation[0], counts[1], dilation[1])
    count = math.prod(grid)
    matrices = winograd_matrices(tile)
    into, back = (matrix.astype(weight.dtype) for matrix in (matrices[0], matrices[2]))
    transformed = memory("transformed", (points, inner, count), weight.dtype)

    def transform(own: Memory, part: slice) -> None:
        """Some channels of all windows, evaluated at the points."""
        image = x[:, part].swapaxes(0, 1)
        sizes = [gap * (tile * some + 2) for gap, some in zip(dilation, counts, strict=True)]
        padded = own("padded", (*image.shape[:2], *sizes), weight.dtype)
        reach = [range(low, low + size) for low, size in zip((start, 0), sizes, strict=True)]
        found = [
            within(size, some, -low, 1)
            for size, some, low in zip(image.shape[2:], reach, before, strict=True)
        ]
        inside = tuple(places for places, _ in found)
        clear_around(padded, inside)
        np.copyto(
            padded[(slice(None), slice(None), *inside)],
            image[(slice(None), slice(None), *(some for _, some in found))],
        )
        channel, batch, down, right = padded.strides
        steps = (channel, batch, spans[0] * down, down, spans[1] * right, right)
        windows = as_strided(
            padded,
            (side, side, len(padded), *grid),
            (dilation[0] * down, dilation[1] * right, *steps),
        )
        gathered = own("windows", windows.shape, weight.dtype)
        np.copyto(gathered, windows)
        target = transformed[:, part].reshape(points, -1)
        np.matmul(into, gathered.reshape(points, -1), out=target)

    def multiply(own: Memory, part: slice) -> None:
        """Some channels of the result."""
        weights = weight[:, part]
        products = own("products", (points, weights.shape[1], count), weight.dtype)
        np.matmul(weights, transformed, out=products)
        tiles = own("tiles", (tile, tile, weights.shape[1], count), weight.dtype)
        np.matmul(back, products.reshape(points, -1), out=tiles.reshape(tile * tile, -1))
        if bias is not None:
            np.add(tiles, bias[part, None], out=tiles)
        block = result[:, part]
        whole = (*block.shape[:2], spans[0] * counts[0], spans[1] * counts[1])
        image = block if block.shape == whole else own("image", whole, weight.dtype)
        apart = image.reshape(
            *whole[:2], counts[0], tile, dilation[0], counts[1], tile, dilation[1]
        ).transpose(3, 6, 1, 0, 2, 4, 5, 7)
        for place in np.ndindex(tile, tile):
            np.copyto(apart[place], tiles[place].reshape(-1, *grid), casting="same_kind")
        if image is not block:
            cropped = image[:, :, : block.shape[2], : block.shape[3]]
            np.copyto(block, cropped, casting="same_kind")

    each = points * count * weight.itemsize
    on_threads(transform, channel_parts(inner, each, 1), memory)
    on_threads(multiply, channel_parts(outer, each, FEWEST_CHANNELS), memory)


def channel_parts(channels: int, each: int, fewest: int) -> list[tuple[slice]]:
    """Parts of some `channels`: some for every thread, and `fewest` or as many as stay in cache.

    A channel takes `each` bytes.
    """
    most = max(fewest, TILES_BYTES // max(1, each))
    return [(part,) for part in shares(channels, max(THREADS.get(), -(-channels // most)))]
