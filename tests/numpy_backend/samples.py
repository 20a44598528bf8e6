"""The samples of the operators as graphs of one operator each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from lowering.compare import SYMBOLS
from lowering.models import Sketch

from attncomp.ir.graph import Graph
from attncomp.ir.operators.base import Sample
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, Layout, ValueType

SAMPLES = [
    (name, number, sample)
    for name, operator in sorted(OPERATORS.items())
    for number, sample in enumerate(operator.samples)
    if name not in {"input", "parameter", "region", "part"}
]
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
