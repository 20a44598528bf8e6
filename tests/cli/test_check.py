from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_silent_where_nothing_is_wrong(attnc) -> None:
    result = attnc("check", "good.attn")
    assert (result.exit_code, result.output) == (0, "")


def test_a_mistake_is_shown_with_its_line(attnc) -> None:
    result = attnc("check", "bad.attn")
    assert result.exit_code == 1
    assert "error[E012]" in result.stdout
    assert "bad.attn:2:14" in result.stdout
    assert "  return x * sigmiod(x)" in result.stdout
    assert "did you mean `sigmoid`?" in result.stdout
    assert result.stderr == ""


def test_all_files_are_reported(attnc) -> None:
    Path("worse.attn").write_text("def f(x):\n  return x\n", encoding="utf-8")
    result = attnc("check", "good.attn", "bad.attn", "worse.attn", "absent.attn")
    assert result.exit_code == 1
    for part in ("bad.attn:2", "worse.attn:1", "absent.attn"):
        assert part in result.stdout


def test_a_file_named_twice_is_checked_once(attnc) -> None:
    assert attnc("check", "bad.attn", "bad.attn").stdout == attnc("check", "bad.attn").stdout


def test_warnings_do_not_fail(attnc) -> None:
    source = "model M(x: f32[batch, c = 4]) -> f32[batch, c] {\n  layer fc = Linear{c -> c}\n  return x\n}\n"
    Path("unused.attn").write_text(source, encoding="utf-8")
    result = attnc("check", "unused.attn")
    assert result.exit_code == 0
    assert "warning[W001]" in result.stdout


def test_standard_input(attnc) -> None:
    assert attnc("check", "-", text="fn half(x) = x / 2").exit_code == 0
    result = attnc("check", "-", text="model M(x: f32[n]) -> f32[n] { return y / 2 }")
    assert result.exit_code == 1
    assert "E010" in result.stdout
    assert "model M(x: f32[n]) -> f32[n] { return y / 2 }" in result.stdout


@pytest.mark.parametrize("before", [True, False])
def test_json(attnc, before: bool) -> None:
    option = ("--message-format", "json")
    result = attnc(*option, "check", "bad.attn") if before else attnc("check", *option, "bad.attn")
    (found,) = json.loads(result.stdout)
    assert (found["code"], found["severity"]) == ("E012", "error")
    assert (found["primary"]["line"], found["primary"]["column"]) == (2, 14)
    assert json.loads(attnc("check", *option, "good.attn").stdout) == []


def test_color(attnc) -> None:
    assert "\x1b[" not in attnc("check", "bad.attn").stdout
    assert "\x1b[" in attnc("--color", "always", "check", "bad.attn").stdout
    assert "\x1b[" in attnc("check", "--color", "always", "bad.attn").stdout
    assert "\x1b[" not in attnc("check", "--color", "never", "bad.attn").stdout


def test_what_cannot_be_read_is_a_diagnostic(attnc) -> None:
    Path("folder.attn").mkdir()
    Path("latin.attn").write_bytes(b"# \xe9\n")
    for name, code in (("folder.attn", "E052"), ("absent.attn", "E052"), ("latin.attn", "E006"), ("", "E052")):
        result = attnc("check", name)
        assert (result.exit_code, code in result.stdout) == (1, True), name


def test_a_path_with_a_brace_is_a_path(attnc) -> None:
    Path("a{b}.attn").write_text("fn half(x) = x / 2\n", encoding="utf-8")
    assert attnc("check", "a{b}.attn").exit_code == 0
    assert "E052" in attnc("check", "no{b}.attn").stdout


def test_usage(attnc) -> None:
    assert attnc("check").exit_code == 2
    assert attnc("chekc", "good.attn").exit_code == 2
    assert attnc("check", "--colour", "always", "good.attn").exit_code == 2
