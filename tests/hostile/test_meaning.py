"""Corners of the language, each run by the interpreter and by both backends, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hostile.everywhere import run_everywhere

NUMBERS = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray:
    """Random numbers in float32."""
    return NUMBERS.standard_normal(shape).astype(np.float32)


def same(found: np.ndarray, expected: np.ndarray) -> None:
    """Fails unless they are equal up to rounding."""
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_twins_of_twins() -> None:
    x = numbers(2, 3, 4)
    text = """model M(x: f32[batch, seq, embed = 4]) -> f32[batch, seq, seq', seq''] {
      c: {batch, seq, seq', seq'', embed} = x * x[seq -> seq'] * x[seq -> seq'']
      return sum{embed}(c)
    }
    """
    (y,), _ = run_everywhere(text, {"x": x})
    same(y, np.einsum("bse,bte,bue->bstu", x, x, x))


def test_the_size_of_an_axis_in_a_value() -> None:
    x = numbers(2, 3, 8, 6)
    text = """model M(x: f32[batch, channel, height = 8, width]) -> f32[batch, channel, height = 4, width] {
      y = maxpool{height: 2, width: 2}(x)
      return y * |y.height| * |x.height| * |y.width|
    }
    """
    (y,), _ = run_everywhere(text, {"x": x})
    same(y, x.reshape(2, 3, 4, 2, 3, 2).max((3, 5)) * 4 * 8 * 3)


def test_nested_blocks_bound_crosswise() -> None:
    x = numbers(2, 3, 5)
    text = """block Inner(x: {a, b}) -> {a, b} { return x * (arange{a} + 1) + |b| }
    block Outer(x: {a, b}) -> {a, b} {
      layer inner = Inner{a: b, b: a}
      return inner(x)
    }
    model M(x: f32[batch, a = 3, b = 5]) -> (p: f32[batch, a, b], q: f32[batch, a, b]) {
      layer crossed = Outer{a: b, b: a}
      layer straight = Outer
      return crossed(x), straight(x)
    }
    """
    (crossed, straight), _ = run_everywhere(text, {"x": x})
    same(crossed, x * (np.arange(3) + 1)[:, None] + 5)
    same(straight, x * (np.arange(5) + 1) + 3)


def test_local_axes_called_like_riders() -> None:
    x = numbers(2, 3, 4)
    text = """block B(x: {e}) -> {e} {
      axis batch = 2, seq = 3
      layer up = Linear{e -> (batch seq)}
      return sum{batch, seq}(up(x)) + x
    }
    model M(x: f32[batch, seq, e = 4]) -> f32[batch, seq, e] {
      layer b = B
      return b(x)
    }
    """
    (y,), weights = run_everywhere(text, {"x": x})
    hidden = x @ weights["b.up.weight"].T + weights["b.up.bias"]
    same(y, x + hidden.sum(-1, keepdims=True))


def test_a_twin_inside_of_a_block_and_one_that_rides_along() -> None:
    x = numbers(2, 3, 3)
    text = """block B(x: {a}) -> {a} {
      s: {a, a'} = x * x[a -> a']
      return sum{a'}(s)
    }
    model M(x: f32[batch, a = 3, a']) -> f32[batch, a, a'] {
      layer b = B
      return b(x)
    }
    """
    (y,), _ = run_everywhere(text, {"x": x})
    same(y, x * x.sum(1, keepdims=True))


def test_a_linear_layer_to_its_own_axis_beside_its_twin() -> None:
    x = numbers(2, 3, 3)
    text = """model M(x: f32[batch, d = 3, d']) -> f32[batch, d, d'] {
      layer l = Linear{d -> d}
      return l(x)
    }
    """
    (y,), weights = run_everywhere(text, {"x": x})
    same(y, np.einsum("bij,ki->bkj", x, weights["l.weight"]) + weights["l.bias"][:, None])


def test_a_twin_follows_the_axis_that_is_bound() -> None:
    x, mask = numbers(2, 3, 8), np.ones((2, 3, 3), bool)
    mask[:, 0, 1:] = False
    text = """from std.attention import SelfAttention
    model M(x: f32[batch, time, feature = 8], mask: bool[batch, time, time']) -> f32[batch, time, feature] {
      layer a = SelfAttention{heads = 2, seq: time, embed: feature}
      return a(x, mask)
    }
    """
    (y,), weights = run_everywhere(text, {"x": x, "mask": mask})
    value = x[:, 0] @ weights["a.v_proj.weight"].T + weights["a.v_proj.bias"]
    same(y[:, 0], value @ weights["a.out_proj.weight"].T + weights["a.out_proj.bias"])


def test_several_results_handed_on() -> None:
    x = numbers(2, 3)
    text = """block B(x: {e}) -> (twice: {e}, total: {}) { return x * 2, sum{e}(x) }
    block C(x: {e}) -> (twice: {e}, total: {}) {
      layer b = B
      return b(x)
    }
    model M(x: f32[batch, e = 3]) -> (p: f32[e, batch], q: f32[batch]) {
      layer c = C
      p, q = c(x)
      return p, q
    }
    """
    (p, q), _ = run_everywhere(text, {"x": x})
    same(p, 2 * x.T)
    same(q, x.sum(1))


def test_options_that_hold_blocks_and_functions() -> None:
    x = numbers(2, 3)
    text = """fn double(x) = x * 2
    fn twice{g = double}(x) = g(g(x))
    block Same(x: {e}) -> {e} { return x }
    block Square(x: {e}) -> {e} { return x ** 2 }
    block Wrap{inner = Same, act = relu, last = double}(x: {e}) -> {e} {
      layer i = inner
      return last(act(i(x)))
    }
    model M{act = abs, inner = Square}(x: f32[batch, e = 3]) -> f32[batch, e] {
      fn local(y) = y + 1
      layer a = Wrap
      layer b = Wrap{inner = Square, act = local}
      layer c = Wrap{inner = inner, act = act}
      return a(x) + b(x) + c(x) + twice(x) + twice{g = local}(x)
    }
    """
    (y,), _ = run_everywhere(text, {"x": x})
    same(y, 2 * np.maximum(x, 0) + 2 * (x**2 + 1) + 2 * x**2 + 4 * x + x + 2)
    (y,), _ = run_everywhere(text, {"x": x}, act="relu", inner="Same")
    same(y, 4 * np.maximum(x, 0) + 2 * (x**2 + 1) + 4 * x + x + 2)


def test_a_local_function_sees_what_is_around_it_when_it_is_called() -> None:
    x = numbers(2, 3)
    text = """model M(x: f32[batch, e = 3]) -> f32[batch, e] {
      axis h = 4
      layer fc = Linear{e -> h}
      param s: [e]
      k = 2
      fn up(y: {e}) -> {h} = fc(y) * k
      fn both(y) = sum{h}(up(y)) * s
      k = 3
      return x + both(x)
    }
    """
    (y,), weights = run_everywhere(text, {"x": x})
    hidden = (x @ weights["fc.weight"].T + weights["fc.bias"]) * 3
    same(y, x + hidden.sum(1, keepdims=True) * weights["s"])


def test_layers_that_are_none() -> None:
    x = numbers(2, 3)
    text = """block Twice(x: {e}) -> {e} { return x * 2 }
    block Maybe{inner = none}(x: {e}) -> {e} {
      layer i = inner
      return if i is none then x else i(x)
    }
    model M(x: f32[batch, e = 3]) -> f32[batch, e] {
      layer a = Maybe
      layer b = Maybe{inner = Twice}
      layer several[k in 0..3] = if k == 1 then none else Twice
      for s in several { x = if s is none then x + 1 else s(x) }
      return a(x) + b(x)
    }
    """
    (y,), _ = run_everywhere(text, {"x": x})
    same(y, 3 * (2 * (2 * x + 1)))


def test_loops_over_layers_lists_and_sizes() -> None:
    x = numbers(2, 6)
    text = """block Scale{by = 1}(x: {e}) -> {e} { return x * by }
    model M{powers = [1, 2]}(x: f32[batch, e = 6]) -> f32[batch] {
      layer scales[i in 1..4] = Scale{by = if i % 2 == 0 then i else 1}
      for s in scales { x = s(x) }
      for p in powers { x = x * p }
      y = x[e = ..4]
      z = 0 * y[e = 0]
      for i in 0..|y.e| { z = z + y[e = i] * i }
      return z * 3 + sum{e}(scales[1](x) - 2 * scales[-1](x))
    }
    """
    (y,), _ = run_everywhere(text, {"x": x})
    same(y, 3 * (x[:, :4] * 4 * np.arange(4)).sum(1))
    (y,), _ = run_everywhere(text, {"x": x}, powers=[3])
    same(y, 3 * (x[:, :4] * 6 * np.arange(4)).sum(1))


def test_keys_from_templates() -> None:
    text = """block B(x: {e}) -> {e} {
      layer fc = Linear{e -> e, bias = false} as "inner.0"
      return fc(x)
    }
    model M{name = stack, n = 2}(x: f32[batch, e = 3]) -> f32[batch, e] {
      layer a[i in 1..3] = B as "{name}.{i - 1}.x{n}"
      layer b[2] = B as "plain"
      layer c = B as ""
      for l in a { x = l(x) }
      for l in b { x = l(x) }
      return c(x)
    }
    """
    _, weights = run_everywhere(text, {"x": numbers(2, 3)})
    assert sorted(weights) == [
        "inner.0.weight",
        "plain.0.inner.0.weight",
        "plain.1.inner.0.weight",
        "stack.0.x2.inner.0.weight",
        "stack.1.x2.inner.0.weight",
    ]


def test_optional_inputs_of_blocks_and_models() -> None:
    x, mask = numbers(2, 3), np.array([[True, False, True], [False, False, True]])
    text = """block P(x: {e}, mask: bool{e} = none) -> {e} { return if mask is none then x else where(mask, x, 0) }
    model M(x: f32[batch, e = 3], mask: bool[batch, e] = none) -> f32[batch, e] {
      layer p = P
      return p(x, mask) + p(x) + (if mask is not none then p(x, mask = mask) else x)
    }
    """
    (y,), _ = run_everywhere(text, {"x": x})
    same(y, 3 * x)
    (y,), _ = run_everywhere(text, {"x": x, "mask": mask}, present=("mask",))
    same(y, x + 2 * np.where(mask, x, 0))


def test_packing_is_leftmost_major() -> None:
    x = numbers(2, 6)
    text = """model M(x: f32[batch, e = 6]) -> (a: f32[batch, (q p)], b: f32[batch, (p q)], c: f32[batch, 1, q, p]) {
      axis p = 2, q = 3
      y = x[e -> (p q)]
      return y, y[(p q) -> (p q)], y
    }
    """
    (a, b, c), _ = run_everywhere(text, {"x": x})
    split = x.reshape(2, 2, 3)
    same(a, split.transpose(0, 2, 1).reshape(2, 6))
    same(b, x)
    same(c, split.transpose(0, 2, 1)[:, None])


def test_a_softmax_over_two_axes_and_a_row_that_is_masked_out() -> None:
    x = numbers(2, 3, 4)
    text = """model M(x: f32[batch, a, b]) -> (p: f32[batch, a, b], q: f32[batch, a, b]) {
      return softmax{a, b}(x), softmax{b}(where(arange{a} < 1, x, -inf))
    }
    """
    (p, q), _ = run_everywhere(text, {"x": x})
    flat = np.exp(x.reshape(2, 12))
    same(p, (flat / flat.sum(1, keepdims=True)).reshape(2, 3, 4))
    assert (q[:, 1:] == 0).all()
    same(q[:, 0].sum(-1), np.ones(2))


def test_names_of_operators_as_values() -> None:
    x, other = numbers(2, 3), numbers(2, 3)
    text = """model M(sum: f32[a, e], max: f32[a, e]) -> f32[a] {
      relu = sum * 2
      exp = max{e}(relu(relu))
      where = exp
      return where(sum{e}(sum) > 0, where, -exp) + sum{e}(max)
    }
    """
    (y,), _ = run_everywhere(text, {"sum": x, "max": other})
    top = np.maximum(2 * x, 0).max(1)
    same(y, np.where(x.sum(1) > 0, top, -top) + other.sum(1))


@pytest.mark.parametrize(
    ("result", "value", "expected"),
    [
        ("f32[]", "1.5", 1.5),
        ("i64[]", "|c| * 2", 6),
        ("bool[]", "true", 1),
        ("f32[]", "cast{f32}(|c| // 2)", 1),
        ("f32[]", "-2 ** 2 * 0.5", -2),
        ("i64[]", "-7 // 2 + -7 % 3", -2),
    ],
)
def test_a_result_that_is_a_number(result: str, value: str, expected: float) -> None:
    text = f"model M(x: f32[c]) -> (n: {result}, x: f32[c]) {{\n  return {value}, x\n}}\n"
    (number, _), _ = run_everywhere(text, {"x": numbers(3)})
    assert number.item() == expected
