"""Matrix products."""

from __future__ import annotations

import math

import numpy as np

from attncomp_numpy.runtime.arrays import Array, stored, widened
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.threads import THREADS, on_threads, shares

# How many operations a product has that is worth the threads: below, starting them takes longer.
SHARED_OPERATIONS = 1 << 24


def linear(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    out: Array | None = None,
    memory: Memory | None = None,
) -> Array:
    """`x` [..., inner] times weight [outer, inner], plus bias [outer], on the threads of the call.

    The threads share the rows of `x` where there are many of them, else the rows of the weight.
    """
    rows = widened(x).reshape(math.prod(x.shape[:-1]), x.shape[-1])
    columns = widened(weight).T
    if out is None:
        out = np.empty((*x.shape[:-1], len(weight)), x.dtype)
    narrow = out.dtype != rows.dtype or not out.flags.c_contiguous
    result = (
        np.empty((len(rows), len(weight)), rows.dtype) if narrow else out.reshape(-1, len(weight))
    )

    def fill(_: Memory, part: slice, outer: slice) -> None:
        np.matmul(rows[part], columns[:, outer], out=result[part, outer])
        if bias is not None:
            np.add(result[part, outer], bias[outer], out=result[part, outer])

    everything, own = slice(None), memory or Memory()
    count = THREADS.get() if 2 * rows.size * len(weight) >= SHARED_OPERATIONS else 1
    if count == 1:
        fill(own, everything, everything)
    elif len(rows) >= len(weight) // 4:
        on_threads(fill, [(part, everything) for part in shares(len(rows), count)], own)
    else:
        on_threads(fill, [(everything, part) for part in shares(len(weight), count)], own)
    if narrow:
        np.copyto(out, result.reshape(out.shape), casting="unsafe")
    return out


def half_matmul(left: Array, right: Array, *, out: Array | None = None) -> Array:
    """The matrix product of float16 arrays, computed in float32."""
    return stored(np.asarray(np.matmul(widened(left), widened(right))), left.dtype, out)
