"""Pointwise functions, a piece at a time that stays in cache, on the threads of the call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from attncomp_numpy.runtime.arrays import Array
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.threads import on_threads, pieces

# How many numbers are done at once, without looking for pieces.
CHUNK = 16384
# From how many numbers on the threads of the call share them: below, starting them takes longer.
SHARED_NUMBERS = 1 << 17


def in_chunks(
    function: Callable[..., object], x: Array, out: Array | None = None, spare: int = 0
) -> Array:
    """A pointwise `function(source, target, *temporaries)` of `x`, written to `out` if given.

    It gets `spare` temporaries of the shape of a piece, which may be `x` itself as a whole; its
    target may be its source, and is written last. Float16 is computed as float32.
    """
    result = np.empty(x.shape, x.dtype) if out is None else out
    half = x.dtype.char == "e"
    if x.size <= CHUNK and not half:
        function(x, result, *[np.empty(x.shape, x.dtype) for _ in range(spare)])
        return result
    flat = x.flags.c_contiguous and result.flags.c_contiguous
    source, target = (x.reshape(-1), result.reshape(-1)) if flat else (x, result)
    dtype = np.float32 if half else x.dtype

    def work(own: Memory, *place: slice) -> None:
        piece = source[place]
        room = [own(number, piece.shape, dtype) for number in range(spare)]
        if half:
            wide = own("wide", piece.shape)
            np.copyto(wide, piece)
            function(wide, wide, *room)
            target[place] = wide
        else:
            function(piece, target[place], *room)

    # A third of a piece: there every pass over it is fast, and the calls take a tenth of its time.
    parts = pieces(source.shape, 3 * (2 + spare) * x.itemsize)
    share(work, parts, x.size)
    return result


def share(work: Callable[..., None], parts: list[tuple[slice, ...]], size: int) -> None:
    """Calls `work` with a memory and each of `parts`; on threads from `SHARED_NUMBERS` on."""
    memory = Memory()
    if size >= SHARED_NUMBERS:
        on_threads(work, parts, memory)
        return
    for part in parts:
        work(memory, *part)
