"""Random inputs and weights for a model: ids within their tables, masks that leave something, numbers of variance 1."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from attncomp.diagnostics.core import fail
from attncomp.ir.graph import Graph, Node
from attncomp.ir.initialize import generator, random_parameters
from attncomp.ir.layouts import dimensions
from attncomp.ir.literals import NUMPY_DTYPES
from attncomp.ir.operators.access import get, many
from attncomp.ir.types import DType, Layout

# Sizes that a model leaves open: one thing at a time, of an extent that is usual for words and for features.
_ONE, _USUAL = "batch", 128
_LARGEST_BYTES = 2**33
# Through these an id stays the number that it is.
_CARRIERS = ("rename", "split", "merge", "index", "slice", "cast", "concat", "stack", "roll", "flip")


def sizes_of(graph: Graph, given: Mapping[str, int]) -> dict[str, int]:
    """A number for each symbol of the inputs: what is given, else 1 for `batch`, and 128 for any other."""
    return {symbol: given.get(symbol, 1 if symbol == _ONE else _USUAL) for symbol in graph.symbols()}


def draw_inputs(graph: Graph, sizes: Mapping[str, int], seed: int) -> dict[str, np.ndarray]:
    """An array for each input, by name, in the order of the model; bf16 as f32.

    Booleans, and whole numbers that are no ids, are masks: true, or 1, for the first few positions of their last
    dimension, for all of them in the first row, for at least half in any other. Raises DiagnosticError with E033 where
    the arrays would take more than 2^33 bytes, or there is not enough memory.
    """
    shapes = {node.identity: _shape(node, sizes) for node in graph.nodes("input")}
    if sum(math.prod(shapes[node.identity]) * node.type.dtype.bytes for node in graph.nodes("input")) > _LARGEST_BYTES:
        raise fail("E033", f"the inputs take more than {_LARGEST_BYTES >> 30} GiB at these sizes")
    drawn = {}
    try:
        for node in graph.nodes("input"):
            name = get(node.attributes, "name", str)
            # A name of its own: a parameter may have the key of an input.
            random, shape = generator(seed, f"input {name}"), shapes[node.identity]
            drawn[name] = _input(graph, node, shape, sizes, random).astype(NUMPY_DTYPES[node.type.dtype])
    except MemoryError:
        raise fail("E033", "there is not enough memory for the inputs at these sizes") from None
    return drawn


def draw_weights(graph: Graph, seed: int) -> dict[str, np.ndarray]:
    """An array for each parameter, by key: drawn as its initializer says, and those that start as one number near it.

    So a bias or the statistics of a norm that were left out would be seen. Raises what `random_parameters` raises.
    """
    weights = random_parameters(graph, seed)
    for key, array in weights.items():
        if array.dtype.kind == "f" and array.size and bool((array == array.flat[0]).all()):
            noise = generator(seed, f"noise {key}").uniform(0.0, 0.1, array.shape)
            weights[key] = (array + noise).astype(array.dtype)
    return weights


def _shape(node: Node, sizes: Mapping[str, int]) -> tuple[int, ...]:
    layout: Layout = many(node.attributes, "layout", tuple)
    return tuple(size.evaluate(sizes) for size in dimensions(node.type, layout))


def _input(
    graph: Graph, node: Node, shape: tuple[int, ...], sizes: Mapping[str, int], random: np.random.Generator
) -> np.ndarray:
    if node.type.dtype.is_float:
        return random.standard_normal(shape, dtype=np.float32)
    bound = None if node.type.dtype is DType.BOOL else _bound(graph, node.identity, sizes)
    return _mask(shape, random) if bound is None else random.integers(0, max(bound, 1), shape)


def _mask(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    if not shape:
        return np.ones(shape, np.bool_)
    *rows, last = shape
    lengths = random.integers((last + 1) // 2, last + 1, rows)
    lengths.reshape(-1)[:1] = last
    mask: np.ndarray = np.arange(last) < lengths[..., None]
    return mask


def _bound(graph: Graph, identity: int, sizes: Mapping[str, int]) -> int | None:
    """How many places the smallest table has that is read by these ids; None where they read none."""
    bounds: list[int] = []
    waiting, seen = [identity], {identity}
    while waiting:
        current = waiting.pop()
        for reader, position in graph.uses(current):
            node = graph.node(reader)
            if node.operator == "gather" and position > 0:
                axis = many(node.attributes, "axes", str)[position - 1]
                bounds.append(graph.type(graph.operands(reader)[0]).size(axis).evaluate(sizes))
            elif node.operator in _CARRIERS and reader not in seen:
                seen.add(reader)
                waiting.append(reader)
    return min(bounds, default=None)
