"""A lowered program against the reference interpreter, on random inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from unittest.mock import patch

import numpy as np
from lowering.positional import run_program

from attncomp.ir.graph import Graph, Node
from attncomp.ir.interpret import interpret
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering import buffers
from attncomp.lowering.lower import lower
from attncomp.lowering.program import Program

SYMBOLS: Mapping[str, int] = {
    "batch": 2,
    "seq": 5,
    "n": 4,
    "m": 3,
    "height": 5,
    "width": 4,
    "query": 3,
    "source": 6,
}


def stored_shape(node: Node) -> tuple[int, ...]:
    """The shape of an input or a parameter."""
    layout = node.attributes["layout"]
    assert isinstance(layout, tuple)
    sizes = {axis.name: axis.size.evaluate(SYMBOLS) for axis in node.type.axes}
    return tuple(math.prod(sizes[str(axis)] for axis in group) for group in layout)  # type: ignore[union-attr]


def random_array(node: Node, generator: np.random.Generator, low: float = -2, high: float = 2) -> np.ndarray:
    shape = stored_shape(node)
    if node.type.dtype is DType.BOOL:
        return generator.random(shape) > 0.4
    if node.type.dtype.is_integer:
        return generator.integers(math.ceil(low), max(math.floor(high), math.ceil(low) + 1), shape)
    return generator.uniform(low, high, shape)


def random_arrays(
    graph: Graph, seed: int = 0, ranges: Mapping[str, tuple[float, float]] | None = None
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Inputs by name and parameters by key; `ranges` by the name of the input."""
    generator = np.random.default_rng(seed)
    inputs = {}
    for node in graph.nodes("input"):
        name = str(node.attributes["name"])
        default = (0, 2) if node.type.dtype.is_integer else (-2, 2)  # positions in a table, mostly
        inputs[name] = random_array(node, generator, *(ranges or {}).get(name, default))
    return inputs, {str(n.attributes["key"]): random_array(n, generator) for n in graph.nodes("parameter")}


def assert_lowers_right(
    graph: Graph,
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    forms: bool = False,
    roll_loops: bool = True,
    in_pieces: bool = False,
    seed: int = 0,
) -> Program:
    """Fails unless the program gives what the reference interpreter gives; returns the program.

    So does the program with a place for every value, however small.
    """
    program = lower(graph, roll_loops=roll_loops, in_pieces=in_pieces)
    with patch.object(buffers, "LARGE", 1):
        planned = lower(graph, roll_loops=roll_loops, in_pieces=True)
    inputs, parameters = random_arrays(graph, seed, ranges)
    expected = interpret(graph, inputs, parameters)
    for one in (program, planned):
        found = run_program(one, inputs, parameters, forms=forms)
        assert list(found) == [result.name for result in graph.results]
        for name, array in found.items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-6, atol=1e-6, err_msg=name)
    return program


def constant(size: Size) -> int:
    assert size.constant is not None
    return size.constant
