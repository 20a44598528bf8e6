"""Files that are no files, names that no system takes, imports that lead anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from attncomp.diagnostics.core import Diagnostic, DiagnosticError
from attncomp.diagnostics.render import render
from attncomp.semantics.check import check
from attncomp.semantics.files import SourceError, load_files

BLOCK = "block X(x: {e}) -> {e} { return x }\n"


def diagnose(path: Path) -> tuple[Diagnostic, ...]:
    """Everything wrong with a file and what it imports; all of it can be shown."""
    try:
        files = load_files(path)
        found, sources = check(files), dict(files.sources)
    except DiagnosticError as error:
        found, sources = error.diagnostics, error.sources if isinstance(error, SourceError) else {}
    assert "\x1b" not in render(found, sources)
    return found


def codes(path: Path) -> list[str]:
    """The codes of `diagnose`."""
    return [diagnostic.code for diagnostic in diagnose(path)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xfem\x00o\x00d\x00e\x00l\x00", "E006"),
        (b"\x80", "E006"),
        (b"model M\x00(", "E008"),
        (b"# " + b"x" * 2_000_000, "E052"),
        (b"\x00" * 1000, "E008"),
    ],
    ids=["UTF-16", "half a character", "NUL", "two megabytes", "nothing but NUL"],
)
def test_bytes_that_are_no_model(tmp_path: Path, data: bytes, code: str) -> None:
    path = tmp_path / "m.attn"
    path.write_bytes(data)
    assert code in codes(path)


@pytest.mark.parametrize("path", ["/dev/zero", "/", "nowhere.attn", "n" * 5000 + ".attn"])
def test_a_path_that_is_no_model_file(path: str) -> None:
    assert codes(Path(path)) == ["E052"]


@pytest.mark.parametrize(
    "target",
    [
        "../../../../etc/passwd",
        "/etc/passwd",
        "folder.attn",
        "nowhere.attn",
        "a" * 5000 + ".attn",
        "b" * 5000 + "/a.attn",
        "a\0b.attn",
        "\x1b[31m.attn",
        "~/x.attn",
        "loop.attn",
    ],
)
def test_an_import_that_is_no_model_file(tmp_path: Path, target: str) -> None:
    (tmp_path / "folder.attn").mkdir()
    (tmp_path / "loop.attn").symlink_to("loop.attn")
    root = tmp_path / "root.attn"
    root.write_text(f'from "{target}" import X\n')
    assert codes(root) == ["E052"]


def test_links_that_multiply_a_file_are_cut_short(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).symlink_to(".")
    root = tmp_path / "root.attn"
    root.write_text(
        'from "one/root.attn" import A\nfrom "two/root.attn" import B\nblock X(x: {e}) -> {e} { return x }\n'
    )
    assert "E007" in codes(root)


def test_a_folder_called_std_is_not_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "std").mkdir()
    (tmp_path / "std" / "nn.attn").write_text(BLOCK)
    head = ["from std.nn import MLP", 'from "std/nn.attn" import X']
    use = "model M(x: f32[b, e = 4]) -> f32[b, e] {\n  layer m = MLP{embed: e}\n  layer y = X\n  return y(m(x))\n}\n"
    monkeypatch.chdir(tmp_path)
    for order in (head, head[::-1]):
        Path("root.attn").write_text("\n".join([*order, use]))
        assert codes(Path("root.attn")) == []


def test_a_file_that_imports_itself(tmp_path: Path) -> None:
    root = tmp_path / "self.attn"
    root.write_text('from "self.attn" import Y\n' + BLOCK)
    assert codes(root) == ["E051"]


def test_a_mistake_in_an_imported_file_is_shown_there(tmp_path: Path) -> None:
    (tmp_path / "part.attn").write_text("# a part\nblock X(x: {e}) -> {e} { return x + nothing }\n")
    root = tmp_path / "root.attn"
    root.write_text('from "part.attn" import X\nmodel M(x: f32[e]) -> f32[e] {\n  layer y = X\n  return y(x)\n}\n')
    (found,) = diagnose(root)
    assert found.primary is not None
    assert (found.code, Path(found.primary.span.file).name, found.primary.span.line) == ("E010", "part.attn", 2)
