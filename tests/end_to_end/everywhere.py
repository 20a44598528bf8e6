"""One graph through passes, lowering and both backends, each module called on the same inputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from attncomp.emission.registry import find_backend
from attncomp.emitted import Emitted
from attncomp.ir.graph import Graph
from attncomp.ir.initialize import random_parameters
from attncomp.lowering.lower import lower
from attncomp.passes.base import Pass
from attncomp.passes.registry import pass_sequence
from attncomp.passes.runner import run_passes

BACKENDS = ("numpy", "torch")

Arrays = Mapping[str, np.ndarray]


def rewritten(graph: Graph, passes: Iterable[Pass] | None = None) -> Graph:
    """The graph after `passes`, all of them where none are given; verified after each."""
    result = graph.copy()
    run_passes(result, pass_sequence() if passes is None else passes)
    return result


def drawn_parameters(graph: Graph, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights for a graph, none of them all zeros or ones; variances are positive."""
    random = np.random.default_rng(seed)
    drawn = {}
    for key, array in random_parameters(graph, seed).items():
        numbers = random.normal(0, 0.5, array.shape)
        drawn[key] = (np.abs(numbers) + 0.3 if key.endswith("running_var") else numbers).astype(array.dtype)
    return drawn


def emitted(graph: Graph, backend: str, *, roll_loops: bool = True) -> tuple[str, Emitted]:
    """The text of a graph's module, as the backend writes it, and the module."""
    chosen = find_backend(backend)
    program = lower(graph, roll_loops=roll_loops, in_pieces=chosen.in_pieces)
    text = chosen.emit(program)
    return text, Emitted(program, graph, chosen.name, text)


def results(module: Emitted, inputs: Arrays) -> list[np.ndarray]:
    """What a module returns for inputs by name, as arrays of their own."""
    found: Any = module(**inputs)
    every = found if isinstance(found, tuple) else (found,)
    return [np.array(one.detach().numpy() if hasattr(one, "detach") else one) for one in every]


def agree(found: Sequence[np.ndarray], wanted: Sequence[np.ndarray], tolerance: float, what: str) -> None:
    """Fails unless the results have the same shapes and, within rounding, numbers."""
    assert len(found) == len(wanted)
    for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
        assert one.shape == other.shape, f"{what}, result {number}"
        scale = max(1.0, float(np.abs(other).max(initial=0))) if other.dtype.kind == "f" else 1.0
        np.testing.assert_allclose(
            one.astype(np.float64),
            other.astype(np.float64),
            rtol=0,
            atol=tolerance * scale,
            err_msg=f"{what}, {number}",
        )
