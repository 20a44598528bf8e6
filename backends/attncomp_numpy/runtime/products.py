"""Matrix products."""

from __future__ import annotations

import math

import numpy as np

from attncomp_numpy.runtime.arrays import Array, widened


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """`x` [..., inner] times weight [outer, inner], plus bias [outer], as one product."""
    rows = widened(x).reshape(math.prod(x.shape[:-1]), x.shape[-1])
    result: Array = np.matmul(rows, widened(weight).T)
    if bias is not None:
        np.add(result, bias, out=result)
    return result.astype(x.dtype, copy=False).reshape(*x.shape[:-1], len(weight))


def half_matmul(left: Array, right: Array) -> Array:
    """The matrix product of float16 arrays, computed in float32."""
    return np.asarray(np.matmul(widened(left), widened(right))).astype(left.dtype)
