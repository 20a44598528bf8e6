"""Weights and inputs that need no file: numbers drawn from a generator seeded by a tensor's own key.

The same on both sides, here and in the environment that makes the references, so that only outputs are stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np


def generator(key: str) -> np.random.Generator:
    """The generator of a tensor, by its key."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")))


def tensor(key: str, shape: tuple[int, ...], kind: str = "f") -> np.ndarray:
    """The weight of a key: of the size that keeps activations near one; counters (`kind` "i") are zero."""
    if kind in "iub":
        return np.zeros(shape, np.int64)
    random = generator(key)
    if key.endswith("running_var"):
        values = random.uniform(0.5, 1.5, shape)
    elif len(shape) >= 2:
        fan_in = int(np.prod(shape[1:]))
        values = random.normal(size=shape) / np.sqrt(fan_in)
    elif key.endswith("weight"):
        values = random.uniform(0.5, 1.5, shape)
    else:
        values = random.normal(size=shape) * 0.1
    return values.astype(np.float32)


def weights(shapes: Mapping[str, tuple[tuple[int, ...], str]]) -> dict[str, np.ndarray]:
    """All weights of a model, from (shape, kind) by key."""
    return {key: tensor(key, shape, kind) for key, (shape, kind) in shapes.items()}


def picture(name: str, *shape: int) -> np.ndarray:
    """A random input of float32 numbers near one."""
    return generator(f"input {name} {shape}").normal(size=shape).astype(np.float32)


def tokens(name: str, vocabulary: int, *shape: int) -> np.ndarray:
    """A random input of whole numbers below `vocabulary`."""
    return generator(f"tokens {name} {shape}").integers(0, vocabulary, shape)
