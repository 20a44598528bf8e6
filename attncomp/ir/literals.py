"""Numbers as literals: which array type holds the elements of which dtype."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from attncomp.ir.graph import Literal
from attncomp.ir.types import DType

# NumPy has no bf16: a literal of that type, and a parameter that is filled, is held as f32.
NUMPY_DTYPES: Mapping[DType, np.dtype] = MappingProxyType(
    {
        DType.F32: np.dtype(np.float32),
        DType.F16: np.dtype(np.float16),
        DType.BF16: np.dtype(np.float32),
        DType.F64: np.dtype(np.float64),
        DType.I64: np.dtype(np.int64),
        DType.I32: np.dtype(np.int32),
        DType.BOOL: np.dtype(np.bool_),
    }
)

_DTYPES: Mapping[np.dtype, DType] = MappingProxyType(
    {array: dtype for dtype, array in NUMPY_DTYPES.items() if dtype is not DType.BF16}
)


def number_literal(value: float | int | bool, dtype: DType) -> Literal:
    """A number as a literal of `dtype`, rounded to it. Raises OverflowError for a whole number that does not fit."""
    with np.errstate(over="ignore"):
        return Literal(
            np.asarray(value).astype(NUMPY_DTYPES[dtype]) if isinstance(value, float) else _whole(value, dtype)
        )


def _whole(value: int, dtype: DType) -> np.ndarray:
    return np.asarray(value, dtype=NUMPY_DTYPES[dtype])


def literal_dtype(literal: Literal) -> DType:
    """The dtype of a literal. Raises TypeError for an array that holds elements of none."""
    try:
        return _DTYPES[literal.array.dtype]
    except KeyError:
        raise TypeError(f"a literal cannot hold {literal.array.dtype}") from None


def holds(literal: Literal, dtype: DType) -> bool:
    """Whether a literal's array is how elements of `dtype` are held."""
    return literal.array.dtype == NUMPY_DTYPES[dtype]
