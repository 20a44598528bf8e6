"""Convolution of images as products of matrices: the spatial dimensions are the last."""

from __future__ import annotations

import itertools
import math

import numpy as np

from attncomp_numpy.runtime.arrays import Array, widened
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.products import SHARED_OPERATIONS
from attncomp_numpy.runtime.structure import output_sizes
from attncomp_numpy.runtime.threads import THREADS, on_threads, shares

# The bytes of the columns that a thread makes at once: fewer, and the weight is packed too often.
COLUMN_BYTES = 1 << 21
# The bytes of the rows of an image that a thread multiplies at once: parts of them are copied.
ROW_BYTES = 1 << 22


def convolution(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    groups: int = 1,
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """`x` [batch, channel, ...] convolved with weight [out, channel / groups, ...], plus a bias.

    Each window is a column of a matrix, which the weight multiplies (Chellapilla et al. 2006), some
    rows of the image at a time, or some small images; where a window is a single place, `x` itself
    is that matrix.
    """
    kernel = weight.shape[2:]
    result = convolved(x, len(weight), kernel, stride, dilation, before, after, out)
    if not result.size:
        return result
    matrices = widened(weight).reshape(groups, len(weight) // groups, -1)
    images = x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])
    target = result.reshape(len(x), groups, -1, *result.shape[2:])
    ready = math.prod((*kernel, *stride)) == 1 and not any(before + after)
    ready = ready and images.dtype == matrices.dtype
    if ready and target[0, 0, 0].flags.c_contiguous:
        images, target = (one.reshape(*one.shape[:3], -1) for one in (images, target))
    shifts = None if bias is None else bias.reshape(groups, -1)

    def work(own: Memory, place: tuple[int, int], channels: slice, rows: slice) -> None:
        block = target[place][channels, rows]
        image = images[place]
        if ready:
            columns = image[:, rows]
        else:
            columns = own("columns", (len(image), *kernel, *block.shape[1:]), matrices.dtype)
            fill_columns(columns, image, rows.start, stride, dilation, before)
        flat = columns.reshape(matrices.shape[2], -1)
        product = product_of(matrices[place[1], channels], flat, block, own)
        finish(product, block, None if shifts is None else shifts[place[1], channels])

    def work_on_several(own: Memory, some: slice, group: int) -> None:
        block, several = target[some, group], images[some, group].swapaxes(0, 1)
        shape = (len(several), 1, *kernel, len(block), *block.shape[2:])
        columns = own("columns", shape, matrices.dtype)
        fill_columns(columns, several, 0, (1, *stride), (1, *dilation), (0, *before))
        flat = columns.reshape(matrices.shape[2], -1)
        product = own("product", (block.shape[1], flat.shape[1]), matrices.dtype)
        np.matmul(matrices[group], flat, out=product)
        if shifts is not None:
            np.add(product, shifts[group][:, None], out=product)
        made = product.reshape(block.shape[1], len(block), *block.shape[2:])
        np.copyto(block, made.swapaxes(0, 1), casting="same_kind")

    own = Memory() if memory is None else memory
    each = matrices[0, :1].nbytes * math.prod(target.shape[4:])
    together = COLUMN_BYTES // max(1, each * target.shape[3])
    if not ready and min(together, len(x)) > 1:
        shared = 2 * result.size * matrices.shape[2] >= SHARED_OPERATIONS
        some = shares(len(x), max(THREADS.get() if shared else 1, -(-len(x) // together)))
        on_threads(work_on_several, list(itertools.product(some, range(groups))), own)
        return result
    most = target.shape[3] if ready else max(1, COLUMN_BYTES // max(1, each))
    on_threads(work, cuts(target.shape[:2], target.shape[2:], most), own)
    return result


def convolved(
    x: Array,
    channels: int,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    out: Array | None,
) -> Array:
    """The array for the result of a convolution: `out`, or a new one."""
    if out is not None:
        return out
    spread = zip(before, x.shape[2:], after, strict=True)
    sizes = output_sizes(tuple(map(sum, spread)), kernel, stride, dilation)
    return np.empty((len(x), channels, *sizes), x.dtype)


def cuts(
    lead: tuple[int, ...], sizes: tuple[int, ...], most: int
) -> list[tuple[tuple[int, ...], slice, slice]]:
    """The parts of images of [channel, row, ...] for each place in `lead`: channels and rows.

    A part has at most so many rows, and there is one for every thread. It costs a packing of the
    weight to cut rows, one of the image to cut channels.
    """
    count = -(-THREADS.get() // max(1, math.prod(lead)))
    across = count if sizes[0] > math.prod(sizes[1:]) else 1
    channels = shares(sizes[0], across)
    rows = shares(sizes[1], max(-(-count // len(channels)), -(-sizes[1] // most)))
    return list(itertools.product(np.ndindex(lead), channels, rows))


def within(size: int, wanted: range, offset: int, step: int) -> tuple[slice, slice]:
    """Which of the `wanted` places p have p * step + offset in an image of a `size`.

    As a slice of the wanted, and as a slice of the image.
    """
    low = max(wanted.start, -(offset // step))
    high = max(low, min(wanted.stop, (size - 1 - offset) // step + 1))
    places = slice(low - wanted.start, high - wanted.start)
    return places, slice(low * step + offset, max(0, (high - 1) * step + offset + 1), step)


def reaches(
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    wanted: list[range],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
) -> list[list[tuple[slice, slice]]]:
    """For each dimension and each place of the kernel in it what `within` says of an image."""
    return [
        [within(size, some, offset * gap - low, step) for offset in range(width)]
        for size, width, some, step, gap, low in zip(
            shape, kernel, wanted, stride, dilation, before, strict=True
        )
    ]


def fill_columns(
    columns: Array,
    image: Array,
    start: int,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
) -> None:
    """Writes the windows of `image` [channel, ...], from row `start` of the result on.

    `columns` is [channel, kernel..., row, ...]; what lies in the padding is 0.
    """
    rank = image.ndim - 1
    kernel, sizes = columns.shape[1 : 1 + rank], columns.shape[1 + rank :]
    wanted = [range(start, start + sizes[0]), *map(range, sizes[1:])]
    reached = reaches(image.shape[1:], kernel, wanted, stride, dilation, before)
    for offsets, found in zip(np.ndindex(kernel), itertools.product(*reached), strict=True):
        column = columns[(slice(None), *offsets)]
        inner = tuple(places for places, _ in found)
        clear_around(column, inner)
        np.copyto(column[(slice(None), *inner)], image[(slice(None), *(some for _, some in found))])


def clear_around(x: Array, inner: tuple[slice, ...]) -> None:
    """Sets to 0 what is outside of `inner` in the last dimensions."""
    lead: tuple[slice, ...] = (slice(None),) * (x.ndim - len(inner))
    for size, places in zip(x.shape[len(lead) :], inner, strict=True):
        if places.start > 0:
            x[(*lead, slice(0, places.start))] = 0
        if places.stop < size:
            x[(*lead, slice(places.stop, None))] = 0
        lead = (*lead, places)


def product_of(matrix: Array, columns: Array, target: Array, own: Memory) -> Array:
    """`matrix` times `columns`: in `target` [channel, ...] where its rows allow, else in memory."""
    direct = target.dtype == columns.dtype and target[0].flags.c_contiguous
    shape = (len(matrix), columns.shape[1])
    product = target.reshape(shape) if direct else own("product", shape, columns.dtype)
    return np.matmul(matrix, columns, out=product)


def finish(product: Array, target: Array, bias: Array | None) -> None:
    """Writes `product` [channel, place], plus a bias for each channel, to `target`."""
    if bias is not None:
        np.add(product, bias[:, None], out=product)
    if not np.may_share_memory(product, target):
        np.copyto(target, product.reshape(target.shape), casting="same_kind")


def shifted_convolution(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    groups: int = 1,
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """`x` [batch, channel, ...] convolved with weight [kernel..., out, channel / groups].

    For each place in the kernel the product of its weights with what lies there in the windows.
    Where that is padding nothing is done, which is most of the work where windows are wide.
    """
    *kernel, outer, inner = weight.shape
    result = convolved(x, outer, tuple(kernel), stride, dilation, before, after, out)
    if not result.size:
        return result
    matrices = widened(weight).reshape(*kernel, groups, outer // groups, inner)
    images = x.reshape(len(x), groups, inner, *x.shape[2:])
    target = result.reshape(len(x), groups, -1, *result.shape[2:])
    shifts = None if bias is None else bias.reshape(groups, -1, *(1,) * len(kernel))

    def work(own: Memory, place: tuple[int, int], channels: slice, rows: slice) -> None:
        block = target[place][channels, rows]
        wide = block.dtype == matrices.dtype
        total = block if wide else own("sum", block.shape, matrices.dtype)
        total[...] = 0 if shifts is None else shifts[place[1], channels]
        wanted = [range(rows.start, rows.stop), *map(range, block.shape[2:])]
        found = reaches(x.shape[2:], tuple(kernel), wanted, stride, dilation, before)
        for offsets, dims in zip(np.ndindex(*kernel), itertools.product(*found), strict=True):
            part = images[place][(slice(None), *(some for _, some in dims))]
            if not part.size:
                continue
            if part.dtype != matrices.dtype or not part[0].flags.c_contiguous:
                copied = own("columns", part.shape, matrices.dtype)
                np.copyto(copied, part)
                part = copied
            matrix = matrices[offsets][place[1], channels]
            product = own("product", (len(matrix), math.prod(part.shape[1:])), matrices.dtype)
            np.matmul(matrix, part.reshape(inner, -1), out=product)
            reached = total[(slice(None), *(places for places, _ in dims))]
            np.add(reached, product.reshape(reached.shape), out=reached)
        if not wide:
            np.copyto(block, total, casting="same_kind")

    each = inner * math.prod(target.shape[4:]) * matrices.itemsize
    parts = cuts(target.shape[:2], target.shape[2:], max(1, ROW_BYTES // max(1, each)))
    on_threads(work, parts, Memory() if memory is None else memory)
    return result
