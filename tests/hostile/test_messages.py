"""What people who come from PyTorch, einops or NumPy write at first, each with its whole message.

`messages/NAME.attn` is the mistake, `messages/NAME.txt` what is said about it.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from golden import check_golden

from attncomp.diagnostics.core import Diagnostic, DiagnosticError, Severity
from attncomp.diagnostics.render import render
from attncomp.semantics.check import check
from attncomp.semantics.files import SourceError, load_files

CASES = sorted((Path(__file__).parent / "messages").glob("*.attn"))


def found_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Diagnostic], str]:
    """The diagnostics of a file, and the text that a user sees."""
    monkeypatch.chdir(path.parent)
    try:
        files = load_files(Path(path.name))
        diagnostics, sources = list(check(files)), files.sources
    except DiagnosticError as error:
        diagnostics = list(error.diagnostics)
        sources = error.sources if isinstance(error, SourceError) else {}
    return diagnostics, render(diagnostics, sources)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_message(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    diagnostics, text = found_in(path, monkeypatch)
    errors = [diagnostic for diagnostic in diagnostics if diagnostic.severity is Severity.ERROR]
    assert errors
    places = [diagnostic.primary for diagnostic in errors]
    assert len(set(places)) == len(places), "one mistake is reported twice"
    check_golden(path.with_suffix(".txt"), text)


def test_most_messages_come_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = [
        diagnostic
        for path in CASES
        for diagnostic in found_in(path, monkeypatch)[0]
        if diagnostic.severity is Severity.ERROR
    ]
    assert sum(1 for error in errors if error.help) > 0.7 * len(errors)
