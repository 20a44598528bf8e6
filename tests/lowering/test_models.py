"""Models from their text to a program, with and without the passes, against the reference interpreter."""

from __future__ import annotations

import pytest
from lowering.compare import assert_lowers_right

from attncomp.ir.graph import Graph
from attncomp.lowering.program import Loop, Program, Region, Step, statements
from attncomp.passes.registry import pass_sequence
from attncomp.passes.runner import run_passes
from attncomp.semantics.elaborate import elaborate
from attncomp.semantics.files import load_files

TEXT = """
block Layer{heads = 4}(x: {seq, embed}) -> {seq, embed} {
  axis head = heads, key = |embed| / heads
  layer q_proj = Linear{embed -> (head key)}
  layer k_proj = Linear{embed -> (head key)}
  layer v_proj = Linear{embed -> (head key)}
  layer out_proj = Linear{(head key) -> embed}
  s = q_proj(x) @{key} k_proj(x)[seq -> seq'] / sqrt(|key|)
  w = softmax{seq'}(where(arange{seq} >= arange{seq'}, s, -inf))
  return x + out_proj(w @{seq'} v_proj(x)[seq -> seq'])
}

model Decoder(x: f32[batch, seq, embed = 8]) -> f32[batch, seq, embed] {
  layer blocks[3] = Layer
  for b in blocks { x = b(x) }
  return x
}

model Window{window = 3, heads = 3}(x: f32[batch, height = 6, width = 6, embed = 12])
  -> f32[batch, height, width, embed] {
  axis head = heads, key = |embed| / heads, part = 3
  axis i = window, j = window, rows = |height| / window, cols = |width| / window
  axis dy = 2 * window - 1, dx = 2 * window - 1
  layer qkv = Linear{embed -> (part head key)}
  layer proj = Linear{(head key) -> embed}
  param bias: [(dy dx), head] as "relative_position_bias_table" ~ trunc_normal(0.02)
  p = qkv(x[height -> (rows i), width -> (cols j)])
  kv = p[i -> i', j -> j']
  b = bias[dy = arange{i} - arange{i'} + window - 1, dx = arange{j} - arange{j'} + window - 1]
  w = softmax{i', j'}(p[part = 0] @{key} kv[part = 1] / sqrt(|key|) + b)
  return proj(w @{i', j'} kv[part = 2])[(rows i) -> height, (cols j) -> width]
}

block SE{reduction = 4}(x: {channel, height, width}) -> {channel, height, width} {
  axis hidden = |channel| / reduction
  layer fc1 = Linear{channel -> hidden}
  layer fc2 = Linear{hidden -> channel}
  gate = sigmoid(fc2(relu(fc1(mean{height, width}(x)))))
  return x * gate
}

block SpatialAttention{size = 3}(x: {channel, height, width}) -> {channel, height, width} {
  axis stat = 2
  layer conv = Conv{stat -> one, height: size, width: size, padding = same, bias = false}
  pooled = stack{stat}(mean{channel}(x), max{channel}(x))
  return x * sigmoid(conv(pooled)[one = 0])
}

model Gates(x: f32[batch, channel = 8, height, width]) -> f32[batch, channel, height, width] {
  layer channels = SE
  layer places = SpatialAttention
  return places(channels(x))
}

block Additive{size = 16}(q: {query, dq}, m: {source, dm}) -> {query, dm} {
  axis hidden = size
  layer wq = Linear{dq -> hidden}
  layer wm = Linear{dm -> hidden, bias = false}
  param v: [hidden]
  e: {query, source, hidden} = tanh(wq(q) + wm(m))
  return softmax{source}(e @{hidden} v) @{source} m
}

model Bahdanau(q: f32[batch, query, dq = 6], m: f32[batch, source, dm = 5]) -> f32[batch, query, dm] {
  layer attention = Additive
  return attention(q, m)
}
"""


def built(model: str) -> Graph:
    graph, _ = elaborate(load_files(TEXT), model=model, options={}, present=frozenset())
    return graph


def optimised(model: str) -> Graph:
    graph = built(model)
    run_passes(graph, pass_sequence())
    return graph


def regions(program: Program) -> list[Region]:
    return [one for one in statements(program.steps) if isinstance(one, Region)]


@pytest.mark.parametrize("model", ["Decoder", "Window", "Gates", "Bahdanau"])
def test_program_gives_what_the_graph_says(model: str) -> None:
    assert_lowers_right(built(model))
    graph = optimised(model)
    assert_lowers_right(graph)
    assert_lowers_right(graph, forms=True)
    assert_lowers_right(graph, roll_loops=False)


def test_window_attention_is_of_the_form_of_kernels() -> None:
    program = assert_lowers_right(optimised("Window"))
    (region,) = regions(program)
    form = region.attention
    assert form is not None and form.bias is not None and form.mask is None
    assert form.query.comment == "[batch, rows, cols, head, (i j), key]"
    assert form.bias.comment == "[head, (i j), (i' j')]"
    assert [value.name for value in (form.query, form.key, form.value)] == ["queries", "keys", "values"]


def test_the_table_of_relative_positions_is_gathered_once() -> None:
    program = assert_lowers_right(optimised("Window"))
    assert "take" in [one.operator for one in program.prepare]
    assert "take" not in [one.operator for one in statements(program.steps) if isinstance(one, Step)]


def test_decoder_layers_are_one_loop_with_one_projection() -> None:
    program = assert_lowers_right(optimised("Decoder"))
    (loop,) = (one for one in program.steps if isinstance(one, Loop))
    assert loop.prefixes == ("blocks.0.", "blocks.1.", "blocks.2.")
    linear = [one for one in loop.steps if isinstance(one, Step) and one.operator == "linear"]
    assert len(linear) == 2
    assert loop.prepare != ()


def test_gates_move_nothing() -> None:
    program = assert_lowers_right(optimised("Gates"))
    assert [region.kind for region in regions(program)] == ["gate", "gate"]
    operators = [one.operator for one in statements(program.steps) if isinstance(one, Step)]
    assert "permute" not in operators


def test_additive_attention_has_no_kernel_form() -> None:
    (region,) = regions(assert_lowers_right(optimised("Bahdanau")))
    assert region.kind == "attention" and region.attention is None
