"""Sizes as Python arithmetic on the variables that hold the symbols."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from attncomp.emission.expressions import Expression, binary, call, number, unary
from attncomp.ir.graph import Attribute
from attncomp.ir.sizes import Atom, Quotient, Size, Symbol
from attncomp.lowering.bounds import Bound, Extreme, sizes_in
from attncomp.lowering.program import Loop, Pieces, Program, Region, Statement, Value, inside


def size_expression(size: Size, variable: Callable[[str], str]) -> Expression:
    """`size` with `//` and `*`; `variable` gives the name that holds a symbol."""
    if not size.terms:
        return Expression("0")
    total: Expression | None = None
    for monomial, coefficient in size.terms:
        factors = [_atom(atom, variable) for atom, power in monomial for _ in range(power)]
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, number(abs(coefficient)))
        term = factors[0]
        for factor in factors[1:]:
            term = binary("*", term, factor)
        if total is None:
            total = unary("-", term) if coefficient < 0 else term
        else:
            total = binary("-" if coefficient < 0 else "+", total, term)
    assert total is not None
    return total


def bound_expression(bound: Bound, variable: Callable[[str], str]) -> Expression:
    """A bound with `min` and `max`."""
    if isinstance(bound, Extreme):
        return call("max" if bound.largest else "min", *(bound_expression(part, variable) for part in bound.parts))
    return size_expression(bound, variable)


def _atom(atom: Atom, variable: Callable[[str], str]) -> Expression:
    if isinstance(atom, Symbol):
        return Expression(variable(atom.name))
    return binary("//", size_expression(atom.numerator, variable), size_expression(atom.divisor, variable))


def exact_quotients(program: Program) -> tuple[Quotient, ...]:
    """The quotients whose remainder must be zero and is not known to be: a module checks them at each call."""
    found: dict[Quotient, None] = {}
    for size in program_sizes(program):
        for quotient in _quotients(size):
            if quotient.exact:
                found.setdefault(quotient)
    return tuple(found)


# By relation of a constraint, the runtime function that refuses sizes for which it does not hold.
CHECKS: Mapping[str, str] = {"==": "check_equal", "<=": "check_at_most"}


def program_sizes(program: Program) -> Iterator[Size]:
    """Every size in a program: of its inputs, its steps and their attributes."""
    for given in program.inputs:
        yield from given.value.shape
    for constraint in program.constraints:
        yield constraint.left
        yield constraint.right
    yield from _statement_sizes((*program.prepare, *program.steps))


def _statement_sizes(body: tuple[Statement, ...]) -> Iterator[Size]:
    for statement in body:
        if isinstance(statement, Loop):
            for carried in statement.carried:
                for value in carried:
                    yield from value.shape
            yield from _statement_sizes((*statement.prepare, *statement.steps))
        elif isinstance(statement, Region):
            yield from _value_sizes(
                *statement.results, *statement.inputs, *(value for ends in inside(statement) for value in ends)
            )
            if statement.pieces is not None:
                yield from _piece_sizes(statement.pieces)
            yield from _statement_sizes(statement.body)
        else:
            yield from _value_sizes(statement.result)
            for attribute in statement.attributes.values():
                yield from attribute_sizes(attribute)


def _piece_sizes(pieces: Pieces) -> Iterator[Size]:
    """The sizes that a region in pieces speaks of, the ends of a piece as 0."""
    stretches = () if pieces.reads is None else (pieces.reads,)
    ends = {f"{cut.axis}.{end}": 0 for cut in pieces.cuts for end in ("start", "stop")}
    for bound in (*pieces.each, *(end for one in stretches for end in (one.size, one.interval.low, one.interval.high))):
        for size in sizes_in(bound):
            yield size.substitute(ends)


def _value_sizes(*values: Value) -> Iterator[Size]:
    for value in values:
        yield from value.shape


def attribute_sizes(attribute: Attribute) -> Iterator[Size]:
    """The sizes in an attribute."""
    if isinstance(attribute, Size):
        yield attribute
    elif isinstance(attribute, tuple):
        for item in attribute:
            yield from attribute_sizes(item)


def _quotients(size: Size) -> Iterator[Quotient]:
    for atom in size.atoms():
        if isinstance(atom, Quotient):
            yield from _quotients(atom.numerator)
            yield from _quotients(atom.divisor)
            yield atom
