"""Every code has a page; the page's example gives that code and no other, and what it says instead is clean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from attncomp.diagnostics.codes import CODES, page
from attncomp.diagnostics.core import DiagnosticError
from attncomp.semantics.check import check
from attncomp.semantics.files import load_files

SECTIONS = ["What is wrong", "Example", "Instead", "Why"]
FENCE = re.compile(r"^```(attn|python)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section(code: str, title: str) -> str:
    return page(code).split(f"\n## {title}\n")[1].split("\n## ")[0]


def codes_of(text: str, folder: Path) -> list[str]:
    """The codes that the fences of a section give: model files are checked, the first with the others beside it."""
    fences = FENCE.findall(text)
    try:
        if fences[0][0] == "python":
            assert len(fences) == 1
            exec(compile(fences[0][2], "page", "exec"), {"__name__": "page"})
            return []
        for _, name, source in fences:
            (folder / (name or "example.attn")).write_text(source, encoding="utf-8")
        found = check(load_files(folder / (fences[0][1] or "example.attn")))
    except DiagnosticError as error:
        found = error.diagnostics
    except (ValueError, TypeError) as error:
        return [str(error).split(":")[0]]
    return [diagnostic.code for diagnostic in found]


@pytest.mark.parametrize("code", CODES)
def test_page_has_its_sections(code: str) -> None:
    text = page(code)
    assert text.startswith(f"# {code}: {CODES[code]}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert all(section(code, title).strip() for title in SECTIONS)


def test_no_page_without_a_code() -> None:
    pages = Path(__file__).parents[2] / "attncomp" / "diagnostics" / "pages"
    assert sorted(path.stem for path in pages.iterdir()) == sorted(CODES)


def test_unknown_code_has_no_page() -> None:
    with pytest.raises(KeyError):
        page("E999")


@pytest.mark.parametrize("code", CODES)
def test_example_gives_its_code(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert set(codes_of(section(code, "Example"), tmp_path)) == {code}


@pytest.mark.parametrize("code", CODES)
def test_what_to_write_instead_is_clean(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert codes_of(section(code, "Instead"), tmp_path) == []
