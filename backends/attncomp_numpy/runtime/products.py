"""Matrix products and attention."""

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


SCORES = 1 << 17


def attention(
    query: Array,
    key: Array,
    value: Array,
    *,
    bias: Array | None = None,
    mask: Array | None = None,
    scale: float = 1.0,
) -> Array:
    """Softmax attention without the whole table of scores.

    query [..., target, inner], key [..., source, inner], value [..., source, outer]; bias and mask
    broadcast against [..., target, source], and a score is kept where the mask is true. The leading
    dimensions broadcast. A target without any source gives 0. So many rows of scores are computed
    at a time that they stay in cache.
    """
    parts = [query, key, value] + [part for part in (bias, mask) if part is not None]
    leading = np.broadcast_shapes(*(part.shape[:-2] for part in parts))
    targets, sources, dtype = query.shape[-2], key.shape[-2], query.dtype
    table = (*leading, targets, sources)
    query, key, value = (
        np.broadcast_to(widened(part), leading + part.shape[-2:]) for part in (query, key, value)
    )
    bias = None if bias is None else np.broadcast_to(bias, table)
    mask = None if mask is None else np.broadcast_to(mask, table)
    result = np.empty((*leading, targets, value.shape[-1]), query.dtype)
    rows = max(1, min(targets, SCORES // max(1, sources)))
    axis = max(range(len(leading)), key=lambda dim: leading[dim], default=None)
    heads = 1 if axis is None else max(1, SCORES // max(1, rows * sources))
    factor = query.dtype.type(scale)
    outer = [1 if dim == axis else size for dim, size in enumerate(leading)]
    for place in np.ndindex(*outer):
        for first in range(0, 1 if axis is None else leading[axis], heads):
            index: tuple[int | slice, ...] = tuple(
                slice(first, first + heads) if dim == axis else at for dim, at in enumerate(place)
            )
            keys, values = key[index].swapaxes(-1, -2), value[index]
            for start in range(0, targets, rows):
                block = (*index, slice(start, start + rows))
                scores = np.matmul(query[block] * factor, keys)
                if bias is not None:
                    np.add(scores, bias[block], out=scores)
                if mask is not None:
                    np.copyto(scores, -np.inf, where=~mask[block])
                top = scores.max(axis=-1, keepdims=True, initial=-np.inf)
                top[top == -np.inf] = 0.0
                np.subtract(scores, top, out=scores)
                np.exp(scores, out=scores)
                total = scores.sum(axis=-1, keepdims=True)
                total[total == 0.0] = 1.0
                np.divide(np.matmul(scores, values), total, out=result[block])
    return result.astype(dtype, copy=False)
