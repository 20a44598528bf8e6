"""Every operator of the table, on its samples in several dtypes, against the reference interpreter."""

from __future__ import annotations

import numpy as np
import pytest
from lowering.compare import random_arrays
from numpy_backend.emitted import run_graph
from numpy_backend.samples import ARRAY_DTYPES, SAMPLES, graph_of

from attncomp.ir.interpret import interpret
from attncomp.ir.operators.base import OperatorError, Sample
from attncomp.ir.types import DType

CASES = [
    pytest.param(name, sample, dtype, id=f"{name}-{number}-{dtype}")
    for name, number, sample in SAMPLES
    for dtype in (DType.F32, DType.F16, DType.F64, DType.BF16)
    if dtype is DType.F32 or any(operand.dtype is DType.F32 for operand in sample.operands)
]
TOLERANCE = {DType.F32: 1e-5, DType.F16: 2e-2, DType.BF16: 1e-5, DType.F64: 1e-12}


@pytest.mark.parametrize(("name", "sample", "dtype"), CASES)
def test_sample_computes_the_reference(name: str, sample: Sample, dtype: DType) -> None:
    for reverse in (False, True) if dtype is DType.F32 else (False,):
        try:
            graph, ranges = graph_of(name, sample, dtype, reverse=reverse)
        except OperatorError:
            assert dtype is not DType.F32
            return
        inputs, parameters = random_arrays(graph, 1, ranges)
        inputs = {
            str(node.attributes["name"]): inputs[str(node.attributes["name"])].astype(ARRAY_DTYPES[node.type.dtype])
            for node in graph.nodes("input")
        }
        kept = {key: array.copy() for key, array in inputs.items()}
        expected = interpret(graph, inputs, parameters)["y"]
        found = run_graph(graph, inputs, parameters)["y"]
        result = graph.type(graph.results[0].node).dtype
        assert isinstance(found, np.ndarray)
        assert found.dtype == ARRAY_DTYPES[result]
        tolerance = TOLERANCE[dtype if result is DType.F64 or dtype is DType.F16 else DType.F32]
        np.testing.assert_allclose(found.astype(np.float64), expected, rtol=tolerance, atol=tolerance)
        for key, array in kept.items():
            np.testing.assert_array_equal(array, inputs[key], err_msg=f"{key} was overwritten")
