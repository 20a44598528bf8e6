"""Whole graphs: random ones, and models with loops and fused regions, against the reference interpreter."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lowering.compare import random_arrays
from lowering.test_random_graphs import Drawn
from numpy_backend.emitted import model_class, run_graph

from attncomp import pipeline
from attncomp.ir.graph import Graph, Result
from attncomp.ir.initialize import random_parameters
from attncomp.ir.interpret import interpret
from attncomp.semantics.static import StaticValue

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL: Mapping[str, StaticValue] = {
    "layers": 3,
    "heads": 2,
    "width": 8,
    "hidden": 12,
    "vocabulary": 20,
    "positions": 9,
}

WINDOWS = """
model Window{window = 2, heads = 3}(x: f32[batch, height, width, embed = 6]) -> f32[batch, height, width, embed] {
  axis head = heads, key = |embed| / heads, part = 3
  axis i = window, j = window, rows = |height| / window, cols = |width| / window
  axis dy = 2 * window - 1, dx = 2 * window - 1
  layer qkv = Linear{embed -> (part head key)}
  layer proj = Linear{(head key) -> embed}
  param bias: [(dy dx), head] as "relative_position_bias_table" ~ trunc_normal(0.5)
  p = qkv(x[height -> (rows i), width -> (cols j)])
  kv = p[i -> i', j -> j']
  b = bias[dy = arange{i} - arange{i'} + window - 1, dx = arange{j} - arange{j'} + window - 1]
  w = softmax{i', j'}(p[part = 0] @{key} kv[part = 1] / sqrt(|key|) + b)
  return proj(w @{i', j'} kv[part = 2])[(rows i) -> height, (cols j) -> width]
}
"""

CAUSAL = """
model Causal(x: f32[batch, seq, embed = 8], keep: bool[batch, seq]) -> (y: f32[batch, seq, embed], total: f32[]) {
  axis head = 2, key = 4
  layer q = Linear{embed -> (head key)}
  layer k = Linear{embed -> (head key)}
  layer v = Linear{embed -> (head key)}
  s = q(x) @{key} k(x)[seq -> seq'] / sqrt(|key|)
  seen: {batch, seq, seq'} = (arange{seq} >= arange{seq'}) and keep[seq -> seq']
  w = softmax{seq'}(where(seen, s, -inf))
  y = (w @{seq'} v(x)[seq -> seq'])[(head key) -> embed]
  return y, sum{batch, seq, embed}(y)
}
"""


def close(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray], tolerance: float = 1e-5) -> None:
    assert list(found) == list(expected)
    for name, array in found.items():
        np.testing.assert_allclose(array, expected[name], rtol=tolerance, atol=tolerance, err_msg=name)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_graph_computes_the_reference(data: st.DataObject) -> None:
    drawn = Drawn(data.draw)
    for number in range(data.draw(st.integers(1, 3))):
        drawn.leaf(number)
    for _ in range(data.draw(st.integers(2, 9))):
        drawn.operator()
    graph = drawn.sketch.graph
    results = [drawn.values[-1], data.draw(st.sampled_from(drawn.values))]
    graph.results = tuple(
        Result(f"y{number}", value, drawn.layout(drawn.names(value))) for number, value in enumerate(results)
    )
    inputs, parameters = random_arrays(graph, 3)
    given_inputs = {
        key: array.astype(np.float32) if array.dtype.kind == "f" else array for key, array in inputs.items()
    }
    close(run_graph(graph, given_inputs, parameters), interpret(graph, given_inputs, parameters), 1e-4)


def both(
    source: str | Path, inputs: Mapping[str, np.ndarray], options: Mapping[str, StaticValue] | None = None
) -> None:
    """Fails unless a model computes the same as its graph before any pass."""
    compiled = pipeline.compile_source(source, backend="numpy", options=options)
    graph: Graph = compiled.built.graph
    parameters = {
        key: np.random.default_rng(len(key)).normal(0, 0.4, array.shape).astype(array.dtype)
        for key, array in random_parameters(graph, 0).items()
    }
    model = model_class(compiled.program)(parameters)
    found = model(**inputs)
    names = [result.name for result in graph.results]
    outputs = dict(zip(names, found if len(names) > 1 else [found], strict=True))
    close(outputs, interpret(graph, inputs, parameters), 5e-5)


@pytest.mark.parametrize(("batch", "seq"), [(2, 7), (1, 1), (0, 5), (3, 9)])
def test_minilm(batch: int, seq: int) -> None:
    random = np.random.default_rng(0)
    mask = np.ones((batch, seq), np.int64)
    mask[1:, seq // 2 :] = 0
    inputs = {"tokens": random.integers(0, 20, (batch, seq)), "mask": mask}
    both(EXAMPLES / "minilm.attn", inputs, SMALL)


def test_windows_with_a_relative_position_bias() -> None:
    both(WINDOWS, {"x": np.random.default_rng(0).normal(size=(2, 4, 6, 6)).astype(np.float32)})


def test_a_row_that_is_masked_out_is_zero() -> None:
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype(np.float32)
    keep = np.array([[False, False, True, True, False], [True] * 5])
    both(CAUSAL, {"x": x, "keep": keep})


def test_squeeze_and_excitation() -> None:
    image = np.random.default_rng(0).normal(size=(2, 6, 5, 3)).astype(np.float32)
    both(EXAMPLES / "se.attn", {"image": image})


def test_initial_weights_are_those_of_the_compiler() -> None:
    compiled = pipeline.compile_source(EXAMPLES / "minilm.attn", backend="numpy", options=SMALL)
    inputs = {"tokens": np.array([[3, 1, 4]]), "mask": np.ones((1, 3), np.int64)}
    kind = model_class(compiled.program)
    expected = kind(random_parameters(compiled.built.graph, 5))(**inputs)
    np.testing.assert_array_equal(kind.initialize(5)(**inputs), expected)
    assert not np.array_equal(kind.initialize(6)(**inputs), expected)
