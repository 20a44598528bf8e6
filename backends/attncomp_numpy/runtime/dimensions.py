"""Images worked on along one dimension after another, in pieces that stay in cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from attncomp_numpy.runtime.arrays import Array
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.threads import each_piece


def each_dimension(
    along: Callable[[Array, Array, int, Memory], None],
    x: Array,
    sizes: tuple[int, ...],
    order: Sequence[int],
    divisor: Array | None = None,
    *,
    out: Array | None,
    memory: Memory | None,
) -> Array:
    """`x` with its last dimensions brought to `sizes`, along those in `order` one by one.

    `along(source, target, dim, own)` fills a target in which `dim`, counted from the end, has its
    new size. At the end everything is divided by `divisor`. Float16 is computed as float32.
    """
    rank = len(sizes)
    lead = x.shape[: x.ndim - rank]
    result = np.empty((*lead, *sizes), x.dtype) if out is None else out
    dtype = np.dtype(np.float32) if x.dtype == np.float16 else x.dtype
    shapes = [x.shape[x.ndim - rank :]]
    for dim in order:
        shapes.append((*shapes[-1][: rank + dim], sizes[dim], *shapes[-1][rank + dim + 1 :]))

    def work(own: Memory, *part: slice) -> None:
        source, target = x[part], result[part]
        rows = source.shape[: len(lead)]
        if x.dtype != dtype:
            wide = own("wide", source.shape, dtype)
            np.copyto(wide, source)
            source = wide
        for turn, dim in enumerate(order, 1):
            direct = turn == len(order) and result.dtype == dtype
            step = target if direct else own(f"turn {turn}", (*rows, *shapes[turn]), dtype)
            along(source, step, dim, own)
            source = step
        if divisor is not None:
            np.divide(source, divisor, out=target, casting="same_kind")
        elif source is not target:
            np.copyto(target, source, casting="same_kind")

    if result.size:
        each = dtype.itemsize * sum(map(math.prod, shapes))
        each_piece(work, lead, each, Memory() if memory is None else memory)
    return result


def along_dim(dim: int, index: Any) -> Any:
    """The subscript that takes `index` of a dimension that is counted from the end."""
    return (Ellipsis, index, *[slice(None)] * (-1 - dim))
