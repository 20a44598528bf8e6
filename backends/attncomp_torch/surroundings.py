"""Devices and dtypes of tensors that are not made of others."""

from __future__ import annotations

from attncomp.emission.rules import Application
from attncomp.ir.types import DType

_NAMES = {
    DType.F32: "torch.float32",
    DType.F16: "torch.float16",
    DType.BF16: "torch.bfloat16",
    DType.F64: "torch.float64",
    DType.I64: "torch.int64",
    DType.I32: "torch.int32",
    DType.BOOL: "torch.bool",
}


def torch_dtype(dtype: DType) -> str:
    """The expression of a dtype: `torch.float32`."""
    return _NAMES[dtype]


def device_here(apply: Application) -> str | None:
    """The device that a new tensor belongs on: that of the first tensor that the function has."""
    return next((f"{text}.device" for text in apply.given.values()), None)


def dtype_here(apply: Application, wanted: DType) -> str:
    """The dtype of a new tensor; f32 is what `.half()` or `.double()` made of the f32 values of the model."""
    if wanted is DType.F32:
        for value, text in apply.given.items():
            if value.dtype is DType.F32:
                return f"{text}.dtype"
    return torch_dtype(wanted)
