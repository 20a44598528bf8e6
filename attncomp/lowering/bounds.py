"""Bounds of a stretch of positions, known when a piece starts: sizes, and the least or the largest of several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Union

from attncomp.ir.estimate import at_most
from attncomp.ir.sizes import Quotient, Size
from attncomp.ir.types import Axis


def start_of(axis: str) -> str:
    """The symbol for the first position of a piece along an axis."""
    return f"{axis}.start"


def stop_of(axis: str) -> str:
    """The symbol for the position behind the last of a piece along an axis."""
    return f"{axis}.stop"


@dataclass(frozen=True)
class Extreme:
    """The largest of `parts`, or the least of them."""

    largest: bool
    parts: tuple[Bound, ...]

    def __str__(self) -> str:
        return f"{'max' if self.largest else 'min'}({', '.join(map(str, self.parts))})"


Bound = Union[Size, Extreme]


@dataclass(frozen=True)
class Interval:
    """The positions from `low` to before `high`; None for either where nothing bounds them there."""

    low: Bound | None = None
    high: Bound | None = None


# No position at all; every position.
NOWHERE = Interval(Size.of(0), Size.of(0))
EVERYWHERE = Interval()


@dataclass(frozen=True)
class Order:
    """What is known of the ends of a piece along the axes `cuts`: it is not empty, and within the axis."""

    cuts: tuple[Axis, ...]

    def at_most(self, left: Bound, right: Bound) -> bool:
        """Whether `left <= right` is proved for every piece."""
        if isinstance(left, Extreme):
            each = (self.at_most(part, right) for part in left.parts)
            return all(each) if left.largest else any(each)
        if isinstance(right, Extreme):
            each = (self.at_most(left, part) for part in right.parts)
            return any(each) if right.largest else all(each)
        difference = (right - left).substitute(self._sizes())
        return _quotients_count_up(difference) and at_most(Size.of(0), difference)

    def hull(self, left: Interval, right: Interval) -> Interval:
        """The least stretch with the positions of both."""
        if NOWHERE in (left, right):
            return right if left == NOWHERE else left
        return Interval(
            None if left.low is None or right.low is None else self._of((left.low, right.low), largest=False),
            None if left.high is None or right.high is None else self._of((left.high, right.high), largest=True),
        )

    def common(self, left: Interval, right: Interval) -> Interval:
        """The positions that both have."""
        if NOWHERE in (left, right):
            return NOWHERE
        lows = [one for one in (left.low, right.low) if one is not None]
        highs = [one for one in (left.high, right.high) if one is not None]
        return Interval(
            self._of(tuple(lows), largest=True) if lows else None,
            self._of(tuple(highs), largest=False) if highs else None,
        )

    def within(self, interval: Interval, size: Size) -> Interval:
        """The same positions of an axis of `size`, without bounds that the ends of the axis imply."""
        low = interval.low if interval.low is None or not self.at_most(interval.low, Size.of(0)) else None
        high = interval.high if interval.high is None or not self.at_most(size, interval.high) else None
        return Interval(low, high)

    def _of(self, parts: tuple[Bound, ...], *, largest: bool) -> Bound:
        """The largest or the least of some bounds, without those that another one makes needless."""
        kept: list[Bound] = []
        flat = [one for part in parts for one in _parts(part, largest)]
        for number, part in enumerate(flat):
            others = (*kept, *flat[number + 1 :])
            if not any(self.at_most(part, other) if largest else self.at_most(other, part) for other in others):
                kept.append(part)
        return kept[0] if len(kept) == 1 else Extreme(largest, tuple(kept))

    def _sizes(self) -> Mapping[str, Size]:
        """The stop of each piece and the size of its axis, by how much they are beyond the start."""
        found: dict[str, Size] = {}
        for cut in self.cuts:
            start, more, rest = (Size.symbol(f"{cut.name}.{word}") for word in ("start", "more", "rest"))
            found[stop_of(cut.name)] = start + 1 + more
            if cut.size == Size.symbol(str(cut.size)):
                found.setdefault(str(cut.size), start + 1 + more + rest)
        return found


def sizes_in(bound: Bound | None) -> Iterator[Size]:
    """The sizes that a bound is made of."""
    if isinstance(bound, Extreme):
        for part in bound.parts:
            yield from sizes_in(part)
    elif bound is not None:
        yield bound


def _parts(bound: Bound, largest: bool) -> tuple[Bound, ...]:
    return bound.parts if isinstance(bound, Extreme) and bound.largest is largest else (bound,)


def _quotients_count_up(size: Size) -> bool:
    """Whether no quotient in a size of counts can be negative."""
    return all(
        at_most(Size.of(0), atom.numerator)
        and at_most(Size.of(0), atom.divisor)
        and _quotients_count_up(atom.numerator)
        and _quotients_count_up(atom.divisor)
        for atom in size.atoms()
        if isinstance(atom, Quotient)
    )
