"""What a value is: an element type, and named axes with symbolic sizes."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from attncomp.ir.sizes import Size, SizeLike, product


class DType(enum.Enum):
    """An element type, by its spelling in the language."""

    F32 = "f32"
    F16 = "f16"
    BF16 = "bf16"
    F64 = "f64"
    I64 = "i64"
    I32 = "i32"
    BOOL = "bool"

    @property
    def is_float(self) -> bool:
        """Whether values of this type are real numbers."""
        return self in (DType.F32, DType.F16, DType.BF16, DType.F64)

    @property
    def is_integer(self) -> bool:
        """Whether values of this type are whole numbers; booleans are not."""
        return self in (DType.I64, DType.I32)

    @property
    def bytes(self) -> int:
        """Bytes of one element."""
        return _BYTES[self]

    def __str__(self) -> str:
        return self.value


_BYTES = {DType.F64: 8, DType.I64: 8, DType.F32: 4, DType.I32: 4, DType.F16: 2, DType.BF16: 2, DType.BOOL: 1}
_RANK = (DType.BOOL, DType.I32, DType.I64, DType.BF16, DType.F16, DType.F32, DType.F64)


def promote(dtypes: Iterable[DType]) -> DType:
    """The type of a pointwise result: float over integer over boolean, then the wider; f16 with bf16 gives f32."""
    found = set(dtypes)
    if {DType.F16, DType.BF16} <= found:
        found.add(DType.F32)
    return max(found, key=_RANK.index)


@dataclass(frozen=True)
class Axis:
    """A named axis of a value and its size."""

    name: str
    size: Size

    @staticmethod
    def of(name: str, size: SizeLike) -> Axis:
        """An axis whose size may be given as a number."""
        return Axis(name, Size.of(size))

    def __str__(self) -> str:
        return f"{self.name}={self.size}"


# The order of a stored tensor: for each dimension the axes packed in it, leftmost major; () is a dimension of size 1.
Layout = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class ValueType:
    """A dtype and the axes of a value. The axes are a set: their order here is for reading only."""

    dtype: DType
    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) != len(names):
            raise ValueError(f"two axes with one name: {', '.join(names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the axes, in reading order."""
        return tuple(axis.name for axis in self.axes)

    def has(self, name: str) -> bool:
        """Whether the value has the axis `name`."""
        return any(axis.name == name for axis in self.axes)

    def size(self, name: str) -> Size:
        """The size of axis `name`. Raises KeyError where the value lacks it."""
        for axis in self.axes:
            if axis.name == name:
                return axis.size
        raise KeyError(name)

    def without(self, names: Iterable[str]) -> tuple[Axis, ...]:
        """The axes not in `names`."""
        dropped = set(names)
        return tuple(axis for axis in self.axes if axis.name not in dropped)

    def elements(self) -> Size:
        """How many numbers the value holds."""
        return product([axis.size for axis in self.axes])

    def same_as(self, other: ValueType) -> bool:
        """Equality that ignores the reading order of the axes."""
        return self.dtype == other.dtype and set(self.axes) == set(other.axes)

    def __str__(self) -> str:
        return f"{self.dtype}{{{', '.join(map(str, self.axes))}}}"
