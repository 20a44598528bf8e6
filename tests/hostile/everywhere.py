"""Running a model three ways: the float64 interpreter, the NumPy module and the PyTorch module must agree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

import attncomp
from attncomp import pipeline
from attncomp.ir.initialize import random_parameters
from attncomp.ir.interpret import interpret
from attncomp.semantics.static import StaticValue


def run_everywhere(
    text: str,
    inputs: Mapping[str, np.ndarray],
    *,
    model: str | None = None,
    present: tuple[str, ...] = (),
    seed: int = 0,
    **options: StaticValue,
) -> tuple[list[np.ndarray], dict[str, np.ndarray]]:
    """The results in the model's order, in float64, and the parameters. Raises AssertionError where two ways differ."""
    files = pipeline.parse(text)
    graph = pipeline.build(files, model=model, options=options, present=present).graph
    parameters = random_parameters(graph, seed)
    expected = list(interpret(graph, dict(inputs), parameters).values())
    for backend in ("numpy", "torch"):
        module = attncomp.compile(text, backend=backend, model=model, present=present, weights=parameters, **options)
        found = module(**inputs)
        several = isinstance(found, tuple)
        for ours, theirs in zip(found if several else [found], expected, strict=True):
            array = ours.detach().numpy() if hasattr(ours, "detach") else np.asarray(ours)
            assert array.shape == theirs.shape, (backend, array.shape, theirs.shape)
            np.testing.assert_allclose(array, theirs, rtol=2e-4, atol=2e-5, err_msg=backend)
    return expected, parameters
