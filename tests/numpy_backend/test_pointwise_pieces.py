"""Pointwise regions: in pieces where they may be large, the same numbers on one thread and several."""

from __future__ import annotations

import numpy as np
import pytest

import attncomp

CHAIN = """\
model M(x: f32[batch, seq, embed], y: f32[batch, seq, embed], keep: bool[batch, seq]) -> (
  h: f32[batch, seq, embed], z: f32[batch, seq, embed],
) {
  h = relu(x * 0.5 + y) - y
  return h, where(keep, tanh(h), y)
}
"""
SMALL = """\
model M(x: f32[width = 64], y: f32[width]) -> f32[width] {
  return relu(x + y) * 2
}
"""


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(3, 700, 511), (1, 1, 700001), (1, 2999, 128), (5, 1, 1), (0, 4, 3)])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_chain_with_two_results_computes_the_same_in_pieces(shape: tuple[int, ...], threads: int) -> None:
    module = attncomp.compile(CHAIN)
    assert "each_piece(" in module.source
    module.threads = threads
    x, y = drawn(*shape), drawn(*shape) * 0.7
    keep = np.arange(shape[0] * shape[1]).reshape(shape[:2]) % 3 != 0
    h, z = module(x, y, keep)
    expected = np.maximum(x * np.float32(0.5) + y, 0) - y
    np.testing.assert_array_equal(h, expected)
    np.testing.assert_allclose(z, np.where(keep[..., None], np.tanh(expected), y), rtol=1e-6, atol=1e-7)


def test_what_is_known_to_be_small_is_done_at_once() -> None:
    module = attncomp.compile(SMALL)
    assert "each_piece(" not in module.source
    x, y = drawn(64), drawn(64) - 1
    np.testing.assert_array_equal(module(x, y), np.maximum(x + y, 0) * 2)
