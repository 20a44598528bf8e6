"""Operators that move numbers, and those that make them from nothing, in NumPy."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

import numpy as np

from attncomp.emission.expressions import (
    Expression,
    call,
    method,
    number,
    slice_text,
    subscript,
    tuple_text,
)
from attncomp.emission.rules import Application, Rule
from attncomp.emission.text import quoted
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.program import Value
from attncomp_numpy.dtypes import dtype_text

SPELLED_OUT = 64  # constants of more numbers than this are written as base64


def _reshape(it: Application) -> Expression:
    sizes = [it.size(size) for size in it.sizes("shape")] or ["()"]
    return method(it.operands[0], "reshape", *sizes)


def _permute(it: Application) -> Expression:
    order = ", ".join(map(str, it.integers("order")))
    return method(it.operands[0], "transpose", order)


def _broadcast(it: Application) -> Expression:
    return call("np.broadcast_to", it.operands[0], it.shape_text("shape"))


def _places(it: Application, text: str) -> Expression:
    """The first operand subscripted by `text` on the step's dimension."""
    dim = it.integer("dim")
    from_the_end = dim == it.rank - 1 and dim > 1
    lead = ["..."] if from_the_end else [":"] * dim
    return subscript(it.operands[0], [*lead, text])


def _slice(it: Application) -> Expression:
    start, stop = it.attribute("start"), it.attribute("stop")
    assert isinstance(start, Size | int) and isinstance(stop, Size | int)
    first = "" if Size.of(start).constant == 0 else it.size_text("start")
    last = "" if Size.of(stop) == it.value(0).shape[it.integer("dim")] else it.size_text("stop")
    return _places(it, slice_text(first, last))


def _joined(function: str) -> Rule:
    return lambda it: call(f"np.{function}", tuple_text(it.operands), axis=str(it.integer("dim")), out=it.out)


def _pad(it: Application) -> Expression:
    value = it.real("value") if it.step.result.dtype.is_float else int(it.real("value"))
    filler = None if value == 0 else number(value, "np.inf", "np.nan")
    given = [] if filler is None else [filler]
    return call(it.use("pad"), it.operands[0], it.shape_text("before"), it.shape_text("after"), *given, out=it.out)


def _take(it: Application) -> Expression:
    if it.out is None:
        return subscript(it.operands[0], it.operands[1:])
    return call(it.use("take"), *it.operands, out=it.out)


def _cumsum(it: Application) -> Expression:
    axis, dtype = str(it.integer("dim")), it.step.result.dtype
    if dtype is DType.F16:
        return call(it.use("running_sum"), it.operands[0], axis, out=it.out)
    return call(
        "np.cumsum",
        it.operands[0],
        axis=axis,
        dtype=None if dtype.is_float else dtype_text(dtype),
        out=it.out,
    )


def _windows(it: Application) -> Expression:
    spread = [it.shape_text(name) for name in ("dims", "kernel", "stride", "dilation")]
    return call(it.use("windows"), it.operands[0], *spread)


def _fold(it: Application) -> Expression:
    spread = [it.shape_text(name) for name in ("dims", "stride", "dilation", "shape")]
    return call(it.use("fold"), it.operands[0], *spread, out=it.out, memory=it.memory())


def _size(it: Application) -> Expression:
    return call(dtype_text(it.step.result.dtype), it.size_text("size"))


def _arange(it: Application) -> Expression:
    return call("np.arange", it.size_text("stop"), dtype=dtype_text(it.step.result.dtype))


def _linspace(it: Application) -> Expression:
    ends = [number(it.real(name), "np.inf", "np.nan") for name in ("start", "stop")]
    return call(
        "np.linspace",
        *ends,
        it.size_text("count"),
        dtype=dtype_text(it.step.result.dtype),
    )


def _constant(it: Application) -> Expression:
    array, dtype = it.literal().array, dtype_text(it.step.result.dtype)
    if array.ndim == 0:
        return call(dtype, number(_shortest(array), "np.inf", "np.nan"))
    if array.size <= SPELLED_OUT:
        return call("np.array", _nested(array), dtype=dtype)
    stored = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    text = base64.b64encode(stored.tobytes()).decode("ascii")
    made = call(
        it.use("packed_array"),
        quoted(text),
        quoted(stored.dtype.str),
        tuple_text(map(str, array.shape)),
    )
    return made if dtype == f"np.{stored.dtype.name}" else method(made, "astype", dtype)


def _nested(array: np.ndarray) -> str:
    if array.ndim == 0:
        return number(_shortest(array), "np.inf", "np.nan").text
    return f"[{', '.join(_nested(item) for item in array)}]"


def _shortest(array: np.ndarray) -> bool | int | float:
    """The only number of an array, as the shortest decimal that means it in its dtype."""
    if array.dtype.kind == "f":
        return float(str(array[()]))
    value = array.item()
    assert isinstance(value, bool | int | float)
    return value


def _empty(it: Application) -> Expression:
    if it.operands:
        return call("np.empty_like", it.operands[0])
    return call("np.empty", it.shape_text("shape"), dtype_text(it.step.result.dtype))


def buffer(memory: str, value: Value, shape: str) -> Expression:
    """The array for a value with a place in a memory; `shape` is that of the buffer, in its order."""
    assert value.place is not None
    dtype = [] if value.dtype is DType.F32 else [dtype_text(value.dtype)]
    order = value.place.order
    lying = tuple_text(str(order.index(dim)) for dim in range(len(order))) if order else None
    return call(memory, str(value.place.number), shape, *dtype, order=lying)


def room(use: Callable[[str], str], given: str, value: Value, shape: str) -> Expression:
    """The array for a result: the one that the caller gave, or a new one."""
    return call(use("result_array"), given, shape, dtype_text(value.dtype))


RULES: Mapping[str, Rule] = {
    "copy": lambda it: call(it.use("copied"), it.operands[0], out=it.out),
    "empty": _empty,
    "reshape": _reshape,
    "permute": _permute,
    "broadcast": _broadcast,
    "index": lambda it: _places(it, it.size_text("position")),
    "slice": _slice,
    "concat": _joined("concatenate"),
    "stack": _joined("stack"),
    "pad": _pad,
    "roll": lambda it: call(it.use("roll"), it.operands[0], it.size_text("shift"), str(it.integer("dim")), out=it.out),
    "flip": lambda it: call("np.flip", it.operands[0], axis=str(it.integer("dim"))),
    "take": _take,
    "cumsum": _cumsum,
    "windows": _windows,
    "fold": _fold,
    "size": _size,
    "arange": _arange,
    "linspace": _linspace,
    "constant": _constant,
}
