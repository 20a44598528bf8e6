"""Recognises a causal mask by what it computes of positions, however it is spelled.

Positions are followed through the steps as sums of whole multiples: `arange{q} - arange{s} >= 0` is one of +1 for each
target and -1 for each source, and so are `arange{s} < arange{q} + 1` and `not (arange{s} > arange{q})`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from attncomp.lowering.program import Operand, Step, Value

Definition = Callable[[Operand], Step | None]

# The dimensions of a mask, counted from the last one.
_SOURCE, _TARGET = 1, 2
_SIGNS = {"greater_equal": 1, "greater": 1, "less_equal": -1, "less": -1}


@dataclass(frozen=True)
class _Sum:
    """`constant` and, for each dimension counted from the last, its positions times a factor."""

    factors: tuple[tuple[int, float], ...] = ()
    constant: float = 0.0

    def plus(self, other: _Sum, times: float = 1.0) -> _Sum:
        factors = dict(self.factors)
        for dim, factor in other.factors:
            factors[dim] = factors.get(dim, 0.0) + times * factor
        kept = tuple(sorted((dim, factor) for dim, factor in factors.items() if factor != 0))
        return _Sum(kept, self.constant + times * other.constant)


def is_causal(mask: Value, definition: Definition) -> bool:
    """Whether a mask [..., target, source] keeps the sources up to the target's own position, and those alone."""
    negated, dims = False, (_SOURCE, _TARGET)
    step = definition(mask)
    while step is not None and step.operator in {"logical_not", "reshape", "broadcast", "permute"}:
        (inner,) = step.operands
        assert isinstance(inner, Value)
        if step.operator == "permute" and step.attributes["order"] == (1, 0):
            dims = dims[::-1]
        elif step.operator == "permute" or inner.shape[-2:] != step.result.shape[-2:]:
            return False
        negated ^= step.operator == "logical_not"
        step = definition(inner)
    if step is None or step.operator not in _SIGNS:
        return False
    left, right = (_sum_of(operand, definition) for operand in step.operands)
    if left is None or right is None:
        return False
    sign = _SIGNS[step.operator] * (-1 if negated else 1)
    strict = (step.operator in {"greater", "less"}) != negated
    difference = _Sum().plus(left, sign).plus(right, -sign)
    source, target = dims
    factor = dict(difference.factors).get(target, 0.0)
    if factor <= 0 or dict(difference.factors) != {source: -factor, target: factor}:
        return False
    slack = difference.constant
    return 0 < slack <= factor if strict else 0 <= slack < factor


def _sum_of(operand: Operand, definition: Definition) -> _Sum | None:
    """What an operand is of positions; None where it is something else."""
    if not isinstance(operand, Value):
        return _Sum((), float(operand))
    step = definition(operand)
    if step is None:
        return None
    if step.operator == "arange":
        return _Sum(((1, 1.0),))
    parts = [_sum_of(one, definition) for one in step.operands]
    known = [part for part in parts if part is not None]
    if len(known) != len(parts):
        return None
    match step.operator:
        case "add":
            return known[0].plus(known[1])
        case "subtract":
            return known[0].plus(known[1], -1.0)
        case "negate":
            return _Sum().plus(known[0], -1.0)
        case "multiply" if not known[0].factors or not known[1].factors:
            scaled, number = known if known[0].factors else known[::-1]
            return _Sum().plus(scaled, number.constant)
        case "cast" if not step.result.dtype.is_float or step.result.dtype.bytes >= 4:
            return known[0]
        case "broadcast":
            return known[0]
        case "reshape":
            return _reshaped(known[0], step)
    return None


def _reshaped(found: _Sum, step: Step) -> _Sum | None:
    """The same where a reshape adds dimensions of size 1 or drops them."""
    (inner,) = step.operands
    assert isinstance(inner, Value)
    before, after = _spread(inner), _spread(step.result)
    if [size for _, size in before] != [size for _, size in after]:
        return None
    moved = {old: new for (old, _), (new, _) in zip(before, after, strict=True)}
    return _Sum(tuple(sorted((moved[dim], factor) for dim, factor in found.factors if dim in moved)), found.constant)


def _spread(value: Value) -> list[tuple[int, object]]:
    """The dimensions that are more than 1, counted from the last, with their sizes."""
    rank = len(value.shape)
    return [(rank - place, size) for place, size in enumerate(value.shape) if size.constant != 1]
