"""Every classic mistake with its whole message: `slips/NAME.attn` and what is said about it, `slips/NAME.txt`."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden import check_golden
from syntax_corpus import HERE

from attncomp.diagnostics.core import DiagnosticError
from attncomp.diagnostics.render import render
from attncomp.syntax.parse import parse, read_source

SLIPS = sorted((HERE / "slips").glob("*.attn"))


@pytest.mark.parametrize("path", SLIPS, ids=lambda path: path.stem)
def test_slip(path: Path) -> None:
    text = read_source(path)
    with pytest.raises(DiagnosticError) as caught:
        parse(text, path.name)
    check_golden(path.with_suffix(".txt"), render(caught.value.diagnostics, {path.name: text}))


@pytest.mark.parametrize("path", SLIPS, ids=lambda path: path.stem)
def test_a_slip_is_reported_once(path: Path) -> None:
    with pytest.raises(DiagnosticError) as caught:
        parse(read_source(path), path.name)
    places = [diagnostic.primary.span for diagnostic in caught.value.diagnostics if diagnostic.primary]
    assert len(places) == len(caught.value.diagnostics)
    assert len({span.line for span in places}) == len(places)
    assert places == sorted(places)


def test_every_syntax_code_has_a_slip() -> None:
    text = "".join(path.read_text() for path in (HERE / "slips").glob("*.txt"))
    assert [code for code in ("E001", "E002", "E003", "E004", "E005", "E008") if f"error[{code}]" not in text] == []
