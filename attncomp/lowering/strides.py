"""How values lie in memory: which share memory with another, and where a reshape has to copy.

Strides are sizes in numbers, not bytes. A view shares the memory of its root; every other value is its own root.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attncomp.ir.graph import Attribute
from attncomp.ir.sizes import Size, product
from attncomp.lowering.program import Step, Value

# Operators whose result is a view of their operand; a reshape is one where the strides allow it.
VIEWS = frozenset({"reshape", "permute", "broadcast", "index", "slice", "flip", "windows", "dropout"})

Strides = tuple[Size, ...]


@dataclass(frozen=True)
class Lying:
    """The root of a value, by name, and its strides; None where they are not known."""

    root: str
    strides: Strides | None


def in_c_order(shape: Sequence[Size]) -> Strides:
    """The strides of an array whose last dimension is the fastest."""
    return tuple(product(list(shape[dim + 1 :])) for dim in range(len(shape)))


def in_order(shape: Sequence[Size], order: Sequence[int]) -> Strides:
    """The strides of an array whose dimensions lie in `order`, the last of it the fastest."""
    stored = in_c_order([shape[dim] for dim in order])
    return tuple(stored[order.index(dim)] for dim in range(len(shape)))


def is_contiguous(value: Value, lying: Lying) -> bool:
    """Whether a value is known to be in C order without gaps."""
    return lying.strides is not None and all(
        have == want or size.constant == 1
        for have, want, size in zip(lying.strides, in_c_order(value.shape), value.shape, strict=True)
    )


def lying_of(step: Step, known: Mapping[str, Lying]) -> Lying:
    """How the result of a step lies, given how its operands do."""
    own = Lying(step.result.name, in_c_order(step.result.shape))
    if step.operator not in VIEWS:
        return own
    (operand, *_) = (one for one in step.operands if isinstance(one, Value))
    before = known.get(operand.name, Lying(operand.name, None))
    if step.operator == "reshape":
        if before.strides is None:
            return own
        if is_contiguous(operand, before):
            return Lying(before.root, own.strides)
        strides = reshaped(operand.shape, before.strides, step.result.shape)
        return own if strides is None else Lying(before.root, strides)
    if before.strides is None:
        return Lying(before.root, None)
    return Lying(before.root, _VIEWED[step.operator](step, operand, before.strides))


def reshaped(old: Sequence[Size], strides: Strides, new: Sequence[Size]) -> Strides | None:
    """The strides of a reshape that copies nothing; None where it copies, or may."""
    pairs = [(size, stride) for size, stride in zip(old, strides, strict=True) if size.constant != 1]
    found: list[Size] = []
    place = 0
    for size in new:
        if size.constant == 1:
            found.append(Size.of(1))
            continue
        if place == len(pairs):
            return None
        have, stride = pairs[place]
        if have == size:
            found.append(stride)
            place += 1
            continue
        group = _group(pairs, place, size)
        if group is None:
            split = _split(have, stride, size)
            if split is None:
                return None
            found.append(split[1])
            pairs[place] = (split[0], stride)
            continue
        found.append(pairs[group - 1][1])
        place = group
    return tuple(found) if place == len(pairs) else None


def _group(pairs: Sequence[tuple[Size, Size]], place: int, size: Size) -> int | None:
    """The end of the dimensions from `place` on that make one of `size` without gaps."""
    total = pairs[place][0]
    for end in range(place + 1, len(pairs)):
        inner, stride = pairs[end]
        if pairs[end - 1][1] != inner * stride:
            return None
        total = total * inner
        if total == size:
            return end + 1
    return None


def _split(have: Size, stride: Size, size: Size) -> tuple[Size, Size] | None:
    """What is left of a dimension when an outer one of `size` is taken off, and the stride of that."""
    left = have // size
    return (left, left * stride) if left * size == have else None


def _permuted(step: Step, operand: Value, strides: Strides) -> Strides | None:
    return tuple(strides[dim] for dim in _integers(step.attributes["order"]))


def _broadcast(step: Step, operand: Value, strides: Strides) -> Strides | None:
    shape = step.result.shape
    extra = len(shape) - len(strides)
    return (
        *[Size.of(0)] * extra,
        *(
            stride if size == wanted else Size.of(0)
            for stride, size, wanted in zip(strides, operand.shape, shape[extra:], strict=True)
        ),
    )


def _indexed(step: Step, operand: Value, strides: Strides) -> Strides | None:
    return tuple(stride for dim, stride in enumerate(strides) if dim != step.attributes["dim"])


def _same(step: Step, operand: Value, strides: Strides) -> Strides | None:
    return strides


def _unknown(step: Step, operand: Value, strides: Strides) -> Strides | None:
    return None


_VIEWED = {
    "permute": _permuted,
    "broadcast": _broadcast,
    "index": _indexed,
    "slice": _same,
    "dropout": _same,
    "flip": _unknown,
    "windows": _unknown,
}


def _integers(attribute: Attribute) -> tuple[int, ...]:
    assert isinstance(attribute, tuple)
    return tuple(one for one in attribute if isinstance(one, int))
