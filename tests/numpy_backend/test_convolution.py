"""Every method of a convolution against a sum in float64, at sizes that divide nothing."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from attncomp_numpy.runtime import banded as bands
from attncomp_numpy.runtime import convolution as columns
from attncomp_numpy.runtime import winograd
from attncomp_numpy.runtime.banded import banded_convolution
from attncomp_numpy.runtime.convolution import convolution, shifted_convolution
from attncomp_numpy.runtime.depthwise import depthwise_convolution
from attncomp_numpy.runtime.memory import Memory
from attncomp_numpy.runtime.threads import THREADS
from attncomp_numpy.runtime.winograd import winograd_convolution, winograd_weight

TOLERANCE: dict[Any, float] = {np.float16: 3e-3, np.float32: 3e-6, np.float64: 1e-13}
Made = Callable[..., np.ndarray]


@pytest.fixture(params=[1, 2, 3], ids=["one thread", "two threads", "three threads"])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    token = THREADS.set(request.param)
    yield request.param
    THREADS.reset(token)


def drawn(*shape: int, seed: int = 0, dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def summed(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: tuple[int, ...],
    after: tuple[int, ...],
    groups: int = 1,
) -> np.ndarray:
    """The definition: for each place in the kernel what it adds to each place of the result."""
    padded = np.pad(x.astype(np.float64), [(0, 0), (0, 0), *zip(before, after, strict=True)])
    kernel, outer, inner = weight.shape[2:], len(weight) // groups, weight.shape[1]
    spread = zip(padded.shape[2:], kernel, stride, dilation, strict=True)
    sizes = [max(0, (size - (width - 1) * gap - 1) // step + 1) for size, width, step, gap in spread]
    result = np.zeros((len(x), len(weight), *sizes))
    for offsets in np.ndindex(kernel):
        places = [
            slice(offset * gap, offset * gap + step * size, step)
            for offset, gap, step, size in zip(offsets, dilation, stride, sizes, strict=True)
        ]
        for group in range(groups):
            seen = padded[(slice(None), slice(group * inner, (group + 1) * inner), *places)]
            own = slice(group * outer, (group + 1) * outer)
            result[:, own] += np.einsum(
                "bc...,oc->bo...", seen, weight[(own, slice(None), *offsets)].astype(np.float64)
            )
    return result if bias is None else result + bias.astype(np.float64).reshape(-1, *(1,) * len(kernel))


def agrees(found: np.ndarray, wanted: np.ndarray, dtype: type) -> None:
    assert found.dtype == dtype
    assert found.shape == wanted.shape
    scale = max(1.0, float(np.abs(wanted).max(initial=0)))
    np.testing.assert_allclose(found.astype(np.float64), wanted, rtol=0, atol=TOLERANCE[dtype] * scale)


def shifted(x: np.ndarray, weight: np.ndarray, *rest: np.ndarray | None, **named: Any) -> np.ndarray:
    return shifted_convolution(x, np.moveaxis(weight, (0, 1), (-2, -1)).copy(), *rest, **named)


def by_tiles(tile: int) -> Made:
    def made(x: np.ndarray, weight: np.ndarray, *rest: np.ndarray | None, **named: Any) -> np.ndarray:
        assert named.pop("stride") == (1, 1)
        return winograd_convolution(x, winograd_weight(weight, tile), *rest, **named)

    return made


def banded(x: np.ndarray, weight: np.ndarray, *rest: np.ndarray | None, **named: Any) -> np.ndarray:
    """A group at a time: the method has none."""
    groups = named.pop("groups", 1)
    if groups == 1:
        return banded_convolution(x, weight.transpose(2, 0, 1, 3).copy(), *rest, **named)
    (bias,) = rest
    assert bias is not None
    cut = zip(np.split(x, groups, 1), np.split(weight, groups), np.split(bias, groups), strict=True)
    return np.concatenate([banded(*one, **named) for one in cut], 1)


GENERAL: dict[str, Made] = {"columns": convolution, "shifted": shifted}
PLANES: dict[str, Made] = GENERAL | {"banded": banded}
TILED: dict[str, Made] = {"winograd2": by_tiles(2), "winograd4": by_tiles(4)}

PADDINGS = [((0, 0), (0, 0)), ((1, 1), (1, 1)), ((3, 0), (1, 4))]


@pytest.mark.parametrize("method", PLANES)
@pytest.mark.parametrize("before, after", PADDINGS)
@pytest.mark.parametrize("stride, dilation", [((1, 1), (1, 1)), ((2, 1), (1, 1)), ((1, 1), (2, 3)), ((3, 2), (1, 2))])
@pytest.mark.parametrize("kernel, groups", [((3, 3), 1), ((1, 1), 1), ((1, 1), 2), ((5, 2), 3)])
def test_products(
    threads: int,
    method: str,
    before: tuple[int, int],
    after: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    kernel: tuple[int, int],
    groups: int,
) -> None:
    x, weight, bias = drawn(2, 6, 13, 9), drawn(12, 6 // groups, *kernel, seed=1), drawn(12, seed=2)
    named: dict[str, Any] = {"stride": stride, "dilation": dilation, "before": before, "after": after, "groups": groups}
    wanted = summed(x, weight, bias, stride, dilation, before, after, groups)
    agrees(PLANES[method](x, weight, bias, **named), wanted, np.float32)


@pytest.mark.parametrize("method", TILED)
@pytest.mark.parametrize("before, after", PADDINGS)
@pytest.mark.parametrize("dilation", [(1, 1), (2, 3), (4, 1)])
@pytest.mark.parametrize("sizes", [(12, 16), (13, 11), (9, 30)])
def test_tiles(
    threads: int,
    method: str,
    before: tuple[int, int],
    after: tuple[int, int],
    dilation: tuple[int, int],
    sizes: tuple[int, int],
) -> None:
    x, weight, bias = drawn(2, 5, *sizes), drawn(7, 5, 3, 3, seed=1), drawn(7, seed=2)
    named: dict[str, Any] = {"stride": (1, 1), "dilation": dilation, "before": before, "after": after}
    agrees(TILED[method](x, weight, bias, **named), summed(x, weight, bias, **named), np.float32)


@pytest.mark.parametrize("tile", [2, 4])
@pytest.mark.parametrize("limit", [1, 5000, 1 << 23])
def test_tiles_of_several_blocks(threads: int, monkeypatch: pytest.MonkeyPatch, tile: int, limit: int) -> None:
    """Blocks of one row of tiles, of some, and of several images."""
    monkeypatch.setattr(winograd, "TRANSFORMED_BYTES", limit)
    monkeypatch.setattr(winograd, "TILES_BYTES", 4000)
    monkeypatch.setattr(winograd, "FEWEST_CHANNELS", 2)
    x, weight, bias = drawn(3, 4, 19, 10), drawn(9, 4, 3, 3, seed=1), drawn(9, seed=2)
    named: dict[str, Any] = {"stride": (1, 1), "dilation": (2, 1), "before": (2, 1), "after": (2, 1)}
    agrees(by_tiles(tile)(x, weight, bias, **named), summed(x, weight, bias, **named), np.float32)


@pytest.mark.parametrize("before, after", PADDINGS)
@pytest.mark.parametrize("stride, dilation", [((1, 1), (1, 1)), ((2, 2), (1, 1)), ((1, 1), (2, 3)), ((3, 1), (1, 2))])
@pytest.mark.parametrize("channels", [2, 37, 600])
def test_channels(
    threads: int,
    before: tuple[int, int],
    after: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    channels: int,
) -> None:
    x, weight, bias = drawn(2, channels, 11, 14), drawn(channels, 1, 3, 5, seed=1), drawn(channels, seed=2)
    named: dict[str, Any] = {"stride": stride, "dilation": dilation, "before": before, "after": after}
    wanted = summed(x, weight, bias, stride, dilation, before, after, channels)
    agrees(depthwise_convolution(x, weight, bias, **named), wanted, np.float32)


@pytest.mark.parametrize("rank", [1, 3])
def test_other_ranks(threads: int, rank: int) -> None:
    sizes = (11, 6, 7)[:rank]
    one, two = (1,) * rank, (2,) * rank
    x, bias = drawn(2, 4, *sizes), drawn(4, seed=2)
    named: dict[str, Any] = {"stride": two, "dilation": one, "before": one, "after": two}
    full, own = drawn(4, 4, *(3,) * rank, seed=1), drawn(4, 1, *(3,) * rank, seed=1)
    for method in GENERAL.values():
        agrees(method(x, full, bias, **named), summed(x, full, bias, **named), np.float32)
    wanted = summed(x, own, bias, **named, groups=4)
    agrees(depthwise_convolution(x, own, bias, **named), wanted, np.float32)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_dtypes(threads: int, dtype: type) -> None:
    """Float16 is added up as float32; float64 stays what it is."""
    x, bias = drawn(1, 8, 9, 9, dtype=dtype), drawn(8, seed=2, dtype=dtype)
    named: dict[str, Any] = {"stride": (1, 1), "dilation": (1, 1), "before": (1, 1), "after": (1, 1)}
    full, own, place = (drawn(8, *shape, seed=1, dtype=dtype) for shape in ((8, 3, 3), (1, 3, 3), (8, 1, 1)))
    for method in (PLANES | TILED).values():
        agrees(method(x, full, bias, **named), summed(x, full, bias, **named), dtype)
    agrees(depthwise_convolution(x, own, bias, **named), summed(x, own, bias, **named, groups=8), dtype)
    none: dict[str, Any] = named | {"before": (0, 0), "after": (0, 0)}
    agrees(convolution(x, place, bias, **none), summed(x, place, bias, **none), dtype)


@pytest.mark.parametrize("without_bias", [False, True])
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_into_given_arrays(threads: int, dtype: type, without_bias: bool) -> None:
    """Some channels of a larger array, and every second column of one; the memory of the calls is used again."""
    x = drawn(2, 6, 10, 13, dtype=dtype)
    bias = None if without_bias else drawn(6, seed=2, dtype=dtype)
    memory = Memory()
    named: dict[str, Any] = {"stride": (1, 1), "dilation": (1, 1), "before": (1, 1), "after": (1, 1)}
    none: dict[str, Any] = named | {"before": (0, 0), "after": (0, 0)}
    full, own, place = (drawn(6, *shape, seed=1, dtype=dtype) for shape in ((6, 3, 3), (1, 3, 3), (6, 1, 1)))
    works: list[tuple[Made, np.ndarray, dict[str, Any], int]] = [
        *((method, full, named, 1) for method in (PLANES | TILED).values()),
        (depthwise_convolution, own, named, 6),
        (convolution, place, none, 1),
    ]
    for _, (method, weight, given, groups) in itertools.product(range(2), works):
        wanted = summed(x, weight, bias, **given, groups=groups)
        wide: np.ndarray = np.full((2, 9, 10, 13), 7, dtype)
        apart: np.ndarray = np.full((2, 6, 10, 26), 7, dtype)
        for out in (wide[:, 2:8], apart[..., ::2]):
            found = method(x, weight, bias, **given, out=out, memory=memory)
            assert found is out
            agrees(found, wanted, dtype)
        assert (wide[:, :2] == 7).all() and (wide[:, 8:] == 7).all() and (apart[..., 1::2] == 7).all()


def test_views_are_read_as_they_lie(threads: int) -> None:
    x = drawn(2, 13, 10, 6).transpose(0, 3, 2, 1)[..., ::-1]
    bias = drawn(6, seed=2)
    named: dict[str, Any] = {"stride": (1, 1), "dilation": (1, 1), "before": (1, 0), "after": (0, 1)}
    full, own = drawn(6, 6, 3, 3, seed=1), drawn(6, 1, 3, 3, seed=1)
    for method in (PLANES | TILED).values():
        agrees(method(x, full, bias, **named), summed(x, full, bias, **named), np.float32)
    agrees(depthwise_convolution(x, own, bias, **named), summed(x, own, bias, **named, groups=6), np.float32)


def test_blocks_of_rows(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "COLUMN_BYTES", 5000)
    monkeypatch.setattr(columns, "ROW_BYTES", 1000)
    monkeypatch.setattr(bands, "COLUMN_BYTES", 5000)
    x, weight = drawn(1, 4, 40, 21), drawn(5, 4, 3, 3, seed=1)
    named: dict[str, Any] = {"stride": (2, 1), "dilation": (1, 1), "before": (1, 1), "after": (1, 1)}
    for method in PLANES.values():
        agrees(method(x, weight, None, **named), summed(x, weight, None, **named), np.float32)


@pytest.mark.parametrize("shape", [(0, 4, 6, 6), (2, 4, 2, 6)], ids=["no images", "smaller than a kernel"])
def test_nothing(threads: int, shape: tuple[int, ...]) -> None:
    x = drawn(*shape)
    named: dict[str, Any] = {"stride": (1, 1), "dilation": (1, 1), "before": (0, 0), "after": (0, 0)}
    full, own = drawn(5, 4, 3, 3), drawn(4, 1, 3, 3)
    sizes = tuple(max(0, size - 2) for size in shape[2:])
    for method in (PLANES | TILED).values():
        assert method(x, full, **named).shape == (shape[0], 5, *sizes)
    assert depthwise_convolution(x, own, **named).shape == (shape[0], 4, *sizes)


@pytest.mark.parametrize("tile, bound", [(2, 5e-7), (4, 1.5e-6)])
def test_how_exact_tiles_are(tile: int, bound: float) -> None:
    """Relative in norm, for 128 channels of what a rectifier lets through."""
    x, weight = np.maximum(drawn(1, 128, 28, 28), 0), drawn(32, 128, 3, 3, seed=1)
    named: dict[str, Any] = {"stride": (1, 1), "dilation": (1, 1), "before": (1, 1), "after": (1, 1)}
    wanted = summed(x, weight, None, **named)
    error = by_tiles(tile)(x, weight, **named) - wanted
    assert np.linalg.norm(error) <= bound * np.linalg.norm(wanted)


def test_infinities_stay_near(threads: int) -> None:
    """What is not finite reaches the tiles of its windows, and no others."""
    x = drawn(1, 3, 24, 24)
    x[0, 1, 3, 3] = np.inf
    named: dict[str, Any] = {"stride": (1, 1), "dilation": (1, 1), "before": (1, 1), "after": (1, 1)}
    with np.errstate(invalid="ignore"):
        found = by_tiles(4)(x, drawn(4, 3, 3, 3, seed=1), **named)
    assert not np.isfinite(found[..., 2:5, 2:5]).any()
    assert np.isfinite(found[..., 8:, :]).all() and np.isfinite(found[..., 8:]).all()
