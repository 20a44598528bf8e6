"""Convolution of each channel of an image on its own."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from attncomp_numpy.runtime.arrays import Array, widened
from attncomp_numpy.runtime.convolution import clear_around, convolved, within
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.threads import THREADS, on_threads, shares

# The bytes of the image that a thread turns at once.
TURNED_BYTES = 1 << 20
# How many numbers a step of the sum takes, if it can.
RUN = 512


def depthwise_convolution(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """`x` [batch, channel, ...], each channel convolved with its own of weight [channel, 1, ...].

    With the channels last, so that one step of the sum goes over all of them; where they are few
    and nothing is left out between windows, over those of several neighbouring windows.
    """
    if x.ndim == 3:
        # One row, which is as a picture one high.
        flat = depthwise_convolution(
            x[:, :, None],
            weight[:, :, None],
            bias,
            stride=(1, *stride),
            dilation=(1, *dilation),
            before=(0, *before),
            after=(0, *after),
            out=None if out is None else out[:, :, None],
            memory=memory,
        )
        return flat[:, :, 0] if out is None else out
    kernel = weight.shape[2:]
    result = convolved(x, len(weight), kernel, stride, dilation, before, after, out)
    if not result.size:
        return result
    channels, rank, wide = len(weight), len(kernel), result.shape[-1]
    together = max(1, min(RUN // channels, wide)) if stride[-1] == 1 else 1
    blocks = -(-wide // together)
    turned = np.moveaxis(widened(weight)[:, 0], 0, -1)
    run = np.ascontiguousarray(np.tile(turned, (*(1,) * rank, together)))
    shift = None if bias is None else bias.reshape(-1, *(1,) * rank)
    geometry = list(zip(kernel, stride, dilation, strict=True))
    dims, taps, last = list(range(rank)), list(range(rank, 2 * rank)), 2 * rank

    def work(own: Memory, image: int, rows: slice) -> None:
        block = result[image][:, rows]
        counts = (*block.shape[1:-1], blocks * together)
        sizes = [
            (count - 1) * step + (width - 1) * gap + 1
            for count, (width, step, gap) in zip(counts, geometry, strict=True)
        ]
        firsts = (rows.start * stride[0], *(0,) * (rank - 1))
        found = [
            within(size, range(first, first + some), -low, 1)
            for size, first, some, low in zip(x.shape[2:], firsts, sizes, before, strict=True)
        ]
        padded = own("padded", (*sizes, channels), run.dtype)
        inside = tuple(places for places, _ in found)
        clear_around(np.moveaxis(padded, -1, 0), inside)
        source = x[image][(slice(None), *(some for _, some in found))]
        np.copyto(padded[inside], np.moveaxis(source, 0, -1))
        *jumps, unit = padded.strides
        lengths = [jump * step for jump, step in zip(jumps, stride, strict=True)]
        lengths[-1] *= together
        gaps = [jump * gap for jump, gap in zip(jumps, dilation, strict=True)]
        places = (*counts[:-1], blocks)
        windows = as_strided(padded, (*places, *kernel, run.shape[-1]), (*lengths, *gaps, unit))
        total = own("total", (*places, run.shape[-1]), run.dtype)
        np.einsum(windows, [*dims, *taps, last], run, [*taps, last], [*dims, last], out=total)
        made = np.moveaxis(total.reshape(*counts, channels)[..., :wide, :], -1, 0)
        if shift is None:
            np.copyto(block, made, casting="same_kind")
        else:
            np.add(made, shift, out=block, casting="same_kind")

    each = channels * math.prod(x.shape[3:]) * stride[0] * run.itemsize
    count = max(-(-THREADS.get() // len(x)), -(-result.shape[2] * each // TURNED_BYTES))
    parts = list(itertools.product(range(len(x)), shares(result.shape[2], count)))
    on_threads(work, parts, Memory() if memory is None else memory)
    return result
