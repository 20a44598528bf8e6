"""Convolution of images: the spatial dimensions are the last."""

from __future__ import annotations

import math

import numpy as np

from attncomp_numpy.runtime.arrays import Array, widened
from attncomp_numpy.runtime.structure import output_sizes, pad_last, shifted, windows

COLUMNS = 1 << 20


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
) -> Array:
    """`x` [batch, channel, ...] convolved with weight [out, channel / groups, ...], plus a bias.

    A channel of its own for each group is a sum of shifted products; everything else a product of
    matrices, some rows of the image at a time, so that the copied windows stay in cache.
    """
    dtype = x.dtype
    x, weight = widened(x), widened(weight)
    x = pad_last(x, before, after, 0.0)
    kernel = weight.shape[2:]
    sizes = output_sizes(x.shape[2:], kernel, stride, dilation)
    result = np.zeros((len(x), len(weight), *sizes), x.dtype)
    if result.size:
        if weight.shape[1] == 1 and groups == x.shape[1] == len(weight):
            convolve_channels(x, weight, result, stride, dilation)
        else:
            convolve_groups(x, weight, result, stride, dilation, groups)
    if bias is not None:
        np.add(result, bias.reshape(-1, *[1] * len(kernel)), out=result)
    return result.astype(dtype, copy=False)


def convolve_channels(
    x: Array, weight: Array, result: Array, stride: tuple[int, ...], dilation: tuple[int, ...]
) -> None:
    """Adds each channel of `x` convolved with a kernel of its own to `result`."""
    unit = (-1, *[1] * (x.ndim - 2))
    for image, target in zip(x, result, strict=True):
        product = np.empty_like(target)
        for offsets, part in shifted(image, weight.shape[2:], stride, dilation):
            places: list[int | slice] = [slice(None), 0]
            np.multiply(part, weight[tuple(places + list(offsets))].reshape(unit), out=product)
            np.add(target, product, out=target)


def convolve_groups(
    x: Array,
    weight: Array,
    result: Array,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
) -> None:
    """Writes the products of windows and weights to `result`, a group of channels at a time."""
    rank = x.ndim - 2
    kernel = weight.shape[2:]
    inner = math.prod(weight.shape[1:])
    matrices = weight.reshape(groups, len(weight) // groups, inner)
    view = windows(x, tuple(range(2, x.ndim)), kernel, stride, dilation)
    # [batch, group, channel, out..., kernel...] -> [batch, group, channel, kernel..., out...]
    view = (
        view.reshape(len(x), groups, weight.shape[1], *view.shape[2:])
        if groups > 1
        else view[:, None]
    )
    view = view.transpose(0, 1, 2, *range(3 + rank, 3 + 2 * rank), *range(3, 3 + rank))
    target = result.reshape(len(x), groups, len(weight) // groups, *result.shape[2:])
    width = math.prod(result.shape[3:])
    rows = max(1, COLUMNS // max(1, inner * width))
    lead = (slice(None),) * (1 + rank)
    for image, group in np.ndindex(len(x), groups):
        for start in range(0, result.shape[2], rows):
            place = slice(start, start + rows)
            columns = view[image, group][(*lead, place)]
            product = np.matmul(matrices[group], columns.reshape(inner, -1))
            block = target[image, group][:, place]
            block[...] = product.reshape(block.shape)
