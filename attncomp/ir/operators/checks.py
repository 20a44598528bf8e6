"""What shape rules ask of operands, with the message for whoever wrote the model where they do not hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attncomp.diagnostics.suggest import did_you_mean
from attncomp.ir.operators.base import OperatorError
from attncomp.ir.sizes import Size, SizeLike, provably_different
from attncomp.ir.types import Axis, DType, ValueType


def braced(names: Iterable[str]) -> str:
    """Axis names as the language writes a set of them."""
    return "{" + ", ".join(names) + "}"


def need_axis(type_: ValueType, name: str, operand: int | None = 0) -> Axis:
    """The axis `name` of an operand. Raises E023 where the operand lacks it."""
    for axis in type_.axes:
        if axis.name == name:
            return axis
    raise OperatorError(
        f"the value lacks the axis `{name}`: it has {braced(type_.names)}",
        operand=operand,
        help=did_you_mean(name, type_.names),
        code="E023",
    )


def need_axes(type_: ValueType, names: Sequence[str], operand: int | None = 0) -> tuple[Axis, ...]:
    """Distinct axes of an operand. Raises E023 for one that it lacks, E022 for one that is named twice."""
    once(names)
    return tuple(need_axis(type_, name, operand) for name in names)


def once(names: Sequence[str]) -> None:
    """Raises E022 where a name stands twice."""
    for position, name in enumerate(names):
        if name in names[:position]:
            raise OperatorError(f"the axis `{name}` is named twice", help="name each axis once", code="E022")


def result(dtype: DType, axes: Sequence[Axis]) -> ValueType:
    """The type of a result. Raises E022 where it would have two axes with one name."""
    names = [axis.name for axis in axes]
    if len(set(names)) != len(names):
        twice = next(name for position, name in enumerate(names) if name in names[:position])
        raise OperatorError(
            f"the result would have two axes `{twice}`: {braced(names)}",
            help=f"rename one of them first: `x[{twice} -> {twice}']`",
            code="E022",
        )
    return ValueType(dtype, tuple(axes))


def need_equal(subject: str, size: SizeLike, wanted: SizeLike, why: str, operand: int | None = None) -> None:
    """Raises E030 where two sizes are provably different."""
    if provably_different(size, wanted):
        raise OperatorError(f"{subject} has size {size}, but {why} {wanted}", operand=operand, code="E030")


def need_numbers(type_: ValueType, what: str, operand: int = 0) -> None:
    """Raises E045 where an operand is boolean."""
    if type_.dtype is DType.BOOL:
        raise OperatorError(
            f"{what} takes numbers, and this is bool",
            operand=operand,
            help="convert it first: `cast{f32}(x)`",
            code="E045",
        )


def need_float(type_: ValueType, what: str, operand: int = 0) -> None:
    """Raises E045 where an operand is not of a float type."""
    if not type_.dtype.is_float:
        raise OperatorError(
            f"{what} takes real numbers, and this is {type_.dtype}",
            operand=operand,
            help="convert it first: `cast{f32}(x)`",
            code="E045",
        )


def need_bool(type_: ValueType, what: str, operand: int = 0) -> None:
    """Raises E045 where an operand is not boolean."""
    if type_.dtype is not DType.BOOL:
        raise OperatorError(
            f"{what} takes a condition (bool), and this is {type_.dtype}",
            operand=operand,
            help="compare it with something: `x != 0`",
            code="E045",
        )


def real_dtype(dtype: DType) -> DType:
    """The dtype of a result that is a real number: that of the operand, f32 where it is not a float."""
    return dtype if dtype.is_float else DType.F32


def counting_dtype(dtype: DType) -> DType:
    """The dtype of a sum: whole numbers and booleans are summed in i64."""
    return dtype if dtype.is_float else DType.I64


def constant_below(size: Size, bound: int) -> bool:
    """Whether a size is a number below `bound`."""
    return size.constant is not None and size.constant < bound
