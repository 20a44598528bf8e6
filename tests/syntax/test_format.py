from __future__ import annotations

import pytest
from golden import check_golden
from hypothesis import given, settings
from hypothesis import strategies as st
from syntax_corpus import EVERYTHING, HERE, without_spans

from attncomp.diagnostics.core import DiagnosticError
from attncomp.syntax.format import format_source
from attncomp.syntax.lexer import scan
from attncomp.syntax.parse import parse

WORDS = [lexeme.text for lexeme in scan(EVERYTHING, "x").lexemes if lexeme.text]
GAPS = [" ", "\n", "\n\n\n", "\t ", "  # behind\n", "\n# above\n", "\n\n# one\n\n\n# two\n\n", "#tight\n"]


def reformatted(text: str) -> str:
    """The formatted text, having checked that it means the same and stays as it is."""
    out = format_source(text, "x.attn")
    assert without_spans(parse(out, "x.attn").items) == without_spans(parse(text, "x.attn").items)
    assert format_source(out, "x.attn") == out
    return out


def comments(text: str) -> list[str]:
    return [comment.text.rstrip() for comment in scan(text, "x").comments]


def test_everything_golden() -> None:
    check_golden(HERE / "formatted" / "everything.attn", reformatted(EVERYTHING))


def test_comments_and_blank_lines_golden() -> None:
    text = (HERE / "formatted" / "comments.in.attn").read_text()
    out = reformatted(text)
    assert sorted(comments(out)) == sorted(comments(text))
    check_golden(HERE / "formatted" / "comments.attn", out)


def test_lines_are_at_most_a_hundred_columns() -> None:
    out = reformatted(EVERYTHING.replace("embed", "a_rather_long_name_of_an_axis").replace("mask", "another_long_name"))
    assert max(len(line) for line in out.splitlines()) <= 100


@pytest.mark.parametrize("length", range(4, 124, 8))
def test_names_of_any_length_give_a_stable_form(length: int) -> None:
    long = "".join(word + " " for word in WORDS).replace("embed", "e" * length).replace(" x ", f" {'x' * length} ")
    reformatted(long)


@given(st.lists(st.sampled_from(GAPS), min_size=len(WORDS), max_size=len(WORDS)))
@settings(max_examples=25, deadline=None)
def test_any_spacing_and_any_comments_give_a_stable_form(gaps: list[str]) -> None:
    text = "".join(word + gap for word, gap in zip(WORDS, gaps, strict=True))
    out = reformatted(text)
    assert sorted(comments(out)) == sorted(comments(text))


@given(st.lists(st.sampled_from([" ", "\n", "\n\n\n", "\t "]), min_size=len(WORDS), max_size=len(WORDS)))
@settings(max_examples=20, deadline=None)
def test_blank_lines_never_pile_up(gaps: list[str]) -> None:
    out = reformatted("".join(word + gap for word, gap in zip(WORDS, gaps, strict=True)))
    assert "\n\n\n" not in out
    assert not out.startswith("\n")
    assert out.endswith("}\n")
    assert all(line == line.rstrip() for line in out.splitlines())


def test_a_file_of_comments() -> None:
    assert reformatted("\n\n# a\n\n\n# b   \n\n") == "# a\n\n# b\n"
    assert reformatted("") == ""


def test_a_file_that_does_not_parse_is_refused() -> None:
    with pytest.raises(DiagnosticError):
        format_source("block", "x.attn")
