"""What arrays are called, float16 made wide, arrays that are written as text."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


def widened(x: Array) -> Array:
    """Float16 as float32, for exact sums and fast products; other arrays as they are."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def known(array: Array) -> Array:
    """The bfloat16 that the package ml_dtypes gives NumPy as float32, which holds it exactly."""
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def stored(result: Array, dtype: DTypeLike, out: Array | None) -> Array:
    """A result that was computed in a wider type, as `dtype`, in `out` if that is given."""
    if out is None:
        return result.astype(dtype, copy=False)
    np.copyto(out, result, casting="same_kind")
    return out


def packed_array(text: str, dtype: str, shape: tuple[int, ...]) -> Array:
    """An array of which the bytes are written in base64."""
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)
