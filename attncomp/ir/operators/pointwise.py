"""Operators that work place by place; operands broadcast by axis name."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from attncomp.ir.operators.access import get
from attncomp.ir.operators.base import (
    Attributes,
    Evaluate,
    Infer,
    NamedArray,
    Operator,
    OperatorError,
    Sample,
    axes_union,
)
from attncomp.ir.operators.checks import need_bool, need_numbers, real_dtype
from attncomp.ir.operators.samples import value_type
from attncomp.ir.types import DType, ValueType, promote

Compute = Callable[..., np.ndarray]


# --- shape rules ----------------------------------------------------------------------------------------------


def _arithmetic(name: str, *, real: bool = False) -> Infer:
    """Two operands of which one at least is a number; a real result where `real`."""

    def infer(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
        dtype = promote(type_.dtype for type_ in types)
        if dtype is DType.BOOL:
            need_numbers(types[0], f"`{name}`")
        return ValueType(real_dtype(dtype) if real else dtype, axes_union(types))

    return infer


def _infer_joined(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    return ValueType(promote(type_.dtype for type_ in types), axes_union(types))


def _infer_comparison(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    return ValueType(DType.BOOL, axes_union(types))


def _logical(name: str) -> Infer:
    def infer(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
        for position, type_ in enumerate(types):
            need_bool(type_, f"`{name}`", position)
        return ValueType(DType.BOOL, axes_union(types))

    return infer


def _unary(name: str, *, real: bool) -> Infer:
    def infer(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
        (x,) = types
        need_numbers(x, f"`{name}`")
        return ValueType(real_dtype(x.dtype) if real else x.dtype, x.axes)

    return infer


def _infer_gelu(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    if attributes.get("approximate") not in ("none", "tanh"):
        raise OperatorError(
            f"`gelu` has no form `{attributes.get('approximate')}`", help="it is `none` or `tanh`", code="E040"
        )
    return _unary("gelu", real=True)(types, attributes)


def _infer_clamp(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    (x,) = types
    need_numbers(x, "`clamp`")
    for name in ("low", "high"):
        bound = attributes.get(name)
        if x.dtype.is_integer and isinstance(bound, float) and not bound.is_integer():
            raise OperatorError(
                f"`clamp` bounds whole numbers ({x.dtype}) by {bound}",
                operand=0,
                help="convert them first: `cast{f32}(x)`",
                code="E045",
            )
    return x


def _infer_where(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    condition, a, b = types
    need_bool(condition, "the first argument of `where`")
    return ValueType(promote((a.dtype, b.dtype)), axes_union(types))


def _infer_cast(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    return ValueType(get(attributes, "dtype", DType), types[0].axes)


# --- reference semantics --------------------------------------------------------------------------------------


def aligned(operands: Sequence[NamedArray]) -> tuple[list[np.ndarray], tuple[str, ...]]:
    """The arrays of `operands` with one order of axes, ready for NumPy's broadcasting, and that order."""
    axes = tuple(dict.fromkeys(axis for operand in operands for axis in operand.axes))
    return [operand.ordered(axes) for operand in operands], axes


def _by_place(compute: Compute) -> Evaluate:
    def evaluate(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
        arrays, axes = aligned(operands)
        with np.errstate(all="ignore"):
            return NamedArray(np.asarray(compute(*arrays)), axes)

    return evaluate


def _by_real(compute: Compute) -> Evaluate:
    return _by_place(lambda *arrays: compute(*(array.astype(np.float64) for array in arrays)))


def _numbers(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of one kind: booleans count as 0 and 1 next to numbers."""
    kind = np.result_type(a, b)
    return a.astype(kind), b.astype(kind)


def _floor_divide(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = _numbers(a, b)
    return np.asarray(np.floor(a / b) if a.dtype.kind == "f" else a // b)


def _modulo(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray(np.mod(*_numbers(a, b)))


def _power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = _numbers(a, b)
    if a.dtype.kind == "f":
        return np.asarray(np.power(a, b))
    whole = np.power(a, np.maximum(b, 0))
    return np.asarray(np.where(b >= 0, whole, np.trunc(np.power(a.astype(np.float64), b)).astype(np.int64)))


def _erf(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.vectorize(math.erf, otypes=[np.float64])(x)) if x.size else x


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def _hardsigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(x + 3.0, 0.0, 6.0) / 6.0)


def _softplus(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0.0))


def _evaluate_gelu(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    """Hendrycks and Gimpel, arXiv:1606.08415: exact, or the approximation by tanh."""
    x = operands[0].array.astype(np.float64)
    with np.errstate(all="ignore"):
        if attributes["approximate"] == "tanh":
            phi = 0.5 * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))
        else:
            phi = 0.5 * (1.0 + _erf(x / math.sqrt(2.0)))
        return NamedArray(x * phi, operands[0].axes)


def _evaluate_clamp(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    x = operands[0].array
    low, high = attributes.get("low"), attributes.get("high")
    if isinstance(low, int | float):
        x = np.maximum(x, np.asarray(low, x.dtype))
    if isinstance(high, int | float):
        x = np.minimum(x, np.asarray(high, x.dtype))
    return NamedArray(x, operands[0].axes)


def _evaluate_cast(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    """Real numbers keep their value: the reference has one float type. Whole numbers are cut towards zero."""
    x, dtype = operands[0].array, get(attributes, "dtype", DType)
    if dtype.is_float:
        x = x.astype(np.float64)
    elif dtype is DType.BOOL:
        x = x != 0
    else:
        with np.errstate(invalid="ignore"):
            x = x.astype(np.int64)
        x = x.astype(np.int32).astype(np.int64) if dtype is DType.I32 else x
    return NamedArray(x, operands[0].axes)


# --- samples --------------------------------------------------------------------------------------------------


_F, _I, _B = DType.F32, DType.I64, DType.BOOL
_IMAGE = value_type(_F, batch=2, channel=3, height=5)

_PAIRS: tuple[Sample, ...] = (
    Sample((_IMAGE, value_type(_F, channel=3))),
    Sample((value_type(_F, query=4, key=3), value_type(_F, key=3, source=5))),
    Sample((value_type(_F), value_type(_F, batch=1, seq=7))),
    Sample((value_type(_I, seq=4), value_type(_I, **{"seq'": 4}))),
    Sample((value_type(_I, seq=4), value_type(_F, batch=2))),
)
_MASKED = Sample((value_type(_F, batch=2, seq=3), value_type(_B, seq=3)))
_DIVIDED: tuple[Sample, ...] = (
    Sample((_IMAGE, value_type(_F, channel=3)), ranges=((-2, 2), (0.5, 2))),
    Sample((value_type(_I, seq=6), value_type(_I, part=3)), ranges=((-9, 9), (1, 4))),
    Sample((value_type(_F, batch=1, seq=4), value_type(_F)), ranges=((-2, 2), (-3, -1))),
)
_POWERS: tuple[Sample, ...] = (
    Sample((_IMAGE, value_type(_F, channel=3)), ranges=((0.1, 2), (-2, 2))),
    Sample((value_type(_I, seq=6), value_type(_I, part=3)), ranges=((-3, 3), (0, 3))),
)
_CONDITIONS: tuple[Sample, ...] = (
    Sample((value_type(_B, batch=2, seq=5), value_type(_B, seq=5, **{"seq'": 3}))),
    Sample((value_type(_B), value_type(_B, one=1))),
)
_REALS: tuple[Sample, ...] = (
    Sample((_IMAGE,)),
    Sample((value_type(_F, batch=1, seq=7),), ranges=((-6, 6),)),
    Sample((value_type(_I, seq=5),)),
)
_POSITIVES: tuple[Sample, ...] = (
    Sample((_IMAGE,), ranges=((0.05, 4),)),
    Sample((value_type(_F),), ranges=((1, 2),)),
    Sample((value_type(_I, seq=5),), ranges=((1, 9),)),
)


# --- the rows -------------------------------------------------------------------------------------------------


def _binary(
    name: str,
    infer: Infer,
    compute: Compute,
    samples: tuple[Sample, ...],
    summary: str,
    *,
    real: bool = False,
    differentiable: bool = True,
) -> Operator:
    evaluate = _by_real(compute) if real else _by_place(compute)
    return Operator(name, "pointwise", 2, {}, infer, evaluate, samples, summary, differentiable)


def _function(
    name: str, compute: Compute, summary: str, samples: tuple[Sample, ...] = _REALS, *, real: bool = True
) -> Operator:
    evaluate = _by_real(compute) if real else _by_place(compute)
    return Operator(name, "pointwise", 1, {}, _unary(name, real=real), evaluate, samples, summary)


def _comparison(name: str, compute: Compute, spelling: str) -> Operator:
    return _binary(name, _infer_comparison, compute, _PAIRS, f"a {spelling} b", differentiable=False)


POINTWISE: tuple[Operator, ...] = (
    _binary("add", _arithmetic("+"), np.add, (*_PAIRS, _MASKED), "a + b"),
    _binary("subtract", _arithmetic("-"), lambda a, b: np.subtract(*_numbers(a, b)), _PAIRS, "a - b"),
    _binary("multiply", _arithmetic("*"), np.multiply, (*_PAIRS, _MASKED), "a * b"),
    _binary("divide", _arithmetic("/", real=True), np.true_divide, _DIVIDED, "a / b, a real number", real=True),
    _binary("floor_divide", _arithmetic("//"), _floor_divide, _DIVIDED, "a / b, floored", differentiable=False),
    _binary("modulo", _arithmetic("%"), _modulo, _DIVIDED, "a - b * floor(a / b): the sign is that of b"),
    _binary("power", _arithmetic("**"), _power, _POWERS, "a to the power b"),
    _binary("minimum", _infer_joined, np.minimum, _PAIRS, "the smaller of a and b; NaN where one is"),
    _binary("maximum", _infer_joined, np.maximum, _PAIRS, "the larger of a and b; NaN where one is"),
    _comparison("equal", np.equal, "=="),
    _comparison("not_equal", np.not_equal, "!="),
    _comparison("less", np.less, "<"),
    _comparison("less_equal", np.less_equal, "<="),
    _comparison("greater", np.greater, ">"),
    _comparison("greater_equal", np.greater_equal, ">="),
    _binary("logical_and", _logical("and"), np.logical_and, _CONDITIONS, "a and b", differentiable=False),
    _binary("logical_or", _logical("or"), np.logical_or, _CONDITIONS, "a or b", differentiable=False),
    _function("negate", np.negative, "-x", real=False),
    _function("abs", np.abs, "|x|", real=False),
    _function("exp", np.exp, "e to the power x"),
    _function("log", np.log, "the natural logarithm", _POSITIVES),
    _function("sqrt", np.sqrt, "the square root", _POSITIVES),
    _function("rsqrt", lambda x: 1.0 / np.sqrt(x), "1 / sqrt(x)", _POSITIVES),
    _function("sin", np.sin, "the sine"),
    _function("cos", np.cos, "the cosine"),
    _function("tanh", np.tanh, "the hyperbolic tangent"),
    _function("erf", _erf, "the error function"),
    _function("sigmoid", _sigmoid, "1 / (1 + exp(-x))"),
    _function("hardsigmoid", _hardsigmoid, "clamp(x + 3, 0, 6) / 6"),
    _function("relu", lambda x: np.maximum(x, np.zeros_like(x)), "maximum(x, 0)", real=False),
    Operator(
        "gelu",
        "pointwise",
        1,
        {"approximate": "str"},
        _infer_gelu,
        _evaluate_gelu,
        tuple(
            Sample(sample.operands, {"approximate": form}, sample.ranges)
            for form in ("none", "tanh")
            for sample in _REALS
        ),
        "x times the normal distribution function of x",
    ),
    _function("silu", lambda x: x * _sigmoid(x), "x * sigmoid(x)"),
    _function("hardswish", lambda x: x * _hardsigmoid(x), "x * hardsigmoid(x)"),
    _function("softplus", _softplus, "log(1 + exp(x))"),
    Operator(
        "logical_not",
        "pointwise",
        1,
        {},
        _logical("not"),
        _by_place(np.logical_not),
        (Sample((value_type(_B, batch=2, seq=5),)), Sample((value_type(_B),))),
        "not x",
        differentiable=False,
    ),
    Operator(
        "clamp",
        "pointwise",
        1,
        {"low": "float?", "high": "float?"},
        _infer_clamp,
        _evaluate_clamp,
        (
            Sample((_IMAGE,), {"low": -0.5, "high": 1.0}),
            Sample((value_type(_F, one=1, seq=6),), {"low": 0.25, "high": None}),
            Sample((value_type(_I, seq=6),), {"low": None, "high": 3.0}, ((-9, 9),)),
        ),
        "x, but at least `low` and at most `high`",
    ),
    Operator(
        "where",
        "pointwise",
        3,
        {},
        _infer_where,
        _by_place(np.where),
        (
            Sample(
                (value_type(_B, seq=4, **{"seq'": 3}), value_type(_F, batch=2, seq=4, **{"seq'": 3}), value_type(_F))
            ),
            Sample((value_type(_B, batch=1), value_type(_I, seq=5), value_type(_I, batch=1))),
            Sample((value_type(_B, seq=5), value_type(_F, seq=5), value_type(_F, batch=2))),
        ),
        "a where the condition holds, else b",
    ),
    Operator(
        "cast",
        "pointwise",
        1,
        {"dtype": "dtype"},
        _infer_cast,
        _evaluate_cast,
        (
            Sample((_IMAGE,), {"dtype": DType.I64}, ((-5, 5),)),
            Sample((value_type(_I, seq=5),), {"dtype": DType.F32}),
            Sample((value_type(_B, seq=5, one=1),), {"dtype": DType.F32}),
            Sample((value_type(_I, seq=5),), {"dtype": DType.BOOL}),
        ),
        "x as another dtype",
    ),
)
