"""What arrays are called, float16 made wide, arrays that are written as text."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


def copied(x: Array, out: Array | None = None) -> Array:
    """`x` once more, in `out` if that is given."""
    if out is None:
        return x.copy()
    np.copyto(out, x)
    return out


def handed_over(x: Array, out: Array | None) -> Array:
    """A result that is there already: as it is, or in `out` if the caller gave that."""
    return x if out is None else copied(x, out)


def result_array(out: Array | None, shape: tuple[int, ...], dtype: Any) -> Array:
    """The array for a result: the one that is given, or a new one."""
    return np.empty(shape, dtype) if out is None else out


def choose(condition: Array, x: Any, other: Any, out: Array | None = None) -> Array:
    """`x` where `condition` holds, else `other`, in `out`, which may be one of the two."""
    if out is None:
        return np.asarray(np.where(condition, x, other))
    if out is x:
        np.copyto(out, other, where=~condition, casting="same_kind")
    elif out is other:
        np.copyto(out, x, where=condition, casting="same_kind")
    else:
        np.copyto(out, np.where(condition, x, other))
    return out


def widened(x: Array) -> Array:
    """Float16 as float32, for exact sums and fast products; other arrays as they are."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def known(array: Array) -> Array:
    """The bfloat16 that the package ml_dtypes gives NumPy as float32, which holds it exactly."""
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def stored(result: Array, dtype: DTypeLike, out: Array | None) -> Array:
    """A result that was computed in another type, as `dtype`, in `out` if that is given."""
    if out is None:
        return result.astype(dtype, copy=False)
    np.copyto(out, result, casting="unsafe")
    return out


def packed_array(text: str, dtype: str, shape: tuple[int, ...]) -> Array:
    """An array of which the bytes are written in base64."""
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)
