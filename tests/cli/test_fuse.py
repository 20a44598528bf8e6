"""`fuse!` on the command line: making a module fails, looking does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

MARKED = """\
model Attend(x: f32[batch, seq, embed = 4]) -> f32[batch, seq, embed] {
  y = x[seq -> seq']
  fuse! context = softmax{seq}(x @{embed} y) @{seq'} y
  return context
}
"""


@pytest.fixture(autouse=True)
def marked(folder: Path) -> None:
    (folder / "marked.attn").write_text(MARKED, encoding="utf-8")
    np.savez(folder / "in.npz", x=np.zeros((1, 3, 4), np.float32))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_compile_and_run_fail_and_write_nothing(attnc, backend: str) -> None:
    compiled = attnc("compile", "marked.attn", "--backend", backend, "-o", "out.py")
    ran = attnc("run", "marked.attn", "--backend", backend, "--inputs", "in.npz", "-o", "out.npz")
    for result in (compiled, ran):
        assert result.exit_code == 1
        assert "error[E080]: the attention was not fused" in result.stderr
        assert "--> marked.attn:3:19" in result.stderr
        assert "----- this statement must fuse" in result.stderr
    assert not Path("out.py").exists() and not Path("out.npz").exists()


@pytest.mark.parametrize("stage", ["tree", "built", "optimized", "lowered"])
def test_inspect_shows(attnc, stage: str) -> None:
    assert attnc("inspect", "marked.attn", "--stage", stage).exit_code == 0


def test_check_and_explain_show(attnc) -> None:
    assert attnc("check", "marked.attn").exit_code == 0
    result = attnc("explain", "marked.attn")
    assert result.exit_code == 0
    assert "missed attention region" in result.output


def test_fmt_keeps_the_mark(attnc) -> None:
    assert attnc("fmt", "--check", "marked.attn").exit_code == 0
    Path("wide.attn").write_text(MARKED.replace("fuse! context", "fuse!\n      context"), encoding="utf-8")
    assert attnc("fmt", "wide.attn").exit_code == 0
    assert Path("wide.attn").read_text(encoding="utf-8") == MARKED
