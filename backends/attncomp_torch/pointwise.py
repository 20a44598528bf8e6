"""Pointwise operators, reductions and sources in torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncomp.emission.expressions import Argument, Expression, Precedence, binary, call, method, number, unary
from attncomp.emission.rules import Application, Rule
from attncomp.emission.text import quoted
from attncomp.ir.types import DType
from attncomp.lowering.program import Value
from attncomp_torch.surroundings import device_here, dtype_here, torch_dtype


def literal(value: bool | int | float) -> Expression:
    """A number; torch has the infinities."""
    return number(value, "torch.inf", "torch.nan")


def function(name: str) -> Rule:
    """`name(operands)`."""
    return lambda apply: call(name, *apply.operands)


def infix(operator: str) -> Rule:
    """`a operator b`."""
    return lambda apply: binary(operator, *apply.operands)


def dims_text(dims: Sequence[int]) -> str:
    """One dimension as a number, several as a tuple."""
    return str(dims[0]) if len(dims) == 1 else repr(tuple(dims))


def result_dtype(apply: Application) -> DType:
    """The dtype of what the step makes."""
    return apply.step.result.dtype


# --- pointwise --------------------------------------------------------------------------------------------------


def _power(apply: Application) -> Expression:
    base, exponent = apply.operands
    if not apply.is_array(0):
        return call("torch.pow", base, exponent)
    return Expression(f"{base.within(Precedence.ATOM)} ** {exponent.within(Precedence.UNARY)}", Precedence.UNARY)


def _floor_divide(apply: Application) -> Expression:
    """`//` of torch has no gradient; that of a rounded quotient is 0."""
    if not result_dtype(apply).is_float:
        return binary("//", *apply.operands)
    return call("torch.div", *_tensor_first(apply), rounding_mode=quoted("floor"))


def _modulo(apply: Application) -> Expression:
    """A number modulo a tensor has no gradient in torch, a tensor modulo a tensor has."""
    return binary("%", *(_tensor_first(apply) if result_dtype(apply).is_float else apply.operands))


def _tensor_first(apply: Application) -> tuple[Expression, Expression]:
    left, right = apply.operands
    return left if apply.is_array(0) else call("torch.full_like", right, left), right


def _minimum(apply: Application) -> Expression:
    return _bound(apply, "torch.minimum", "max")


def _maximum(apply: Application) -> Expression:
    return _bound(apply, "torch.maximum", "min")


def _bound(apply: Application, name: str, keyword: str) -> Expression:
    for position in (0, 1):
        if not apply.is_array(1 - position):
            bounds: dict[str, Argument | None] = {keyword: apply.operands[1 - position]}
            return _method(apply.operands[position], "clamp", bounds)
    return call(name, *apply.operands)


def _method(target: Expression, name: str, keywords: Mapping[str, Argument | None]) -> Expression:
    texts = [f"{key}={value.text if isinstance(value, Expression) else value}" for key, value in keywords.items()]
    return method(target, name, *texts)


def _logical(operator: str) -> Rule:
    """On booleans the bitwise operators are the logical ones; other numbers are compared with 0 first."""

    def write(apply: Application) -> Expression:
        truths = [
            operand if _is_boolean(given) else binary("!=", operand, Expression("0"))
            for given, operand in zip(apply.step.operands, apply.operands, strict=True)
        ]
        return binary(operator, *truths) if len(truths) == 2 else unary(operator, truths[0])

    return write


def _is_boolean(operand: Value | bool | int | float) -> bool:
    return operand.dtype is DType.BOOL if isinstance(operand, Value) else isinstance(operand, bool)


def _clamp(apply: Application) -> Expression:
    whole = result_dtype(apply).is_integer
    bounds: dict[str, Argument | None] = {}
    for keyword, name in (("min", "low"), ("max", "high")):
        if apply.attribute(name) is not None:
            bound = apply.real(name)
            bounds[keyword] = literal(int(bound) if whole and bound.is_integer() else bound)
    return _method(apply.operands[0], "clamp", bounds) if bounds else apply.operands[0]


def _gelu(apply: Application) -> Expression:
    approximate = apply.string("approximate")
    return call("F.gelu", apply.operands[0], approximate=None if approximate == "none" else quoted(approximate))


def _cast(apply: Application) -> Expression:
    """From one float type to another as stated; what becomes a float first gets the float type of the model."""
    wanted = apply.dtype()
    text = torch_dtype(wanted) if apply.value(0).dtype.is_float else dtype_here(apply, wanted)
    return method(apply.operands[0], "to", text)


def _dropout(apply: Application) -> Expression:
    return call("F.dropout", apply.operands[0], literal(apply.real("rate")), apply.training())


# --- reductions -------------------------------------------------------------------------------------------------


def _reduction(name: str) -> Rule:
    def write(apply: Application) -> Expression:
        dims = apply.integers("dims")
        if not dims:
            return apply.operands[0]
        # A sum of i32 would be i64.
        dtype = "torch.int32" if name == "sum" and result_dtype(apply) is DType.I32 else None
        return method(apply.operands[0], name, dims_text(dims), keepdim=_keep(apply), dtype=dtype)

    return write


def _keep(apply: Application) -> str | None:
    return "True" if apply.boolean("keep") else None


def _variance(apply: Application) -> Expression:
    return method(apply.operands[0], "var", dims_text(apply.integers("dims")), correction="0", keepdim=_keep(apply))


def _norm(apply: Application) -> Expression:
    dims = dims_text(apply.integers("dims"))
    return call("torch.linalg.vector_norm", apply.operands[0], dim=dims, keepdim=_keep(apply))


def _argmax(apply: Application) -> Expression:
    x = apply.operands[0]
    if apply.value(0).dtype is DType.BOOL:
        x = method(x, "to", "torch.uint8")
    return method(x, "argmax", str(apply.integer("dim")))


def _over_dims(name: str) -> Rule:
    return lambda apply: call(apply.use(name), apply.operands[0], *map(str, apply.integers("dims")))


# --- sources ----------------------------------------------------------------------------------------------------


def _size(apply: Application) -> Expression:
    size = apply.size_text("size")
    return call("torch.full", "()", size, dtype=dtype_here(apply, result_dtype(apply)), device=device_here(apply))


def _arange(apply: Application) -> Expression:
    return call("torch.arange", apply.size_text("stop"), device=device_here(apply))


def _linspace(apply: Application) -> Expression:
    ends = literal(apply.real("start")), literal(apply.real("stop"))
    dtype = dtype_here(apply, result_dtype(apply))
    return call("torch.linspace", *ends, apply.size_text("count"), dtype=dtype, device=device_here(apply))


def _constant(apply: Application) -> Expression:
    dtype = dtype_here(apply, result_dtype(apply))
    return call("torch.tensor", _nested(apply.literal().array.tolist()), dtype=dtype, device=device_here(apply))


def _nested(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_nested, value))}]"
    assert isinstance(value, bool | int | float)
    return literal(value).text


RULES: Mapping[str, Rule] = {
    "add": infix("+"),
    "subtract": infix("-"),
    "multiply": infix("*"),
    "divide": infix("/"),
    "floor_divide": _floor_divide,
    "modulo": _modulo,
    "power": _power,
    "minimum": _minimum,
    "maximum": _maximum,
    "equal": infix("=="),
    "not_equal": infix("!="),
    "less": infix("<"),
    "less_equal": infix("<="),
    "greater": infix(">"),
    "greater_equal": infix(">="),
    "logical_and": _logical("&"),
    "logical_or": _logical("|"),
    "logical_not": _logical("~"),
    "negate": lambda apply: unary("-", apply.operands[0]),
    "abs": function("torch.abs"),
    "exp": function("torch.exp"),
    "log": function("torch.log"),
    "sqrt": function("torch.sqrt"),
    "rsqrt": function("torch.rsqrt"),
    "sin": function("torch.sin"),
    "cos": function("torch.cos"),
    "tanh": function("torch.tanh"),
    "erf": function("torch.erf"),
    "sigmoid": function("torch.sigmoid"),
    "relu": function("torch.relu"),
    "silu": function("F.silu"),
    "softplus": function("F.softplus"),
    "hardsigmoid": function("F.hardsigmoid"),
    "hardswish": function("F.hardswish"),
    "gelu": _gelu,
    "clamp": _clamp,
    "where": function("torch.where"),
    "cast": _cast,
    "dropout": _dropout,
    "sum": _reduction("sum"),
    "mean": _reduction("mean"),
    "max": _reduction("amax"),
    "min": _reduction("amin"),
    "var": _variance,
    "norm": _norm,
    "argmax": _argmax,
    "softmax": _over_dims("softmax"),
    "log_softmax": _over_dims("log_softmax"),
    "size": _size,
    "arange": _arange,
    "linspace": _linspace,
    "constant": _constant,
}
