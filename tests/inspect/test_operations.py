"""Arithmetic operations, counted by hand."""

from __future__ import annotations

import pytest

from attncomp import pipeline
from attncomp.inspect.text import layer_rows, summary, total_operations

HEAD = "model M(x: f32[n, d = 4, height = 6]) -> f32[n, e, height] {\n  axis e = 3\n"


def counted(text: str, *, optimised: bool = False) -> str:
    graph = pipeline.build(pipeline.parse(text)).graph
    return str(total_operations(layer_rows(pipeline.optimise(graph).graph if optimised else graph)))


def test_a_linear_layer_multiplies_adds_and_adds_its_bias() -> None:
    text = HEAD + "  layer l = Linear{d -> e}\n  return l(x)\n}"
    assert counted(text) == f"{2 * 4 * 3 * 6 + 3 * 6} * n"


def test_a_convolution_counts_its_kernel() -> None:
    text = HEAD + "  layer c = Conv{d -> e, height: 3, padding = 1, bias = false}\n  return c(x)\n}"
    assert counted(text) == f"{2 * 6 * 3 * 4 * 3} * n"


@pytest.mark.parametrize("optimised", [False, True])
def test_a_region_counts_as_its_parts(optimised: bool) -> None:
    text = """
model M(q: f32[n, k = 4], m: f32[s, k], v: f32[s, e = 3]) -> f32[n, e] {
  return softmax{s}(q @{k} m) @{s} v
}"""
    assert counted(text, optimised=optimised) == f"{2 * 4 + 5 + 2 * 3} * n * s"


def test_moving_numbers_is_free() -> None:
    text = "model M(x: f32[n, d = 4]) -> f32[n, a, b] {\n  axis a = 2, b = 2\n  return x[d -> (a b)]\n}"
    assert counted(text) == "0"


def test_sizes_make_it_a_number() -> None:
    text = HEAD + "  layer l = Linear{d -> e, bias = false}\n  return l(x)\n}"
    graph = pipeline.build(pipeline.parse(text)).graph
    assert "operations: 1.44 k at n = 10" in summary(graph, {"n": 10})
