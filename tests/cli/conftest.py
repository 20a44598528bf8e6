"""The command line as tests call it: in this process, in a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from attncomp.cli import main

Attnc = Callable[..., Result]

MODEL = """\
# Attention over the rows of x.
model Attend{factor = 1.0, wide = false}(x: f32[batch, seq, embed = 4], mask: bool[batch, seq] = none)
    -> f32[batch, seq, embed] {
  layer keys = Linear{embed -> embed}
  score = x @{embed} keys(x)[seq -> seq'] / sqrt(|embed|)
  s = if mask is none then score else where(mask[seq -> seq'], score, -inf)
  return factor * softmax{seq'}(s) @{seq'} x[seq -> seq']
}
"""

MISTAKE = """\
model Gate(x: f32[batch, channel = 4]) -> f32[batch, channel] {
  return x * sigmiod(x)
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: `good.attn` and `bad.attn`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    (tmp_path / "good.attn").write_text(MODEL, encoding="utf-8")
    (tmp_path / "bad.attn").write_text(MISTAKE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def attnc() -> Attnc:
    """Runs `attnc` with arguments; fails where it ends by anything but 0, 1 or 2."""

    def call(*arguments: str, text: str | None = None) -> Result:
        result = CliRunner().invoke(main, arguments, input=text)
        assert result.exit_code in (0, 1, 2), (result.output, result.exception)
        return result

    return call
