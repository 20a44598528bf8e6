"""What is drawn for a model: ids that exist, masks that leave something, numbers that would show a missing operator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from attncomp import pipeline
from attncomp.bench.draw import draw_inputs, draw_weights, sizes_of
from attncomp.diagnostics.core import DiagnosticError
from attncomp.ir.graph import Graph

EXAMPLES = Path(__file__).parents[2] / "examples"

WORDS = """
model Words(
  words: i64[batch, seq], kinds: i32[seq, batch], keep: bool[batch, seq], count: i64[batch], x: f16[seq, batch],
) -> f32[batch, seq, embed] {
  axis embed = 3, word = 11, kind = 2
  param table: [word, embed] ~ normal(1.0)
  param tones: [kind, embed] ~ zeros
  param level: [embed] ~ ones
  shown = table[word = words] + tones[kind = kinds] * level
  return where(keep, shown, 0.0) * x + count
}
"""


@pytest.fixture(scope="module")
def graph() -> Graph:
    return pipeline.build(pipeline.parse(WORDS)).graph


def test_sizes_that_are_not_given(graph: Graph) -> None:
    assert sizes_of(graph, {}) == {"batch": 1, "seq": 128}
    assert sizes_of(graph, {"batch": 4}) == {"batch": 4, "seq": 128}


def test_ids_lie_in_their_tables(graph: Graph) -> None:
    drawn = draw_inputs(graph, {"batch": 4, "seq": 200}, 0)
    assert list(drawn) == ["words", "kinds", "keep", "count", "x"]
    assert set(np.unique(drawn["words"])) == set(range(11))
    assert set(np.unique(drawn["kinds"])) == {0, 1}
    assert drawn["kinds"].shape == (200, 4)
    assert [array.dtype.name for array in drawn.values()] == ["int64", "int32", "bool", "int64", "float16"]


def test_ids_that_are_cut_up_before_they_are_used() -> None:
    tokens = pipeline.build(pipeline.parse(EXAMPLES / "gpt2.attn"), model="GPT2", options={"depth": 1}).graph
    drawn = draw_inputs(tokens, {"batch": 2, "seq": 500}, 0)["tokens"]
    assert drawn.min() >= 0 and 40000 < drawn.max() < 50257


def test_masks_are_those_of_sequences_of_several_lengths(graph: Graph) -> None:
    drawn = draw_inputs(graph, {"batch": 8, "seq": 20}, 0)
    lengths = drawn["keep"].sum(1)
    assert lengths[0] == 20
    assert lengths.min() >= 10 and len(set(lengths)) > 1
    for row, length in zip(drawn["keep"], lengths, strict=True):
        assert row[:length].all()
    assert set(drawn["count"]) <= {0, 1}


def test_the_seed_decides(graph: Graph) -> None:
    sizes = {"batch": 2, "seq": 5}
    one, same, other = (draw_inputs(graph, sizes, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["x"], other["x"])


def test_no_weight_is_left_at_one_number(graph: Graph) -> None:
    weights = draw_weights(graph, 0)
    assert list(weights) == ["table", "tones", "level"]
    assert all(len(np.unique(array)) > 1 for array in weights.values())
    assert np.all(weights["level"] >= 1) and np.all(weights["tones"] >= 0)


def test_too_large(graph: Graph) -> None:
    with pytest.raises(DiagnosticError) as raised:
        draw_inputs(graph, {"batch": 2**20, "seq": 2**20}, 0)
    assert raised.value.diagnostics[0].code == "E033"
