"""Gates of every kind on a feature map, and what is nearly a gate."""

from __future__ import annotations

from trust.drafts import Draft, Sizes

from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis

CHANNELS = 4
PLACES = ("height", "width")


def image(d: Draft) -> int:
    """A feature map, given or made by a convolution place by place."""
    sizes: Sizes = {"batch": "batch", "channel": CHANNELS, "height": d.choose("seq", 2, 1), "width": d.choose(3, 1)}
    if d.chance(4):
        del sizes["batch"]
    x = d.input("image", sizes)
    return d.pointwise(x) if d.chance(3) else x


def statistic(d: Draft, x: int, axes: tuple[str, ...]) -> int:
    """One number of x for each place of its other axes."""
    kind = d.choose("mean", "max", "sum", "var", "steps", "power", "weighed")
    if kind == "steps" and len(axes) > 1:
        return statistic(d, d.op("mean", x, axes=axes[:1]), axes[1:])
    if kind == "power":
        return d.op("mean", d.op("multiply", x, x), axes=axes)
    if kind == "weighed" and axes == ("channel",):
        return d.commuted("contract", x, d.parameter("weigh", {"channel": CHANNELS}), axes=axes)
    return d.op(kind if kind in ("mean", "max", "var", "sum") else "min", x, axes=axes)


def dense(d: Draft, y: int, out: str, size: int) -> int:
    """A linear layer along the channels of y, whose result has the axis `out`."""
    source = next(name for name in ("channel", "hidden") if d.has(y, name))
    axes: Sizes = {out: size, source: CHANNELS if source == "channel" else 2}
    y = d.commuted("contract", y, d.parameter("dense", axes), axes=(source,))
    return d.commuted("add", y, d.parameter("dense_bias", {out: size})) if d.chance() else y


def neighbours(d: Draft, y: int, axis: str) -> int:
    """A convolution along one axis of a map without channels, as ECA has it along the channels."""
    stacked = d.op("stack", y, axis=Axis.of("one", 1))
    weight = d.parameter("conv", {"map": 1, "one": 1, "tap": 3})
    made = convolved(d, stacked, weight, "one", Axis.of("map", 1), (axis,), ("tap",))
    return d.op("index", made, axis="map", position=Size.of(0))


def convolved(
    d: Draft, x: int, weight: int, channel: str, out: Axis, axes: tuple[str, ...], kernels: tuple[str, ...]
) -> int:
    """A convolution with kernels of 3 that keeps the sizes; kernels of 1 where there are none."""
    ones, pads = (1,) * len(axes), (Size.of(1),) * len(axes)
    return d.op(
        "convolution", x, weight, channel=channel, out=out, axes=axes, kernels=kernels, stride=ones, dilation=ones,
        before=pads, after=pads, groups=1,
    )  # fmt: skip


def network(d: Draft, y: int) -> int:
    """What a gate does with a statistic."""
    kind = d.choose("none", "dense", "neighbours", "pointwise", "norm")
    if kind == "dense" and d.has(y, "channel"):
        return dense(d, d.op("relu", dense(d, y, "hidden", 2)), "channel", CHANNELS)
    if kind == "neighbours":
        axis = next((name for name in ("channel", "width", "height") if d.has(y, name)), None)
        return y if axis is None else neighbours(d, y, axis)
    if kind == "pointwise":
        return d.pointwise(y)
    if kind == "norm" and d.has(y, "channel"):
        return d.op("normalize", y, axes=("channel",), epsilon=0.1, center=True)
    return y


def squash(d: Draft, y: int) -> int:
    kind = d.choose("sigmoid", "hardsigmoid", "tanh", "by hand", "softmax", "none")
    if kind == "by hand":
        return d.op("divide", d.number(1.0), d.op("add", d.op("exp", d.op("negate", y)), d.number(1.0)))
    if kind == "softmax" and d.has(y, "channel"):
        return d.op("softmax", y, axes=("channel",))
    return y if kind in ("none", "softmax") else d.op(kind, y)


def factor(d: Draft, x: int, axes: tuple[str, ...]) -> int:
    """A gate made of one or two statistics over the axes."""
    y = network(d, statistic(d, x, axes))
    if d.chance(3):
        y = d.commuted("add", y, network(d, statistic(d, x, axes)))
    return squash(d, y)


def applied(d: Draft, x: int, gate: int) -> int:
    """The value scaled by the gate, with a residual and an activation around it, perhaps."""
    kind = d.choose("times", "residual", "one more", "quotient", "added")
    if kind == "residual":
        made = d.commuted("add", x, d.commuted("multiply", x, gate))
    elif kind == "one more":
        made = d.commuted("multiply", x, d.commuted("add", gate, d.number(1.0)))
    elif kind == "quotient":
        made = d.op("divide", x, d.op("add", d.op("abs", gate), d.number(1.0)))
    elif kind == "added":
        made = d.commuted("add", x, gate)
    else:
        made = d.commuted("multiply", x, gate)
    return d.op(d.choose("relu", "silu"), made) if d.chance(3) else made


def channel_gate(d: Draft, x: int) -> int:
    return applied(d, x, factor(d, x, PLACES))


def spatial_gate(d: Draft, x: int) -> int:
    """One number a place, by a convolution over stacked statistics of the channels, perhaps."""
    if d.chance():
        return applied(d, x, factor(d, x, ("channel",)))
    stacked = d.op(
        "stack", d.op("mean", x, axes=("channel",)), d.op("max", x, axes=("channel",)), axis=Axis.of("stat", 2)
    )
    weight = d.parameter("conv", {"map": 1, "stat": 2, "up": 3, "across": 3})
    made = convolved(d, stacked, weight, "stat", Axis.of("map", 1), PLACES, ("up", "across"))
    return applied(d, x, d.op("sigmoid", d.op("index", made, axis="map", position=Size.of(0))))


def parallel_gate(d: Draft, x: int) -> int:
    """Both halves at once, of one x, joined before or behind the products."""
    first, second = factor(d, x, PLACES), factor(d, x, ("channel",))
    if d.chance():
        return applied(d, x, d.op("sigmoid", d.op("add", first, second)))
    return d.op(d.choose("add", "maximum"), applied(d, x, first), applied(d, x, second))


def shared_statistics(d: Draft, x: int) -> int:
    """Two gates that read one statistic."""
    y = statistic(d, x, PLACES)
    first = applied(d, x, squash(d, network(d, y)))
    return d.op("add", first, applied(d, d.choose(x, first), squash(d, network(d, y))))


def context_gate(d: Draft, x: int) -> int:
    """GCNet: a softmax over all places pools the map, a small network reads it, its answer is added or multiplied."""
    score = d.op("contract", x, d.parameter("look", {"channel": CHANNELS}), axes=("channel",))
    weights = d.op("softmax", score, axes=PLACES)
    pooled = d.commuted("contract", x, weights, axes=PLACES)
    return applied(d, x, squash(d, network(d, pooled)))


def selective_gate(d: Draft, x: int) -> int:
    """SK: two branches, weighed by a softmax over the branches that their sum decides."""
    first, second = d.op("tanh", x), d.op("relu", x)
    pooled = statistic(d, d.op("add", first, second), PLACES)
    choice = d.op("stack", dense(d, pooled, "channel'", CHANNELS), dense(d, pooled, "channel'", CHANNELS), axis=_BRANCH)
    choice = d.s.rename(d.op("softmax", choice, axes=("branch",)), **{"channel'": "channel"})
    if d.chance():
        both = d.op("stack", first, second, axis=_BRANCH)
        return d.commuted("contract", both, choice, axes=("branch",))
    picked = [d.op("index", choice, axis="branch", position=Size.of(number)) for number in (0, 1)]
    return d.op("add", d.commuted("multiply", first, picked[0]), d.commuted("multiply", second, picked[1]))


_BRANCH = Axis.of("branch", 2)


def near_gate(d: Draft, x: int) -> int:
    """A product that is no gate: of another value's statistics, of fewer axes, or of a factor that keeps every axis."""
    kind = d.choose("other", "fewer", "whole", "read twice", "pooled")
    if kind == "other":
        return d.op("multiply", x, squash(d, statistic(d, d.op("tanh", x) if d.chance() else image(d), PLACES)))
    if kind == "fewer":
        return d.op("multiply", x, squash(d, d.op("mean", x, axes=("width",))))
    if kind == "whole":
        return d.op("multiply", x, squash(d, d.op("subtract", x, d.op("mean", x, axes=PLACES))))
    if kind == "pooled":
        rows = d.op("roll", x, axis="width", shift=Size.of(1))
        return d.op("multiply", x, squash(d, statistic(d, rows, PLACES)))
    gate = factor(d, x, PLACES)
    d.escapes(gate)
    return d.op("multiply", x, gate)


_KINDS = (
    channel_gate,
    spatial_gate,
    parallel_gate,
    shared_statistics,
    context_gate,
    selective_gate,
    near_gate,
)


def gates(d: Draft) -> int:
    """One or two gates on one map, one behind the other."""
    x = image(d)
    for _ in range(d.choose(1, 2)):
        x = d.choose(*_KINDS)(d, x)
        if not d.has(x, "channel", *PLACES):
            break
        if d.chance(6):
            d.escapes(x)
    return x
