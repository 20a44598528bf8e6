"""What calls of a module take of memory, and what they leave of it."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attncomp_numpy.runtime.memory import Memory
from end_to_end.everywhere import Arrays, emitted, rewritten
from hypothesis import given
from hypothesis import strategies as st
from trust import values
from trust.drafts import BINDINGS, Drawn
from trust.graphs import graphs
from trust.hunting import examples

import attncomp
from attncomp.api import Module
from attncomp.bench.draw import draw_inputs, sizes_of

EXAMPLES = Path(__file__).parents[2] / "examples"

# What a call may make of small things: views, sums of rows, what NumPy itself buffers of broadcast operands.
SMALL = 1 << 18

GATE = """\
from std.vision import SqueezeExcite
model M(x: f32[batch, channel = 64, height, width]) -> f32[batch, channel, height, width] {
  layer gate = SqueezeExcite{size = 16}
  return gate(x)
}
"""
ATTENTION = """\
model M(x: f32[batch, seq, embed = 64]) -> f32[batch, seq, embed] {
  axis head = 4, key = 16
  layer query = Linear{embed -> (head key)}
  layer keys = Linear{embed -> (head key)}
  q = query(x)
  k = keys(x)[seq -> seq']
  s = where(arange{seq} >= arange{seq'}, q @{key} k / sqrt(|key|), -inf)
  return x + (softmax{seq'}(s) @{seq'} k)[(head key) -> embed]
}
"""
CHAIN = """\
model M(x: f32[a, b], y: f32[b], keep: bool[a]) -> f32[a, b] {
  z = sigmoid(x * 0.5 + y) - y
  z = softmax{b}(where(keep, z, 0) * x)
  return relu(cumsum{a}(z)) + abs(y)
}
"""
CONVOLUTIONS = """\
model M(x: f32[batch, colour = 3, height, width]) -> f32[batch, channel, height, width] {
  axis channel = 16
  layer first = Conv{colour -> channel, height: 3, width: 3, padding = 1}
  layer norm = BatchNorm{channel}
  layer second = Conv{channel -> channel, height: 3, width: 3, padding = 1}
  return relu(second(maxpool{height: 3, width: 3, stride = 1, padding = 1}(relu(norm(first(x))))))
}
"""
MODELS: Mapping[str, tuple[str | Path, Mapping[str, Any], Mapping[str, int]]] = {
    "minilm": (
        EXAMPLES / "minilm.attn",
        {"layers": 3, "heads": 4, "width": 64, "hidden": 128, "vocabulary": 1000},
        {"batch": 4, "seq": 300},
    ),
    "gpt2": (
        EXAMPLES / "gpt2.attn",
        {"depth": 2, "heads": 4, "width": 64, "vocabulary": 500},
        {"batch": 3, "seq": 250},
    ),
    "vit": (EXAMPLES / "vit_small_patch16_224.attn", {}, {"batch": 1}),
    "gate": (GATE, {}, {"batch": 3, "height": 60, "width": 50}),
    "attention": (ATTENTION, {}, {"batch": 5, "seq": 301}),
    "chain": (CHAIN, {}, {"a": 700, "b": 600}),
    "convolutions": (CONVOLUTIONS, {}, {"batch": 2, "height": 90, "width": 110}),
}


def module_and_inputs(name: str) -> tuple[Module, dict[str, np.ndarray]]:
    source, options, sizes = MODELS[name]
    model = {"gpt2.attn": "GPT2"}.get(source.name) if isinstance(source, Path) else None
    module = attncomp.compile(source, model=model, **options)
    return module, draw_inputs(module.graph, sizes_of(module.graph, sizes), 1)


def listed(found: object) -> list[np.ndarray]:
    return list(found) if isinstance(found, tuple) else [np.asarray(found)]


def blocks(memory: Memory) -> list[np.ndarray]:
    """Every block of a memory and of those of its threads."""
    return [*memory.blocks.values(), *(block for worker in memory.workers for block in blocks(worker))]


def peak(module: Module, inputs: Arrays) -> int:
    """The bytes that a call makes and holds at once, without its results."""
    tracemalloc.start()
    try:
        found = listed(module(**inputs))
        return tracemalloc.get_traced_memory()[1] - sum(one.nbytes for one in found)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_a_second_call_makes_nothing_that_is_large(name: str, threads: int) -> None:
    module, inputs = module_and_inputs(name)
    module.threads = threads
    module.initialize()
    first, second = peak(module, inputs), peak(module, inputs)
    assert second < SMALL * threads, f"{second} bytes, {first} at first"


@examples(12)
@given(drawn=graphs(), sizes=st.lists(st.sampled_from(BINDINGS), min_size=2, max_size=2, unique_by=str))
def test_what_is_given_is_kept_and_what_is_made_is_new(drawn: Drawn, sizes: list[dict[str, int]]) -> None:
    module = emitted(rewritten(drawn.graph), "numpy")[1]
    for some in [*sizes, sizes[0]]:
        inputs, weights = values.given(drawn.graph, some)
        module.load(weights, strict=False)
        kept = {key: array.copy() for key, array in {**inputs, **weights}.items()}
        try:
            first, second = listed(module(**inputs)), listed(module(**inputs))
        except (ValueError, IndexError) as error:  # the maximum of nothing
            assert re.search("zero-size array|non-zero size", str(error))
            continue
        for key, array in {**inputs, **weights}.items():
            np.testing.assert_array_equal(array, kept[key], err_msg=key)
        others = [*inputs.values(), *weights.values()]
        others += [block for memory in module.instance.memories for block in blocks(memory)]
        for place, one in enumerate(first + second):
            assert not any(np.shares_memory(one, other) for other in others + (first + second)[:place])
        out = [np.full((2, *one.shape), 77).astype(one.dtype)[1] for one in first]
        again = listed(module(**inputs, out=tuple(out) if len(out) > 1 else out[0]))
        for one, given_array, wanted in zip(again, out, first, strict=True):
            assert one is given_array
            np.testing.assert_array_equal(one, wanted)


SIZES = ((1, 7), (4, 300), (2, 33), (5, 301), (4, 300), (0, 4), (1, 1))


def test_sizes_that_grow_and_shrink() -> None:
    module = attncomp.compile(ATTENTION)
    for batch, seq in (*SIZES, *SIZES[::-1]):
        inputs = draw_inputs(module.graph, {"batch": batch, "seq": seq}, seq)
        new = attncomp.compile(ATTENTION)
        np.testing.assert_array_equal(module(**inputs), new(**inputs))


@pytest.mark.parametrize("name", ["attention", "convolutions"])
def test_calls_at_the_same_time_at_different_sizes(name: str) -> None:
    module = attncomp.compile(str(MODELS[name][0]))
    module.initialize(2)
    symbols = sorted(module.graph.symbols())
    sizes = [dict(zip(symbols, (1 + place % 3, 9 * place + 5, 40 - place), strict=False)) for place in range(12)]
    every = [draw_inputs(module.graph, one, place) for place, one in enumerate(sizes)]
    expected = [module(**inputs) for inputs in every]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda inputs: module(**inputs), every * 4))
    for place, one in enumerate(found):
        np.testing.assert_array_equal(one, expected[place % len(every)])
    assert len(module.instance.memories) <= 5


def test_a_call_that_fails_gives_its_memory_back() -> None:
    module, inputs = module_and_inputs("minilm")
    expected = module(**inputs)
    before = list(module.instance.memories)
    for wrong in (1000, -1001):
        with pytest.raises(IndexError, match=f"index {wrong} is out of bounds"):
            module(**{**inputs, "tokens": np.full_like(inputs["tokens"], wrong)})
        assert module.instance.memories == before
        np.testing.assert_array_equal(module(**inputs), expected)


def test_memory_is_released() -> None:
    module, inputs = module_and_inputs("gate")
    module.release()
    expected = module(**inputs)
    (memory,) = module.instance.memories
    assert memory.nbytes
    module.release()
    assert not module.instance.memories
    np.testing.assert_array_equal(module(**inputs), expected)
    module.instance.release()
    assert not module.instance.memories
