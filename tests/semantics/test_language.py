"""The meaning of the language: models run through the float64 interpreter and compared with NumPy written by hand."""

from __future__ import annotations

import numpy as np
import pytest

from attncomp.diagnostics.core import DiagnosticError
from tests.semantics.helpers import graph_of, run

RANDOM = np.random.default_rng(7)


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


ATTEND = """
fn attend(q: {query, key}, k: {source, key}, v: {source, value}) -> {query, value} =
  softmax{source}(q @{key} k / sqrt(|key|)) @{source} v

model M(q: f32[n, d = 4], k: f32[m, d], v: f32[m, e = 3]) -> f32[n, e] {
  return attend{query: n, source: m, key: d, value: e}(q, k, v)
}
"""


def test_attention_is_written_as_mathematics():
    q, k, v = RANDOM.normal(size=(5, 4)), RANDOM.normal(size=(7, 4)), RANDOM.normal(size=(7, 3))
    results, _ = run(ATTEND, {"q": q, "k": k, "v": v})
    np.testing.assert_allclose(results["out"], softmax(q @ k.T / 2.0) @ v, atol=1e-7)


def test_one_graph_serves_every_size():
    graph = graph_of(ATTEND)
    assert graph.symbols() == ("n", "m")


SELF = """
from std.attention import SelfAttention
model M{heads = 2}(x: f32[batch, seq, embed = 6], keep: bool[batch, seq] = none) -> f32[batch, seq, embed] {
  layer attn = SelfAttention{heads = heads}
  mask: {batch, seq, seq'} = if keep is none then arange{seq} >= arange{seq'} and arange{batch} >= 0
    else keep[seq -> seq'] and arange{seq} >= 0
  return attn(x, mask)
}
"""


def by_hand(x: np.ndarray, p: dict[str, np.ndarray], mask: np.ndarray, heads: int) -> np.ndarray:
    def project(name: str) -> np.ndarray:
        y = x @ p[f"attn.{name}.weight"].T + p[f"attn.{name}.bias"]
        return y.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)

    q, k, v = project("q_proj"), project("k_proj"), project("v_proj")
    s = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    mixed = softmax(np.where(mask[:, None], s, -np.inf)) @ v
    return mixed.swapaxes(1, 2).reshape(x.shape) @ p["attn.out_proj.weight"].T + p["attn.out_proj.bias"]


@pytest.mark.parametrize("keep", [None, np.array([[1, 1, 1, 0, 1], [1, 0, 0, 0, 0]], bool)])
def test_heads_and_batch_ride_along(keep: np.ndarray | None):
    x = RANDOM.normal(size=(2, 5, 6))
    inputs = {"x": x} if keep is None else {"x": x, "keep": keep}
    results, parameters = run(SELF, inputs, present=() if keep is None else ("keep",))
    mask = np.tril(np.ones((2, 5, 5), bool)) if keep is None else np.repeat(keep[:, None], 5, axis=1)
    np.testing.assert_allclose(results["out"], by_hand(x, parameters, mask, 2), atol=1e-7)


def test_parameter_keys_are_those_of_a_state_dict():
    graph = graph_of("""
block Inner(x: {d}) -> {d} {
  layer fc = Linear{d -> d}
  return fc(x)
}
block Outer(x: {d}) -> {d} {
  layer a = Inner{}
  layer convs[2] = Inner as "convs.{1 + 1}.deep"
  return a(x)
}
model M(x: f32[b, d = 3]) -> f32[b, d] {
  layer blocks[2] = Inner
  layer h[i in 0..2] = Inner as "h.{i + 1}"
  layer top = Linear{d -> d, bias = false} as "fc.0"
  param scale: [d] as "gamma"
  for each in blocks { x = each(x) }
  return h[0](h[-1](top(x))) * scale
}""")
    keys = [node.attributes["key"] for node in graph.nodes("parameter")]
    assert sorted(map(str, keys)) == sorted(
        [
            "blocks.0.fc.weight",
            "blocks.0.fc.bias",
            "blocks.1.fc.weight",
            "blocks.1.fc.bias",
            "h.1.fc.weight",
            "h.1.fc.bias",
            "h.2.fc.weight",
            "h.2.fc.bias",
            "fc.0.weight",
            "gamma",
        ]
    )


def test_a_layer_called_twice_shares_its_parameters():
    graph = graph_of("""
model M(x: f32[b, d = 3]) -> f32[b, d] {
  layer l = Linear{d -> d}
  for i in 0..4 { x = relu(l(x)) }
  return x
}""")
    assert len(list(graph.nodes("parameter"))) == 2
    assert len(list(graph.nodes("contract"))) == 4


def test_a_shared_block_keeps_its_inner_layers():
    graph = graph_of("""
block Two(x: {d}) -> {d} {
  layer inner[2] = Linear{d -> d}
  for l in inner { x = l(x) }
  return x
}
model M(x: f32[b, d = 3]) -> f32[b, d] {
  layer two = Two
  return two(two(x))
}""")
    assert len(list(graph.nodes("parameter"))) == 4


def test_local_axes_never_meet_those_of_the_caller():
    """Both the caller and the block have an axis `hidden`; the caller's rides along untouched."""
    text = """
block MLP(x: {d}) -> {d} {
  axis hidden = 2
  layer up = Linear{d -> hidden}
  layer down = Linear{hidden -> d}
  return down(up(x))
}
model M(x: f32[hidden, d = 3]) -> f32[hidden, d] {
  layer mlp = MLP
  return mlp(x)
}"""
    x = RANDOM.normal(size=(5, 3))
    results, p = run(text, {"x": x})
    up = x @ p["mlp.up.weight"].T + p["mlp.up.bias"]
    np.testing.assert_allclose(results["out"], up @ p["mlp.down.weight"].T + p["mlp.down.bias"], atol=1e-7)


def test_axes_of_a_block_bind_by_name_or_at_the_use():
    text = """
block SE{reduction = 2}(x: {channel, height}) -> {channel, height} {
  axis hidden = |channel| / reduction
  layer fc = Linear{channel -> hidden}
  layer back = Linear{hidden -> channel}
  return x * sigmoid(back(relu(fc(mean{height}(x)))))
}
model M(x: f32[batch, feature = 4, height]) -> f32[batch, feature, height] {
  layer se = SE{channel: feature}
  return se(x)
}"""
    x = RANDOM.normal(size=(2, 4, 3))
    results, p = run(text, {"x": x})
    hidden = np.maximum(x.mean(-1) @ p["se.fc.weight"].T + p["se.fc.bias"], 0)
    gate = 1 / (1 + np.exp(-(hidden @ p["se.back.weight"].T + p["se.back.bias"])))
    np.testing.assert_allclose(results["out"], x * gate[..., None], atol=1e-7)


def test_split_merge_rename_index_slice_and_gather():
    text = """
model M(x: f32[n = 6, d = 4], ids: i64[k]) -> (a: f32[p, q, d], b: f32[(d n)], c: f32[n], e: f32[d, n], f: f32[k, d]) {
  axis p = 2, q = 3
  axis flat = |d| * |n|
  a = x[n -> (p q)]
  b = x[(d n) -> flat]
  return a, b[flat -> (d n)], x[d = -1], x[n -> n', d -> d][n' -> n][n = 0..6], x[n = ids]
}"""
    x = RANDOM.normal(size=(6, 4))
    ids = np.array([5, 0, 5])
    results, _ = run(text, {"x": x, "ids": ids})
    np.testing.assert_array_equal(results["a"], x.reshape(2, 3, 4))
    np.testing.assert_array_equal(results["b"], x.T.reshape(-1))
    np.testing.assert_array_equal(results["c"], x[:, -1])
    np.testing.assert_array_equal(results["e"], x.T)
    np.testing.assert_array_equal(results["f"], x[ids])


def test_two_axes_can_be_swapped():
    x = RANDOM.normal(size=(3, 3))
    results, _ = run("model M(x: f32[a = 3, b = 3]) -> f32[a, b] { return x[a -> b, b -> a] }", {"x": x})
    np.testing.assert_array_equal(results["out"], x.T)


def test_several_results_and_names_for_them():
    text = """
block Stats(x: {d}) -> (mean: {}, spread: {}) {
  return mean{d}(x), var{d}(x)
}
model M(x: f32[b, d]) -> (mean: f32[b], spread: f32[b]) {
  layer stats = Stats
  m, s = stats(x)
  return m, s
}"""
    x = RANDOM.normal(size=(3, 5))
    results, _ = run(text, {"x": x})
    np.testing.assert_allclose(results["mean"], x.mean(-1))
    np.testing.assert_allclose(results["spread"], x.var(-1))


def test_options_choose_when_compiling():
    text = """
fn twice(x) = 2 * x
block B{activation = relu, deep = true}(x: {d}) -> {d} {
  return if deep then activation(x) else x
}
model M{act = twice}(x: f32[d]) -> f32[d] {
  layer b = B{activation = act}
  return b(x)
}"""
    x = RANDOM.normal(size=5)
    np.testing.assert_allclose(run(text, {"x": x})[0]["out"], 2 * x)
    np.testing.assert_allclose(run(text, {"x": x}, act="tanh")[0]["out"], np.tanh(x))


def test_a_conditional_takes_only_the_branch_it_needs():
    text = "model M{n = 2}(x: f32[d]) -> f32[d] { return if n > 1 then x else undefined_name }"
    assert len(graph_of(text)) == 1


def test_a_bias_table_is_gathered_by_position_arithmetic():
    text = """
model M{window = 3}(x: f32[i = 3, j = 3]) -> f32[i, j, i', j'] {
  axis dy = 2 * window - 1, dx = 2 * window - 1
  param bias: [(dy dx)] as "table"
  b = bias[dy = arange{i} - arange{i'} + window - 1, dx = arange{j} - arange{j'} + window - 1]
  y: {i, j, i', j'} = b + 0 * x
  return y
}"""
    results, p = run(text, {"x": np.zeros((3, 3))})
    table = p["table"].reshape(5, 5)
    i, j, k, m = np.ogrid[:3, :3, :3, :3]
    np.testing.assert_allclose(results["out"], table[i - k + 2, j - m + 2])


def test_a_fully_masked_row_is_zero():
    text = """
model M(s: f32[q, k], keep: bool[q, k]) -> f32[q, k] {
  return softmax{k}(where(keep, s, -inf))
}"""
    keep = np.array([[True, False], [False, False]])
    results, _ = run(text, {"s": np.zeros((2, 2)), "keep": keep})
    np.testing.assert_array_equal(results["out"], [[1, 0], [0, 0]])


def test_sizes_are_exact_and_symbolic():
    text = """
model M(x: f32[batch, height, width]) -> f32[batch, rows, cols, i, j] {
  axis i = 7, j = 7, rows = |height| / 7, cols = |width| / 7
  return x[height -> (rows i), width -> (cols j)]
}"""
    x = RANDOM.normal(size=(2, 14, 21))
    results, _ = run(text, {"x": x})
    assert results["out"].shape == (2, 2, 3, 7, 7)
    np.testing.assert_array_equal(results["out"], x.reshape(2, 2, 7, 3, 7).swapaxes(2, 3))


def test_a_nameless_dimension_of_one_is_stored():
    text = """
model M(x: f32[batch, embed = 3]) -> f32[batch, 1, embed] {
  param token: [1, 1, embed]
  return x + token
}"""
    x = RANDOM.normal(size=(2, 3))
    results, p = run(text, {"x": x})
    assert p["token"].shape == (1, 1, 3)
    np.testing.assert_allclose(results["out"], x[:, None] + p["token"])


def test_convolution_keys_and_sizes():
    text = """
model M(x: f32[n, c = 3, height, width]) -> f32[n, o, height, width] {
  axis o = 5
  layer conv = Conv{c -> o, height: 3, width: 3, stride = 2, padding = same}
  y = conv(x)
  return y * |y.height|
}"""
    x = RANDOM.normal(size=(1, 3, 7, 8))
    results, p = run(text, {"x": x})
    assert p["conv.weight"].shape == (5, 3, 3, 3)
    assert results["out"].shape == (1, 5, 4, 4)


@pytest.mark.parametrize("length", [1, 4, 9])
def test_linear_attention_needs_no_softmax(length: int):
    text = """
model M(q: f32[n, k = 3], key: f32[m, k], v: f32[m, d = 2]) -> f32[n, d] {
  return q @{k} (key @{m} v)
}"""
    q, k, v = (RANDOM.normal(size=size) for size in ((5, 3), (length, 3), (length, 2)))
    results, _ = run(text, {"q": q, "key": k, "v": v})
    np.testing.assert_allclose(results["out"], q @ (k.T @ v), atol=1e-7)


def test_positions_beyond_a_table_are_refused_at_the_call():
    text = """
model M(x: f32[seq, d = 2]) -> f32[seq, d] {
  axis position = 4
  param table: [position, d]
  return x + table[position = arange{seq}] + x[seq = 1]
}"""
    graph = graph_of(text)
    assert [str(constraint) for constraint in graph.constraints] == ["seq <= 4", "1 <= seq - 1"]
    assert run(text, {"x": np.zeros((4, 2))})[0]["out"].shape == (4, 2)
    for length in (1, 5):
        with pytest.raises(DiagnosticError) as caught:
            run(text, {"x": np.zeros((length, 2))})
        assert caught.value.diagnostics[0].code == "E030"


def test_parts_of_other_lengths_are_joined():
    text = """
model M(x: f32[seq, d], y: f32[part, d]) -> f32[seq, d] {
  return concat{seq}(x, y[part -> seq])
}"""
    assert graph_of(text).constraints == ()
    x, y = RANDOM.normal(size=(3, 2)), RANDOM.normal(size=(5, 2))
    np.testing.assert_array_equal(run(text, {"x": x, "y": y})[0]["out"], np.concatenate([x, y]))


MAKES = """
block Widen(x: {d}) -> {wide} {
  layer l = Linear{d -> wide}
  return l(x)
}
model M(x: f32[n, d = 2]) -> f32[n, out] {
  axis out = 5
  layer w = Widen{BINDING}
  return w(x)
}"""


def test_the_use_says_which_axis_a_block_makes():
    graph = graph_of(MAKES.replace("BINDING", "wide: out"))
    assert [str(axis) for axis in graph.type(graph.results[0].node).axes] == ["n=n", "out=5"]
    named_alike = MAKES.replace("BINDING", "").replace("out", "wide")
    assert graph_of(named_alike).type(graph_of(named_alike).results[0].node).has("wide")
    with pytest.raises(DiagnosticError) as caught:
        graph_of(MAKES.replace("BINDING", ""))
    assert [diagnostic.code for diagnostic in caught.value.diagnostics] == ["E041"]
