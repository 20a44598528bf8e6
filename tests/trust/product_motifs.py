"""Products that passes move: chains, projections of one input, batch norms behind products and convolutions."""

from __future__ import annotations

from trust.drafts import Draft, Sizes
from trust.gate_motifs import CHANNELS, PLACES, convolved

from attncomp.ir.types import Axis, DType


def chain(d: Draft) -> int:
    """Three to five matrices in a row, contracted in any order, with symbolic and known sizes, and a shared batch."""
    sizes = [d.choose("seq", 2, "source", 1) for _ in range(d.choose(4, 5))]
    names = [f"n{number}" for number in range(len(sizes))]
    batch: Sizes = {"batch": "batch"}
    parts = []
    for number in range(len(sizes) - 1):
        axes: Sizes = {names[number]: sizes[number], names[number + 1]: sizes[number + 1]}
        riders = batch if d.chance() else {}
        known = all(isinstance(size, int) for size in axes.values()) and d.chance()
        parts.append((d.parameter("m", axes) if known else d.input("m", {**riders, **axes}), number, number + 1))
    while len(parts) > 1:
        at = d.choose(*range(len(parts) - 1))
        (a, first, middle), (b, _, last) = parts[at], parts[at + 1]
        made = d.commuted("contract", a, b, axes=(names[middle],))
        if d.chance(8):
            d.escapes(made)
        if d.chance(8):
            made = d.pointwise(made)
        parts[at : at + 2] = [(made, first, last)]
    return parts[0][0]


def linear_attention(d: Draft) -> int:
    """`q @{key} (k @{seq'} v)` or the other order, with feature maps and a normaliser, perhaps."""
    q = d.input("q", {"batch": "batch", "seq": "seq", "key": 2})
    k = d.s.rename(d.input("q", {"batch": "batch", "seq": "seq", "key": 2}), seq="seq'")
    v = d.input("v", {"batch": "batch", "seq'": "seq", "field": 2})
    if d.chance():
        q, k = d.op("sigmoid", q), d.op("sigmoid", k)
    if d.chance():
        made = d.op("contract", d.op("contract", q, k, axes=("key",)), v, axes=("seq'",))
    else:
        made = d.op("contract", q, d.op("contract", k, v, axes=("seq'",)), axes=("key",))
    if d.chance(3):
        total = d.op("contract", d.op("abs", q), d.op("abs", d.op("sum", k, axes=("seq'",))), axes=("key",))
        made = d.op("divide", made, d.op("add", total, d.number(1.0)))
    return made


def projections(d: Draft) -> int:
    """Several products of one x, with and without biases, to axes that agree or not; parameters that are shared."""
    x = d.input("x", {"batch": "batch", "seq": "seq", "embed": 3})
    made, weights = [], []
    for _ in range(d.choose(2, 3)):
        out: Sizes = d.choose({"unit": 2}, {"unit": 3}, {"head": 2, "unit": 2}, {"other": 2})
        weight = d.choose(*weights)[0] if weights and d.chance(6) else d.parameter("w", {**out, "embed": 3})
        out = {name: size for name, size in d.sizes(weight).items() if name != "embed"}
        weights.append((weight, out))
        y = d.commuted("contract", x, weight, axes=("embed",))
        if d.chance():
            y = d.commuted("add", y, d.parameter("b", {n: out[n] for n in out if not d.chance(8)}))
        if d.chance(6):
            y = d.op("cast", y, dtype=DType.F64)
        if d.chance(8):
            d.escapes(y)
        made.append(d.op("sum", d.op("sin", d.pointwise(y)), axes=tuple(out)))
    total = made[0]
    for other in made[1:]:
        total = d.op("multiply", d.op("sin", total), other)
    return total


def normed(d: Draft) -> int:
    """A batch norm behind a convolution or a product, with and without a bias, whose result others read, perhaps."""
    x = d.input("image", {"batch": "batch", "channel": CHANNELS, "height": d.choose("seq", 2), "width": 3})
    kind = d.choose("convolution", "product", "nothing")
    axis = "channel"
    if kind == "convolution":
        weight = d.parameter("conv", {"made": 2, "channel": CHANNELS, "up": 3, "across": 3})
        x, axis = convolved(d, x, weight, "channel", Axis.of("made", 2), PLACES, ("up", "across")), "made"
    elif kind == "product":
        out: Sizes = {"made": 2, "part": 2} if d.chance(3) else {"made": 2}
        weight = d.parameter("w", {**out, "channel": CHANNELS})
        x, axis = d.commuted("contract", x, weight, axes=("channel",)), "made"
    size = CHANNELS if axis == "channel" else 2
    if d.chance():
        bias = d.parameter("b", {axis: size}) if d.chance() else d.number(0.5)
        x = d.op("subtract", x, bias) if d.chance(4) else d.commuted("add", x, bias)
    if d.chance(6):
        x = d.pointwise(x)
    if d.chance(6):
        d.escapes(x)
    return batch_norm(d, x, axis, size) if not d.chance(6) else batch_norm(d, batch_norm(d, x, axis, size), axis, size)


def batch_norm(d: Draft, x: int, axis: str, size: int) -> int:
    """With statistics and an affine map of its own; the mean may be the bias too."""
    statistics = [d.parameter(stem, {axis: size}) for stem in ("mean", "running_var")]
    for identity in statistics:
        node = d.s.graph.node(identity)
        key = f"{d.label('norm')}.{node.attributes['key']}".rstrip("0123456789")
        d.s.graph.update(identity, attributes={**node.attributes, "key": key, "trainable": False})
    weight, bias = (d.parameter(stem, {axis: size}) for stem in ("weight", "bias"))
    operands = (*statistics, weight, statistics[0] if d.chance(6) else bias)
    y = d.op("batch_norm", x, *operands, axis=axis, epsilon=0.1, momentum=0.1)
    return d.op("relu", y) if d.chance() else y


def products(d: Draft) -> int:
    return d.choose(chain, linear_attention, projections, normed)(d)
