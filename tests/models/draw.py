"""Random inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Random = np.random.Generator


def numbers(random: Random, *shape: int) -> np.ndarray:
    """Real numbers of mean 0 and variance 1."""
    return random.normal(size=shape).astype(np.float32)


def lengths(random: Random, batch: int, seq: int) -> np.ndarray:
    """True at the first few of `seq` positions, at least at one, as many as each of `batch` sequences is long."""
    return np.arange(seq) < random.integers(1, seq + 1, batch)[:, None]


def one(name: str, *last: int) -> Callable[[Random, tuple[int, ...]], dict[str, np.ndarray]]:
    """Draws one input of a case's sizes, followed by `last`."""
    return lambda random, size: {name: numbers(random, *size, *last)}
