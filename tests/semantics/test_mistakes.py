"""Mistakes in the meaning of a file: the code, the place under the caret, and that one mistake hides no other."""

from __future__ import annotations

import pytest

from tests.semantics.helpers import at, codes, mistakes


def body(text: str) -> str:
    """A model of x: f32[batch, seq, embed = 4] with this body."""
    return "model M(x: f32[batch, seq, embed = 4]) -> f32[batch, seq, embed] {\n" + text + "\n}"


CASES = {
    "unknown name": ("return y", "E010", "y"),
    "unknown axis": ("return sum{sequence}(x)", "E011", "sequence"),
    "unknown operator": ("return sofmax{seq}(x)", "E012", "sofmax"),
    "unknown option": ("layer l = Linear{embed -> embed, bais = true}\nreturn l(x)", "E013", "bais"),
    "axis declared twice": ("axis a = 1\naxis a = 2\nreturn x", "E014", "a = 2"),
    "layer made twice": (
        "layer l = Linear{embed -> embed}\nlayer l = Linear{embed -> embed}\nreturn l(x)",
        "E014",
        "layer l = Linear{embed -> embed}",
    ),
    "twin missing": ("s = x @{embed} x\nreturn softmax{seq'}(s) @{seq'} x", "E020", "seq'"),
    "softmax over the queries": ("return softmax{seq}(x @{embed} x) @{seq} x", "E020", "softmax{seq}(x @{embed} x)"),
    "result with another axis": ("return x[seq -> seq']", "E021", "x[seq -> seq']"),
    "result that lacks one": ("return mean{seq}(x)", "E021", "mean{seq}(x)"),
    "two axes with one name": ("return x[seq -> embed]", "E022", "embed"),
    "an axis twice in braces": ("return mean{seq, seq}(x)", "E022", "seq"),
    "an axis that is not there": ("y = mean{seq}(x)\nreturn x + mean{seq}(y)", "E023", "seq"),
    "an outer sum": ("y = mean{seq}(x) + mean{embed}(x)\nreturn x", "E024", "mean{seq}(x) + mean{embed}(x)"),
    "an ascription that is wrong": ("y: {batch, seq} = x\nreturn x", "E025", "x"),
    "a split that does not fit": ("axis a = 3, b = 2\nreturn x[embed -> (a b)]", "E030", "embed -> (a b)"),
    "an inexact division": ("axis a = |embed| / 3\nreturn x", "E031", "|embed| / 3"),
    "a division by zero": ("axis a = |embed| / 0\nreturn x", "E031", "|embed| / 0"),
    "terabytes": ("axis a = 2 ** 40\nparam p: [a]\nreturn x", "E033", "param p: [a]"),
    "a position out of range": ("return x + x[embed = 4]", "E034", "4"),
    "a parameter of unknown size": ("param p: [seq]\nreturn x * p", "E035", "param p: [seq]"),
    "a wrong option type": ("layer l = Linear{embed -> embed, bias = 3}\nreturn l(x)", "E040", "bias = 3"),
    "axes missing": ("return softmax(x)", "E041", "softmax"),
    "too many values": ("return relu(x, x)", "E042", "relu(x, x)"),
    "a call of a tensor": ("return x(x)", "E044", "x"),
    "a layer without a name": ("return Linear{embed -> embed}(x)", "E044", "Linear{embed -> embed}"),
    "a condition on a tensor": ("return if x then x else x", "E046", "x"),
    "a condition on an unknown size": ("return if |seq| > 3 then x else -x", "E046", "|seq| > 3"),
    "layers called at once": ("layer l[2] = Linear{embed -> embed}\nreturn l(x)", "E044", "l"),
    "a key twice": (
        'param a: [embed] as "w"\nparam b: [embed] as "w"\nreturn x * a * b',
        "E060",
        'param b: [embed] as "w"',
    ),
    "a bad key": ('param a: [embed] as "w/.."\nreturn x * a', "E061", '"w/.."'),
    "real numbers as ids": ("axis v = 3\nlayer e = Embedding{v -> embed}\nreturn e(x)", "E045", "e(x)"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_code_and_the_caret(name: str):
    text, code, place = CASES[name]
    found = mistakes(body(text))
    assert [diagnostic.code for diagnostic in found if diagnostic.code.startswith("E")] == [code]
    assert at(found[0], body(text)) == place


def test_several_mistakes_in_one_run():
    text = body("a = nonsense\nb = relu(a) + also_nonsense\nc = mean{nowhere}(x)\nreturn a + b + c")
    assert codes(text) == ["E010", "E010", "E011"]


def test_a_block_used_often_is_wrong_once():
    text = """
block B(x: {d}) -> {d} {
  layer l = Linear{d -> d}
  return l(x) + nothing
}
model M(x: f32[n, d = 2]) -> f32[n, d] {
  layer b[5] = B
  for each in b { x = each(x) }
  return x
}"""
    assert codes(text) == ["E010"]


def test_a_shared_layer_with_two_sizes_names_both_places():
    text = """
block Down(x: {d}) -> {d} {
  layer l = Linear{d -> d}
  return l(x)
}
model M(x: f32[n, d = 2], y: f32[n, e = 3]) -> f32[n, d] {
  layer down = Down
  a = down(x)
  b = down(y[e -> d])
  return a + b
}"""
    found = mistakes(text)
    assert found[0].code == "E032"
    assert found[0].secondary


def test_blocks_that_contain_each_other():
    text = """
block A(x: {d}) -> {d} {
  layer b = B
  return b(x)
}
block B(x: {d}) -> {d} {
  layer a = A
  return a(x)
}
model M(x: f32[d = 2]) -> f32[d] {
  layer a = A
  return a(x)
}"""
    found = mistakes(text)
    assert [diagnostic.code for diagnostic in found] == ["E050"]
    assert "`A` -> `B` -> `A`" in found[0].message


def test_two_sizes_are_both_shown():
    text = "model M(x: f32[n = 2, d = 3], y: f32[m, d = 4]) -> f32[n, d] { return x }"
    assert codes(text) == ["E030"]
    text = """
model M(x: f32[n = 2, d = 3]) -> f32[n, d] {
  y = x + x[d = 0..2]
  return y
}"""
    found = mistakes(text)
    assert found[0].code == "E030"
    assert at(found[0], text) == "x[d = 0..2]"
    assert [label.span.line for label in found[0].secondary] == [3]


def test_an_option_from_outside_is_checked():
    text = "model M{heads = 2}(x: f32[d]) -> f32[d] { return x * heads }"
    assert codes(text, heads="many") == ["E040"]
    assert codes(text, haeds=3) == ["E013"]
    assert "`heads`" in mistakes(text, haeds=3)[0].help


def test_deep_blocks_are_refused_and_not_a_traceback():
    depth = 3000
    text = "".join(f"fn g_{i}(x) = g_{i + 1}(x)\n" for i in range(depth))
    text += f"fn g_{depth}(x) = x\nmodel M(x: f32[d]) -> f32[d] {{ return g_0(x) }}"
    assert codes(text) == ["E007"]
