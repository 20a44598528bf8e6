"""What a symbolic size may come to: for decisions that must be made before sizes are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attncomp.ir.sizes import Size

# What a size that is bound at each call is taken for: a sentence, a small image's side.
TYPICAL = 256


def estimate(size: Size, sizes: Mapping[str, int] | None = None) -> float:
    """The number that a size is where every symbol that `sizes` lacks is `TYPICAL`."""
    known = sizes or {}
    return float(size.evaluate({symbol: known.get(symbol, TYPICAL) for symbol in size.symbols()}))


def at_most(left: Size, right: Size) -> bool:
    """Whether `left <= right` is proved for all sizes of at least 0: no term of the difference is negative."""
    return all(coefficient >= 0 for _, coefficient in (right - left).terms)


def cheaper(left: Size, right: Size) -> bool:
    """Whether a cost is less than another: proved so, or else by the estimate."""
    if left == right or at_most(right, left):
        return False
    return at_most(left, right) or estimate(left) < estimate(right)


def largest(sizes: Iterable[Size]) -> Size:
    """The one of `sizes` with the largest estimate, the first of several; 0 for none."""
    return max(sizes, key=estimate, default=Size.of(0))
