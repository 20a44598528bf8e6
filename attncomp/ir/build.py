"""Building a graph: nodes whose types come from the table of operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from attncomp.ir.graph import NOWHERE, Attribute, Graph, Initializer, Origin, Result
from attncomp.ir.literals import number_literal
from attncomp.ir.operators.table import infer
from attncomp.ir.types import Axis, DType, Layout, ValueType

__all__ = ["Builder", "infer"]

_NONE: Mapping[str, Attribute] = MappingProxyType({})


@dataclass(frozen=True)
class Builder:
    """Adds nodes to a graph, and infers their types."""

    graph: Graph

    def add(
        self,
        operator: str,
        operands: Sequence[int],
        attributes: Mapping[str, Attribute] | None = None,
        origin: Origin = NOWHERE,
        name: str = "",
    ) -> int:
        """Adds an operator and returns its number. Raises OperatorError where the operands do not fit."""
        given = _NONE if attributes is None else attributes
        type_ = infer(operator, [self.graph.type(operand) for operand in operands], given)
        return self.graph.add(operator, operands, given, type_, origin, name)

    def input(self, name: str, type: ValueType, layout: Layout | None = None, origin: Origin = NOWHERE) -> int:
        """Adds an input; without a layout it is stored in the order of its axes."""
        attributes: dict[str, Attribute] = {"name": name, "layout": layout if layout is not None else in_order(type)}
        return self.graph.add("input", (), attributes, type, origin, name)

    def parameter(
        self,
        key: str,
        type: ValueType,
        layout: Layout | None = None,
        initializer: Initializer = Initializer("zeros"),  # noqa: B008 (frozen)
        *,
        trainable: bool = True,
        origin: Origin = NOWHERE,
    ) -> int:
        """Adds a parameter; without a layout it is stored in the order of its axes."""
        attributes: dict[str, Attribute] = {
            "key": key,
            "layout": layout if layout is not None else in_order(type),
            "initializer": initializer,
            "trainable": trainable,
        }
        return self.graph.add("parameter", (), attributes, type, origin)

    def constant(self, value: float | int | bool, dtype: DType, *, origin: Origin = NOWHERE, name: str = "") -> int:
        """Adds a number of a dtype. Raises OverflowError for a whole number that does not fit."""
        attributes: dict[str, Attribute] = {"value": number_literal(value, dtype)}
        return self.graph.add("constant", (), attributes, ValueType(dtype, ()), origin, name)

    def rename(self, operand: int, names: Mapping[str, str], *, origin: Origin = NOWHERE, name: str = "") -> int:
        """`operand` with other names for axes, all at once; `operand` itself where none changes."""
        changed = tuple((old, new) for old, new in names.items() if old != new)
        return self.add("rename", (operand,), {"names": changed}, origin, name) if changed else operand

    def contract(self, a: int, b: int, axes: Sequence[str], *, origin: Origin = NOWHERE, name: str = "") -> int:
        """The sum of a * b over `axes`."""
        return self.add("contract", (a, b), {"axes": tuple(axes)}, origin, name)

    def arange(self, axis: Axis, *, origin: Origin = NOWHERE) -> int:
        """The positions along an axis."""
        return self.add("arange", (), {"axis": axis}, origin)

    def returns(self, name: str, node: int, layout: Layout | None = None) -> None:
        """Adds a result; without a layout it is handed over in the order of its axes."""
        order = layout if layout is not None else in_order(self.graph.type(node))
        self.graph.results = (*self.graph.results, Result(name, node, order))


def in_order(type_: ValueType) -> Layout:
    """The layout that stores each axis as a dimension of its own, in the order of the type."""
    return tuple((axis.name,) for axis in type_.axes)
