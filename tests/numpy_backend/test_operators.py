"""Every operator of the table, on its samples in several dtypes, against the reference interpreter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lowering.compare import SYMBOLS, random_arrays
from lowering.models import Sketch
from numpy_backend.emitted import run_graph

from attncomp.ir.graph import Graph
from attncomp.ir.interpret import interpret
from attncomp.ir.operators.base import OperatorError, Sample
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, Layout, ValueType

SAMPLES = [
    (name, number, sample)
    for name, operator in sorted(OPERATORS.items())
    for number, sample in enumerate(operator.samples)
    if name not in {"input", "parameter", "region", "part"}
]
CASES = [
    pytest.param(name, sample, dtype, id=f"{name}-{number}-{dtype}")
    for name, number, sample in SAMPLES
    for dtype in (DType.F32, DType.F16, DType.F64, DType.BF16)
    if dtype is DType.F32 or any(operand.dtype is DType.F32 for operand in sample.operands)
]
TOLERANCE = {DType.F32: 1e-5, DType.F16: 2e-2, DType.BF16: 1e-5, DType.F64: 1e-12}
ARRAY_DTYPES = {
    DType.F32: np.float32,
    DType.BF16: np.float32,
    DType.F16: np.float16,
    DType.F64: np.float64,
    DType.I64: np.int64,
    DType.I32: np.int32,
    DType.BOOL: np.bool_,
}


def graph_of(name: str, sample: Sample, dtype: DType, *, reverse: bool) -> tuple[Graph, dict[str, tuple[float, float]]]:
    """A model of one operator, with f32 operands in `dtype`; with `reverse` all dimensions the other way around
    and the size of the batch unknown."""
    sketch = Sketch(name)
    operands, ranges = [], {}
    for place, type_ in enumerate(sample.operands):
        given = replace(type_, dtype=dtype) if type_.dtype is DType.F32 else type_
        if reverse and not any("batch" in str(value) for value in sample.attributes.values()):
            given = symbolic(given)
        layout = plain(given)[::-1] if reverse else plain(given)
        operands.append(sketch.graph.add("input", (), {"name": f"x{place}", "layout": layout}, given, sketch.origin()))
        if place < len(sample.ranges):
            ranges[f"x{place}"] = sample.ranges[place]
    result = sketch.op(name, *operands, **sample.attributes)
    sketch.returns(y=(result, " ".join(sketch.graph.type(result).names)))
    return sketch.graph, ranges


def plain(type_: ValueType) -> Layout:
    return tuple((name,) for name in type_.names)


def symbolic(type_: ValueType) -> ValueType:
    """The type with the symbol `batch` where the sample has that axis, in the size that `random_arrays` binds it to."""
    batch = Axis("batch", Size.symbol("batch"))
    known = [axis for axis in type_.axes if axis.name == "batch" and axis.size == Size.of(SYMBOLS["batch"])]
    return replace(type_, axes=tuple(batch if axis in known else axis for axis in type_.axes))


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
