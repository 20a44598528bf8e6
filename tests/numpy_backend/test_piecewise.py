"""Long chains of pointwise operators on arrays larger than any cache go a piece at a time, and compute the same."""

from __future__ import annotations

import numpy as np
import pytest
from attncomp_numpy.runtime.threads import LARGE, PIECE_BYTES, piecewise
from numpy.typing import NDArray

import attncomp

LONG = """\
model M(x: f32[batch, seq, embed = 64], y: f32[batch, seq, embed], keep: bool[batch, seq]) -> (
  h: f32[batch, seq, embed],
  z: f32[batch, seq, embed],
) {
  h = relu(x * 0.5 + y) - y
  return h, where(keep, tanh(h), y)
}
"""
SHORT = """\
model M(x: f32[batch, seq, embed], y: f32[batch, seq, embed]) -> f32[batch, seq, embed] {
  return relu(x + y)
}
"""


def drawn(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(700, 1024), (1, 3, 500, 700), (1, 1, 700000)])
def test_the_first_long_axis_is_cut(shape: tuple[int, ...]) -> None:
    x, row, scalar = drawn(*shape), drawn(shape[-1]), drawn(1)
    sizes = []

    def added(x: NDArray[np.float32], row: NDArray[np.float32], scalar: NDArray[np.float32]) -> NDArray[np.float32]:
        sizes.append(np.broadcast(x, row, scalar).size * 4)
        return x + row * scalar

    np.testing.assert_array_equal(piecewise(added, x, row, scalar), x + row * scalar)
    assert len(sizes) > 1
    assert sum(sizes) == x.nbytes
    assert max(sizes) <= max(PIECE_BYTES, x.nbytes // next(size for size in shape if size > 1))


def test_axes_of_one_operand_alone() -> None:
    column, row = drawn(900, 1), drawn(1, 800)
    np.testing.assert_array_equal(piecewise(np.add, column, row), column + row)
    np.testing.assert_array_equal(piecewise(np.add, row[0], column), row + column)


def test_several_results_of_several_types() -> None:
    x = drawn(600, 1000)
    half, positive = piecewise(lambda x: ((x * 0.5).astype(np.float16), x > 0), x)
    np.testing.assert_array_equal(half, (x * 0.5).astype(np.float16))
    np.testing.assert_array_equal(positive, x > 0)
    assert (half.dtype, positive.dtype) == (np.float16, np.bool_)


def test_a_long_chain_computes_the_same_when_large() -> None:
    module = attncomp.compile(LONG, backend="numpy")
    assert "return piecewise(" in module.source
    x, y = drawn(9, 16384, 64), drawn(9, 16384, 64)[::-1]
    keep = x[..., 0] > 0
    assert x.nbytes > LARGE
    h, z = module(x, y, keep)
    for place in (0, 4, 8):
        one = slice(place, place + 1)
        for whole, part in zip((h, z), module(x[one], y[one], keep[one]), strict=True):
            np.testing.assert_array_equal(whole[one], part)


def test_a_short_chain_is_done_at_once() -> None:
    text = attncomp.compile(SHORT, backend="numpy").source
    assert "def add_relu(" in text
    assert "piecewise" not in text
