"""Exact arithmetic on symbolic sizes.

A `Size` is a polynomial with integer coefficients over atoms. An atom is a symbol bound at each call (`batch`), or a
quotient, floored (`//`) or known to be exact (`/`, where the module checks the remainder at each call). An exact
quotient cancels against its divisor, where that is one term. Two sizes are equal when their normal forms are (with
products of several exact quotients they may be equal in other ways too, which is then checked at each call);
`provably_different` answers only when the difference is a non-zero constant.

A size of more than `COMPLEXITY_LIMIT` factors raises DiagnosticError E033, without a place: whoever has one adds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, total_ordering
from typing import Union

from attncomp.diagnostics.core import fail

# Beyond this a formula is no size of a model, and comparing it would take time without bound.
COMPLEXITY_LIMIT = 2000


@total_ordering
@dataclass(frozen=True)
class Symbol:
    """A size that is unknown until the module is called."""

    name: str

    def __str__(self) -> str:
        return self.name

    def __lt__(self, other: object) -> bool:
        return str(self) < str(other)


@total_ordering
@dataclass(frozen=True)
class Quotient:
    """`numerator // divisor`; where `exact`, the remainder is known to be zero."""

    numerator: Size
    divisor: Size
    exact: bool

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        # Sorting terms asks for it again and again.
        sign = "/" if self.exact else "//"
        return f"{_parenthesised(self.numerator)} {sign} {_parenthesised(self.divisor)}"

    def __lt__(self, other: object) -> bool:
        return str(self) < str(other)


Atom = Union[Symbol, Quotient]
Monomial = tuple[tuple[Atom, int], ...]
SizeLike = Union["Size", int]


@dataclass(frozen=True)
class Size:
    """A polynomial: its terms (monomial, coefficient) in a canonical order, none with coefficient zero."""

    terms: tuple[tuple[Monomial, int], ...]

    @staticmethod
    def of(value: SizeLike) -> Size:
        """`value` as a size."""
        if isinstance(value, Size):
            return value
        return Size((((), value),)) if value else Size(())

    @staticmethod
    def symbol(name: str) -> Size:
        """The size that the symbol `name` stands for."""
        return _atom(Symbol(name))

    @cached_property
    def complexity(self) -> int:
        """How many factors the size is written with, those inside its quotients too."""
        return sum(
            1 + (atom.numerator.complexity + atom.divisor.complexity if isinstance(atom, Quotient) else 0)
            for monomial, _ in self.terms
            for atom, _ in ((None, 1), *monomial)
        )

    @property
    def constant(self) -> int | None:
        """The number that this size is, or None where it depends on a symbol."""
        if not self.terms:
            return 0
        if len(self.terms) == 1 and self.terms[0][0] == ():
            return self.terms[0][1]
        return None

    def symbols(self) -> frozenset[str]:
        """The symbols that this size depends on."""
        return frozenset(symbol for monomial, _ in self.terms for atom, _ in monomial for symbol in _symbols(atom))

    def atoms(self) -> Iterator[Atom]:
        """The atoms of this size, not those inside its quotients."""
        for monomial, _ in self.terms:
            for atom, _ in monomial:
                yield atom

    def __add__(self, other: SizeLike) -> Size:
        return _normal([*self.terms, *Size.of(other).terms])

    __radd__ = __add__

    def __neg__(self) -> Size:
        return _normal((monomial, -coefficient) for monomial, coefficient in self.terms)

    def __sub__(self, other: SizeLike) -> Size:
        return self + -Size.of(other)

    def __rsub__(self, other: SizeLike) -> Size:
        return Size.of(other) + -self

    def __mul__(self, other: SizeLike) -> Size:
        factor = Size.of(other)
        _limit(len(self.terms) * len(factor.terms))
        return _normal(
            (_product(left, right), left_coefficient * right_coefficient)
            for left, left_coefficient in self.terms
            for right, right_coefficient in factor.terms
        )

    __rmul__ = __mul__

    def __floordiv__(self, other: SizeLike) -> Size:
        return self._divide(Size.of(other), exact=False)

    def __rfloordiv__(self, other: SizeLike) -> Size:
        return Size.of(other) // self

    def __mod__(self, other: SizeLike) -> Size:
        return self - (self // other) * other

    def __pow__(self, exponent: int) -> Size:
        result = Size.of(1)
        for _ in range(exponent):
            result = result * self
        return result

    def exactly(self, divisor: SizeLike) -> Size:
        """The size divided by `divisor`, known to leave no remainder.

        Raises ZeroDivisionError for a divisor of zero, and ValueError where both are numbers that do not divide.
        """
        divisor = Size.of(divisor)
        if self.constant is not None and divisor.constant and self.constant % divisor.constant:
            raise ValueError(f"{self} does not divide by {divisor}")
        return self._divide(divisor, exact=True)

    def divides_evenly(self, divisor: SizeLike) -> bool | None:
        """Whether `divisor` leaves no remainder: True and False are proofs, None is not known when compiling."""
        divisor = Size.of(divisor)
        if self.constant is not None and divisor.constant is not None:
            return divisor.constant != 0 and self.constant % divisor.constant == 0
        return True if _polynomial_quotient(self, divisor) is not None else None

    def _divide(self, divisor: Size, *, exact: bool) -> Size:
        if divisor.constant == 0:
            raise ZeroDivisionError("division of a size by zero")
        if self.constant is not None and divisor.constant is not None:
            return Size.of(self.constant // divisor.constant)
        quotient = _polynomial_quotient(self, divisor)
        return _atom(Quotient(self, divisor, exact)) if quotient is None else quotient

    def evaluate(self, bindings: Mapping[str, int]) -> int:
        """The number that this size is under `bindings` (symbol to number). Raises KeyError for an unbound symbol."""
        total = 0
        for monomial, coefficient in self.terms:
            term = coefficient
            for atom, power in monomial:
                term *= _evaluate(atom, bindings) ** power
            total += term
        return total

    def substitute(self, bindings: Mapping[str, SizeLike]) -> Size:
        """The size with symbols replaced by sizes; symbols that `bindings` lacks stay."""
        total = Size(())
        for monomial, coefficient in self.terms:
            term = Size.of(coefficient)
            for atom, power in monomial:
                term = term * _substitute(atom, bindings) ** power
            total = total + term
        return total

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        text = ""
        for monomial, coefficient in self.terms:
            sign = "-" if coefficient < 0 else "+"
            text += f" {sign} " if text else ("-" if sign == "-" else "")
            text += _term_text(monomial, coefficient)
        return text

    def __repr__(self) -> str:
        return f"Size({self})"


def equal(left: SizeLike, right: SizeLike) -> bool:
    """Whether the two sizes are proved to be the same."""
    return Size.of(left) == Size.of(right)


def provably_different(left: SizeLike, right: SizeLike) -> bool:
    """Whether the two sizes differ by a non-zero constant, whatever the symbols are."""
    if left == right:
        return False
    difference = (Size.of(left) - right).constant
    return difference is not None and difference != 0


def product(sizes: Iterator[Size] | tuple[Size, ...] | list[Size]) -> Size:
    """The product of `sizes`, 1 for none."""
    result = Size.of(1)
    for size in sizes:
        result = result * size
    return result


def _limit(complexity: int) -> None:
    if complexity > COMPLEXITY_LIMIT:
        raise fail("E033", "this size is a formula of too many terms", help="name what is known: `axis seq = 512`")


def _limited(size: Size) -> Size:
    _limit(size.complexity)
    return size


def _atom(atom: Atom) -> Size:
    return _limited(Size(((((atom, 1),), 1),)))


def _symbols(atom: Atom) -> frozenset[str]:
    if isinstance(atom, Symbol):
        return frozenset((atom.name,))
    return atom.numerator.symbols() | atom.divisor.symbols()


def _evaluate(atom: Atom, bindings: Mapping[str, int]) -> int:
    if isinstance(atom, Symbol):
        return bindings[atom.name]
    return atom.numerator.evaluate(bindings) // atom.divisor.evaluate(bindings)


def _substitute(atom: Atom, bindings: Mapping[str, SizeLike]) -> Size:
    if isinstance(atom, Symbol):
        return Size.of(bindings[atom.name]) if atom.name in bindings else _atom(atom)
    numerator, divisor = atom.numerator.substitute(bindings), atom.divisor.substitute(bindings)
    return numerator.exactly(divisor) if atom.exact else numerator // divisor


def _degree_key(term: tuple[Monomial, int]) -> tuple[int, str]:
    monomial, _ = term
    return -sum(power for _, power in monomial), " ".join(f"{atom}^{power}" for atom, power in monomial)


def _normal(terms: Iterable[tuple[Monomial, int]]) -> Size:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    for monomial, coefficient in total.items():
        reduced = _cancelled(monomial, coefficient)
        if reduced is not None:
            others = [term for term in total.items() if term[0] != monomial]
            return _normal([*others, *reduced.terms])
    return _limited(Size(tuple(sorted(((m, c) for m, c in total.items() if c), key=_degree_key))))


def _cancelled(monomial: Monomial, coefficient: int) -> Size | None:
    """A term in which an exact quotient meets its divisor, with the numerator instead; None where none does.

    Of a quotient by k times a monomial, coefficients from 0 to k - 1 stay: `5 * (h / 2)` is `h / 2 + 2 * h`.
    """
    for atom, power in monomial:
        if not (isinstance(atom, Quotient) and atom.exact and len(atom.divisor.terms) == 1):
            continue
        ((divisor, factor),) = atom.divisor.terms
        times = coefficient // factor if factor > 0 else 0
        powers = dict(monomial)
        powers[atom] = power - 1
        for other, needed in divisor:
            powers[other] = powers.get(other, 0) - needed
        if times and min(powers.values()) >= 0:
            whole = Size(((_monomial(powers), times),)) * atom.numerator
            rest = coefficient - times * factor
            return whole + Size(((monomial, rest),)) if rest else whole
    return None


def _product(left: Monomial, right: Monomial) -> Monomial:
    powers: dict[Atom, int] = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    return _monomial(powers)


def _monomial(powers: Mapping[Atom, int]) -> Monomial:
    return tuple(sorted(((atom, power) for atom, power in powers.items() if power), key=lambda item: str(item[0])))


def _polynomial_quotient(numerator: Size, divisor: Size) -> Size | None:
    """The quotient where every term of `numerator` divides by `divisor`, itself one term or equal to it; else None."""
    if numerator == divisor:
        return Size.of(1)
    if len(divisor.terms) != 1:
        return None
    ((divisor_monomial, divisor_coefficient),) = divisor.terms
    terms: list[tuple[Monomial, int]] = []
    for monomial, coefficient in numerator.terms:
        powers = dict(monomial)
        for atom, power in divisor_monomial:
            powers[atom] = powers.get(atom, 0) - power
        if coefficient % divisor_coefficient or min(powers.values(), default=0) < 0:
            return None
        terms.append((_monomial(powers), coefficient // divisor_coefficient))
    return _normal(terms)


def _term_text(monomial: Monomial, coefficient: int) -> str:
    factors = [] if abs(coefficient) == 1 and monomial else [str(abs(coefficient))]
    for atom, power in monomial:
        text = (
            f"({atom})"
            if isinstance(atom, Quotient) and (len(monomial) > 1 or coefficient != 1 or power > 1)
            else str(atom)
        )
        factors.extend([text] * power)
    return " * ".join(factors)


def _parenthesised(size: Size) -> str:
    text = str(size)
    return f"({text})" if " " in text else text
