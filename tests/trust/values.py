"""What a graph computes, and how closely two graphs must agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from end_to_end.drawn_models import inputs_for
from end_to_end.everywhere import drawn_parameters

from attncomp.ir.graph import Graph
from attncomp.ir.interpret import interpret

Arrays = Mapping[str, np.ndarray]

_WILD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 3.0, -3.0, 1e4, 0.5], np.float32)


def given(graph: Graph, sizes: Mapping[str, int]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Inputs and parameters for a graph, the same for the same graph and sizes; those called wild hold NaN."""
    used = {name: number for name, number in sizes.items() if name in graph.symbols()}
    inputs = inputs_for(graph, used, 0)
    for number, name in enumerate(inputs):
        if name.startswith("wild"):
            inputs[name] = np.resize(np.roll(_WILD, number), inputs[name].shape)
    return inputs, drawn_parameters(graph)


def computed(graph: Graph, inputs: Arrays, parameters: Arrays) -> list[np.ndarray]:
    """The results by the interpreter; parameters that a pass has dropped are not handed over."""
    keys = {str(node.attributes["key"]) for node in graph.nodes("parameter")}
    with np.errstate(all="ignore"):
        return list(interpret(graph, inputs, {key: parameters[key] for key in keys}).values())


def agree(found: Sequence[np.ndarray], wanted: Sequence[np.ndarray], tolerance: float, *, lenient: bool) -> None:
    """Fails unless the results are equal within rounding; where `lenient`, a wanted NaN or infinity may be anything."""
    assert len(found) == len(wanted)
    for number, (one, other) in enumerate(zip(found, wanted, strict=True)):
        assert one.shape == other.shape, f"result {number}"
        compared = np.where(np.isfinite(other), one, other) if lenient else one
        finite = np.abs(other[np.isfinite(other)], dtype=np.float64)
        scale = max(1.0, float(finite.max(initial=0.0)))
        np.testing.assert_allclose(
            compared.astype(np.float64), other.astype(np.float64), rtol=tolerance, atol=tolerance * scale,
            err_msg=f"result {number}",
        )  # fmt: skip
