"""How a convolution is done by a backend that multiplies matrices: a method, chosen by what it costs.

| method | what is done | the weight |
|---|---|---|
| `columns` | windows are columns of a matrix, for kernels of one place those of the image | [O, C / groups, ...] |
| `shifted` | a product for each place in the kernel, without what lies in the padding | [..., O, C / groups] |
| `banded` | windows along the last dimension are columns; products of a kernel's rows are added | [row, O, C, column] |
| `winograd2`, `winograd4` | tiles of 2 x 2 or 4 x 4 places by Winograd's algorithm | [(tile + 2)^2, O, C] |
| `depthwise` | a sum for each channel, where each has a kernel of its own | [C, 1, ...] |

Costs are in operations at the speed of large products, 85 billion a second where this was measured (OpenBLAS, a core of
Zen 3), for one image, with an estimate for each size that is bound at a call.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attncomp.ir.estimate import estimate
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.emitter import Emitter
from attncomp.lowering.program import Value

# A product costs as if it had so many more columns: the weight is packed first.
PACKING = 28
# What calling NumPy costs, for each place in the kernel and each image: a product, an addition, finding where.
CALLS = 600_000
# Operations for each number that is copied to a column, or added to a sum.
COPY, ADD = 50, 60
# Operations for each number of a transformed tile, and of a product that is transformed back, by the size of a tile.
WINOGRAD: Mapping[str, int] = {"winograd2": 2, "winograd4": 4}
TRANSFORM: Mapping[int, tuple[int, int]] = {2: (160, 72), 4: (270, 147)}
# How many channels a banded product makes at most: it makes as many for each row of the kernel.
FEW = 8
# How much cheaper Winograd's algorithm must be: its weights are 16 / 9 or 4 times as large, its results less exact.
WORTH = 0.9


@dataclass(frozen=True)
class Convolution:
    """The sizes of a convolution; those of an image, `sizes` given and `results` made, may be estimates.

    `channel` and `out` are those of one group. `known` is whether none is an estimate.
    """

    channel: float
    out: float
    groups: int
    sizes: tuple[float, ...]
    results: tuple[float, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[float, ...]
    known: bool


def by_method(
    emitter: Emitter,
    given: Convolution,
    weight: Value,
) -> tuple[str, Value]:
    """The method for a convolution, and its weight [O, C / groups, ...] as the method takes it.

    A weight that depends on the inputs of a call stays as it is: it would be prepared at every call.
    """
    method = method_of(given)
    if not emitter.is_static(weight):
        return (method if method == "depthwise" else "columns"), weight
    rank = len(given.kernel)
    if method == "shifted":
        order = (*range(2, 2 + rank), 0, 1)
        return method, emitter.permute(weight, order, tuple(weight.axes[dim] for dim in order))
    if method == "banded":
        order = (2, 0, 1, 3)
        return method, emitter.permute(weight, order, tuple(weight.axes[dim] for dim in order))
    if method in WINOGRAD:
        tile = WINOGRAD[method]
        # Numbers of float16 would lose too much: what is made of them here is larger than their sum.
        dtype = DType.F32 if weight.dtype is DType.F16 else weight.dtype
        layout = (("point",), *weight.axes[:2])
        shape = (Size.of((tile + 2) ** 2), *weight.shape[:2])
        made = emitter.emit("winograd_weight", [weight], {"tile": tile}, dtype, layout, shape, "transformed")
        return method, made
    return method, weight


def sizes_of(
    x: Sequence[Size],
    weight: Sequence[Size],
    result: Sequence[Size],
    groups: int,
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
    before: Sequence[Size],
) -> Convolution:
    """The sizes of a convolution of shapes x [B, C, ...], weight [O, C / groups, ...] and result [B, O, ...]."""
    outer, inner, *kernel = map(estimate, weight)
    return Convolution(
        inner,
        outer / groups,
        groups,
        tuple(map(estimate, x[2:])),
        tuple(map(estimate, result[2:])),
        tuple(map(round, kernel)),
        stride,
        dilation,
        tuple(map(estimate, before)),
        all(size.constant is not None for size in (*x[2:], *result[2:])),
    )


def method_of(given: Convolution) -> str:
    """The cheapest method that does it; of equally cheap ones the first of the table."""
    if given.channel == 1 and given.out == 1 and given.groups > 1:
        return "depthwise"
    costs = {"columns": columns_cost(given), "shifted": shifted_cost(given)}
    if len(given.kernel) == 2 and given.groups == 1 and given.out <= FEW:
        costs["banded"] = banded_cost(given)
    if given.kernel == (3, 3) and given.stride == (1, 1) and given.groups == 1:
        for name, tile in WINOGRAD.items():
            # Tiles of places far apart cost many times as much in an image that turns out small.
            if given.known or max(given.dilation) <= tile:
                costs[name] = winograd_cost(given, tile) / WORTH
    return min(costs, key=costs.__getitem__)


def product_cost(rows: float, inner: float, columns: float) -> float:
    """What a matrix [rows, inner] times one of so many columns costs."""
    return 2 * rows * inner * (columns + PACKING)


def columns_cost(given: Convolution) -> float:
    """What it costs to make columns of windows, and to multiply them."""
    windows, inner = math.prod(given.results), given.channel * math.prod(given.kernel)
    copied = 0 if math.prod((*given.kernel, *given.stride)) == 1 and not any(given.before) else inner * windows
    return given.groups * (product_cost(given.out, inner, windows) + COPY * copied)


def shifted_cost(given: Convolution) -> float:
    """What the products for each place in the kernel cost, and adding them."""
    reached = [
        [_reached(size, result, step, offset * gap - low) for offset in range(width)]
        for size, result, step, width, gap, low in zip(
            given.sizes, given.results, given.stride, given.kernel, given.dilation, given.before, strict=True
        )
    ]
    cost = 0.0
    for places in map(math.prod, itertools.product(*reached)):
        if places:
            cost += product_cost(given.out, given.channel, places)
            cost += (COPY * given.channel + ADD * given.out) * places + CALLS
    return given.groups * cost


def banded_cost(given: Convolution) -> float:
    """What it costs to make columns along the last dimension, to multiply them, and to add the products up."""
    (height, width), places = given.kernel, given.sizes[0] * given.results[1]
    product = product_cost(given.out * height, given.channel * width, places)
    added = given.out * height * math.prod(given.results)
    return product + COPY * given.channel * width * places + ADD * added


def winograd_cost(given: Convolution, tile: int) -> float:
    """What the transformations and products of tiles cost; with a dilation tiles are those of every so many places."""
    tiles = math.prod(
        gap * math.ceil(math.ceil(size / gap) / tile) for size, gap in zip(given.results, given.dilation, strict=True)
    )
    into, back = TRANSFORM[tile]
    points = (tile + 2) ** 2
    moved = into * given.channel + back * given.out
    return points * (product_cost(given.out, given.channel, tiles) + moved * tiles + CALLS)


def _reached(size: float, result: float, step: float, offset: float) -> float:
    """How many of the places of a result lie in the image at `offset` from where their windows begin."""
    first = max(0.0, math.ceil(-offset / step))
    return max(0.0, min(result, math.floor((size - 1 - offset) / step) + 1) - first)
