"""Pieces of work on several threads, with NumPy's BLAS on one in each."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import itertools
import math
import os
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from attncomp_numpy.runtime.memory import Memory

# What a piece may keep at once: about what the second-level cache of a core holds.
PIECE_BYTES = 1 << 20
# From how many bytes on there are as many pieces at least, for several threads: below, starting
# those takes longer.
SHARED_BYTES = 1 << 19
FEWEST = 4
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


class Limit:
    """Keeps BLAS on one thread while any call is under way: a module has threads of its own.

    Threads of OpenBLAS that wait for work keep their cores busy, so that the two do not mix.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = 0
        self.threads = 0

    def enter(self) -> int:
        """Begins a call; the number of threads that BLAS has outside of calls."""
        library = blas()
        if library is None:
            return 1
        with self.lock:
            if not self.calls:
                self.threads = library.threads()
                library.limit(1)
            self.calls += 1
            return self.threads

    def leave(self) -> None:
        """Ends a call."""
        library = blas()
        if library is None:
            return
        with self.lock:
            self.calls -= 1
            if not self.calls:
                library.limit(self.threads)


def blas_limit() -> Limit:
    """The limit that all modules of this process share, whichever file each is from."""
    return sys.modules.setdefault("attncomp: limit of BLAS", Limit())  # type: ignore[arg-type, return-value]


class Owner(Protocol):
    """A model: on how many threads its calls run, and the memory that its calls left behind."""

    threads: int | None
    memories: list[Memory]


class Working:
    """A call of a model under way: its threads, for None as many as BLAS has, and its memory.

    Calls at the same time, from several threads, have a memory each.
    """

    def __init__(self, owner: Owner) -> None:
        self.owner = owner
        self.quiet = np.errstate(all="ignore")

    def __enter__(self) -> Memory:
        found = blas_limit().enter()
        self.token = THREADS.set(self.owner.threads or found)
        self.quiet.__enter__()
        try:
            self.memory = self.owner.memories.pop()
        except IndexError:
            self.memory = Memory()
        return self.memory

    def __exit__(self, *error: object) -> None:
        self.owner.memories.append(self.memory)
        self.quiet.__exit__(None, None, None)
        THREADS.reset(self.token)
        blas_limit().leave()


@functools.cache
def workers(process: int) -> ThreadPoolExecutor:
    """The threads of this process, which it keeps; a forked one has threads of its own."""
    return ThreadPoolExecutor(max_workers=os.cpu_count(), thread_name_prefix="pieces")


def pieces(
    sizes: tuple[int, ...], each: int, most: tuple[int | None, ...] = ()
) -> list[tuple[slice, ...]]:
    """The pieces of some axes of `sizes`: a slice of each, the last axis the fastest.

    Of a piece whose sizes are 1, `each` bytes are kept at once; a piece is as large as stays in
    cache, and of each axis has `most` places at most; the first axes are cut first. The pieces do
    not depend on the threads, so that results do not.
    """
    room = max(1, PIECE_BYTES // max(1, each))
    if math.prod(sizes) * each >= SHARED_BYTES:
        room = min(room, -(-math.prod(sizes) // FEWEST))
    steps: list[int] = []
    for size, limit in zip(reversed(sizes), reversed(most or sizes), strict=True):
        step = max(1, min(size, room, size if limit is None else limit))
        steps.insert(0, -(-size // max(1, -(-size // step))) or 1)
        room //= steps[0]
    ranges = [range(0, size, step) for size, step in zip(sizes, steps, strict=True)]
    return [
        tuple(
            slice(start, min(start + step, size))
            for start, step, size in zip(starts, steps, sizes, strict=True)
        )
        for starts in itertools.product(*ranges)
    ]


def span(low: int, high: int, size: int) -> slice:
    """The places from `low` to before `high` of an axis of `size`, or one where there are none."""
    first = max(0, min(low, size - 1))
    return slice(first, min(size, max(high, first + 1)))


def each_piece(
    work: Callable[..., None],
    sizes: tuple[int, ...],
    each: int,
    memory: Memory,
    most: tuple[int | None, ...] = (),
) -> None:
    """Calls `work` with a memory of its own and the slices of every piece; see `pieces`.

    The pieces are done on the threads of the call.
    """
    on_threads(work, pieces(sizes, each, most), memory)


def shares(size: int, count: int) -> list[slice]:
    """`size` places in `count` parts about equally long; fewer where there are fewer places."""
    step = max(1, -(-size // count))
    return [slice(start, min(start + step, size)) for start in range(0, size, step)]


def on_threads(work: Callable[..., None], parts: Sequence[tuple[Any, ...]], memory: Memory) -> None:
    """Calls `work` with a memory of its own and each of `parts`, on the threads of the call."""
    count = min(THREADS.get(), len(parts))
    if count < 2:
        own = memory.worker(0)
        for part in parts:
            work(own, *part)
        return
    left = iter(parts)

    def take(own: Memory) -> None:
        token = THREADS.set(1)
        try:
            with np.errstate(all="ignore"):
                for part in left:
                    work(own, *part)
        finally:
            THREADS.reset(token)

    pool = workers(os.getpid())
    others = [pool.submit(take, memory.worker(number)) for number in range(1, count)]
    try:
        take(memory.worker(0))
    finally:
        wait(others)
    for other in others:
        other.result()
