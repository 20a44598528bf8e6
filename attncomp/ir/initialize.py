"""Random parameters where there is no checkpoint, the same for a seed in whatever order they are made."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping

import numpy as np

from attncomp.diagnostics.core import Diagnostic, DiagnosticError, Label
from attncomp.ir.graph import Graph, Initializer
from attncomp.ir.layouts import dimensions
from attncomp.ir.literals import NUMPY_DTYPES
from attncomp.ir.operators.access import get, many
from attncomp.ir.types import Layout

LARGEST_BYTES = 2**33

Fill = Callable[[np.random.Generator, tuple[int, ...], tuple[float, ...]], np.ndarray]


def random_parameters(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    """A value for every parameter by key, in its declared order and dtype (bf16 as f32).

    Each is drawn from a stream of its own, made of the seed and the key. Raises DiagnosticError with E033 where they
    would take more than 2^33 bytes together, before any is made, and E035 for a size that is a symbol.
    """
    nodes = list(graph.nodes("parameter"))
    shapes: dict[str, tuple[int, ...]] = {}
    total = 0
    for node in nodes:
        key, label = get(node.attributes, "key", str), Label(node.origin.span) if node.origin.span else None
        layout: Layout = many(node.attributes, "layout", tuple)
        sizes = [size.constant for size in dimensions(node.type, layout)]
        if any(size is None for size in sizes):
            raise DiagnosticError([Diagnostic("E035", f"the size of the parameter `{key}` is not a number", label)])
        shapes[key] = tuple(size for size in sizes if size is not None)
        total += math.prod(shapes[key]) * node.type.dtype.bytes
        if total > LARGEST_BYTES:
            message = f"the parameters up to `{key}` take {total / 2**30:.1f} GiB, more than {LARGEST_BYTES >> 30}"
            raise DiagnosticError([Diagnostic("E033", message, label)])
    filled: dict[str, np.ndarray] = {}
    for node in nodes:
        key = get(node.attributes, "key", str)
        array = initial(get(node.attributes, "initializer", Initializer), shapes[key], generator(seed, key))
        filled[key] = array.astype(NUMPY_DTYPES[node.type.dtype])
    return filled


def generator(seed: int, key: str) -> np.random.Generator:
    """The stream of random numbers of one parameter."""
    digest = hashlib.sha256(key.encode()).digest()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, int.from_bytes(digest, "little")])))


def initial(initializer: Initializer, shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """An array filled as an initializer says. Raises ValueError for a kind that there is not."""
    if initializer.kind not in INITIALIZERS:
        raise ValueError(f"no initializer `{initializer.kind}`")
    return INITIALIZERS[initializer.kind](random, shape, initializer.arguments)


def _zeros(random: np.random.Generator, shape: tuple[int, ...], arguments: tuple[float, ...]) -> np.ndarray:
    return np.zeros(shape)


def _ones(random: np.random.Generator, shape: tuple[int, ...], arguments: tuple[float, ...]) -> np.ndarray:
    return np.ones(shape)


def _constant(random: np.random.Generator, shape: tuple[int, ...], arguments: tuple[float, ...]) -> np.ndarray:
    return np.full(shape, arguments[0], np.float64)


def _uniform(random: np.random.Generator, shape: tuple[int, ...], arguments: tuple[float, ...]) -> np.ndarray:
    low, high = arguments
    return random.uniform(low, high, shape)


def _normal(random: np.random.Generator, shape: tuple[int, ...], arguments: tuple[float, ...]) -> np.ndarray:
    return random.normal(0.0, arguments[0], shape)


def _truncated(random: np.random.Generator, shape: tuple[int, ...], arguments: tuple[float, ...]) -> np.ndarray:
    """A normal distribution within two standard deviations: what falls outside is drawn again."""
    drawn = random.standard_normal(shape)
    while True:
        outside = np.abs(drawn) > 2.0
        if not outside.any():
            return np.asarray(drawn * arguments[0])
        drawn = np.where(outside, random.standard_normal(shape), drawn)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """PyTorch's fan in and fan out: of the second and the first dimension, each times all the further ones."""
    if len(shape) < 2:
        return max(math.prod(shape), 1), max(math.prod(shape), 1)
    field = math.prod(shape[2:])
    return max(shape[1] * field, 1), max(shape[0] * field, 1)


def _xavier(random: np.random.Generator, shape: tuple[int, ...], arguments: tuple[float, ...]) -> np.ndarray:
    """Glorot and Bengio, 2010; the argument is the gain, 1 without one."""
    fan_in, fan_out = _fans(shape)
    bound = (arguments[0] if arguments else 1.0) * math.sqrt(6.0 / (fan_in + fan_out))
    return random.uniform(-bound, bound, shape)


def _kaiming(random: np.random.Generator, shape: tuple[int, ...], arguments: tuple[float, ...]) -> np.ndarray:
    """He et al., arXiv:1502.01852; the argument is the slope below zero of the leaky relu that follows, 0 without."""
    slope = arguments[0] if arguments else 0.0
    bound = math.sqrt(2.0 / (1.0 + slope**2)) * math.sqrt(3.0 / _fans(shape)[0])
    return random.uniform(-bound, bound, shape)


INITIALIZERS: Mapping[str, Fill] = {
    "zeros": _zeros,
    "ones": _ones,
    "constant": _constant,
    "uniform": _uniform,
    "normal": _normal,
    "trunc_normal": _truncated,
    "xavier_uniform": _xavier,
    "kaiming_uniform": _kaiming,
}
