"""Operators without operands: what a model is given, and numbers and positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from attncomp.ir.graph import Literal
from attncomp.ir.literals import literal_dtype
from attncomp.ir.operators.access import get, real
from attncomp.ir.operators.base import Attributes, NamedArray, Operator, OperatorError, Sample
from attncomp.ir.operators.checks import constant_below
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType


def _infer_declared(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    raise TypeError("the type of an input or a parameter is declared, not inferred")


def _evaluate_given(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    raise TypeError("the value of an input or a parameter is given, not computed")


def _infer_constant(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    literal = get(attributes, "value", Literal)
    sizes = zip(literal.axes, literal.array.shape, strict=True)
    return ValueType(literal_dtype(literal), tuple(Axis.of(name, size) for name, size in sizes))


def _evaluate_constant(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    literal = get(attributes, "value", Literal)
    return NamedArray(widened(literal.array), literal.axes)


def widened(array: np.ndarray) -> np.ndarray:
    """An array as the reference computes with it: float64, int64 or bool."""
    if array.dtype.kind == "f":
        return array.astype(np.float64)
    return array if array.dtype.kind == "b" else array.astype(np.int64)


def _infer_size(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    dtype = get(attributes, "dtype", DType)
    if dtype is DType.BOOL:
        raise OperatorError("a size is a number, not bool", code="E045")
    return ValueType(dtype, ())


def _evaluate_size(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    number = get(attributes, "size", Size).evaluate(bindings)
    return NamedArray(np.asarray(number, np.float64 if get(attributes, "dtype", DType).is_float else np.int64), ())


def _own_axis(attributes: Attributes) -> Axis:
    axis = get(attributes, "axis", Axis)
    if constant_below(axis.size, 0):
        raise OperatorError(f"axis `{axis.name}` would have the size {axis.size}", code="E030")
    return axis


def _infer_arange(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    return ValueType(DType.I64, (_own_axis(attributes),))


def _evaluate_arange(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    axis = get(attributes, "axis", Axis)
    return NamedArray(np.arange(axis.size.evaluate(bindings), dtype=np.int64), (axis.name,))


def _infer_linspace(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    return ValueType(DType.F32, (_own_axis(attributes),))


def _evaluate_linspace(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    axis = get(attributes, "axis", Axis)
    start, stop = real(attributes, "start"), real(attributes, "stop")
    return NamedArray(np.linspace(start, stop, axis.size.evaluate(bindings)), (axis.name,))


_TABLE = Literal(np.array([[1.5, -2.0, 0.25], [0.0, 3.0, -1.0]], np.float32), ("row", "column"))

SOURCES: tuple[Operator, ...] = (
    Operator(
        "input",
        "source",
        0,
        {"name": "str", "layout": "layout"},
        _infer_declared,
        _evaluate_given,
        summary="an input of the model, stored in the order of its layout",
    ),
    Operator(
        "parameter",
        "source",
        0,
        {"key": "str", "layout": "layout", "initializer": "initializer", "trainable": "bool"},
        _infer_declared,
        _evaluate_given,
        summary="a weight, stored in the order of its layout under its key",
    ),
    Operator(
        "constant",
        "source",
        0,
        {"value": "literal"},
        _infer_constant,
        _evaluate_constant,
        (
            Sample((), {"value": Literal(np.asarray(0.125, np.float32))}),
            Sample((), {"value": Literal(np.asarray(7, np.int64))}),
            Sample((), {"value": Literal(np.asarray(True))}),
            Sample((), {"value": _TABLE}),
        ),
        "a number, or a small array",
        differentiable=False,
    ),
    Operator(
        "size",
        "source",
        0,
        {"size": "size", "dtype": "dtype"},
        _infer_size,
        _evaluate_size,
        (
            Sample((), {"size": Size.of(12), "dtype": DType.I64}),
            Sample((), {"size": Size.of(5), "dtype": DType.F32}),
        ),
        "a symbolic size as a number",
        differentiable=False,
    ),
    Operator(
        "arange",
        "source",
        0,
        {"axis": "axis"},
        _infer_arange,
        _evaluate_arange,
        (Sample((), {"axis": Axis.of("seq", 5)}), Sample((), {"axis": Axis.of("one", 1)})),
        "the positions 0, 1, … along an axis",
        differentiable=False,
    ),
    Operator(
        "linspace",
        "source",
        0,
        {"axis": "axis", "start": "float", "stop": "float"},
        _infer_linspace,
        _evaluate_linspace,
        (
            Sample((), {"axis": Axis.of("width", 7), "start": -1.0, "stop": 1.0}),
            Sample((), {"axis": Axis.of("one", 1), "start": 0.5, "stop": 2.0}),
        ),
        "evenly spaced numbers along an axis, both ends included",
        differentiable=False,
    ),
)
