"""Pieces of work on several threads, with NumPy's BLAS on one in each."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import math
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from attncomp_numpy.runtime.arrays import Array

Called = TypeVar("Called", bound=Callable[..., Any])

# What a piece may keep at once: about what the second-level cache of a core holds.
PIECE_BYTES = 1 << 20
THREADS: ContextVar[int] = ContextVar("THREADS", default=1)


class Blas(NamedTuple):
    """The functions of NumPy's own OpenBLAS that read and set on how many threads it runs."""

    threads: Callable[[], int]
    limit: Callable[[int], None]


@functools.cache
def blas() -> Blas | None:
    """The OpenBLAS that comes with NumPy; None where NumPy was built with something else."""
    root = Path(np.__file__).parent
    folders = (root.with_name("numpy.libs"), root / ".dylibs")
    for path in (path for folder in folders for path in sorted(folder.glob("*openblas*"))):
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(str(path))
            for before, after in itertools.product(("scipy_", ""), ("64_", "")):
                threads = getattr(library, f"{before}openblas_get_num_threads{after}", None)
                limit = getattr(library, f"{before}openblas_set_num_threads{after}", None)
                if threads is not None and limit is not None:
                    return Blas(threads, limit)
    return None


class Limits:
    """The limits on BLAS's threads that calls have set: the lowest holds until its call is over."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.active: list[int] = []
        self.before = 0

    @contextlib.contextmanager
    def __call__(self, count: int) -> Iterator[None]:
        """Has BLAS use at most `count` threads."""
        library = blas()
        if library is None:
            yield
            return
        with self.lock:
            if not self.active:
                self.before = library.threads()
            self.active.append(count)
            library.limit(min([self.before, *self.active]))
        try:
            yield
        finally:
            with self.lock:
                self.active.remove(count)
                library.limit(min([self.before, *self.active]))


blas_limited = Limits()


def on_threads(call: Called) -> Called:
    """A method that runs on `self.threads` threads, BLAS too; for None on as many as BLAS has."""

    @functools.wraps(call)
    def run(self: Any, *inputs: Any, **named: Any) -> Any:
        library = blas()
        count = self.threads or (1 if library is None else library.threads())
        token = THREADS.set(count)
        free = self.threads is None
        limited = contextlib.nullcontext() if free else blas_limited(count)
        try:
            with limited, np.errstate(all="ignore"):
                return call(self, *inputs, **named)
        finally:
            THREADS.reset(token)

    return run  # type: ignore[return-value]


@functools.cache
def workers(process: int) -> ThreadPoolExecutor:
    """The threads of this process, which it keeps; a forked one has threads of its own."""
    return ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="pieces")


def pieces(sizes: tuple[int, ...], each: int) -> list[tuple[slice, ...]]:
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
    return [
        tuple(
            slice(start, min(start + step, size))
            for start, step, size in zip(starts, steps, sizes, strict=True)
        )
        for starts in itertools.product(*ranges)
    ]


def each_piece(work: Callable[..., None], sizes: tuple[int, ...], each: int) -> None:
    """Calls `work` with the slices of every piece, on the threads of the call; see `pieces`."""
    parts = pieces(sizes, each)
    count = min(THREADS.get(), len(parts))
    if count < 2:
        for part in parts:
            work(*part)
        return
    left = iter(parts)

    def take() -> None:
        with np.errstate(all="ignore"):
            for part in left:
                work(*part)

    with blas_limited(1):
        others = [workers(os.getpid()).submit(take) for _ in range(count - 1)]
        take()
        for other in others:
            other.result()


LARGE = 1 << 25


def piecewise(function: Callable[..., Any], *arrays: Array) -> Any:
    """`function`, which works place by place on arrays that broadcast, on one piece after another.

    What it makes inside is then as large as a piece. The first axis that is longer than 1 is cut.
    """
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    back = next(back for back in range(len(shape), 0, -1) if shape[-back] > 1)
    whole: list[Array] = []

    def cut(array: Array, part: slice) -> Array:
        index: tuple[Any, ...] = (..., part, *[slice(None)] * (back - 1))
        return array[index] if array.ndim >= back and array.shape[-back] > 1 else array

    def fill(part: slice) -> None:
        made = function(*(cut(array, part) for array in arrays))
        for target, piece in zip(whole, made if isinstance(made, tuple) else (made,), strict=True):
            cut(target, part)[...] = piece

    nothing = function(*(cut(array, slice(0, 0)) for array in arrays))
    several = isinstance(nothing, tuple)
    whole += [np.empty(shape, part.dtype) for part in (nothing if several else (nothing,))]
    each = math.prod(shape) // shape[-back] * max(array.itemsize for array in arrays)
    each_piece(fill, (shape[-back],), each)
    return tuple(whole) if several else whole[0]
