"""Overlapping windows and their adjoint."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def windows(
    x: Tensor,
    dims: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Tensor:
    """Sliding windows over `dims`; the dimensions of the kernel are appended. A view."""
    for dim, size, step, spacing in zip(dims, kernel, stride, dilation, strict=True):
        x = x.unfold(dim, (size - 1) * spacing + 1, step)[..., ::spacing]
    return x


def fold(
    x: Tensor,
    dims: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    shape: tuple[int, ...],
) -> Tensor:
    """The adjoint of `windows`: adds windows up to a result of `shape`; the kernel is last."""
    for dim, step, spacing in reversed(tuple(zip(dims, stride, dilation, strict=True))):
        total = x.new_zeros(*x.shape[:dim], shape[dim], *x.shape[dim + 1 : -1])
        before = (slice(None),) * dim
        for offset in range(x.shape[-1]):
            start = offset * spacing
            total[(*before, slice(start, start + step * x.shape[dim], step))] += x[..., offset]
        x = total
    return x


def average_pool(
    x: Tensor,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: tuple[int, ...],
    count_padding: bool,
) -> Tensor:
    """The mean of each window of the last dimensions, whose padding is as for `F.pad`."""
    rank = len(kernel)
    dims = tuple(range(x.dim() - rank, x.dim()))
    inner = tuple(range(-rank, 0))
    total = windows(F.pad(x, padding), dims, kernel, stride, dilation).mean(inner)
    if count_padding:
        return total
    inside = F.pad(x.new_ones(x.shape[-rank:]), padding)
    return total / windows(inside, tuple(range(rank)), kernel, stride, dilation).mean(inner)
