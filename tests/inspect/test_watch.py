"""The attention weights and gates of a call: which there are, and that they are the interpreter's numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import attncomp
from attncomp import pipeline
from attncomp.inspect.watch import watch
from attncomp.ir.graph import Graph
from attncomp.ir.initialize import random_parameters
from attncomp.ir.interpret import interpret

MODELS = Path(__file__).parents[1] / "models"
BACKENDS = ["numpy", "torch"]

# Some of the models of tests/models with sizes for their symbols, and what there is to see in them.
WATCHED = {
    "grouped_query": {"batch": 2, "seq": 5},
    "additive": {"batch": 2, "query": 3, "source": 4},
    "non_local": {"batch": 2, "time": 2, "height": 4, "width": 6},
    "shifted_window": {"batch": 1, "height": 8, "width": 8},
    "weights_returned": {"batch": 2, "seq": 3, "source": 5},
    "cbam": {"batch": 2, "height": 5, "width": 4},
    "eca": {"batch": 2, "channel": 6, "height": 3, "width": 4},
    "selective_kernel": {"batch": 2, "height": 5, "width": 4},
}


def inputs_of(graph: Graph, sizes: dict[str, int]) -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    found: dict[str, np.ndarray] = {}
    for node in graph.nodes("input"):
        shape = [
            int(np.prod([node.type.size(str(axis)).evaluate(sizes) for axis in group]))
            for group in node.attributes["layout"]
        ]
        kind = node.type.dtype
        drawn = random.normal(size=shape) if kind.is_float else random.integers(0, 2, shape)
        found[str(node.attributes["name"])] = drawn.astype(
            np.float32 if kind.is_float else bool if kind.value == "bool" else np.int64
        )
    return found


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", WATCHED)
def test_the_values_are_the_interpreters(name: str, backend: str) -> None:
    path = str(MODELS / f"{name}.attn")
    built = pipeline.build(pipeline.parse(path)).graph
    given = inputs_of(built, WATCHED[name])
    weights = random_parameters(built, 3)
    module = attncomp.compile(path, backend=backend, weights=weights)
    seen = module.watch(**given)
    graph, watched = watch(built)
    expected = interpret(graph, given, weights)
    assert [one.name for one in watched] == list(seen)
    assert len(seen) >= 1
    for one, wanted in zip(seen.values(), expected.values(), strict=True):
        assert one.array.shape == wanted.shape
        np.testing.assert_allclose(one.array, wanted, atol=1e-5)
        if one.kind == "attention":
            sums = one.array.sum(tuple(one.axes.index(axis) for axis in one.source))
            assert np.all((np.abs(sums - 1) < 1e-5) | (sums == 0))


@pytest.mark.parametrize("backend", BACKENDS)
def test_watching_leaves_the_module_as_it_is(backend: str) -> None:
    module = attncomp.compile(str(MODELS / "cbam.attn"), backend=backend)
    x = np.random.default_rng(0).normal(size=(2, 6, 5, 4)).astype(np.float32)
    before = np.array(module(x).tolist())
    source = module.source
    first, again = module.watch(x), module.watch(x=x)
    assert module.source == source
    np.testing.assert_array_equal(np.array(module(x).tolist()), before)
    for name in first:
        np.testing.assert_array_equal(first[name].array, again[name].array)


def test_the_gates_of_cbam() -> None:
    seen = attncomp.compile(str(MODELS / "cbam.attn")).watch(np.zeros((1, 6, 5, 4), np.float32))
    assert [(one.kind, one.axes) for one in seen.values()] == [
        ("gate", ("batch", "channel")),
        ("gate", ("batch", "height", "width")),
    ]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_module_is_seen_with_the_weights_it_has_now(backend: str) -> None:
    source = """\
model Gate(x: f32[channel = 2, height]) -> f32[channel, height] {
  param scale: [channel] ~ ones
  return x * sigmoid(scale * mean{height}(x))
}
"""
    module = attncomp.compile(source, backend=backend)
    x = np.ones((2, 3), np.float32)
    (gate,) = module.watch(x).values()
    np.testing.assert_allclose(gate.array, 1 / (1 + np.exp(-1.0)), atol=1e-6)
    module.load({"scale": np.zeros(2, np.float32)})
    (gate,) = module.watch(x).values()
    np.testing.assert_allclose(gate.array, 0.5, atol=1e-6)
    if backend == "torch":
        import torch

        with torch.no_grad():
            module.instance.scale.fill_(2.0)
        (gate,) = module.watch(torch.from_numpy(x)).values()
        np.testing.assert_allclose(gate.array, 1 / (1 + np.exp(-2.0)), atol=1e-6)


def test_what_is_seen_says_where_it_is_made() -> None:
    source = """\
block Attention(x: {seq, embed}) -> {seq, embed} {
  y = x[seq -> seq']
  return softmax{seq'}(x @{embed} y) @{seq'} y
}

model M(x: f32[batch, seq, embed = 4]) -> f32[batch, seq, embed] {
  layer first = Attention
  layer others[2] = Attention
  for other in others { x = other(x) }
  return first(x)
}
"""
    seen = attncomp.compile(source).watch(np.zeros((1, 3, 4), np.float32))
    assert list(seen) == ["others.0.weights", "others.1.weights", "first.weights"]
    last = seen["first.weights"]
    assert (last.scope, last.span and last.span.line) == ("first", 3)
    assert (last.axes, last.query, last.source) == (("batch", "seq", "seq'"), ("seq",), ("seq'",))
    np.testing.assert_allclose(last.array, 1 / 3, atol=1e-6)


SPELLINGS = Path(__file__).parents[1] / "spellings"


@pytest.mark.parametrize("name", ["attention", "gates"])
def test_what_fuses_in_other_spellings_can_be_seen(name: str) -> None:
    files = sorted((SPELLINGS / name).glob("*.attn"))[::4]
    kind = {"attention": "attention", "gates": "gate"}[name]
    assert len(files) > 9
    for path in files:
        _, watched = watch(pipeline.build(pipeline.parse(path)).graph)
        # A gate by a softmax over branches or places is seen as attention over them.
        kinds = {one.kind for one in watched}
        assert kinds and (kind in kinds or name == "gates"), path.name


def test_a_marked_statement_and_a_near_miss_can_be_seen() -> None:
    head = "model M(q: f32[query, key = 2], k: f32[source, key], v: f32[source, value = 2]) -> f32[query, value] {\n"
    arrays = np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)
    for statement in (
        "fuse! return softmax{source}(q @{key} k) @{source} v",
        "return softmax{query}(q @{key} k) @{source} v",
    ):
        module = attncomp.compile(f"{head}  {statement}\n}}\n")
        seen = module.watch(*arrays)
        assert [one.kind for one in seen.values()] == (["attention"] if "fuse" in statement else [])


def test_nothing_to_see_and_inputs_that_do_not_fit() -> None:
    module = attncomp.compile("model M(x: f32[batch]) -> f32[batch] {\n  return -x\n}\n")
    assert module.watch(np.zeros(3, np.float32)) == {}
    with pytest.raises(TypeError, match="E071"):
        module.watch()
    module = attncomp.compile(str(MODELS / "cbam.attn"))
    with pytest.raises(ValueError, match="E071"):
        module.watch(np.zeros((1, 7, 5, 4), np.float32))


@pytest.mark.parametrize("backend", BACKENDS)
def test_empty_axes(backend: str) -> None:
    module = attncomp.compile(str(MODELS / "grouped_query.attn"), backend=backend)
    graph = module.graph
    for sizes in ({"batch": 0, "seq": 3}, {"batch": 1, "seq": 0}):
        seen = module.watch(**inputs_of(graph, sizes))
        assert all(one.array.size == 0 for one in seen.values())
        assert len(attncomp.draw(seen)) == len(seen)
