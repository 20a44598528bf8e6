"""Pointwise operators in NumPy."""

from __future__ import annotations

from collections.abc import Mapping

from attncomp.emission.expressions import Expression, binary, call, method, number, unary
from attncomp.emission.rules import Application, Rule
from attncomp.ir.types import DType
from attncomp.lowering.program import Value
from attncomp_numpy.dtypes import dtype_text

LARGEST_POWER = 16


def _binary(operator: str, function: str) -> Rule:
    """An operator of Python's; a function of NumPy's where the result has a place."""

    def rule(it: Application) -> Expression:
        if it.out is not None:
            return call(f"np.{function}", *it.operands, out=it.out)
        return binary(operator, it.operands[0], it.operands[1])

    return rule


def _function(name: str) -> Rule:
    """A function of NumPy on all operands."""
    return lambda it: call(f"np.{name}", *it.operands, out=it.out)


def _runtime(name: str) -> Rule:
    """A function of the runtime."""
    return lambda it: call(it.use(name), it.operands[0], out=it.out)


def _logical(operator: str, function: str) -> Rule:
    def rule(it: Application) -> Expression:
        arrays = [operand for operand in it.step.operands if isinstance(operand, Value)]
        if it.out is None and all(array.dtype is DType.BOOL for array in arrays):
            return binary(operator, it.operands[0], it.operands[1])
        return call(f"np.{function}", *it.operands, out=it.out)

    return rule


def _logical_not(it: Application) -> Expression:
    if it.out is None and it.value(0).dtype is DType.BOOL:
        return unary("~", it.operands[0])
    return call("np.logical_not", it.operands[0], out=it.out)


def _negate(it: Application) -> Expression:
    return unary("-", it.operands[0]) if it.out is None else call("np.negative", it.operands[0], out=it.out)


def _power(it: Application) -> Expression:
    exponent = it.step.operands[1]
    if it.is_array(0) and not isinstance(exponent, Value):
        if exponent == 2:
            return call("np.square", it.operands[0], out=it.out)
        if exponent == 0.5 and it.step.result.dtype.is_float:
            return call("np.sqrt", it.operands[0], out=it.out)
        if exponent == int(exponent) and 2 < exponent <= LARGEST_POWER:
            return call(it.use("integer_power"), it.operands[0], str(int(exponent)), out=it.out)
    return call("np.power", *it.operands, out=it.out)


def _rsqrt(it: Application) -> Expression:
    root = call("np.sqrt", it.operands[0], out=it.out)
    if it.out is not None:
        return call("np.reciprocal", root, out=it.out)
    return binary("/", Expression("1.0"), root)


def _gelu(it: Application) -> Expression:
    return _runtime("gelu_tanh" if it.string("approximate") == "tanh" else "gelu")(it)


def _clamp(it: Application) -> Expression:
    low, high = (_bound(it, name) for name in ("low", "high"))
    if low is None:
        return call("np.minimum", it.operands[0], high or "np.inf", out=it.out)
    if high is None:
        return call("np.maximum", it.operands[0], low, out=it.out)
    return call("np.clip", it.operands[0], low, high, out=it.out)


def _bound(it: Application, name: str) -> Expression | None:
    if it.step.attributes.get(name) is None:
        return None
    value = it.real(name)
    return number(value if it.step.result.dtype.is_float else int(value), "np.inf", "np.nan")


def _where(it: Application) -> Expression:
    typed = []
    for position in (1, 2):
        other = it.step.operands[3 - position]
        alone = not isinstance(other, Value) or other.shape == ()
        expression = it.operands[position]
        if not it.is_array(position) and alone:
            expression = call(dtype_text(it.step.result.dtype), expression)
        typed.append(expression)
    if it.out is not None:
        return call(it.use("choose"), it.operands[0], *typed, out=it.out)
    return call("np.where", it.operands[0], *typed)


def _cast(it: Application) -> Expression:
    if it.out is not None:
        return call(it.use("stored"), it.operands[0], dtype_text(it.dtype()), it.out)
    return method(it.operands[0], "astype", dtype_text(it.dtype()))


RULES: Mapping[str, Rule] = {
    "add": _binary("+", "add"),
    "subtract": _binary("-", "subtract"),
    "multiply": _binary("*", "multiply"),
    "divide": _binary("/", "divide"),
    "floor_divide": _binary("//", "floor_divide"),
    "modulo": _binary("%", "remainder"),
    "power": _power,
    "minimum": _function("minimum"),
    "maximum": _function("maximum"),
    "equal": _binary("==", "equal"),
    "not_equal": _binary("!=", "not_equal"),
    "less": _binary("<", "less"),
    "less_equal": _binary("<=", "less_equal"),
    "greater": _binary(">", "greater"),
    "greater_equal": _binary(">=", "greater_equal"),
    "logical_and": _logical("&", "logical_and"),
    "logical_or": _logical("|", "logical_or"),
    "logical_not": _logical_not,
    "negate": _negate,
    "abs": _function("abs"),
    "exp": _function("exp"),
    "log": _function("log"),
    "sqrt": _function("sqrt"),
    "rsqrt": _rsqrt,
    "sin": _function("sin"),
    "cos": _function("cos"),
    "tanh": _function("tanh"),
    "erf": _runtime("erf"),
    "sigmoid": _runtime("sigmoid"),
    "hardsigmoid": _runtime("hardsigmoid"),
    "relu": _runtime("relu"),
    "gelu": _gelu,
    "silu": _runtime("silu"),
    "hardswish": _runtime("hardswish"),
    "softplus": _runtime("softplus"),
    "clamp": _clamp,
    "where": _where,
    "cast": _cast,
    "dropout": lambda it: it.operands[0],
}


def kept_narrow(rule: Rule) -> Rule:
    """A rule whose result without dimensions keeps its dtype.

    NumPy before 2 makes float64 of a float32 without dimensions and a Python number.
    """

    def narrow(it: Application) -> Expression:
        made = rule(it)
        result = it.step.result
        if result.shape == () and result.dtype is not DType.BOOL and it.step.operator not in ("cast", "dropout"):
            return call(dtype_text(result.dtype), made)
        return made

    return narrow
