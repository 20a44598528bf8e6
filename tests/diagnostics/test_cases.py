"""Snapshots of whole messages: each `cases/NAME.attn` and what `attnc check` says about it, `cases/NAME.txt`."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden import check_golden

from attncomp.diagnostics.codes import CODES
from attncomp.diagnostics.core import Diagnostic, DiagnosticError
from attncomp.diagnostics.render import render
from attncomp.semantics.check import check
from attncomp.semantics.files import load_files

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.stem for path in CASES.glob("*.attn"))


def diagnose(path: Path) -> tuple[tuple[Diagnostic, ...], dict[str, str]]:
    try:
        files = load_files(path)
        return check(files), dict(files.sources)
    except DiagnosticError as error:
        return error.diagnostics, getattr(error, "sources", {})


@pytest.mark.parametrize("name", NAMES)
def test_message(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CASES)
    found, sources = diagnose(Path(f"{name}.attn"))
    assert found
    assert {diagnostic.code for diagnostic in found} <= set(CODES)
    check_golden(CASES / f"{name}.txt", render(found, sources))


def test_every_snapshot_has_a_case() -> None:
    assert sorted(path.stem for path in CASES.glob("*.txt")) == NAMES


def test_not_utf8(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("latin.attn").write_bytes("# Entrée\nfn double(x) = 2 * x\n".encode("latin-1"))
    found, _ = diagnose(Path("latin.attn"))
    assert [diagnostic.code for diagnostic in found] == ["E006"]
    assert found[0].primary is not None
    assert (found[0].primary.span.line, found[0].primary.span.column) == (1, 7)


def test_ten_thousand_parentheses() -> None:
    with pytest.raises(DiagnosticError) as raised:
        load_files("fn deep(x) = " + "(" * 10_000 + "x" + ")" * 10_000 + "\n")
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["E007"]


def test_a_file_is_not_told_by_its_folder(tmp_path: Path) -> None:
    found, _ = diagnose(tmp_path)
    assert [diagnostic.code for diagnostic in found] == ["E052"]
