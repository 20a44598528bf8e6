"""The README's five minutes, step by step, and the Python in it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from attncomp.cli import main
from attncomp.syntax.format import format_source
from attncomp.syntax.parse import parse

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The text of first.attn, which lies in the current folder."""
    text = next(block for block in _blocks("attn") if "model First" in block)
    (tmp_path / "first.attn").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return text


def _attnc(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_the_model_is_right_and_well_formatted(first: str) -> None:
    checked = _attnc("check", "first.attn")
    assert checked.exit_code == 0
    assert "error" not in checked.output and "warning" not in checked.output
    assert format_source(first, "first.attn") == first


def test_the_message_of_the_forgotten_rename_is_the_one_shown(first: str) -> None:
    wrong = first.replace("[seq -> seq']", "")
    Path("first.attn").write_text(wrong, encoding="utf-8")
    checked = _attnc("check", "first.attn")
    assert checked.exit_code == 1
    shown = next(block for block in _blocks("text") if "E020" in block)
    assert shown.strip() in checked.output


def test_the_remarks_are_those_shown(first: str) -> None:
    explained = _attnc("explain", "first.attn")
    assert explained.exit_code == 0
    shown = next(block for block in _blocks("text") if "attention region" in block)
    assert shown.strip() in explained.output


def test_the_module_is_written(first: str) -> None:
    assert _attnc("compile", "first.attn", "--backend", "numpy", "--set", "heads=8", "-o", "first.py").exit_code == 0
    assert "import numpy" in Path("first.py").read_text(encoding="utf-8")


def test_the_python_runs_and_prints_what_it_says(first: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = next(block for block in _blocks("python") if "first.attn" in block)
    names: dict[str, object] = {}
    exec(code, names)
    assert capsys.readouterr().out.startswith("(2, 10, 64)")
    result = names["y"]
    assert isinstance(result, np.ndarray) and np.isfinite(result).all()


def test_what_is_seen_is_drawn(first: str, tmp_path: Path) -> None:
    running, seeing = (next(block for block in _blocks("python") if word in block) for word in ("first.attn", "watch"))
    names: dict[str, object] = {}
    exec(running + seeing, names)
    assert str(names["seen"]) in seeing
    assert [path.read_bytes()[:4] for path in tmp_path.glob("*.png")] == [b"\x89PNG"]


def test_every_model_text_parses() -> None:
    for number, block in enumerate(_blocks("attn")):
        assert parse(block, f"README block {number}").items


def test_every_example_is_as_fmt_writes_it() -> None:
    for path in sorted((ROOT / "examples").glob("*.attn")):
        text = path.read_text(encoding="utf-8")
        assert format_source(text, str(path)) == text, path.name


def test_every_file_that_is_named_exists() -> None:
    for name in re.findall(r"`((?:docs|examples|grammar)/[\w./]*|\w+\.md)`", README):
        assert (ROOT / name).exists(), name
