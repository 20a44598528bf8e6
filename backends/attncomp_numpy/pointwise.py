"""Pointwise operators in NumPy."""

from __future__ import annotations

from collections.abc import Mapping

from attncomp.emission.expressions import Expression, binary, call, method, number, unary
from attncomp.emission.rules import Application, Rule
from attncomp.ir.types import DType
from attncomp.lowering.program import Value
from attncomp_numpy.dtypes import dtype_text

LARGEST_POWER = 16


def _binary(operator: str) -> Rule:
    return lambda it: binary(operator, it.operands[0], it.operands[1], fresh=True)


def _function(name: str) -> Rule:
    """A function of NumPy on all operands."""
    return lambda it: call(f"np.{name}", *it.operands, fresh=True)


def _runtime(name: str) -> Rule:
    """A function of the runtime, which may overwrite what nothing else reads."""
    return lambda it: call(it.use(name), it.operands[0], overwrite=overwrite(it), fresh=True)


def overwrite(it: Application) -> str | None:
    """Whether the first operand is the step's to overwrite: a new array that has the result's dtype."""
    same = it.value(0).dtype is it.step.result.dtype
    return "True" if it.operands[0].fresh and same else None


def _logical(operator: str, function: str) -> Rule:
    def rule(it: Application) -> Expression:
        arrays = [operand for operand in it.step.operands if isinstance(operand, Value)]
        if all(array.dtype is DType.BOOL for array in arrays):
            return binary(operator, it.operands[0], it.operands[1], fresh=True)
        return call(f"np.{function}", *it.operands, fresh=True)

    return rule


def _logical_not(it: Application) -> Expression:
    if it.value(0).dtype is DType.BOOL:
        return unary("~", it.operands[0], fresh=True)
    return call("np.logical_not", it.operands[0], fresh=True)


def _power(it: Application) -> Expression:
    exponent = it.step.operands[1]
    if it.is_array(0) and not isinstance(exponent, Value):
        if exponent == 2:
            return call("np.square", it.operands[0], fresh=True)
        if exponent == 0.5 and it.step.result.dtype.is_float:
            return call("np.sqrt", it.operands[0], fresh=True)
        if exponent == int(exponent) and 2 < exponent <= LARGEST_POWER:
            return call(it.use("integer_power"), it.operands[0], str(int(exponent)), fresh=True)
    return call("np.power", *it.operands, fresh=True)


def _rsqrt(it: Application) -> Expression:
    return binary("/", Expression("1.0"), call("np.sqrt", it.operands[0]), fresh=True)


def _gelu(it: Application) -> Expression:
    return _runtime("gelu_tanh" if it.string("approximate") == "tanh" else "gelu")(it)


def _clamp(it: Application) -> Expression:
    low, high = (_bound(it, name) for name in ("low", "high"))
    if low is None:
        return call("np.minimum", it.operands[0], high or "np.inf", fresh=True)
    if high is None:
        return call("np.maximum", it.operands[0], low, fresh=True)
    return call("np.clip", it.operands[0], low, high, fresh=True)


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
    return call("np.where", it.operands[0], *typed, fresh=True)


def _cast(it: Application) -> Expression:
    return method(it.operands[0], "astype", dtype_text(it.dtype()), fresh=True)


RULES: Mapping[str, Rule] = {
    "add": _binary("+"),
    "subtract": _binary("-"),
    "multiply": _binary("*"),
    "divide": _binary("/"),
    "floor_divide": _binary("//"),
    "modulo": _binary("%"),
    "power": _power,
    "minimum": _function("minimum"),
    "maximum": _function("maximum"),
    "equal": _binary("=="),
    "not_equal": _binary("!="),
    "less": _binary("<"),
    "less_equal": _binary("<="),
    "greater": _binary(">"),
    "greater_equal": _binary(">="),
    "logical_and": _logical("&", "logical_and"),
    "logical_or": _logical("|", "logical_or"),
    "logical_not": _logical_not,
    "negate": lambda it: unary("-", it.operands[0], fresh=True),
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
