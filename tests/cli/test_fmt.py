from __future__ import annotations

from pathlib import Path

UGLY = "fn   half( x )=x/2   # a half\n"


def test_formats_in_place(attnc) -> None:
    Path("ugly.attn").write_text(UGLY, encoding="utf-8")
    result = attnc("fmt", "ugly.attn")
    assert (result.exit_code, result.stdout) == (0, "changed: ugly.attn\n")
    assert Path("ugly.attn").read_text(encoding="utf-8") == "fn half(x) = x / 2  # a half\n"
    assert attnc("fmt", "ugly.attn").stdout == ""


def test_check_changes_nothing(attnc) -> None:
    Path("ugly.attn").write_text(UGLY, encoding="utf-8")
    result = attnc("fmt", "--check", "ugly.attn")
    assert (result.exit_code, result.stdout) == (1, "would change: ugly.attn\n")
    assert Path("ugly.attn").read_text(encoding="utf-8") == UGLY
    attnc("fmt", "ugly.attn")
    assert attnc("fmt", "--check", "ugly.attn").exit_code == 0


def test_standard_input(attnc) -> None:
    result = attnc("fmt", "-", text=UGLY)
    assert (result.exit_code, result.stdout) == (0, "fn half(x) = x / 2  # a half\n")
    result = attnc("fmt", "--check", "-", text=UGLY)
    assert (result.exit_code, result.stdout) == (1, "would change: -\n")


def test_a_syntax_error_leaves_the_file(attnc) -> None:
    Path("broken.attn").write_text("fn half(x = x / 2\n", encoding="utf-8")
    Path("ugly.attn").write_text(UGLY, encoding="utf-8")
    result = attnc("fmt", "broken.attn", "ugly.attn", "absent.attn")
    assert result.exit_code == 1
    assert "E002" in result.stderr and "E052" in result.stderr
    assert "fn half(x = x / 2" in result.stderr
    assert Path("broken.attn").read_text(encoding="utf-8") == "fn half(x = x / 2\n"
    assert Path("ugly.attn").read_text(encoding="utf-8") != UGLY
