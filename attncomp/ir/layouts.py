"""Arrays in a stored order as values with named axes, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from attncomp.ir.operators.base import NamedArray
from attncomp.ir.sizes import Size, product
from attncomp.ir.types import Layout, ValueType


def layout_text(layout: Layout) -> str:
    """A layout as the language writes it: `[batch, 1, (head key)]`."""
    groups = (" ".join(group) if len(group) == 1 else f"({' '.join(group)})" if group else "1" for group in layout)
    return f"[{', '.join(groups)}]"


def dimensions(type_: ValueType, layout: Layout) -> tuple[Size, ...]:
    """The size of each dimension of a stored value. Raises KeyError for an axis that the value lacks."""
    return tuple(product([type_.size(name) for name in group]) for group in layout)


def unpack(array: np.ndarray, type_: ValueType, layout: Layout, bindings: Mapping[str, int]) -> NamedArray:
    """A stored array with a dimension for each axis. Raises ValueError where its shape does not fit."""
    axes = [name for group in layout for name in group]
    return NamedArray(array.reshape([type_.size(name).evaluate(bindings) for name in axes]), tuple(axes))


def pack(value: NamedArray, layout: Layout) -> np.ndarray:
    """A value as it is stored."""
    axes: Sequence[str] = [name for group in layout for name in group]
    array = value.ordered(axes)
    shape: list[int] = []
    place = 0
    for group in layout:
        shape.append(int(np.prod(array.shape[place : place + len(group)], dtype=np.int64)))
        place += len(group)
    return np.ascontiguousarray(array).reshape(shape)
