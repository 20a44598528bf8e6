"""Sizes as Python arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncomp.emission.sizes import size_expression
from attncomp.ir.sizes import Size

SEQ, ROWS = Size.symbol("seq"), Size.symbol("rows")


def text(size: Size) -> str:
    return size_expression(size, lambda symbol: symbol).text


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (Size.of(0), "0"),
        (Size.of(-3), "-3"),
        (SEQ, "seq"),
        (SEQ - 1, "seq - 1"),
        (2 * SEQ * ROWS + ROWS, "2 * rows * seq + rows"),
        ((SEQ + 1) // 2, "(seq + 1) // 2"),
        (3 * (SEQ // 2), "3 * (seq // 2)"),
        (SEQ // 2 // 3, "seq // 2 // 3"),
        (SEQ // (ROWS // 2), "seq // (rows // 2)"),
        (-SEQ + 5, "-seq + 5"),
    ],
)
def test_text(size: Size, expected: str) -> None:
    assert text(size) == expected


sizes = st.recursive(
    st.integers(-4, 9).map(Size.of) | st.sampled_from([SEQ, ROWS]),
    lambda inner: (
        st.builds(lambda a, b: a + b, inner, inner)
        | st.builds(lambda a, b: a * b, inner, inner)
        | st.builds(lambda a, b: a - b, inner, inner)
        | st.builds(lambda a, b: a // b, inner, st.integers(1, 5))
    ),
    max_leaves=8,
)


@given(sizes, st.integers(0, 30), st.integers(0, 30))
def test_python_computes_what_the_size_is(size: Size, seq: int, rows: int) -> None:
    assert eval(text(size), {"seq": seq, "rows": rows}) == size.evaluate({"seq": seq, "rows": rows})
