"""Reductions over named axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from attncomp.ir.operators.access import get, many
from attncomp.ir.operators.base import Attributes, Evaluate, Infer, NamedArray, Operator, OperatorError, Sample
from attncomp.ir.operators.checks import counting_dtype, need_axes, need_axis, need_numbers, real_dtype
from attncomp.ir.operators.samples import value_type
from attncomp.ir.types import DType, ValueType


def _reduction(name: str, dtype_of: Callable[[DType], DType], *, booleans: bool) -> Infer:
    def infer(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
        (x,) = types
        if not booleans:
            need_numbers(x, f"`{name}`")
        names = many(attributes, "axes", str)
        need_axes(x, names)
        return ValueType(dtype_of(x.dtype), x.without(names))

    return infer


def _same(dtype: DType) -> DType:
    return dtype


def _infer_argmax(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    (x,) = types
    axis = need_axis(x, get(attributes, "axis", str))
    if axis.size.constant == 0:
        raise OperatorError(f"axis `{axis.name}` has size 0, so there is no largest place along it", operand=0)
    return ValueType(DType.I64, x.without((axis.name,)))


def _over(compute: Callable[[np.ndarray, tuple[int, ...]], np.ndarray]) -> Evaluate:
    def evaluate(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
        (x,) = operands
        names = many(attributes, "axes", str)
        dims = tuple(x.axes.index(name) for name in names)
        kept = tuple(name for name in x.axes if name not in names)
        with np.errstate(all="ignore"):
            return NamedArray(np.asarray(compute(x.array, dims)), kept)

    return evaluate


def _sum(x: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
    return np.asarray(np.sum(x, axis=dims, dtype=np.float64 if x.dtype.kind == "f" else np.int64))


def _mean(x: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
    count = np.prod([x.shape[dim] for dim in dims], dtype=np.float64)
    return np.asarray(np.sum(x.astype(np.float64), axis=dims) / count)


def _extreme(compute: Callable[..., np.ndarray], neutral: float) -> Callable[..., np.ndarray]:
    """The extreme of no number is `neutral` for real numbers, the farthest whole number or boolean for others."""

    def extreme(x: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
        if x.dtype.kind == "f":
            return compute(x, axis=dims, initial=neutral)
        if x.dtype.kind == "b":
            return compute(x, axis=dims, initial=neutral > 0)
        limits = np.iinfo(np.int64)
        return compute(x, axis=dims, initial=limits.max if neutral > 0 else limits.min)

    return extreme


def _variance(x: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
    x = x.astype(np.float64)
    count = np.prod([x.shape[dim] for dim in dims], dtype=np.float64)
    mean = np.sum(x, axis=dims, keepdims=True) / count
    return np.asarray(np.sum((x - mean) ** 2, axis=dims) / count)


def _norm(x: np.ndarray, dims: tuple[int, ...]) -> np.ndarray:
    return np.asarray(np.sqrt(np.sum(x.astype(np.float64) ** 2, axis=dims)))


def _evaluate_argmax(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    (x,) = operands
    name = get(attributes, "axis", str)
    places = np.argmax(x.array, axis=x.axes.index(name))
    return NamedArray(np.asarray(places, np.int64), tuple(axis for axis in x.axes if axis != name))


_IMAGE = value_type(DType.F32, batch=2, channel=3, height=5, width=4)
_REALS: tuple[Sample, ...] = (
    Sample((_IMAGE,), {"axes": ("height", "width")}),
    Sample((_IMAGE,), {"axes": ("channel",)}),
    Sample((value_type(DType.F32, batch=1, seq=7),), {"axes": ("batch",)}),
    Sample((value_type(DType.F32, seq=7),), {"axes": ("seq",)}),
)
_WHOLE: tuple[Sample, ...] = (
    Sample((value_type(DType.I64, batch=2, seq=5),), {"axes": ("seq",)}, ((-9, 9),)),
    Sample((value_type(DType.BOOL, batch=2, seq=5),), {"axes": ("batch",)}),
)


def _row(name: str, infer: Infer, evaluate: Evaluate, samples: tuple[Sample, ...], summary: str) -> Operator:
    return Operator(name, "reduction", 1, {"axes": "names"}, infer, evaluate, samples, summary)


REDUCTIONS: tuple[Operator, ...] = (
    _row(
        "sum",
        _reduction("sum", counting_dtype, booleans=True),
        _over(_sum),
        (*_REALS, *_WHOLE),
        "the sum; whole numbers and booleans in i64",
    ),
    _row(
        "mean",
        _reduction("mean", real_dtype, booleans=True),
        _over(_mean),
        (*_REALS, *_WHOLE),
        "the mean, a real number",
    ),
    _row(
        "max",
        _reduction("max", _same, booleans=True),
        _over(_extreme(np.max, -np.inf)),
        (*_REALS, *_WHOLE),
        "the largest number; NaN where one is",
    ),
    _row(
        "min",
        _reduction("min", _same, booleans=True),
        _over(_extreme(np.min, np.inf)),
        (*_REALS, *_WHOLE),
        "the smallest number; NaN where one is",
    ),
    _row("var", _reduction("var", real_dtype, booleans=False), _over(_variance), _REALS, "the variance, divided by n"),
    _row("norm", _reduction("norm", real_dtype, booleans=False), _over(_norm), _REALS, "the L2 norm"),
    Operator(
        "argmax",
        "reduction",
        1,
        {"axis": "name"},
        _infer_argmax,
        _evaluate_argmax,
        (
            Sample((_IMAGE,), {"axis": "channel"}),
            Sample((value_type(DType.F32, batch=3, one=1),), {"axis": "one"}),
            Sample((value_type(DType.I64, batch=2, seq=6),), {"axis": "seq"}, ((-9, 9),)),
        ),
        "the place of the largest number, the first of several",
        differentiable=False,
    ),
)
