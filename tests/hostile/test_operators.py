"""Uses of operators and layers that do not fit, each with its code, and some that look odd and are right."""

from __future__ import annotations

import numpy as np
import pytest
from hostile.everywhere import run_everywhere

from attncomp import pipeline
from attncomp.diagnostics.core import DiagnosticError

MODEL = """fn f(v) = v * 2
block B{k = 2}(x: {e}) -> {e} { return x * k }
block Two(x: {e, g}) -> {g, e} { return x - mean{e}(x) }
model M(x: f32[b, c = 4, h = 3, w = 5], ids: i64[b, n = 3]) -> f32[b, c, h, w] {
  axis d = 6, k = 2, s = 2, p = 15
  layer fc = Linear{c -> c}
  %s
  return x
}
"""

WRONG = """
window{h: k, stride = 0}(x)                 E040
window{h: k, padding = -1}(x)               E040
window{h: k, stride = [1, 2]}(x)            E040
window{h: k, w: k}(x)                       E022
window{k: h}(x)                             E023
window{h: 3}(x)                             E043
maxpool{h: 0}(x)                            E040
maxpool{h: 9}(x)                            E030
maxpool{h: 2, h: 3}(x)                      E022
maxpool{h}(x)                               E043
maxpool(x)                                  E041
maxpool{h: 2.0}(x)                          E040
adaptive_avgpool{h: 0}(x)                   E030
resize{h: -2, mode = nearest}(x)            E030
resize{h: 7, mode = bilinear}(x)            E041
resize{h: 7, mode = cubic}(x)               E040
roll{h: 1.5}(x)                             E040
argmax{h, w}(x)                             E043
sum{}(x)                                    E041
softmax(x)                                  E041
softmax{h}(x, x)                            E042
softmax{h, h}(x)                            E022
sum{q}(x)                                   E011
sum{d}(x)                                   E023
clamp(x, x, 1)                              E040
clamp{low = 0}(x)                           E013
relu{h}(x)                                  E043
gelu{tanh}(x)                               E043
where(x > 0, x)                             E041
where(x, x, 0)                              E045
concat{h}(x, sum{h}(x))                     E023
concat{h}(x, sum{c}(x))                     E043
stack{s}(x)                                 E030
stack{h}(x, x)                              E030
pad{h: [1, 2, 3]}(x)                        E040
pad{h: 1, h: 2}(x)                          E022
pad{h: x}(x)                                E040
pad{n: 1, value = 0.5}(ids)                 E045
x[h = 3]                                    E034
x[h = -4]                                   E034
x[h = 2..1]                                 E034
x[h = 1.5]                                  E040
x[h = 0, h = 1]                             E022
x[h -> w]                                   E022
x[(h h) -> p]                               E022
x[h -> (d k)]                               E030
x[h = x]                                    E045
x[h = arange{w}]                            E034
x[0]                                        E043
[1, 2][5]                                   E034
3[0]                                        E043
x @{h} 3                                    E023
x @{} x                                     E041
arange{h, w}                                E043
arange{h}(3)                                E042
linspace{h}(inf, 1)                         E040
linspace{h}(x, 1)                           E040
sqrt(-1)                                    E043
ids ** -1                                   E045
x * (1.5 * |b|)                             E035
x * 2 ** |b|                                E035
cast{f64}(x)                                E045
cast(x)                                     E041
maxpool{n: 2}(ids)                          E045
relu(none)                                  E043
relu(relu)                                  E043
f()                                         E041
f(x, x)                                     E042
f(x, z = 1)                                 E042
f{k = 2}(x)                                 E013
fc + x                                      E043
fc(3)                                       E023
fc(x, x)                                    E042
fc{h}(x)                                    E043
B(x)                                        E044
M(x)                                        E044
Linear{c -> d}(x)                           E044
x{h}                                        E044
2(x)                                        E044
"""

WRONG_LAYERS = """
Linear{c -> h}                              E022
Linear{c -> c, c -> d}                      E041
Linear{c}                                   E043
Linear                                      E041
Linear{b -> d}                              E035
Linear{q -> c}                              E011
Linear{d -> c}                              E023
Linear{c -> d, bias = 0}                    E040
Linear{c -> d, size = 3}                    E013
Conv{c -> d, c: 3}                          E022
Conv{c -> h, h: 3}                          E022
Conv{c -> c, h: 3, h: 3}                    E022
Conv{c -> c, h: 3, stride = 0}              E040
Conv{c -> c, h: 2, padding = same}          E040
Conv{c -> c, h: 3, dilation = 2}            E030
Conv{c -> c, h: 1, groups = 3}              E031
Conv{c -> c, h: 1, groups = 0}              E040
Conv{(c h) -> d, w: 1}                      E043
BatchNorm{c, h}                             E043
BatchNorm{c, epsilon = -1}                  E040
LayerNorm{c, c}                             E022
LayerNorm{c, affine = 1}                    E040
GroupNorm{c, h, w}                          E041
GroupNorm{c, h, w, groups = 3}              E031
Embedding{d -> k}                           E045
Dropout{rate = 1}                           E040
Dropout{c}                                  E043
relu                                        E043
f                                           E043
M                                           E044
q                                           E012
3                                           E043
if x > 0 then B else B                      E046
B                                           E023
B{c: h}                                     E011
B{e: c, e: h}                               E022
B{e: (c h)}                                 E043
B{k = x}                                    E040
B{k = 1, k = 2}                             E014
Two{e: c, g: c}                             E022
"""


def rows(table: str) -> list[tuple[str, str]]:
    """The lines of a table: what is written, and the code."""
    return [(line[:-4].strip(), line[-4:]) for line in table.strip().splitlines()]


def first_error(text: str) -> str:
    """The code of the first error of a text."""
    with pytest.raises(DiagnosticError) as caught:
        pipeline.build(pipeline.parse(text))
    return next(found.code for found in caught.value.diagnostics if not found.code.startswith("W"))


@pytest.mark.parametrize(("expression", "code"), rows(WRONG))
def test_an_operator_that_does_not_fit(expression: str, code: str) -> None:
    assert first_error(MODEL % f"y = relu(1.0 * ({expression}))") == code


@pytest.mark.parametrize(("layer", "code"), rows(WRONG_LAYERS))
def test_a_layer_that_does_not_fit(layer: str, code: str) -> None:
    assert first_error(MODEL % f"layer l = {layer}\n  y = l(x)") == code


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("x[h = ..-3]", lambda x: x[:, :, :0]),
        ("x[h = 1..1]", lambda x: x[:, :, 1:1]),
        ("x[h -> w, w -> h]", lambda x: x),
        ("x[h = 0, w -> h]", lambda x: x[:, :, 0]),
        ("roll{h: 100, w: -|w|}(x)", lambda x: np.roll(x, 1, 2)),
        ("x ** 0", np.ones_like),
        ("x % -2", lambda x: np.mod(x, -2)),
        ("-x // 0.5", lambda x: np.floor_divide(-x, 0.5)),
        ("clamp(x, 3, 1)", lambda x: np.full_like(x, 1)),
        ("where(true, x, 0)", lambda x: x),
        ("minimum(3, 4) * x", lambda x: 3 * x),
        ("x * (|b| % 2)", lambda x: x * 0),
        ("x[h = |b| - 1, w = |b|]", lambda x: x[:, :, 1, 2]),
        ("softmax{(h w)}(x)", lambda x: np.exp(x) / np.exp(x).sum((2, 3), keepdims=True)),
    ],
)
def test_what_looks_odd_and_is_right(expression: str, expected: object) -> None:
    x = np.random.default_rng(0).standard_normal((2, 4, 3, 5)).astype(np.float32)
    assert callable(expected)
    value = np.asarray(expected(x))
    axes = ", ".join("bchw"[: value.ndim]) if value.shape != x.shape[:2] else "b, c"
    text = f"model M(x: f32[b, c = 4, h = 3, w = 5]) -> f32[{axes}] {{\n  return {expression}\n}}\n"
    if expression == "x[h -> w, w -> h]":
        text = text.replace("f32[b, c, h, w] {", "f32[b, c, w, h] {")
    (found,), _ = run_everywhere(text, {"x": x})
    np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-5)
