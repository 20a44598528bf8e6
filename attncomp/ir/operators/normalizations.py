"""Softmax, normalization by statistics, dropout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from attncomp.ir.graph import Attribute
from attncomp.ir.operators.access import get, many, real
from attncomp.ir.operators.base import Attributes, Infer, NamedArray, Operator, OperatorError, Sample
from attncomp.ir.operators.checks import need_axes, need_axis, need_equal, need_numbers, real_dtype
from attncomp.ir.operators.samples import value_type
from attncomp.ir.types import Axis, DType, ValueType, promote


def _over_axes(name: str) -> Infer:
    def infer(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
        (x,) = types
        need_numbers(x, f"`{name}`")
        need_axes(x, many(attributes, "axes", str))
        return ValueType(real_dtype(x.dtype), x.axes)

    return infer


def _infer_batch_norm(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    x = types[0]
    need_numbers(x, "a batch norm")
    axis = need_axis(x, get(attributes, "axis", str))
    for position, statistic in enumerate(types[1:], 1):
        if statistic.names != (axis.name,):
            raise OperatorError(
                f"the statistics of a batch norm have the axis `{axis.name}` alone, not {statistic}",
                operand=position,
                code="E043",
            )
        need_equal(f"axis `{axis.name}`", statistic.size(axis.name), axis.size, "in the value it has", position)
    return ValueType(real_dtype(promote(type_.dtype for type_ in types)), x.axes)


def _infer_dropout(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    (x,) = types
    rate = real(attributes, "rate")
    if not 0 <= rate < 1:
        raise OperatorError(f"the rate of a dropout is at least 0 and below 1, not {rate}", code="E040")
    need_numbers(x, "a dropout")
    return x


def _dims(x: NamedArray, attributes: Attributes) -> tuple[int, ...]:
    return tuple(x.axes.index(name) for name in many(attributes, "axes", str))


def _shifted(x: NamedArray, attributes: Attributes) -> tuple[np.ndarray, np.ndarray]:
    """An array less its maximum, and the sum of the exponentials of that; a row of -inf alone is not shifted."""
    array, dims = x.array.astype(np.float64), _dims(x, attributes)
    largest = np.max(array, axis=dims, keepdims=True, initial=-np.inf)
    shifted = array - np.where(largest == -np.inf, 0.0, largest)
    return shifted, np.sum(np.exp(shifted), axis=dims, keepdims=True)


def _evaluate_softmax(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    (x,) = operands
    with np.errstate(all="ignore"):
        shifted, total = _shifted(x, attributes)
        return NamedArray(np.where(total == 0.0, 0.0, np.exp(shifted) / total), x.axes)


def _evaluate_log_softmax(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    (x,) = operands
    with np.errstate(all="ignore"):
        shifted, total = _shifted(x, attributes)
        return NamedArray(np.where(total == 0.0, -np.inf, shifted - np.log(total)), x.axes)


def _evaluate_normalize(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    """Layer norm (Ba et al., arXiv:1607.06450); without centring RMS norm (Zhang and Sennrich, arXiv:1910.07467)."""
    (x,) = operands
    array, dims = x.array.astype(np.float64), _dims(x, attributes)
    with np.errstate(all="ignore"):
        if get(attributes, "center", bool):
            array = array - np.mean(array, axis=dims, keepdims=True)
        spread = np.mean(array**2, axis=dims, keepdims=True)
        return NamedArray(array / np.sqrt(spread + real(attributes, "epsilon")), x.axes)


def _evaluate_batch_norm(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    """Ioffe and Szegedy, arXiv:1502.03167, by the statistics given."""
    x, mean, variance, weight, bias = (operand.ordered(operands[0].axes) for operand in operands)
    with np.errstate(all="ignore"):
        scaled = (x - mean) / np.sqrt(variance + real(attributes, "epsilon"))
        return NamedArray(scaled * weight + bias, operands[0].axes)


def _evaluate_dropout(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> NamedArray:
    return operands[0]


_F = DType.F32
_IMAGE = value_type(_F, batch=2, channel=6, height=3, width=4)
_SCORES = value_type(_F, batch=2, head=3, seq=4, **{"seq'": 5})
_SOFTMAX: tuple[Sample, ...] = (
    Sample((_SCORES,), {"axes": ("seq'",)}, ((-9, 9),)),
    Sample((_IMAGE,), {"axes": ("height", "width")}),
    Sample((_IMAGE,), {"axes": ("channel", "width")}),
    Sample((value_type(_F, seq=3, one=1),), {"axes": ("one",)}),
)


def _batch_norm(x: ValueType, axis: str, epsilon: float) -> Sample:
    statistic = ValueType(_F, (Axis(axis, x.size(axis)),))
    attributes: dict[str, Attribute] = {"axis": axis, "epsilon": epsilon, "momentum": 0.1}
    return Sample((x, *(statistic,) * 4), attributes, ((-2, 2), (-1, 1), (0.25, 2), (-2, 2), (-1, 1)))


NORMALIZATIONS: tuple[Operator, ...] = (
    Operator(
        "softmax",
        "normalization",
        1,
        {"axes": "names"},
        _over_axes("softmax"),
        _evaluate_softmax,
        _SOFTMAX,
        "exp(x) over its sum; a row of -inf alone gives 0",
    ),
    Operator(
        "log_softmax",
        "normalization",
        1,
        {"axes": "names"},
        _over_axes("log_softmax"),
        _evaluate_log_softmax,
        _SOFTMAX,
        "the logarithm of the softmax; a row of -inf alone gives -inf",
    ),
    Operator(
        "normalize",
        "normalization",
        1,
        {"axes": "names", "epsilon": "float", "center": "bool"},
        _over_axes("a norm layer"),
        _evaluate_normalize,
        (
            Sample((value_type(_F, batch=2, seq=3, embed=8),), {"axes": ("embed",), "epsilon": 1e-5, "center": True}),
            Sample((value_type(_F, batch=2, seq=3, embed=8),), {"axes": ("embed",), "epsilon": 1e-6, "center": False}),
            Sample((_IMAGE,), {"axes": ("channel", "height", "width"), "epsilon": 1e-3, "center": True}),
            Sample((value_type(_F, batch=3, one=1),), {"axes": ("one",), "epsilon": 1e-5, "center": True}),
        ),
        "(x - mean) / sqrt(var + epsilon); without `center` x / sqrt(mean(x²) + epsilon)",
    ),
    Operator(
        "batch_norm",
        "normalization",
        5,
        {"axis": "name", "epsilon": "float", "momentum": "float"},
        _infer_batch_norm,
        _evaluate_batch_norm,
        (
            _batch_norm(_IMAGE, "channel", 1e-5),
            _batch_norm(value_type(_F, batch=3, feature=5), "feature", 1e-3),
            _batch_norm(value_type(_F, batch=3, channel=1, height=4), "channel", 1e-5),
        ),
        "x normalized by given statistics, then scaled and shifted",
    ),
    Operator(
        "dropout",
        "normalization",
        1,
        {"rate": "float"},
        _infer_dropout,
        _evaluate_dropout,
        (Sample((_SCORES,), {"rate": 0.1}), Sample((value_type(_F, one=1),), {"rate": 0.0})),
        "in training, zeroes values at a rate; the identity at inference",
    ),
)
