from __future__ import annotations

import json
from pathlib import Path

import pytest

from attncomp.diagnostics.codes import CODES, page


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_page(attnc, code: str) -> None:
    result = attnc("explain", code.lower())
    assert (result.exit_code, result.stdout) == (0, page(code))


def test_unknown_code(attnc) -> None:
    result = attnc("explain", "E999")
    assert result.exit_code == 1
    assert "error[E090]: there is no code `E999`" in result.stderr


def test_page_as_json(attnc) -> None:
    found = json.loads(attnc("explain", "E020", "--format", "json").stdout)
    assert found == {"code": "E020", "title": "forgotten rename", "page": page("E020")}


def test_fusions_of_a_file(attnc) -> None:
    result = attnc("explain", "good.attn")
    assert result.exit_code == 0
    assert "fused attention region" in result.stdout
    assert "good.attn:7:" in result.stdout
    assert "  return factor * softmax{seq'}(s) @{seq'} x[seq -> seq']" in result.stdout


def test_fusions_as_json(attnc) -> None:
    found = json.loads(attnc("explain", "good.attn", "--format", "json").stdout)
    assert ("fused", "attention") in {(remark["kind"], remark["region"]) for remark in found}
    assert all(remark["span"]["file"] == "good.attn" for remark in found if remark["span"])


def test_repeated_layers_are_said_once(attnc) -> None:
    source = """\
block Self(x: {seq, embed}) -> {seq, embed} {
  layer keys = Linear{embed -> embed}
  return softmax{seq'}(x @{embed} keys(x)[seq -> seq']) @{seq'} x[seq -> seq']
}

model Tower(x: f32[seq, embed = 4]) -> f32[seq, embed] {
  layer blocks[5] = Self
  for block in blocks {
    x = block(x)
  }
  return x
}
"""
    Path("tower.attn").write_text(source.replace("block in", "b in").replace("block(x)", "b(x)"), encoding="utf-8")
    result = attnc("explain", "tower.attn")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("fused attention region in blocks.{0..4}") == 1


def test_nothing_to_say(attnc) -> None:
    Path("plain.attn").write_text("model M(x: f32[batch]) -> f32[batch] { return 2 * x }\n", encoding="utf-8")
    assert attnc("explain", "plain.attn").stdout == "nothing was fused, and nothing nearly was\n"


def test_mistakes(attnc) -> None:
    assert "E012" in attnc("explain", "bad.attn").stderr
    assert "E052" in attnc("explain", "absent.attn").stderr
    assert "there is no format `xml`" in attnc("explain", "good.attn", "--format", "xml").stderr


def test_what_fusing_saves_is_said_at_sizes(attnc) -> None:
    result = attnc("explain", "good.attn", "--size", "seq=16")
    assert result.exit_code == 0
    assert "  = from: good.attn:" in result.stdout
    assert "seq = 16" in result.stdout.partition("  = saves: ")[2]


def test_a_size_that_the_model_lacks(attnc) -> None:
    result = attnc("explain", "good.attn", "--size", "sequence=16")
    assert result.exit_code == 1
    assert "error[E090]: the model binds no size `sequence`" in result.stderr
