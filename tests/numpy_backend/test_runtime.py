"""The functions that emitted modules are made of, where the samples of operators say too little about them."""

from __future__ import annotations

import numpy as np
import pytest
from attncomp_numpy.runtime.normalization import log_softmax, normalize, softmax
from attncomp_numpy.runtime.products import linear
from attncomp_numpy.runtime.threads import PIECE_BYTES, pieces


def random(*shape: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def test_softmax_of_a_masked_row_and_of_nothing() -> None:
    x = np.array([[-np.inf, -np.inf], [0.0, -np.inf]], np.float32)
    np.testing.assert_array_equal(softmax(x, (1,)), [[0, 0], [1, 0]])
    np.testing.assert_array_equal(log_softmax(x, (1,)), [[-np.inf, -np.inf], [0, -np.inf]])
    assert softmax(np.zeros((3, 0), np.float32), (1,)).shape == (3, 0)


def test_nan_stays_in_its_row() -> None:
    x = np.array([[np.nan, 1.0], [1.0, 1.0]], np.float32)
    found = softmax(x, (1,))
    assert np.isnan(found[0]).all()
    np.testing.assert_array_equal(found[1], [0.5, 0.5])


@pytest.mark.parametrize("rank", [1, 2])
def test_normalize_of_more_rows_than_a_chunk(rank: int) -> None:
    x = random(3, 700, 96) + 5
    wide = x.astype(np.float64)
    axes = tuple(range(3 - rank, 3))
    exact = (wide - wide.mean(axes, keepdims=True)) / np.sqrt(wide.var(axes, keepdims=True) + 1e-5)
    np.testing.assert_allclose(normalize(x, rank=rank, epsilon=1e-5), exact, atol=1e-5)


@pytest.mark.parametrize(
    ("sizes", "each"),
    [((3, 5), 1), ((3, 5), PIECE_BYTES // 2), ((2, 7, 9), PIECE_BYTES // 4), ((4,), 10 * PIECE_BYTES)],
)
def test_pieces_cover_every_place_once(sizes: tuple[int, ...], each: int) -> None:
    covered = np.zeros(sizes, int)
    for piece in pieces(sizes, each):
        covered[piece] += 1
        elements = covered[piece].size
        assert elements == 1 or elements * each <= PIECE_BYTES
    assert (covered == 1).all()


def test_no_pieces_of_nothing_and_one_of_what_fits() -> None:
    assert list(pieces((3, 0), 8)) == []
    assert list(pieces((3, 4), 0)) == [(slice(0, 3), slice(0, 4))]


def test_linear_of_nothing() -> None:
    assert linear(np.zeros((0, 5, 3), np.float32), random(4, 3), random(4)).shape == (0, 5, 4)
