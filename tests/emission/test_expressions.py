"""Expressions as text: parentheses where precedence asks for them, and nowhere else."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncomp.emission.expressions import (
    Expression,
    binary,
    call,
    method,
    number,
    slice_text,
    subscript,
    tuple_text,
    unary,
)

A, B, C = Expression("a"), Expression("b"), Expression("c")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (binary("*", binary("+", A, B), C), "(a + b) * c"),
        (binary("+", binary("*", A, B), C), "a * b + c"),
        (binary("-", A, binary("-", B, C)), "a - (b - c)"),
        (binary("-", binary("-", A, B), C), "a - b - c"),
        (binary("/", A, binary("*", B, C)), "a / (b * c)"),
        (binary("<", binary("<", A, B), C), "(a < b) < c"),
        (binary("&", binary("<", A, B), binary("==", B, C)), "(a < b) & (b == c)"),
        (unary("-", binary("+", A, B)), "-(a + b)"),
        (unary("-", unary("-", A)), "-(-a)"),
        (binary("*", unary("-", A), B), "-a * b"),
        (binary("-", A, number(-1.5)), "a - -1.5"),
        (method(binary("+", A, B), "reshape", "2", "3"), "(a + b).reshape(2, 3)"),
        (method(number(-1), "bit_length"), "(-1).bit_length()"),
        (subscript(binary("@", A, B), [":", "0"]), "(a @ b)[:, 0]"),
        (call("f", A, "1", axis="0", out=None), "f(a, 1, axis=0)"),
    ],
)
def test_text(expression: Expression, text: str) -> None:
    assert expression.text == text


def test_tuples() -> None:
    assert [tuple_text([]), tuple_text(["a"]), tuple_text([A, B])] == ["()", "(a,)", "(a, b)"]


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("", ""), ":"),
        (("1", ""), "1:"),
        (("", "seq"), ":seq"),
        (("1", "seq", "2"), "1:seq:2"),
        (("seq - 1", ""), "seq - 1 :"),
        (("", "seq // 2"), ": seq // 2"),
        (("1", "seq // 2"), "1 : seq // 2"),
        (("-3", ""), "-3:"),
    ],
)
def test_slices_as_the_formatter_spaces_them(parts: tuple[str, ...], text: str) -> None:
    assert slice_text(*parts) == text


def test_numbers_without_a_literal() -> None:
    assert number(math.inf, "np.inf").text == "np.inf"
    assert number(-math.inf, "np.inf").text == "-np.inf"
    assert number(math.nan, nan="np.nan").text == "np.nan"
    assert number(True).text == "True"


@given(st.floats(allow_nan=False) | st.integers() | st.booleans())
def test_a_number_is_read_back(value: float) -> None:
    found = eval(number(value).text, {"math": math})
    assert found == value
    assert type(found) is type(value)


class Traced:
    """An operand that writes down what is done to it, in full parentheses."""

    def __init__(self, text: str) -> None:
        self.text = text


def _operation(symbol: str) -> object:
    return lambda left, right: Traced(f"({left.text}{symbol}{right.text})")


for method_name, symbol in {
    "add": "+", "sub": "-", "mul": "*", "floordiv": "//", "mod": "%", "and": "&", "or": "|", "xor": "^",
}.items():  # fmt: skip
    setattr(Traced, f"__{method_name}__", _operation(symbol))
Traced.__neg__ = lambda self: Traced(f"(-{self.text})")  # type: ignore[attr-defined]
Traced.__invert__ = lambda self: Traced(f"(~{self.text})")  # type: ignore[attr-defined]


def traced(drawn: tuple[object, ...] | str) -> str:
    if isinstance(drawn, str):
        return drawn
    if len(drawn) == 2:
        return f"({drawn[0]}{traced(drawn[1])})"  # type: ignore[arg-type]
    return f"({traced(drawn[1])}{drawn[0]}{traced(drawn[2])})"  # type: ignore[arg-type]


plain_trees = st.recursive(
    st.sampled_from(["a", "b", "c"]),
    lambda inner: (
        st.tuples(st.sampled_from(["+", "-", "*", "//", "%", "&", "|", "^"]), inner, inner)
        | st.tuples(st.sampled_from(["-", "~"]), inner)
    ),
    max_leaves=12,
)


def built(drawn: tuple[object, ...] | str) -> Expression:
    if isinstance(drawn, str):
        return Expression(drawn)
    if len(drawn) == 2:
        return unary(str(drawn[0]), built(drawn[1]))  # type: ignore[arg-type]
    return binary(str(drawn[0]), built(drawn[1]), built(drawn[2]))  # type: ignore[arg-type]


@given(plain_trees)
def test_python_reads_any_expression_as_it_was_built(drawn: tuple[object, ...] | str) -> None:
    found = eval(built(drawn).text, {name: Traced(name) for name in "abc"})
    assert found.text == traced(drawn)
