"""Small models that are at the edge of something, in the interpreter and in both modules."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from end_to_end.drawn_models import inputs_for
from end_to_end.everywhere import BACKENDS, agree, drawn_parameters, emitted, results, rewritten

from attncomp import pipeline
from attncomp.ir.interpret import interpret

CORNERS: Mapping[str, tuple[str, Mapping[str, int]]] = {
    "layers in a loop over a parameter": (
        """
block Half(x: {}) -> {} { return 0.5 * x }
model M(x: f32[side = 4]) -> (y: f32[side], z: f32[side]) {
  param w: [side]
  layer halves[3] = Half
  v = w
  for half in halves { v = tanh(half(v)) }
  return v, x * exp(v)
}""",
        {},
    ),
    "layers in a loop over a parameter, with parameters of their own": (
        """
block Mixed(x: {side}) -> {side} {
  layer fc = Linear{side -> side}
  return tanh(fc(x)) + avgpool{side: 3, stride = 1, padding = 1}(fc(x))
}
model M(x: f32[side = 4]) -> f32[side] {
  param w: [side]
  layer mixed[3] = Mixed
  v = w
  for mix in mixed { v = tanh(mix(v)) }
  return x + exp(v)
}""",
        {},
    ),
    "pooling with an empty axis among the channels": (
        """
model M(x: f32[batch, head = 2, seq]) -> (y: f32[head, batch, seq], z: f32[head, batch, seq]) {
  long = resize{seq: 5, mode = bilinear, align_corners = true}(x)
  return maxpool{seq: 3, stride = 1}(x[batch -> batch']) [batch' -> batch], adaptive_avgpool{seq: 2}(long)
}""",
        {"batch": 0, "seq": 4},
    ),
    "attention between the members of an empty batch": (
        """
model M(x: f32[batch, seq, key = 3]) -> f32[batch, seq, key] {
  s = x @{key} x[batch -> batch']
  return softmax{batch'}(s) @{batch'} x[batch -> batch']
}""",
        {"batch": 0, "seq": 4},
    ),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CORNERS)
def test_the_interpreter_and_the_modules_agree(name: str, backend: str) -> None:
    text, sizes = CORNERS[name]
    graph = pipeline.build(pipeline.parse(text)).graph
    inputs, parameters = inputs_for(graph, sizes, 0), drawn_parameters(graph)
    wanted = list(interpret(graph, inputs, parameters).values())
    for changed in (graph, rewritten(graph)):
        _, module = emitted(changed, backend)
        module.load(parameters, strict=True)
        agree(results(module, inputs), wanted, 1e-5, backend)
