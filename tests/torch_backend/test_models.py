"""Graphs through lowering and the emitted module against the reference interpreter: every operator, small models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from attncomp_torch import backend
from emitted_text import load
from lowering.compare import random_arrays
from lowering.models import Sketch
from lowering.test_models import TEXT

from attncomp.emission.text import class_name
from attncomp.ir.graph import Graph
from attncomp.ir.interpret import interpret
from attncomp.ir.operators.base import Sample
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.types import DType
from attncomp.lowering.lower import lower
from attncomp.pipeline import compile_source

SAMPLES = [
    pytest.param(name, sample, id=f"{name}-{number}")
    for name, operator in sorted(OPERATORS.items())
    for number, sample in enumerate(operator.samples)
    if name not in {"input", "parameter", "region", "part"}
]


def sampled(name: str, sample: Sample) -> tuple[Graph, dict[str, tuple[float, float]]]:
    """A graph of one operator on inputs, and the bounds of their numbers."""
    sketch = Sketch(name)
    operands, ranges = [], {}
    for place, type_ in enumerate(sample.operands):
        layout = tuple((axis,) for axis in type_.names)
        attributes = {"name": f"x{place}", "layout": layout}
        operands.append(sketch.graph.add("input", (), attributes, type_, sketch.origin()))
        if place < len(sample.ranges):
            ranges[f"x{place}"] = sample.ranges[place]
    y = sketch.op(name, *operands, **sample.attributes)
    sketch.returns(y=(y, " ".join(sketch.graph.type(y).names)))
    return sketch.graph, ranges


def tensor(array: np.ndarray, dtype: DType, kind: torch.dtype) -> torch.Tensor:
    if dtype.is_float:
        return torch.as_tensor(array).to(kind)
    return torch.as_tensor(array).to(
        torch.int32 if dtype is DType.I32 else torch.bool if dtype is DType.BOOL else torch.int64
    )


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_an_operator_of_the_table(name: str, sample: Sample) -> None:
    graph, ranges = sampled(name, sample)
    inputs, parameters = random_arrays(graph, ranges=ranges)
    program = lower(graph)
    module = load(backend.emit(program))
    model = getattr(module, class_name(program.name))().eval()
    dtypes = {entry.name: entry.value.dtype for entry in program.inputs}
    given = [tensor(inputs[entry], dtypes[entry], torch.float32) for entry in dtypes]
    result = model(*given)
    expected = interpret(graph, inputs, parameters)["y"]
    np.testing.assert_allclose(result.double().numpy(), np.asarray(expected, np.float64), rtol=3e-5, atol=3e-5)
    if OPERATORS[name].differentiable and result.is_floating_point():
        doubles = [tensor(inputs[entry], dtypes[entry], torch.float64) for entry in dtypes]
        for place, one in enumerate(doubles):
            # The statistics of a batch norm get no gradient.
            one.requires_grad_(one.is_floating_point() and not (name == "batch_norm" and place in {1, 2}))
        if any(one.requires_grad for one in doubles) and model(*doubles).dtype is torch.float64:
            assert torch.autograd.gradcheck(model, doubles, fast_mode=True)


MORE = """
model Network(x: f32[batch, channel = 3, height, width]) -> f32[batch, feature] {
  axis feature = 6
  layer conv = Conv{channel -> feature, height: 3, width: 3, padding = same}
  layer norm = BatchNorm{feature}
  layer drop = Dropout{rate = 0.2}
  y = relu(norm(conv(x)))
  return drop(mean{height, width}(y))
}

model Alibi(x: f32[batch, seq, embed = 8], keep: bool[batch, seq]) -> (y: f32[batch, seq, embed], longest: i64[batch]) {
  axis head = 2, key = |embed| / 2
  layer qkv = Linear{embed -> (part head key)}
  axis part = 3
  p = qkv(x)
  k = p[part = 1][seq -> seq']
  v = p[part = 2][seq -> seq']
  slope = 1.0 / (arange{head} + 1)
  bias: {head, seq, seq'} = slope * abs(arange{seq} - arange{seq'})
  s = p[part = 0] @{key} k / sqrt(|key|) - bias
  w = softmax{seq'}(where(keep[seq -> seq'], s, -inf))
  y = (w @{seq'} v)[(head key) -> embed]
  return y, sum{seq}(cast{i64}(keep))
}
"""


def compiled(text: str, model: str) -> tuple[Any, Graph]:
    made = compile_source(text, backend="torch", model=model)
    return getattr(load(made.text), class_name(model))(), made.built.graph


@pytest.mark.parametrize(
    ("text", "name"),
    [(TEXT, name) for name in ("Decoder", "Window", "Gates", "Bahdanau")]
    + [(MORE, name) for name in ("Network", "Alibi")],
)
def test_a_model_from_its_text(text: str, name: str) -> None:
    model, graph = compiled(text, name)
    inputs, parameters = random_arrays(graph)
    parameters = {key: abs(array) if key.endswith("running_var") else array for key, array in parameters.items()}
    model.load_weights(parameters)
    model.eval()
    given = [
        tensor(inputs[str(node.attributes["name"])], node.type.dtype, torch.float32) for node in graph.nodes("input")
    ]
    expected = interpret(graph, inputs, parameters)
    results = model(*given)
    for result, wanted in zip(results if isinstance(results, tuple) else [results], expected.values(), strict=True):
        np.testing.assert_allclose(result.detach().numpy(), wanted, rtol=1e-4, atol=1e-4)
    model.train()
    results = model(*given)
    first = results[0] if isinstance(results, tuple) else results
    first.square().mean().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    model.eval().to(torch.bfloat16)
    halves = [one.to(torch.bfloat16) if one.is_floating_point() else one for one in given]
    results = model(*halves)
    assert (results[0] if isinstance(results, tuple) else results).dtype is torch.bfloat16


@pytest.mark.parametrize(("text", "name"), [(TEXT, "Window"), (MORE, "Alibi")])
def test_a_model_compiled_as_one_graph(text: str, name: str) -> None:
    model, graph = compiled(text, name)
    torch._dynamo.reset()
    whole = torch.compile(model, fullgraph=True, backend="eager", dynamic=True)
    inputs, _ = random_arrays(graph)
    given = [
        tensor(inputs[str(node.attributes["name"])], node.type.dtype, torch.float32) for node in graph.nodes("input")
    ]
    for left, right in zip(whole(*given), model(*given), strict=True):
        torch.testing.assert_close(left, right)
