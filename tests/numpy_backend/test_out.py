"""Arrays that the caller gives for results, and results that are nobody else's memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from attncomp_numpy.runtime.memory import Memory

import attncomp
from attncomp.api import Module

PRODUCT = """\
model M(x: f32[batch, width = 6]) -> f32[batch, width] {
  axis hidden = 4
  layer wide = Linear{width -> hidden}
  layer narrow = Linear{hidden -> width}
  return relu(narrow(tanh(wide(x)))) + x
}
"""
ATTENTION = """\
model M(q: f32[batch, seq, key], k: f32[batch, seq, key]) -> f32[batch, seq, key] {
  s = where(arange{seq} >= arange{seq'}, q @{key} k[seq -> seq'], -inf)
  return softmax{seq'}(s) @{seq'} k[seq -> seq']
}
"""
SEVERAL = """\
model M(x: f32[a, b]) -> (
  y: f32[a, b], turned: f32[b, a], same: f32[b, a], total: f32[], highest: f32[a], memory: f32[k], flat: f32[(a b)],
) {
  param weight: [k = 3] as "memory" ~ normal(1.0)
  y = x * 2
  return y, y, x, sum{a, b}(x), max{b}(y), weight, x
}
"""
SCALARS = """\
model M(x: f32[n]) -> (count: i64[], mean: f32[], wide: f32[], truth: bool[]) {
  return |n|, mean{n}(x), (sum{n}(x) + 1) * 2, max{n}(x) > 0
}
"""
TAKEN_NAMES = """\
model M(memory: f32[out, result_array], own: f32[out, result_array]) -> (
  out: f32[out, result_array], results: f32[result_array], out_out: f32[out],
) {
  param check_result: [out, result_array] as "self" ~ normal(1.0)
  return softmax{result_array}(memory * own), sum{out}(own), max{result_array}(memory)
}
""".replace("check_result: [out, result_array]", "check_result: [k = 2]").replace(
    "max{result_array}(memory)", "max{result_array}(memory) + sum{k}(check_result)"
)
EVERY = {
    "product": PRODUCT,
    "attention": ATTENTION,
    "several": SEVERAL,
    "scalars": SCALARS,
    "taken names": TAKEN_NAMES,
}


def drawn(module: Module, **sizes: int) -> dict[str, np.ndarray]:
    """Inputs for a module, each axis as long as `sizes` says, or 5."""
    random = np.random.default_rng(3)
    found = {}
    for node in module.graph.nodes("input"):
        shape = [
            axis.size.evaluate({symbol: sizes.get(symbol, 5) for symbol in axis.size.symbols()})
            for axis in node.type.axes
        ]
        found[str(node.attributes["name"])] = random.normal(size=shape).astype(np.float32)
    return found


def listed(found: Any) -> list[np.ndarray]:
    return list(found) if isinstance(found, tuple) else [found]


def blocks(memory: Memory) -> list[np.ndarray]:
    """Every block of a memory and of those of its threads."""
    return [*memory.blocks.values(), *(block for worker in memory.workers for block in blocks(worker))]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("strided", [False, True])
def test_results_are_written_into_the_arrays_that_are_given(name: str, strided: bool) -> None:
    module = attncomp.compile(EVERY[name])
    inputs = drawn(module)
    expected = listed(module(**inputs))
    room = [np.full((*one.shape, 2), 77).astype(one.dtype) for one in expected]
    out = [one[..., 0] if strided else one[..., 0].copy() for one in room]
    found = module(**inputs, out=out[0] if len(out) == 1 else tuple(out))
    for one, given, wanted in zip(listed(found), out, expected, strict=True):
        assert one is given
        np.testing.assert_array_equal(given, wanted)
    if strided:
        assert all((one[..., 1] == np.array(77).astype(one.dtype)).all() for one in room)


@pytest.mark.parametrize("name", EVERY)
def test_results_share_memory_with_nothing(name: str) -> None:
    module = attncomp.compile(EVERY[name])
    inputs = drawn(module)
    kept = {key: array.copy() for key, array in inputs.items()}
    first, second = listed(module(**inputs)), listed(module(**inputs))
    weights = [one for one in vars(module.instance).values() if isinstance(one, np.ndarray)]
    others = (
        [block for memory in module.instance.memories for block in blocks(memory)] + weights + list(inputs.values())
    )
    results = first + second
    for place, one in enumerate(results):
        assert not any(np.shares_memory(one, other) for other in others + results[:place])
        one.fill(0)
    assert all((inputs[key] == kept[key]).all() for key in kept)
    assert any(one.any() for one in listed(module(**inputs)))


def test_some_of_several_results_are_given() -> None:
    module = attncomp.compile(SEVERAL)
    inputs = drawn(module)
    expected = module(**inputs)
    room = np.zeros_like(expected.turned)
    found = module(**inputs, out=(None, room, *[None] * 5))
    assert found.turned is room
    for one, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, wanted)
    again = module(**inputs, out=found)
    assert all(one is before for one, before in zip(again, found, strict=True))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.zeros((5, 5), np.float32), "`out` is float32[5, 5], expected float32[5, 6]"),
        (np.zeros((5, 6)), "`out` is float64[5, 6], expected float32[5, 6]"),
        ([[0.0] * 6] * 5, "`out` is list, expected float32[5, 6]"),
        (np.broadcast_to(np.zeros(6, np.float32), (5, 6)), "`out` is read-only, and the result is written into it"),
    ],
)
def test_an_array_that_does_not_fit_is_refused(out: Any, message: str) -> None:
    module = attncomp.compile(PRODUCT)
    with pytest.raises(ValueError, match="E071") as caught:
        module(**drawn(module), out=out)
    assert type(caught.value).__name__ == "InputError"
    assert message in str(caught.value)


def test_an_array_that_an_input_or_another_result_lies_in_is_refused() -> None:
    both = np.ones((5, 12), np.float32)
    module = attncomp.compile(PRODUCT)
    expected = module(both[:, :6])
    with pytest.raises(ValueError, match="E071: `out` shares memory with an input"):
        module(both[:, :6], out=both[:, 5:11])
    np.testing.assert_array_equal(module(both[:, :6], out=both[:, 6:]), expected)
    several = attncomp.compile(TAKEN_NAMES)
    results = several(**drawn(several))
    with pytest.raises(ValueError, match=r"E071: `out\.out_out` shares memory with .* another result"):
        several(**drawn(several), out=results._replace(out_out=results.results))


@pytest.mark.parametrize("out", [np.zeros((7, 5), np.float32), (None, None), {"y": None}])
def test_several_results_take_as_many_arrays(out: Any) -> None:
    module = attncomp.compile(SEVERAL)
    with pytest.raises(ValueError, match=r"E071: `out` is .*, expected a tuple of 7 arrays: y, turned, same"):
        module(**drawn(module), out=out)


def test_an_input_may_be_called_out() -> None:
    module = attncomp.compile("model M(out: f32[n], out_2: f32[n]) -> f32[n] { return out - out_2 }")
    x, y, room = np.arange(3.0), np.ones(3), np.zeros(3, np.float32)
    assert module(out=x, out_2=y, out_3=room) is room
    np.testing.assert_array_equal(room, [-1, 0, 1])


def test_modules_for_pytorch_take_none() -> None:
    module = attncomp.compile(PRODUCT, backend="torch")
    with pytest.raises(TypeError, match="E071: a module for torch makes its results itself, and takes no `out`"):
        module(**drawn(module), out=np.zeros((5, 6), np.float32))
    module.release()
