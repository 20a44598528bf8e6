"""Nodes of a graph as whole numbers made of positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from attncomp.ir.graph import Literal, Node
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.forms import (
    Between,
    Choice,
    Form,
    Linear,
    Position,
    atom,
    constant,
    is_small,
    minus,
    plus,
    rounded,
    times,
)

# Those in which every position is exact.
_EXACT = frozenset((DType.I64, DType.I32, DType.F32, DType.F64))


def whole_number(node: Node, operands: Sequence[Form | None], positions: Position | None) -> Form | None:
    """A node as a form, from the forms of its operands, or None.

    Where it has the axis of the queries or the sources, `positions` are those along it.
    """
    form = _of(node, operands, positions) if node.type.dtype in _EXACT else None
    return form if form is not None and is_small(form) else None


def scalar_of(node: Node) -> float | None:
    """The number that a constant without axes is."""
    literal = node.attributes.get("value")
    if node.operator != "constant" or not isinstance(literal, Literal) or literal.axes:
        return None
    return float(literal.array.item())


def _of(node: Node, operands: Sequence[Form | None], positions: Position | None) -> Form | None:
    if node.operator == "constant":
        number = scalar_of(node)
        return constant(int(number)) if number is not None and number.is_integer() else None
    if node.operator == "size":
        size = node.attributes["size"]
        return constant(size) if isinstance(size, Size) else None
    if node.operator == "arange":
        return atom(positions or Between(node.identity, Size.of(0), node.type.axes[0].size - 1))
    known = [one for one in operands if one is not None]
    rule = _RULES.get(node.operator)
    return rule(node, known) if rule is not None and known and len(known) == len(operands) else None


def _number(form: Form) -> int | None:
    """The number that a form is, if it is one."""
    return form.constant.constant if isinstance(form, Linear) and not form.terms else None


def _product(node: Node, forms: Sequence[Form]) -> Form | None:
    for one, other in (forms, forms[::-1]):
        factor = _number(one)
        if factor is not None:
            return times(other, factor)
    return None


def _quotient(node: Node, forms: Sequence[Form]) -> Form | None:
    divisor = _number(forms[1])
    return rounded(forms[0], divisor) if divisor is not None and divisor > 0 else None


def _remainder(node: Node, forms: Sequence[Form]) -> Form | None:
    divisor = _number(forms[1])
    if divisor is None or divisor <= 0:
        return None
    return atom(Between(node.identity, Size.of(0), Size.of(divisor - 1)))


def _clamped(node: Node, forms: Sequence[Form]) -> Form | None:
    (form,) = forms
    for name, largest in (("low", True), ("high", False)):
        bound = node.attributes.get(name)
        if isinstance(bound, float | int):
            if not float(bound).is_integer():
                return None
            form = Choice(largest, (form, constant(int(bound))))
    return form


_RULES: Mapping[str, Callable[[Node, Sequence[Form]], Form | None]] = {
    "add": lambda node, forms: plus(*forms),
    "subtract": lambda node, forms: minus(*forms),
    "negate": lambda node, forms: times(forms[0], -1),
    "multiply": _product,
    "floor_divide": _quotient,
    "modulo": _remainder,
    "abs": lambda node, forms: Choice(True, (forms[0], times(forms[0], -1))),
    "relu": lambda node, forms: Choice(True, (forms[0], constant(0))),
    "maximum": lambda node, forms: Choice(True, tuple(forms)),
    "minimum": lambda node, forms: Choice(False, tuple(forms)),
    "clamp": _clamped,
    "cast": lambda node, forms: forms[0],
    "rename": lambda node, forms: forms[0],
}
