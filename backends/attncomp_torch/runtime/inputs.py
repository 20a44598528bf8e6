"""Checks of what a module is called with; they hold under torch.compile with dynamic sizes too."""

from __future__ import annotations

import torch
from torch import Tensor


def check_input(
    name: str,
    value: Tensor,
    dtype: torch.dtype,
    axes: tuple[str, ...],
    sizes: tuple[int | None, ...],
) -> None:
    """Refuses an input of another rank, dtype or size; None is any size.

    For a float every float type will do.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"E071: `{name}` is a {type(value).__name__}, expected a tensor")
    if value.dim() != len(axes):
        raise ValueError(f"E071: `{name}` has {value.dim()} axes, expected [{', '.join(axes)}]")
    if value.dtype != dtype and not (value.is_floating_point() and dtype.is_floating_point):
        raise TypeError(f"E071: `{name}` has dtype {value.dtype}, expected {dtype}")
    for axis, size, expected in zip(axes, value.shape, sizes, strict=True):
        if expected is not None and size != expected:
            raise ValueError(f"E071: `{name}` has size {size} for `{axis}`, expected {expected}")


def check_divides(numerator_text: str, numerator: int, divisor_text: str, divisor: int) -> None:
    """Refuses sizes where a division leaves a remainder."""
    if divisor == 0 or numerator % divisor != 0:
        raise ValueError(
            f"E071: {numerator_text} = {numerator} does not divide by {divisor_text} = {divisor}"
        )


def check_at_most(left_text: str, left: int, right_text: str, right: int) -> None:
    """Refuses a size that is larger than the model has room for, or too small for it."""
    if left > right and left_text == str(left):
        raise ValueError(f"E071: {right_text} is {right}, and the model takes at least {left}")
    if left > right:
        bound = right_text if right_text == str(right) else f"{right_text} = {right}"
        raise ValueError(f"E071: {left_text} is {left}, and the model takes at most {bound}")


def check_equal(left_text: str, left: int, right_text: str, right: int) -> None:
    """Refuses sizes that must be equal and are not."""
    if left != right:
        raise ValueError(f"E071: {left_text} = {left} must be {right_text} = {right}")
