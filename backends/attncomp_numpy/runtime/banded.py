"""Convolution of images with few channels to make: columns along the last dimension alone."""

from __future__ import annotations

import math

import numpy as np

from attncomp_numpy.runtime.arrays import Array, widened
from attncomp_numpy.runtime.convolution import (
    COLUMN_BYTES,
    convolved,
    cuts,
    fill_columns,
    within,
)
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.threads import on_threads


def banded_convolution(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: tuple[int, int],
    dilation: tuple[int, int],
    before: tuple[int, int],
    after: tuple[int, int],
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """`x` [batch, channel, row, column] convolved with weight [kernel row, out, channel, kernel
    column].

    The windows along a row are columns of a matrix; one product makes what each row of the kernel
    gives of each row of the image, and those are added up.
    """
    height, outer, inner, width = weight.shape
    result = convolved(x, outer, (height, width), stride, dilation, before, after, out)
    if not result.size:
        return result
    matrices = widened(weight).reshape(height, outer, inner * width)
    shifts = None if bias is None else bias.reshape(-1, 1, 1)

    def work(own: Memory, place: tuple[int, ...], channels: slice, rows: slice) -> None:
        block = result[place][channels, rows]
        first = max(0, rows.start * stride[0] - before[0])
        last = (rows.stop - 1) * stride[0] - before[0] + (height - 1) * dilation[0] + 1
        band = x[place][:, first:last]
        columns = own("columns", (inner, 1, width, band.shape[1], block.shape[2]), matrices.dtype)
        fill_columns(columns, band, 0, (1, stride[1]), (1, dilation[1]), (0, before[1]))
        matrix = matrices[:, channels].reshape(-1, inner * width)
        product = own("product", (len(matrix), math.prod(columns.shape[3:])), matrices.dtype)
        np.matmul(matrix, columns.reshape(inner * width, -1), out=product)
        products = product.reshape(height, *block.shape[:1], *columns.shape[3:])
        wide = block.dtype == matrices.dtype
        total = block if wide else own("sum", block.shape, matrices.dtype)
        total[...] = 0 if shifts is None else shifts[channels]
        wanted = range(rows.start, rows.stop)
        for row, given in enumerate(products):
            offset = row * dilation[0] - before[0]
            places, some = within(x.shape[2], wanted, offset, stride[0])
            seen = given[:, some.start - first : max(0, some.stop - first) : some.step]
            if places.stop > places.start:
                np.add(total[:, places], seen, out=total[:, places])
        if not wide:
            np.copyto(block, total, casting="same_kind")

    each = inner * width * result.shape[3] * stride[0] * matrices.itemsize
    parts = cuts((len(x),), result.shape[1:], max(1, COLUMN_BYTES // max(1, each)))
    on_threads(work, parts, Memory() if memory is None else memory)
    return result
