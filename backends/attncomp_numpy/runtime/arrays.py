"""What arrays are called, and how work on them is cut into pieces that stay in cache."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

CHUNK = 16384


def in_chunks(function: Callable[[Array, Array], None], x: Array, overwrite: bool) -> Array:
    """A pointwise `function(source, target)` applied to pieces of `x` that stay in cache.

    Float16 is computed as float32. With `overwrite` the result may take the memory of `x`.
    """
    source = x.reshape(-1)
    half = source.dtype == np.float16
    target = source if overwrite else np.empty_like(source)
    for start in range(0, source.size, CHUNK):
        piece = source[start : start + CHUNK]
        if half:
            wide = piece.astype(np.float32)
            function(wide, wide)
            target[start : start + CHUNK] = wide
        else:
            function(piece, target[start : start + CHUNK])
    return target.reshape(x.shape)


def widened(x: Array) -> Array:
    """Float16 as float32, for exact sums and fast products; other arrays as they are."""
    return x.astype(np.float32) if x.dtype == np.float16 else x


def packed_array(text: str, dtype: str, shape: tuple[int, ...]) -> Array:
    """An array of which the bytes are written in base64."""
    return np.frombuffer(base64.b64decode(text), dtype).reshape(shape)
