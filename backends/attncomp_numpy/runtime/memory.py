"""Memory that the calls of a module use again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from attncomp_numpy.runtime.arrays import Array

# How many arrays a memory remembers before it forgets those of sizes that came once.
MOST_VIEWS = 4096


class Memory:
    """Blocks of memory by number or name, for one call at a time.

    A block is as large as the largest array that was asked of it; the next array takes its place.
    """

    def __init__(self) -> None:
        self.blocks: dict[int | str, Array] = {}
        self.views: dict[tuple[int | str, tuple[int, ...], Any], Array] = {}
        self.workers: list[Memory] = []

    def __call__(
        self,
        block: int | str,
        shape: tuple[int, ...],
        dtype: Any = np.float32,
        order: tuple[int, ...] | None = None,
    ) -> Array:
        """The array of a block, in C order; what it holds is left from before.

        With an `order` it is transposed so.
        """
        view = self.views.get((block, shape, dtype))
        if view is None:
            view = self.views[block, shape, dtype] = self.made(block, shape, np.dtype(dtype))
        return view if order is None else view.transpose(order)

    def made(self, block: int | str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """A new view of a block, which grows where it is too small."""
        size = math.prod(shape) * dtype.itemsize
        stored = self.blocks.get(block)
        if stored is None or stored.nbytes < size:
            stored = self.blocks[block] = np.empty(size, np.uint8)
            self.views = {key: view for key, view in self.views.items() if key[0] != block}
        if len(self.views) >= MOST_VIEWS:
            self.views.clear()
        return stored[:size].view(dtype).reshape(shape)

    def worker(self, number: int) -> Memory:
        """The memory of a thread that works for this call."""
        while len(self.workers) <= number:
            self.workers.append(Memory())
        return self.workers[number]

    @property
    def nbytes(self) -> int:
        """The bytes of all blocks."""
        own = sum(block.nbytes for block in self.blocks.values())
        return own + sum(worker.nbytes for worker in self.workers)
