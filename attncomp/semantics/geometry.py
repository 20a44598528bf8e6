"""Stride, padding and dilation of windows, pools and convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attncomp.diagnostics.core import Span, fail
from attncomp.ir.graph import Attribute
from attncomp.ir.sizes import Size
from attncomp.semantics.static import Static, Word, describe

if TYPE_CHECKING:
    from attncomp.semantics.braces import Braces
    from attncomp.semantics.scope import Frame


def per_axis(value: Static, count: int, span: Span, option: str) -> tuple[int, ...]:
    """One whole number for all, or a list of one for each. Raises E040."""
    whole = value.whole
    if whole is not None:
        return (whole,) * count
    if isinstance(value.value, tuple):
        numbers = [item.whole for item in value.value]
        if len(numbers) == count and all(number is not None for number in numbers):
            return tuple(number for number in numbers if number is not None)
    raise fail("E040", f"`{option}` takes a whole number or a list of {count}, not `{describe(value)}`", span)


@dataclass(frozen=True)
class Geometry:
    """How a kernel moves over its axes: by axis its extent, stride, dilation, and the padding on both sides."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @staticmethod
    def read(braces: Braces, kernel: Sequence[int], stride: Sequence[int] | None = None) -> Geometry:
        """The geometry that `stride`, `padding` and `dilation` describe.

        `padding` is a number, a list of one for each axis, `same` (odd kernels: the size stays at stride 1) or
        `valid` (none). Raises E040.
        """
        count = len(kernel)
        strides = tuple(stride) if stride and not braces.has("stride") else braces.whole_numbers("stride", 1, count)
        dilation = braces.whole_numbers("dilation", 1, count)
        for option, numbers in (("stride", strides), ("dilation", dilation)):
            if min(numbers, default=1) < 1:
                raise fail("E040", f"`{option}` is at least 1", braces.place(option))
        padding = _padding(braces, kernel, dilation)
        return Geometry(tuple(kernel), strides, dilation, padding, padding)

    def spatial(self) -> dict[str, Attribute]:
        """The attributes that windows, pools and convolutions share."""
        return {
            "stride": self.stride,
            "dilation": self.dilation,
            "before": tuple(map(Size.of, self.before)),
            "after": tuple(map(Size.of, self.after)),
        }

    def require_room(self, frame: Frame, node: int, names: Sequence[str], span: Span) -> None:
        """Requires at each call that a kernel fits along axes whose sizes are not known."""
        type_ = frame.context.type(node)
        for position, name in enumerate(names):
            covered = self.dilation[position] * (self.kernel[position] - 1) + 1
            least = covered - self.before[position] - self.after[position]
            if least > 1 and type_.size(name).constant is None:
                frame.context.bound(Size.of(least), type_.size(name), span)

    def folded(self, position: int, count: Size) -> Size:
        """The size that `count` windows cover along an axis: the inverse of the size rule of a window."""
        covered = (count - 1) * self.stride[position] + self.dilation[position] * (self.kernel[position] - 1) + 1
        return covered - self.before[position] - self.after[position]


def _padding(braces: Braces, kernel: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    value = braces.option("padding", Static(Size.of(0)))
    if isinstance(value.value, Word):
        if value.value.text == "valid":
            return (0,) * len(kernel)
        if value.value.text == "same":
            spans = [step * (extent - 1) for extent, step in zip(kernel, dilation, strict=True)]
            if any(span % 2 for span in spans):
                even = next(extent for extent, span in zip(kernel, spans, strict=True) if span % 2)
                raise fail(
                    "E040",
                    f"`padding = same` needs an odd kernel, and this one is {even}",
                    braces.place("padding"),
                    help="pad by hand with `pad{height: [before, after]}(x)`",
                )
            return tuple(span // 2 for span in spans)
        raise fail(
            "E040", f"`padding` is `same`, `valid` or a number, not `{value.value.text}`", braces.place("padding")
        )
    padding = per_axis(value, len(kernel), braces.place("padding"), "padding")
    if min(padding, default=0) < 0:
        raise fail("E040", "`padding` is not negative", braces.place("padding"))
    return padding
