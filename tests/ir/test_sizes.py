"""Symbolic sizes against plain numbers."""

from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from attncomp.ir.size_text import read_size
from attncomp.ir.sizes import Size, provably_different
from attncomp.ir.text import GraphTextError

NAMES = ("batch", "seq", "seq'", "h")
BINDINGS = st.fixed_dictionaries({name: st.integers(1, 12) for name in NAMES})
LEAVES = st.one_of(st.integers(-6, 12).map(Size.of), st.sampled_from(NAMES).map(Size.symbol))


def _divided(pair: tuple[Size, Size]) -> Size:
    left, right = pair
    return left if right.constant == 0 else left // right


SIZES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] - pair[1]),
        st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
        st.tuples(inner, inner).map(_divided),
    ),
    max_leaves=6,
)


def value(size: Size, bindings: dict[str, int]) -> int:
    try:
        return size.evaluate(bindings)
    except ZeroDivisionError:
        assume(False)
        raise


@settings(max_examples=150, deadline=None)
@given(SIZES, SIZES, SIZES, BINDINGS)
def test_ring_laws_hold_as_normal_forms_and_as_numbers(a: Size, b: Size, c: Size, bindings: dict[str, int]) -> None:
    assert a + b == b + a
    assert a * b == b * a
    assert (a + b) + c == a + (b + c)
    assert a - a == Size.of(0)
    assert a * 1 == a
    assert a * (b + c) == a * b + a * c
    x, y = value(a, bindings), value(b, bindings)
    assert value(a + b, bindings) == x + y
    assert value(a - b, bindings) == x - y
    assert value(a * b, bindings) == x * y
    assert value(a**2, bindings) == x * x


@settings(max_examples=150, deadline=None)
@given(SIZES, SIZES, BINDINGS)
def test_floored_division_and_remainder_are_those_of_numbers(a: Size, b: Size, bindings: dict[str, int]) -> None:
    assume(b.constant != 0)
    x, y = value(a, bindings), value(b, bindings)
    assume(y != 0)
    assert value(a // b, bindings) == x // y
    assert value(a % b, bindings) == x % y


@settings(max_examples=150, deadline=None)
@given(SIZES, SIZES, BINDINGS)
def test_an_exact_quotient_times_its_divisor_is_the_numerator(a: Size, b: Size, bindings: dict[str, int]) -> None:
    assume(b.constant != 0)
    try:
        quotient = a.exactly(b)
    except ValueError:
        assert a.constant is not None and b.constant is not None and a.constant % b.constant
        return
    y = value(b, bindings)
    assume(y != 0 and value(a, bindings) % y == 0)
    assert value(quotient * b, bindings) == value(a, bindings)


@settings(max_examples=200, deadline=None)
@given(SIZES)
def test_the_text_of_a_size_reads_back_as_the_size(a: Size) -> None:
    assert read_size(str(a)) == a


@settings(max_examples=100, deadline=None)
@given(SIZES, SIZES, BINDINGS)
def test_what_is_provably_different_differs(a: Size, b: Size, bindings: dict[str, int]) -> None:
    if provably_different(a, b):
        assert value(a, bindings) != value(b, bindings)
    if a == b:
        assert value(a, bindings) == value(b, bindings)


@settings(max_examples=100, deadline=None)
@given(SIZES, BINDINGS)
def test_substituting_numbers_is_evaluating(a: Size, bindings: dict[str, int]) -> None:
    expected = value(a, bindings)
    try:
        assert a.substitute(bindings) == Size.of(expected)
    except ZeroDivisionError:
        assume(False)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (Size.symbol("h") // 2 + 1, "h // 2 + 1"),
        (-(Size.symbol("h") // 2), "-(h // 2)"),
        ((-Size.symbol("h")) // 2, "-h // 2"),
        (Size.symbol("h") * 3 - 1, "3 * h - 1"),
        (Size.symbol("h").exactly(7), "h / 7"),
        ((Size.symbol("h") + 1) // (Size.symbol("seq") + 2), "(h + 1) // (seq + 2)"),
        (Size.of(0), "0"),
    ],
)
def test_sizes_print_as_arithmetic(size: Size, text: str) -> None:
    assert str(size) == text
    assert read_size(text) == size


def test_a_split_axis_merges_to_its_own_size() -> None:
    height = Size.symbol("h")
    assert height.exactly(7) * 7 == height
    assert (height.exactly(7) * 7 * Size.symbol("seq")) == height * Size.symbol("seq")
    assert height // 7 * 7 != height


@pytest.mark.parametrize("text", ["", "1 +", "(a", "a b", "1 / 0", "7 / 2", "a $"])
def test_text_that_is_no_size_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(GraphTextError) as caught:
        read_size(text)
    assert caught.value.line == 1


QUOTIENTS = (
    Size.symbol("h").exactly(2),
    Size.symbol("h").exactly(12),
    (Size.symbol("h") + 1).exactly(4),
    Size.symbol("h").exactly(Size.symbol("seq")),
    (Size.symbol("h") * Size.symbol("batch")).exactly(Size.symbol("seq") * 3),
)


def _polynomials(quotient: Size) -> st.SearchStrategy[tuple[Size, Size, Size]]:
    leaves = st.one_of(LEAVES, st.just(quotient))
    sizes = st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
            st.tuples(inner, inner).map(lambda pair: pair[0] - pair[1]),
            st.tuples(inner, inner).map(lambda pair: pair[0] * pair[1]),
        ),
        max_leaves=5,
    )
    return st.tuples(sizes, sizes, sizes)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(QUOTIENTS).flatmap(_polynomials))
def test_ring_laws_hold_with_an_exact_quotient(sizes: tuple[Size, Size, Size]) -> None:
    a, b, c = sizes
    assert (a + b) + c == a + (b + c)
    assert (a * b) * c == a * (b * c)
    assert a * (b + c) == a * b + a * c
    assert a - b == -(b - a)
    assert read_size(str(a)) == a


@settings(max_examples=100, deadline=None)
@given(st.tuples(*(st.sampled_from(QUOTIENTS[:2]),) * 2), SIZES, st.integers(1, 4))
def test_products_of_exact_quotients_have_the_value_of_numbers(pair: tuple[Size, Size], a: Size, twelves: int) -> None:
    bindings = {"h": 12 * twelves, "seq": 3, "seq'": 2, "batch": 5}
    left, right = pair
    expected = value(left, bindings) * value(right, bindings) * value(a, bindings)
    assert value(left * right * a, bindings) == expected
    assert value(a * 7 * left * right, bindings) == 7 * expected


def test_halves_are_a_whole() -> None:
    half = Size.symbol("h").exactly(2)
    assert half + half == Size.symbol("h")
    assert half * 2 == Size.symbol("h")
    assert Size.symbol("h") - half == half
    assert half * 5 == Size.symbol("h") * 2 + half
