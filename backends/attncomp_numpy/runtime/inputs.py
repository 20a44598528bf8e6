"""Checks of what a module is called with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from attncomp_numpy.runtime.arrays import Array, known


class InputError(ValueError):
    """An input of another rank, size or kind of number than the model takes."""


def checked_input(name: str, given: ArrayLike, dtype: DTypeLike, axes: tuple[str, ...]) -> Array:
    """An input as an array of `dtype`, with a dimension for each of `axes`.

    Whole numbers of any width are taken for whole numbers, floats of any width for floats, and
    for booleans 0 and 1 too. Raises InputError for anything else.
    """
    wanted: np.dtype[Any] = np.dtype(dtype)
    array = known(np.asarray(given))
    shown = ", ".join(axes)
    if array.ndim != len(axes):
        raise InputError(
            f"E071: `{name}` has {array.ndim} dimensions {list(array.shape)}, "
            f"expected {len(axes)}: [{shown}]"
        )
    kind = array.dtype.kind
    if wanted.kind == "f" and kind != "f":
        raise InputError(f"E071: `{name}` holds {array.dtype}, expected floating-point numbers")
    if wanted.kind == "i":
        if kind not in "iu":
            raise InputError(f"E071: `{name}` holds {array.dtype}, expected whole numbers")
        limits = np.iinfo(wanted)
        narrowed = array.size > 0 and not np.can_cast(array.dtype, wanted)
        if narrowed and (int(array.max()) > limits.max or int(array.min()) < limits.min):
            raise InputError(f"E071: `{name}` holds numbers too large for {wanted}")
    zeros_and_ones = kind == "b" or (kind in "iu" and bool(np.isin(array, (0, 1)).all()))
    if wanted.kind == "b" and not zeros_and_ones:
        raise InputError(f"E071: `{name}` holds {array.dtype}, expected booleans, or 0 and 1")
    return array.astype(wanted, copy=False)


def check_shape(name: str, array: Array, axes: tuple[str, ...], sizes: tuple[int, ...]) -> None:
    """Refuses an input whose dimensions, called `axes`, are not `sizes`."""
    wrong = [
        f"`{axis}` is {given}, expected {size}"
        for axis, given, size in zip(axes, array.shape, sizes, strict=True)
        if given != size
    ]
    if wrong:
        raise InputError(
            f"E071: `{name}` has shape {list(array.shape)} for [{', '.join(axes)}]: "
            + "; ".join(wrong)
        )


def given_results(name: str, given: Any, results: tuple[str, ...]) -> tuple[Array | None, ...]:
    """The array for each of several results, None where the caller gave none."""
    if given is None:
        return (None,) * len(results)
    if not isinstance(given, (tuple, list)) or len(given) != len(results):
        found = len(given) if isinstance(given, (tuple, list)) else type(given).__name__
        raise InputError(
            f"E071: `{name}` is {found}, expected a tuple of {len(results)} arrays: "
            + ", ".join(results)
        )
    return tuple(given)


def check_result(
    name: str,
    out: Array | None,
    dtype: DTypeLike,
    sizes: tuple[int, ...],
    others: tuple[Array | None, ...],
) -> None:
    """Refuses an array for a result of another shape or dtype, or one that cannot be written to.

    Nor may it lie where one of `others` does, the inputs and the arrays for results before it.
    """
    if out is None:
        return
    if not isinstance(out, np.ndarray) or (out.shape, out.dtype) != (sizes, np.dtype(dtype)):
        array = isinstance(out, np.ndarray)
        shown = f"{out.dtype}{list(out.shape)}" if array else type(out).__name__
        raise InputError(f"E071: `{name}` is {shown}, expected {np.dtype(dtype)}{list(sizes)}")
    if not out.flags.writeable:
        raise InputError(f"E071: `{name}` is read-only, and the result is written into it")
    if any(one is not None and np.shares_memory(out, one) for one in others):
        raise InputError(f"E071: `{name}` shares memory with an input or with another result")


def check_equal(left: str, left_size: int, right: str, right_size: int) -> None:
    """Refuses sizes that the model needs to be equal."""
    if left_size != right_size:
        raise InputError(f"E071: {left} is {left_size} and {right} is {right_size}: not the same")


def check_at_most(left: str, left_size: int, right: str, right_size: int) -> None:
    """Refuses a size that is larger than the model has room for, or too small for it."""
    if left_size > right_size and left == str(left_size):
        raise InputError(f"E071: {right} is {right_size}, and the model takes at least {left}")
    if left_size > right_size:
        bound = right if right == str(right_size) else f"{right} = {right_size}"
        raise InputError(f"E071: {left} is {left_size}, and the model takes at most {bound}")


def check_divides(numerator: str, size: int, divisor: str, parts: int) -> None:
    """Refuses a size that does not divide where the model divides it."""
    if parts == 0 or size % parts:
        raise InputError(f"E071: {numerator} is {size}, which {divisor} = {parts} does not divide")
