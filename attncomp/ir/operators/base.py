"""What the table of operators holds for each operator: attributes, shape rule, reference semantics, samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from attncomp.ir.graph import Attribute
from attncomp.ir.sizes import provably_different
from attncomp.ir.types import Axis, ValueType

Attributes = Mapping[str, Attribute]


class OperatorError(Exception):
    """An operator applied to operands that it does not take.

    `message` is one line in the user's words; `operand` is the position of the operand at fault, if one is; `help` is
    the likely fix; `code` the diagnostic's code.
    """

    def __init__(self, message: str, *, operand: int | None = None, help: str = "", code: str = "E030") -> None:
        self.message, self.operand, self.help, self.code = message, operand, help, code
        super().__init__(message)


@dataclass(frozen=True)
class NamedArray:
    """An array and the axis name of each of its dimensions: a value of the reference interpreter."""

    array: np.ndarray
    axes: tuple[str, ...]

    def ordered(self, axes: Sequence[str]) -> np.ndarray:
        """The array with dimensions for `axes` in that order; an axis that the value lacks has size 1."""
        present = [axis for axis in axes if axis in self.axes]
        array = self.array.transpose([self.axes.index(axis) for axis in present])
        return array.reshape([array.shape[present.index(axis)] if axis in present else 1 for axis in axes])


# (operand types, attributes) -> the type of the result. Raises OperatorError.
Infer = Callable[[Sequence[ValueType], Attributes], ValueType]

# (operands, attributes, bindings of symbols to numbers) -> the result, in float64 for every float type.
Evaluate = Callable[[Sequence[NamedArray], Attributes, Mapping[str, int]], NamedArray]


@dataclass(frozen=True)
class Sample:
    """Operands and attributes that an operator takes: the differential tests run every operator on its samples.

    `ranges` bounds the random numbers of each operand (low, high), both included; the default is (-2, 2).
    `operators.samples.draw` makes the numbers.
    """

    operands: tuple[ValueType, ...]
    attributes: Attributes = field(default_factory=dict)
    ranges: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Operator:
    """One row of the table.

    `attributes` names each attribute and its kind (a key of `ATTRIBUTE_KINDS` in `ir.attributes`). `category` groups
    operators for passes and backends: "source", "pointwise", "reduction", "normalization", "contraction",
    "structure", "window", "region". `differentiable` is whether gradients flow through.
    """

    name: str
    category: str
    arity: int | None
    attributes: Mapping[str, str]
    infer: Infer
    evaluate: Evaluate
    samples: tuple[Sample, ...] = ()
    summary: str = ""
    differentiable: bool = True


def axes_union(types: Sequence[ValueType]) -> tuple[Axis, ...]:
    """The axes of a pointwise result: those of the operands by name, in order of first appearance.

    Raises OperatorError where two operands have an axis of one name and provably different sizes.
    """
    found: dict[str, Axis] = {}
    for position, type_ in enumerate(types):
        for axis in type_.axes:
            known = found.setdefault(axis.name, axis)
            if known is not axis and provably_different(known.size, axis.size):
                raise OperatorError(
                    f"axis `{axis.name}` has size {known.size} in one operand and {axis.size} in the other",
                    operand=position,
                    code="E030",
                )
    return tuple(found.values())
