"""A compiled spelling against the interpreter."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from spellings.spelling import Spelling

import attncomp
from attncomp.ir.interpret import interpret


def agrees(one: Spelling, backend: str, as_array: Callable[[object], np.ndarray]) -> None:
    """Fails unless the module computes what the graph as built means, at two sizes of its inputs."""
    parameters = one.parameters()
    module = attncomp.compile(one.path, backend=backend, weights=parameters)
    tolerance = float(one.first("tolerance", "2e-5"))
    for call in (0, 1):
        inputs = one.inputs(call)
        wanted = interpret(one.built.graph, inputs, parameters)
        result = module(**inputs)
        found = result if isinstance(result, tuple) else (result,)
        assert len(found) == len(wanted)
        for array, other in zip(found, wanted.values(), strict=True):
            np.testing.assert_allclose(as_array(array), other, rtol=tolerance, atol=tolerance)
