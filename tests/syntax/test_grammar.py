"""The grammar and its cached tables."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import lark
import pytest
from syntax_corpus import EVERYTHING

from attncomp.diagnostics.core import DiagnosticError
from attncomp.syntax import tables
from attncomp.syntax.lexeme import KEYWORDS
from attncomp.syntax.parse import parse


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tables.parser.cache_clear()
    yield tables.cache_path(tables.grammar_text())
    tables.parser.cache_clear()


def test_no_conflict(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("lark").setLevel(logging.DEBUG)
    try:
        with caplog.at_level(logging.DEBUG, logger="lark"):
            lark.Lark(tables.grammar_text(), parser="lalr", lexer="basic", start=tables.START_RULES, debug=True)
    finally:
        logging.getLogger("lark").setLevel(logging.CRITICAL)
    assert [record.getMessage() for record in caplog.records if "onflict" in record.getMessage()] == []


def test_a_conflict_would_be_seen(caplog: pytest.LogCaptureFixture) -> None:
    ambiguous = 'file: e\nexpression: e\ne: e "+" e | "a"'
    logging.getLogger("lark").setLevel(logging.DEBUG)
    try:
        with caplog.at_level(logging.DEBUG, logger="lark"):
            lark.Lark(ambiguous, parser="lalr", lexer="basic", start=tables.START_RULES, debug=True)
    finally:
        logging.getLogger("lark").setLevel(logging.CRITICAL)
    assert any("onflict" in record.getMessage() for record in caplog.records)


def test_every_reserved_word_of_the_grammar_is_known() -> None:
    words = {terminal.name for terminal in tables.parser().terminals if terminal.pattern.value.isalpha()}
    assert words == KEYWORDS


@pytest.mark.parametrize("word", sorted(KEYWORDS))
def test_a_reserved_word_is_no_name(word: str) -> None:
    with pytest.raises(DiagnosticError):
        parse(f"fn {word.lower()}(x) = x", "x")


def test_the_tables_are_cached_and_the_cache_gives_the_same_trees(cache: Path) -> None:
    built = parse(EVERYTHING, "x")
    assert json.loads(cache.read_text().partition("\n")[2])["memo"]
    assert [path for path in cache.parent.iterdir() if path != cache] == []
    written = cache.stat().st_mtime_ns
    tables.parser.cache_clear()
    assert parse(EVERYTHING, "x") == built
    assert cache.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\x00", b"[]", b'{"data": {}, "memo": {}}', b'{"memo": {"0": {"__type__": "Rule"}}, "data": 3}'],
)
def test_a_damaged_cache_is_replaced(cache: Path, content: bytes) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_bytes(content)
    assert len(parse(EVERYTHING, "x").items) == 8
    assert json.loads(cache.read_text().partition("\n")[2])["memo"]


def test_a_cache_with_one_digit_changed_is_replaced(cache: Path) -> None:
    parse(EVERYTHING, "x")
    whole = cache.read_text()
    place = whole.index('"states":{"0":{"') + len('"states":{"0":{"')
    damaged = whole[:place] + str((int(whole[place]) + 1) % 10) + whole[place + 1 :]
    cache.write_text(damaged)
    tables.parser.cache_clear()
    assert len(parse(EVERYTHING, "x").items) == 8
    assert cache.read_text() != damaged


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    tables.parser.cache_clear()
    try:
        assert len(parse(EVERYTHING, "x").items) == 8
    finally:
        tables.parser.cache_clear()


def test_another_grammar_has_another_file(cache: Path) -> None:
    assert tables.cache_path(tables.grammar_text() + " ") != cache
