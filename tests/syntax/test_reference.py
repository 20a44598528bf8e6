"""The snippets of the language reference: each is a whole file, in its canonical form."""

from __future__ import annotations

import re
from importlib import resources

import pytest
from syntax_corpus import without_spans

from attncomp.diagnostics.codes import CODES
from attncomp.diagnostics.core import DiagnosticError
from attncomp.diagnostics.render import render
from attncomp.syntax.format import format_source
from attncomp.syntax.parse import parse
from attncomp.syntax.tables import parser

REFERENCE = resources.files("attncomp_grammar").joinpath("README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```attn\n(.*?)^```$", REFERENCE, re.MULTILINE | re.DOTALL)
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", REFERENCE, re.MULTILINE | re.DOTALL)


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) >= 15


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_snippet_parses_and_is_in_canonical_form(snippet: str) -> None:
    formatted = format_source(snippet, "README.md")
    assert formatted == snippet
    assert without_spans(parse(formatted, "x").items) == without_spans(parse(snippet, "x").items)


def test_the_sample_message_is_what_is_reported() -> None:
    (sample,) = [text for language, text in BLOCKS if not language and text.startswith("error[")]
    source = "block F(x: {a}) -> {a} {\n  y = relu(x\n  z = y\n  return z\n}\n"
    with pytest.raises(DiagnosticError) as caught:
        parse(source, "model.attn")
    assert render(caught.value.diagnostics, {"model.attn": source}) == sample


def test_every_code_is_in_the_overview() -> None:
    rows = re.findall(r"^\| ([EW]\d{3})(?:( – |, )([EW]\d{3}))? \|", REFERENCE, re.MULTILINE)
    covered = {code for first, _, last in rows for code in CODES if first <= code <= (last or first)}
    assert covered == set(CODES)


def test_every_reserved_word_is_listed() -> None:
    (listed,) = re.findall(r"These words are reserved: `(.*?)`, and", REFERENCE, re.DOTALL)
    words = {terminal.pattern.value for terminal in parser().terminals if terminal.pattern.value.isalpha()}
    assert set(listed.split()) == words
