"""Pooling and resampling at sizes that divide nothing, in several dtypes, against the reference interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from attncomp_numpy.runtime import threads
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.pooling import adaptive_average_pool, average_pool, max_pool
from attncomp_numpy.runtime.resampling import resize_linear, resize_nearest, sample
from attncomp_numpy.runtime.structure import fold, pad, windows
from attncomp_numpy.runtime.threads import THREADS
from lowering.models import Sketch

import attncomp
from attncomp.ir.graph import Attribute
from attncomp.ir.interpret import interpret
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType

Function = Callable[..., np.ndarray]
TOLERANCE = {np.float16: 1e-3, np.float32: 1e-5, np.float64: 1e-12}
IMAGE = (3, 5, 13, 11)


@pytest.fixture(params=[1, 2], ids=["one-thread", "two-threads"], autouse=True)
def small_pieces(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pieces of some kilobytes, so that the images of these tests are many."""
    monkeypatch.setattr(threads, "PIECE_BYTES", 3000)
    token = THREADS.set(request.param)
    with np.errstate(all="ignore"):
        yield
    THREADS.reset(token)


def draw(*shape: int, dtype: type = np.float32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def reference(operator: str, *arrays: np.ndarray, **attributes: Attribute) -> np.ndarray:
    """The interpreter's result, on arrays whose axes are batch, channel, height and width, or those of a grid."""
    sketch = Sketch(operator)
    operands, given = [], {}
    for place, (array, names) in enumerate(
        zip(arrays, (("batch", "channel", "height", "width"), ("batch", "row", "column", "xy")), strict=False)
    ):
        axes = tuple(Axis(name, Size.of(size)) for name, size in zip(names, array.shape, strict=True))
        type_ = ValueType(DType.F64 if array.dtype.kind == "f" else DType.I64, axes)
        layout = tuple((name,) for name in names)
        given[f"x{place}"] = array.astype(np.float64) if array.dtype.kind == "f" else array
        attribute = {"name": f"x{place}", "layout": layout}
        operands.append(sketch.graph.add("input", (), attribute, type_, sketch.origin()))
    made = sketch.op(operator, *operands, **attributes)
    order = "batch channel row column" if len(arrays) > 1 else "batch channel height width"
    sketch.returns(y=(made, order))
    return interpret(sketch.graph, given, {})["y"]


def check(function: Function, expected: np.ndarray, *arrays: np.ndarray) -> None:
    """Fails unless a function computes `expected` in new arrays, in given ones and in strided ones."""
    kept = [array.copy() for array in arrays]
    dtype, memory = arrays[0].dtype, Memory()
    strided = np.full((*expected.shape[:-1], 2 * expected.shape[-1]), 7, dtype)
    turned = np.full(expected.shape[::-1], 7, dtype).T
    for out in (None, np.full(expected.shape, 7, dtype), strided[..., ::2], turned):
        for lent in (None, memory, memory):
            found = function(*arrays, out=out, memory=lent)
            assert found.dtype == dtype
            assert out is None or found is out
            tolerance = TOLERANCE.get(dtype.type, 0)
            np.testing.assert_allclose(found.astype(np.float64), expected, rtol=tolerance, atol=tolerance)
    assert (strided[..., 1::2] == 7).all()
    for array, before in zip(arrays, kept, strict=True):
        np.testing.assert_array_equal(array, before)
    assert not any(np.shares_memory(found, block) for block in memory.blocks.values())


Pair = tuple[int, int]


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "before", "after"),
    [
        ((3, 3), (2, 2), (1, 1), (1, 1), (1, 1)),
        ((2, 2), (2, 2), (1, 1), (0, 0), (0, 0)),
        ((3, 2), (1, 3), (2, 1), (2, 0), (1, 1)),
        ((1, 4), (1, 1), (1, 3), (0, 4), (0, 5)),
        ((1, 1), (3, 1), (1, 1), (0, 0), (0, 0)),
        ((1, 1), (1, 1), (1, 1), (0, 0), (0, 0)),
        ((2, 13), (1, 1), (1, 1), (5, 6), (4, 6)),
        ((13, 11), (1, 1), (1, 1), (0, 0), (0, 0)),
    ],
)
def test_pools(kernel: Pair, stride: Pair, dilation: Pair, before: Pair, after: Pair, dtype: type) -> None:
    x = draw(*IMAGE, dtype=dtype)
    geometry: dict[str, Any] = {
        "kernel": kernel,
        "stride": stride,
        "dilation": dilation,
        "before": before,
        "after": after,
    }
    attributes: dict[str, Attribute] = {
        **geometry,
        "before": tuple(map(Size.of, before)),
        "after": tuple(map(Size.of, after)),
        "axes": ("height", "width"),
    }
    largest = reference("maxpool", x, **attributes)
    check(lambda x, **given: max_pool(x, **geometry, **given), largest, x)
    for count in (True, False):
        mean = reference("avgpool", x, **attributes, count_padding=count)
        check(lambda x, count=count, **given: average_pool(x, **geometry, count_padding=count, **given), mean, x)


def test_whole_numbers_and_what_is_not_a_number_in_pools() -> None:
    geometry: dict[str, Any] = {
        "kernel": (2, 2),
        "stride": (1, 1),
        "dilation": (1, 1),
        "before": (1, 1),
        "after": (0, 0),
    }
    found = max_pool(np.array([[[[-5, -7], [-8, -9]]]]), **geometry)
    np.testing.assert_array_equal(found, [[[[-5, -5], [-5, -5]]]])
    x = np.array([[[[np.nan, 1, 2], [3, 4, -np.inf], [5, 6, 7]]]], np.float32)
    np.testing.assert_array_equal(max_pool(x, **geometry)[0, 0], [[np.nan, np.nan, 2], [np.nan, np.nan, 4], [5, 6, 7]])
    means = average_pool(x, **{**geometry, "before": (0, 0)})
    np.testing.assert_array_equal(means[0, 0], [[np.nan, -np.inf], [4.5, -np.inf]])


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
@pytest.mark.parametrize("shape", [(1, 1), (13, 1), (1, 4), (6, 5), (13, 11), (20, 3), (26, 22)])
def test_adaptive_pools_and_resizing(shape: Pair, dtype: type) -> None:
    x = draw(*IMAGE, dtype=dtype)
    axes = (Axis.of("height", shape[0]), Axis.of("width", shape[1]))
    expected = reference("adaptive_avgpool", x, axes=axes)
    check(lambda x, **given: adaptive_average_pool(x, shape, **given), expected, x)
    for mode, corners in (("nearest", False), ("bilinear", False), ("bilinear", True)):
        expected = reference("resize", x, axes=axes, mode=mode, align_corners=corners)
        if mode == "nearest":
            check(lambda x, **given: resize_nearest(x, shape, **given), expected, x)
        else:
            check(lambda x, c=corners, **given: resize_linear(x, shape, c, **given), expected, x)


def test_an_image_of_one_pixel_and_infinity_are_spread_as_they_are() -> None:
    x = np.array([[[[np.inf]]], [[[2.0]]]], np.float32)
    np.testing.assert_array_equal(resize_linear(x, (3, 4)), np.broadcast_to(x, (2, 1, 3, 4)))
    row = np.array([[[[1, np.nan, 3, 4, np.inf, np.inf]]]], np.float32)
    found = resize_linear(row, (1, 12))[0, 0, 0]
    np.testing.assert_array_equal(np.isnan(found), [place < 5 for place in range(12)])
    assert np.isinf(found[8:]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
@pytest.mark.parametrize("padding", ["zeros", "border"])
@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize(("image", "grid"), [(IMAGE, (7, 9)), ((3, 1, 6, 5), (13, 11)), ((1, 4, 1, 1), (3, 2))])
def test_sampling(image: tuple[int, ...], grid: tuple[int, ...], corners: bool, padding: str, dtype: type) -> None:
    x, places = draw(*image, dtype=dtype), draw(image[0], *grid, 2, dtype=dtype, seed=1)
    expected = reference(
        "sample", x, places, axes=("height", "width"), coordinate="xy", align_corners=corners, padding=padding
    )
    turned = np.ascontiguousarray(places.transpose(3, 0, 2, 1)).transpose(1, 3, 2, 0)
    for where in (places, turned):
        check(
            lambda x, grid, **given: sample(x, grid, align_corners=corners, padding=padding, **given),
            expected,
            x,
            where,
        )


def test_sampling_far_away_and_nowhere() -> None:
    x = np.array([[[[np.inf, np.nan], [1, 2]]]], np.float32)
    grid = np.array([[[[1e30, 0], [-np.inf, 0], [0, -50], [np.nan, 0.5], [0.5, 0.5]]]], np.float32)
    found = sample(x, grid, align_corners=False)[0, 0, 0]
    np.testing.assert_array_equal(found[:3], 0)
    assert np.isnan(found[3])
    assert sample(x, grid[:, :, :0], align_corners=False).shape == (1, 1, 1, 0)
    far = sample(x[:, :, 1:], np.array([[[[9, 9], [-9, 0]]]], np.float32), align_corners=False, padding="border")
    np.testing.assert_array_equal(far[0, 0, 0], [2, 1])


def test_an_image_of_more_pixels_than_float32_counts() -> None:
    x = np.zeros((1, 1, 4, (1 << 22) + 8), np.float32)
    x[..., -3:] = 5, 6, 7
    grid = np.array([[[[1, 0.9], [-1, 0.9]]]], np.float32)
    found = sample(x, grid, align_corners=False, padding="border")
    np.testing.assert_array_equal(found, [[[[7, 0]]]])


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64, np.int64])
@pytest.mark.parametrize(
    ("dims", "kernel", "stride", "dilation"),
    [
        ((2, 3), (3, 2), (2, 1), (1, 3)),
        ((0, 1, 2, 3), (2, 1, 1, 4), (1, 1, 3, 2), (1, 1, 1, 2)),
        ((1,), (3,), (1,), (1,)),
    ],
)
def test_folding_is_the_adjoint_of_windows(
    dims: tuple[int, ...], kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...], dtype: type
) -> None:
    image = np.arange(np.prod(IMAGE)).reshape(IMAGE)
    places = windows(image, dims, kernel, stride, dilation)
    x = (10 * draw(*places.shape)).astype(dtype)
    expected = np.zeros(image.size)
    np.add.at(expected, places.ravel(), x.astype(np.float64).ravel())
    check(lambda x, **given: fold(x, dims, stride, dilation, IMAGE, **given), expected.reshape(IMAGE), x)


def test_float16_is_folded_as_float32() -> None:
    # Beyond 2048 float16 counts by twos.
    x = np.ones((2, 3001), np.float16)
    assert fold(x, (0,), (1,), (1,), (3002,)).max() == 2
    tall = np.ones((3000, 3000), np.float16)
    assert fold(tall, (0,), (1,), (1,), (5999,)).max() == 3000


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.bool_])
def test_padding(dtype: type) -> None:
    x = draw(3, 4, 5).astype(dtype)
    before, after = (2, 0, 1), (0, 3, 1)
    expected = np.pad(x, list(zip(before, after, strict=True)), constant_values=1)
    for out in (None, np.zeros(expected.shape, dtype), np.zeros(expected.shape[::-1], dtype).T):
        np.testing.assert_array_equal(pad(x, before, after, 1, out=out), expected)
    assert pad(x[:0], before, after).shape == (2, 7, 7)


PREPARED = """
model M(x: f32[batch, height = 6, width = 7]) -> f32[batch, height, width] {
  axis down = 4, right = 3
  param place: [down, right] ~ normal(0.5)
  return x + resize{down: 6, right: 7, mode = bilinear, align_corners = false}(place)[down -> height, right -> width]
}
"""


def test_what_is_resized_when_weights_are_loaded_is_kept() -> None:
    place = draw(4, 3)
    module = attncomp.compile(PREPARED)
    module.load({"place": place})
    expected = np.broadcast_to(resize_linear(place, (6, 7)), (2, 6, 7))
    for _ in range(2):
        np.testing.assert_allclose(module(np.zeros((2, 6, 7), np.float32)), expected, atol=1e-6)
