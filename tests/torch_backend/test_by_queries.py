"""Attention that no kernel takes: in pieces and at once it is the same, gradients too, and its score is never whole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from emitted_text import load
from torch._dynamo.testing import CompileCounter
from torch.utils._python_dispatch import TorchDispatchMode

import attncomp
from attncomp.emission.text import class_name
from attncomp.ir.interpret import interpret
from attncomp.pipeline import compile_source

HEAD = """
model Attend(
  q: f32[batch, head = 2, query, key = 8],
  k: f32[batch, head, source, key],
  v: f32[batch, head, source, value],
  u: f32[batch, source, other],
  keep: bool[batch, source],
) -> RESULTS {
  s = q @{key} k / sqrt(|key|)
  layer drop = Dropout{rate = RATE}
  BODY
}
"""
ONE = "f32[batch, head, query, value]"
BODIES = {
    "softcap": (
        ONE,
        "c = 5.0 * tanh(s / 5.0)\n"
        "  return softmax{source}(where(arange{query} >= arange{source}, c, -inf)) @{source} v",
    ),
    "masked": (ONE, "return softmax{source}(where(keep, tanh(s), -inf)) @{source} v"),
    "additive": (
        ONE,
        "param w: [key] ~ normal(1.0)\n  t: {batch, head, query, source, key} = tanh(q + k)\n"
        "  return softmax{source}(t @{key} w) @{source} v",
    ),
    "weights too": (
        "(y: f32[batch, head, query, value], w: f32[batch, head, query, source])",
        "w = softmax{source}(s)\n  return w @{source} v, w",
    ),
    "two values": (
        "(y: f32[batch, head, query, value], z: f32[batch, head, query, other])",
        "w = softmax{source}(s)\n  return w @{source} v, w @{source} u",
    ),
    "dropped": (ONE, "return drop(softmax{source}(tanh(s))) @{source} v"),
}  # fmt: skip
SIZES = {"batch": 2, "query": 17, "source": 13, "value": 3, "other": 4}


def text_of(name: str, rate: float = 0.0) -> str:
    results, body = BODIES[name]
    text = HEAD.replace("RESULTS", results).replace("BODY", body).replace("RATE", repr(rate))
    if rate:
        return text
    return text.replace("  layer drop = Dropout{rate = 0.0}\n", "").replace("drop(", "(")


def models(name: str, rate: float = 0.0, bytes_: int = 1000) -> tuple[Any, Any]:
    """The model with so many bytes in a piece, and the one that does all queries at once, with the same weights."""
    source = compile_source(text_of(name, rate), backend="torch").text
    assert "PIECE_BYTES = 1 << 26" in source
    made = []
    for size in (bytes_, 1 << 30):
        torch.manual_seed(0)
        module = load(source.replace("PIECE_BYTES = 1 << 26", f"PIECE_BYTES = {size}"))
        made.append(getattr(module, class_name("Attend"))().train(rate > 0))
    return made[0], made[1]


def inputs(kind: torch.dtype = torch.float32, **sizes: int) -> list[torch.Tensor]:
    n = {**SIZES, **sizes}
    torch.manual_seed(1)
    shapes = [
        (n["batch"], 2, n["query"], 8), (n["batch"], 2, n["source"], 8), (n["batch"], 2, n["source"], n["value"]),
        (n["batch"], n["source"], n["other"]),
    ]  # fmt: skip
    keep = torch.rand(n["batch"], n["source"]) > 0.4
    keep[0] = False
    return [*(torch.randn(shape, dtype=kind).requires_grad_() for shape in shapes), keep]


def results_of(model: Any, given: list[torch.Tensor]) -> list[torch.Tensor]:
    made = model(*given)
    return list(made) if isinstance(made, tuple) else [made]


@pytest.mark.parametrize("name", [name for name in BODIES if name != "dropped"])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_pieces_give_what_the_interpreter_says_and_the_gradients_of_the_whole(name: str, kind: torch.dtype) -> None:
    pieces, whole = (model.to(kind) for model in models(name))
    given = inputs(kind)
    wanted, made = results_of(whole, given), results_of(pieces, given)
    graph = compile_source(text_of(name), backend="torch").built.graph
    named = [str(node.attributes["name"]) for node in graph.nodes("input")]
    weights = {key: value.detach().numpy() for key, value in whole.state_dict().items()}
    arrays = {one: tensor.detach().numpy() for one, tensor in zip(named, given, strict=True)}
    if kind is torch.float32:
        for result, expected in zip(made, interpret(graph, arrays, weights).values(), strict=True):
            np.testing.assert_allclose(result.detach().numpy(), expected, rtol=2e-5, atol=2e-5)
    asked = [*given[:3], *whole.parameters()]
    gradients = []
    for model, results in ((whole, wanted), (pieces, made)):
        of = [*given[:3], *model.parameters()]
        gradients.append(torch.autograd.grad(sum(one.square().sum() for one in results), of))
    assert len(gradients[0]) == len(asked)
    tolerance = 1e-4 if kind is torch.float32 else 1e-10
    for left, right in zip(*gradients, strict=True):
        torch.testing.assert_close(left, right, rtol=tolerance, atol=tolerance)


def test_what_is_dropped_in_training_is_dropped_in_the_gradient_too() -> None:
    model, _ = models("dropped", 0.5)
    given = inputs(torch.float64)
    model.to(torch.float64)

    def seeded(*tensors: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(3)
        made: torch.Tensor = model(*tensors, *given[3:])
        return made

    first, second = seeded(*given[:3]), model(*given)
    assert not torch.equal(first, second)
    assert torch.autograd.gradcheck(seeded, tuple(given[:3]), fast_mode=True)
    model.eval()
    assert torch.equal(model(*given), model(*given))


class Largest(TorchDispatchMode):
    """Notes the numbers in the largest tensor that is made."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = operator(*args, **(kwargs or {}))
        for one in made if isinstance(made, tuple) else (made,):
            if isinstance(one, torch.Tensor):
                self.numbers = max(self.numbers, one.numel())
        return made


def test_the_score_is_never_whole() -> None:
    """No tensor that is made, for the result or for the gradient, is as large as the score."""
    given = inputs(query=64, source=64)
    score = 2 * 2 * 64 * 64
    largest = []
    for model in models("softcap", bytes_=1 << 12):
        with Largest() as noted:
            model(*given).sum().backward()
        largest.append(noted.numbers)
    assert largest[1] >= score >= 4 * largest[0]


@pytest.mark.parametrize("name", ["softcap", "two values", "dropped"])
def test_compiled_once_for_all_sizes(name: str) -> None:
    rate = 0.5 if name == "dropped" else 0.0
    model, _ = models(name, rate)
    model.eval()
    torch._dynamo.reset()
    counter = CompileCounter()
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend=counter)
    for query, source in ((33, 21), (47, 29), (50, 25)):
        given = inputs(query=query, source=source)
        for left, right in zip(results_of(compiled, given), results_of(model, given), strict=True):
            torch.testing.assert_close(left, right)
    assert counter.frame_count == 1


def test_compiled_gradients() -> None:
    model, _ = models("softcap")
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    given = inputs(query=33)
    gradients = [torch.autograd.grad(one(*given).square().sum(), given[:3]) for one in (model, compiled)]
    for left, right in zip(*gradients, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


def test_exported_with_dynamic_sizes() -> None:
    model, _ = models("softcap")
    model.eval()
    sizes = {name: torch.export.Dim(name, min=2, max=512) for name in ("batch", "query", "source")}
    heads = {0: sizes["batch"], 2: sizes["source"]}
    shapes = {
        "q": {0: sizes["batch"], 2: sizes["query"]}, "k": heads, "v": heads,
        "u": {0: sizes["batch"], 1: sizes["source"]}, "keep": {0: sizes["batch"], 1: sizes["source"]},
    }  # fmt: skip
    exported = torch.export.export(model, tuple(inputs()), dynamic_shapes=shapes).module()
    for query, source in ((40, 30), (3, 4)):
        given = inputs(query=query, source=source)
        torch.testing.assert_close(exported(*given), model(*given))


def test_a_module_of_the_interface_runs_it() -> None:
    module = attncomp.compile(text_of("softcap"), backend="torch")
    given = inputs()
    assert module(*given).shape == (2, 2, 17, 3)
