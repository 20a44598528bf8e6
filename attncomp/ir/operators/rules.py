"""What the shape rules and reference semantics of all categories share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from attncomp.diagnostics.suggest import did_you_mean
from attncomp.ir.operators.base import Attributes, NamedArray, OperatorError
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType


def names(attributes: Attributes, key: str = "axes") -> tuple[str, ...]:
    """An attribute that is a tuple of axis names."""
    return cast(tuple[str, ...], attributes[key])


def name(attributes: Attributes, key: str = "axis") -> str:
    """An attribute that is a word or an axis name."""
    return cast(str, attributes[key])


def axis(attributes: Attributes, key: str = "axis") -> Axis:
    """An attribute that is an axis."""
    return cast(Axis, attributes[key])


def axes(attributes: Attributes, key: str = "axes") -> tuple[Axis, ...]:
    """An attribute that is a tuple of axes."""
    return cast(tuple[Axis, ...], attributes[key])


def size(attributes: Attributes, key: str) -> Size:
    """An attribute that is a size."""
    return cast(Size, attributes[key])


def sizes(attributes: Attributes, key: str) -> tuple[Size, ...]:
    """An attribute that is a tuple of sizes."""
    return cast(tuple[Size, ...], attributes[key])


def integers(attributes: Attributes, key: str) -> tuple[int, ...]:
    """An attribute that is a tuple of whole numbers."""
    return cast(tuple[int, ...], attributes[key])


def number(attributes: Attributes, key: str) -> float:
    """An attribute that is a number."""
    return cast(float, attributes[key])


def require(type_: ValueType, wanted: str, operand: int = 0) -> Size:
    """The size of an axis of an operand. Raises OperatorError E023 where it lacks the axis."""
    if not type_.has(wanted):
        has = ", ".join(type_.names)
        raise OperatorError(
            f"this has no axis `{wanted}`; it has {{{has}}}",
            operand=operand,
            help=did_you_mean(wanted, type_.names),
            code="E023",
        )
    return type_.size(wanted)


def distinct(found: Sequence[Axis]) -> tuple[Axis, ...]:
    """`found`, after a check that no name stands twice. Raises OperatorError E022."""
    seen: set[str] = set()
    for item in found:
        if item.name in seen:
            raise OperatorError(
                f"the result would have two axes `{item.name}`",
                code="E022",
                help=f"rename one of them: `[{item.name} -> {item.name}']`",
            )
        seen.add(item.name)
    return tuple(found)


def resized(type_: ValueType, changes: dict[str, Size]) -> tuple[Axis, ...]:
    """The axes of a value, those in `changes` with a new size."""
    return tuple(Axis(item.name, changes.get(item.name, item.size)) for item in type_.axes)


def real(dtype: DType) -> DType:
    """The dtype of a real function of a value: f32 for whole numbers and booleans."""
    return dtype if dtype.is_float else DType.F32


def need_number(type_: ValueType, operand: int = 0) -> None:
    """Raises OperatorError E045 for a boolean operand."""
    if type_.dtype is DType.BOOL:
        raise OperatorError(
            "this is bool, and the operator takes numbers",
            operand=operand,
            code="E045",
            help="choose with `where`, or convert it: `cast{f32}(…)`",
        )


def need_bool(type_: ValueType, operand: int = 0) -> None:
    """Raises OperatorError E045 for an operand that is not boolean."""
    if type_.dtype is not DType.BOOL:
        raise OperatorError(
            f"this is {type_.dtype}, where bool is needed", operand=operand, code="E045", help="compare it: `x != 0`"
        )


def positions(value: NamedArray, wanted: Sequence[str]) -> tuple[int, ...]:
    """The dimensions of an array that hold these axes."""
    return tuple(value.axes.index(item) for item in wanted)


def last(value: NamedArray, wanted: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The array with these axes moved to the end, in their order; and the axes before them."""
    others = tuple(item for item in value.axes if item not in wanted)
    return value.ordered((*others, *wanted)), others
