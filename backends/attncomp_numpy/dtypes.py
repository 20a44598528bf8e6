"""Element types as NumPy knows them; bfloat16, which it lacks, is float32."""

from __future__ import annotations

from attncomp.ir.types import DType

_NAMES = {
    DType.F32: "float32",
    DType.F16: "float16",
    DType.BF16: "float32",
    DType.F64: "float64",
    DType.I64: "int64",
    DType.I32: "int32",
    DType.BOOL: "bool",
}


def dtype_name(dtype: DType) -> str:
    """The name of a dtype in NumPy: `float32`."""
    return _NAMES[dtype]


def dtype_text(dtype: DType) -> str:
    """The expression of a dtype: `np.float32`, `np.bool_`."""
    return "np.bool_" if dtype is DType.BOOL else f"np.{_NAMES[dtype]}"
