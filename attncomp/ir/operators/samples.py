"""Samples of operators: types in short, and random operands."""

from __future__ import annotations

import numpy as np

from attncomp.ir.operators.base import NamedArray, Sample
from attncomp.ir.types import Axis, DType, ValueType


def value_type(dtype: DType, **sizes: int) -> ValueType:
    """A type whose axes have sizes that are numbers."""
    return ValueType(dtype, tuple(Axis.of(name, size) for name, size in sizes.items()))


def real_value(**sizes: int) -> ValueType:
    """A type of f32."""
    return value_type(DType.F32, **sizes)


def draw(sample: Sample, seed: int) -> tuple[NamedArray, ...]:
    """Random operands within the sample's ranges, as the reference computes with them: float64, int64 or bool.

    Real numbers are rounded to f32, so that every backend can be given the same.
    """
    generator = np.random.default_rng(seed)
    drawn: list[NamedArray] = []
    for position, type_ in enumerate(sample.operands):
        low, high = sample.ranges[position] if position < len(sample.ranges) else (-2, 2)
        shape = [axis.size.evaluate({}) for axis in type_.axes]
        array: np.ndarray
        if type_.dtype is DType.BOOL:
            array = generator.random(shape) < 0.5
        elif type_.dtype.is_integer:
            array = generator.integers(int(low), int(high), shape, endpoint=True)
        else:
            array = generator.uniform(low, high, shape).astype(np.float32).astype(np.float64)
        drawn.append(NamedArray(np.asarray(array), type_.names))
    return tuple(drawn)
