from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

MISSED = """\
model Attend(q: f32[batch, query, key], k: f32[batch, source, key], v: f32[batch, source, value])
    -> f32[batch, query, value] {
  weights = softmax{query}(q @{key} k / sqrt(|key|))
  return weights @{source} v
}
"""


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_writes_a_module(attnc, backend: str) -> None:
    result = attnc("compile", "good.attn", "--backend", backend, "-o", "out.py")
    assert result.exit_code == 0, result.stderr
    assert "wrote out.py" in result.stderr
    assert "1 fused region" in result.stderr
    source = Path("out.py").read_text(encoding="utf-8")
    assert any(isinstance(node, ast.ClassDef) and node.name == "Attend" for node in ast.parse(source).body)
    assert attnc("compile", "good.attn", "--backend", backend).stdout == source


def test_options_change_the_module(attnc) -> None:
    plain = attnc("compile", "good.attn").stdout
    assert attnc("compile", "good.attn", "--set", "factor=1.0").stdout == plain
    assert attnc("compile", "good.attn", "--set", "factor=3.5").stdout != plain
    assert "mask: ArrayLike" not in plain
    assert "mask: ArrayLike" in attnc("compile", "good.attn", "--with", "mask").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("--set", "facotr=2.0"), "E013", "did you mean `factor`?"),
        (("--set", "factor"), "E090", "name=value"),
        (("--set", "wide=3"), "E040", "wide"),
        (("--with", "msak"), "E010", "did you mean `mask`?"),
        (("-m", "Attned"), "E015", "did you mean `Attend`?"),
        (("--backend", "nunpy"), "E090", "`nunpy`"),
        (("-o", "absent/out.py"), "E090", "absent/out.py"),
        (("-o", "."), "E090", "folder"),
    ],
)
def test_mistakes(attnc, arguments: tuple[str, ...], code: str, part: str) -> None:
    result = attnc("compile", "good.attn", *arguments)
    assert result.exit_code == 1
    assert f"error[{code}]" in result.stderr
    assert part in result.stderr
    assert result.stdout == ""


def test_a_mistake_in_the_model_writes_nothing(attnc) -> None:
    Path("out.py").write_text("old", encoding="utf-8")
    result = attnc("compile", "bad.attn", "-o", "out.py")
    assert result.exit_code == 1
    assert "  return x * sigmiod(x)" in result.stderr
    assert Path("out.py").read_text(encoding="utf-8") == "old"


def test_required_fusion(attnc) -> None:
    Path("missed.attn").write_text(MISSED, encoding="utf-8")
    assert attnc("compile", "missed.attn", "-o", "out.py").exit_code == 0
    result = attnc("compile", "missed.attn", "--require-fusion", "-o", "other.py")
    assert result.exit_code == 1
    assert "error[E080]" in result.stderr
    assert "missed.attn:" in result.stderr
    assert not Path("other.py").exists()
    assert attnc("compile", "good.attn", "--require-fusion", "-o", "other.py").exit_code == 0


def test_the_same_under_every_hash_seed(folder: Path) -> None:
    command = [sys.executable, "-c", "from attncomp.cli import main; main()", "compile", "good.attn"]
    texts = {
        subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1
