"""Names and strings of a model, made harmless."""

from __future__ import annotations

import ast
import builtins
import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncomp.emission.text import Names, class_name, identifier, plain, quoted


@given(st.text())
def test_a_quoted_text_is_read_back(text: str) -> None:
    literal = quoted(text)
    assert ast.literal_eval(literal) == text
    assert literal.isascii()
    assert "\n" not in literal
    assert literal.count('"') == 2


@given(st.text())
def test_plain_text_is_one_harmless_line(text: str) -> None:
    found = plain(text)
    assert len(found.splitlines()) <= 1
    assert '"' not in found
    assert "\\" not in found
    assert ast.literal_eval(f'"""{found}"""') == found


@given(st.text())
def test_any_text_gives_an_identifier(text: str) -> None:
    found = identifier(text)
    assert found.isidentifier()
    assert found.isascii()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("seq'", "seq"), ("café", "cafe"), ("1x1", "value_1x1"), ("", "value"), ("__init__", "init"), ("a b.c", "a_b_c")],
)
def test_identifiers(text: str, expected: str) -> None:
    assert identifier(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("encoder_layer", "EncoderLayer"), ("MiniLM", "MiniLM"), ("2d", "Model_2d"), ("é", "E"), ("???", "Model")],
)
def test_class_names(text: str, expected: str) -> None:
    assert class_name(text) == expected


@given(st.lists(st.text() | st.sampled_from(["x", "self", "len", "class", "match", "x_2"]), max_size=12))
def test_names_are_given_once_and_hide_nothing(wanted: list[str]) -> None:
    names = Names(["np"])
    found = [names.claim(text) for text in wanted]
    assert len(set(found)) == len(found)
    forbidden = {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "self", "np"}
    assert not forbidden & set(found)


def test_a_scope_inside_leaves_the_outer_one_alone() -> None:
    outer = Names()
    outer.claim("x")
    inner = outer.child()
    assert inner.claim("x") == "x_2"
    assert inner.claim("y") == "y"
    assert outer.claim("y") == "y"
