"""Every way to run a model computes the same, and a model that does not export is told as such."""

from __future__ import annotations

from pathlib import Path

from attncomp import pipeline
from attncomp.bench.contest import contest
from attncomp.bench.crew import Crew
from attncomp.bench.subject import KINDS, Subject

MODEL = """
model Several(tokens: i64[batch, seq], keep: bool[batch, seq], x: f32[batch, seq, embed = 4]) -> (
  mixed: f32[batch, seq, embed], total: f32[batch],
) {
  axis word = 7
  layer words = Embedding{word -> embed}
  layer keys = Linear{embed -> embed}
  y = x + words(tokens)
  s = where(keep[seq -> seq'], y @{embed} keys(y)[seq -> seq'], -inf)
  mixed = softmax{seq'}(s) @{seq'} y[seq -> seq']
  return mixed, sum{seq, embed}(mixed)
}
"""


def test_the_kinds_agree(tmp_path: Path) -> None:
    built = pipeline.build(pipeline.parse(MODEL))
    subject = Subject(built, {"batch": 2, "seq": 6}, 3, tmp_path)
    contestants = [subject.contestant(kind) for kind in ("numpy", "torch", "onnxruntime")]
    with Crew(1) as crew:
        found = contest(contestants, crew, repeats=1)
    assert [one.failure for one in found] == [None] * 3
    assert all(one.seconds for one in found)
    assert all(one.difference is not None and one.difference < 1e-5 for one in found[1:])


def test_what_runs_without_packages() -> None:
    assert [kind.name for kind in KINDS.values() if not kind.packages] == ["numpy"]
