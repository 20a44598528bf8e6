"""What arrays are called, and how work on them is cut into pieces that stay in cache."""

from __future__ import annotations

import base64
import itertools
import math
from collections.abc import Callable, Iterator
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


PIECE_BYTES = 1 << 20
LARGE = 1 << 25


def piecewise(function: Callable[..., Any], *arrays: Array) -> Any:
    """`function`, which works place by place on arrays that broadcast, on one piece after another.

    What it makes inside is then as large as a piece. The first axis that is longer than 1 is cut.
    """
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    back = next(back for back in range(len(shape), 0, -1) if shape[-back] > 1)
    size = math.prod(shape) * max(array.itemsize for array in arrays)
    step = max(1, PIECE_BYTES * shape[-back] // size)
    made: Any = None
    whole: list[Array] = []
    for start in range(0, shape[-back], step):
        cut: tuple[Any, ...] = (..., slice(start, start + step), *[slice(None)] * (back - 1))
        made = function(
            *(
                array[cut] if array.ndim >= back and array.shape[-back] > 1 else array
                for array in arrays
            )
        )
        parts = made if isinstance(made, tuple) else (made,)
        whole = whole or [np.empty(shape, part.dtype) for part in parts]
        for target, part in zip(whole, parts, strict=True):
            target[cut] = part
    return tuple(whole) if isinstance(made, tuple) else whole[0]


def pieces(sizes: tuple[int, ...], each: int) -> Iterator[tuple[slice, ...]]:
    """The pieces of some axes of `sizes`: a slice of each, the last axis the fastest.

    Of a piece whose sizes are 1, `each` bytes are kept at once; a piece is as large as stays in
    cache, and the first axes are cut first.
    """
    room = max(1, PIECE_BYTES // max(1, each))
    steps: list[int] = []
    for size in reversed(sizes):
        steps.insert(0, max(1, min(size, room)))
        room //= max(1, size)
    ranges = [range(0, size, step) for size, step in zip(sizes, steps, strict=True)]
    for starts in itertools.product(*ranges):
        yield tuple(
            slice(start, min(start + step, size))
            for start, step, size in zip(starts, steps, sizes, strict=True)
        )
