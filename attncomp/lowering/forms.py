"""Whole numbers made of positions, as sums of multiples, and where along the sources such a number can be positive.

`Form` is a sum (`Linear`), or the largest or the least of several: `abs(x)` is the largest of x and -x. What bounds a
sum is sound, not always tight: each of its terms is taken at its own extreme.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Union

from attncomp.ir.sizes import Size
from attncomp.lowering.bounds import EVERYWHERE, NOWHERE, Interval, Order, start_of, stop_of

# How many sums a form may hold.
_LARGEST_FORM = 16


@dataclass(frozen=True)
class Position:
    """The position along the axis in this place among those that are cut, or along that of the sources."""

    place: int


SOURCE = Position(-1)


@dataclass(frozen=True)
class Between:
    """The number of node `identity`, at least `least` and at most `most`."""

    identity: int
    least: Size
    most: Size


@dataclass(frozen=True)
class Rounded:
    """`form // divisor`, of a positive divisor."""

    form: Linear
    divisor: int


Atom = Union[Position, Between, Rounded]


@dataclass(frozen=True)
class Linear:
    """`constant` and multiples of atoms."""

    constant: Size
    terms: frozenset[tuple[Atom, int]] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Choice:
    """The largest of some forms, or the least."""

    largest: bool
    forms: tuple[Form, ...]


Form = Union[Linear, Choice]


def constant(size: Size | int) -> Form:
    """A number that does not depend on positions."""
    return Linear(Size.of(size))


def atom(one: Atom) -> Form:
    """One atom as a form."""
    return Linear(Size.of(0), frozenset(((one, 1),)))


def plus(left: Form, right: Form) -> Form:
    """The sum of two forms."""
    if isinstance(left, Choice):
        return Choice(left.largest, tuple(plus(form, right) for form in left.forms))
    if isinstance(right, Choice):
        return plus(right, left)
    terms: dict[Atom, int] = dict(left.terms)
    for one, count in right.terms:
        terms[one] = terms.get(one, 0) + count
    return Linear(left.constant + right.constant, frozenset((one, count) for one, count in terms.items() if count))


def times(form: Form, factor: int) -> Form:
    """A form times a whole number."""
    if isinstance(form, Choice):
        return Choice(form.largest is (factor > 0), tuple(times(one, factor) for one in form.forms))
    terms = frozenset((one, count * factor) for one, count in form.terms if factor)
    return Linear(form.constant * factor, terms)


def minus(left: Form, right: Form) -> Form:
    """The difference of two forms."""
    return plus(left, times(right, -1))


def rounded(form: Form, divisor: int) -> Form:
    """`form // divisor`, of a positive divisor."""
    if isinstance(form, Choice):
        return Choice(form.largest, tuple(rounded(one, divisor) for one in form.forms))
    return atom(Rounded(form, divisor)) if form.terms else Linear(form.constant // divisor)


def is_small(form: Form) -> bool:
    """Whether a form is of few sums."""
    return _sums(form) <= _LARGEST_FORM


def _sums(form: Form) -> int:
    return sum(map(_sums, form.forms)) if isinstance(form, Choice) else 1


def possible(form: Form, order: Order) -> Interval:
    """A stretch of sources outside of which `form >= 0` nowhere in a piece."""
    if isinstance(form, Choice):
        found = [possible(one, order) for one in form.forms]
        join = order.hull if form.largest else order.common
        total = found[0]
        for interval in found[1:]:
            total = join(total, interval)
        return total
    if not form.terms and form.constant.constant is not None:
        return EVERYWHERE if form.constant.constant >= 0 else NOWHERE
    return _from_zero(form, order)


def _from_zero(form: Linear, order: Order) -> Interval:
    """As `possible`, of a sum: the one term that depends on the source, where all others are the greatest."""
    (source, factor), rest = _apart(form)
    if source is None:
        return EVERYWHERE
    limit = _greatest(rest, order)
    if limit is None:
        return EVERYWHERE
    # factor * source + limit >= 0
    if factor < 0:
        return _where_at_most(source, limit // -factor, order)
    return _where_at_least(source, -(limit // factor), order)


def _where_at_most(source: Atom, limit: Size, order: Order) -> Interval:
    if isinstance(source, Rounded):  # form // d <= limit where limit * d + d - 1 - form >= 0
        behind = Linear(limit * source.divisor + source.divisor - 1)
        return possible(minus(behind, source.form), order)
    return Interval(None, limit + 1)


def _where_at_least(source: Atom, limit: Size, order: Order) -> Interval:
    if isinstance(source, Rounded):  # form // d >= limit where form - limit * d >= 0
        return possible(minus(source.form, Linear(limit * source.divisor)), order)
    return Interval(limit, None)


def _apart(form: Linear) -> tuple[tuple[Atom | None, int], Linear]:
    """The only atom that depends on the source, and how often it is there; None where there are none or several."""
    found = [(one, count) for one, count in form.terms if _reads_source(one)]
    if len(found) != 1:
        return (None, 0), form
    return found[0], Linear(form.constant, form.terms - {found[0]})


def _reads_source(one: Atom) -> bool:
    if isinstance(one, Rounded):
        return any(_reads_source(inner) for inner, _ in one.form.terms)
    return one == SOURCE


def _greatest(form: Linear, order: Order) -> Size | None:
    """The most that a sum without sources can be."""
    total = form.constant
    for one, count in form.terms:
        most = _end(one, order, greatest=count > 0)
        if most is None:
            return None
        total = total + most * count
    return total


def _end(one: Atom, order: Order, *, greatest: bool) -> Size | None:
    """The most, or the least, that an atom without sources can be."""
    if isinstance(one, Position):
        axis = order.cuts[one.place].name
        return Size.symbol(stop_of(axis)) - 1 if greatest else Size.symbol(start_of(axis))
    if isinstance(one, Between):
        return one.most if greatest else one.least
    inner = _greatest(one.form if greatest else _negated(one.form), order)
    if inner is None:
        return None
    return inner // one.divisor if greatest else -inner // one.divisor


def _negated(form: Linear) -> Linear:
    turned = times(form, -1)
    assert isinstance(turned, Linear)
    return turned


# From the forms of the operands of a comparison: what is at least 0 where it holds.
_HOLDS: Mapping[str, Callable[[Form, Form], Form]] = {
    "greater_equal": minus,
    "greater": lambda a, b: minus(minus(a, b), constant(1)),
    "less_equal": lambda a, b: minus(b, a),
    "less": lambda a, b: minus(minus(b, a), constant(1)),
    "equal": lambda a, b: Choice(False, (minus(a, b), minus(b, a))),
    "not_equal": lambda a, b: Choice(True, (minus(minus(a, b), constant(1)), minus(minus(b, a), constant(1)))),
}

_OPPOSITE: Mapping[str, str] = {
    "greater_equal": "less",
    "less": "greater_equal",
    "greater": "less_equal",
    "less_equal": "greater",
    "equal": "not_equal",
    "not_equal": "equal",
}

COMPARISONS = frozenset(_HOLDS)


def where_true(operator: str, left: Form, right: Form, order: Order) -> Interval:
    """A stretch of sources outside of which a comparison of whole numbers holds nowhere in a piece."""
    return possible(_HOLDS[operator](left, right), order)


def where_false(operator: str, left: Form, right: Form, order: Order) -> Interval:
    """A stretch of sources outside of which a comparison of whole numbers holds everywhere in a piece."""
    return where_true(_OPPOSITE[operator], left, right, order)
