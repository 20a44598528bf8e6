"""Attention in every spelling and between every kind of neighbour, and what is nearly attention."""

from __future__ import annotations

import math
from dataclasses import dataclass

from trust.drafts import Draft, Sizes

from attncomp.ir.sizes import Size
from attncomp.ir.types import DType


@dataclass(frozen=True)
class Sides:
    """The axes of one attention: those of the queries, of the sources, that both share, and that a product sums."""

    query: Sizes
    source: Sizes
    riders: Sizes
    inner: Sizes
    twins: bool

    @property
    def score(self) -> Sizes:
        return {**self.riders, **self.query, **self.source}


def sides(d: Draft) -> Sides:
    """A sequence, a window of two axes, or an image, to itself or to another; with and without batch and heads."""
    kind = d.choose("self", "cross", "window", "pool", "tiny", "empty")
    riders = {name: size for name, size in {"batch": "batch", "head": 2, "group": 1}.items() if d.chance()}
    inner: Sizes = d.choose({"key": 2}, {"key": 2, "depth": 3}, {"key": 1})
    if kind == "self":
        return Sides({"seq": "seq"}, {"seq'": "seq"}, riders, inner, True)
    if kind == "cross":
        return Sides({"seq": "seq"}, {"source": d.choose("source", 3)}, riders, inner, False)
    if kind == "window":
        return Sides({"i": 2, "j": 3}, {"i'": 2, "j'": 3}, riders, inner, True)
    if kind == "pool":
        return Sides({}, {"source": "source"}, riders, inner, False)
    if kind == "tiny":
        return Sides({"seq": 1}, {"seq'": 1}, riders, inner, True)
    return Sides({"seq": d.choose(0, 3)}, {"source": d.choose(0, 2)}, riders, inner, False)


# --- queries, keys, values ------------------------------------------------------------------------------------------


def operand(d: Draft, stem: str, axes: Sizes) -> int:
    """A value with these axes: given, projected, changed place by place, normalised, or learned."""
    kind = d.choose("given", "projected", "pointwise", "normalised", "learned")
    made = [name for name in axes if name in ("head", "key", "depth", "field")]
    if kind == "projected" and made:
        x = d.input("x", {**{name: size for name, size in axes.items() if name not in made}, "embed": 3})
        weight = d.parameter(f"{stem}_weight", {"embed": 3, **{name: axes[name] for name in made}})
        y = d.commuted("contract", x, weight, axes=("embed",))
        return d.commuted("add", y, d.parameter(f"{stem}_bias", {n: axes[n] for n in made})) if d.chance() else y
    if kind == "learned" and all(isinstance(size, int) for size in axes.values()):
        return d.parameter(stem, axes)
    x = d.input(stem, axes)
    if kind == "pointwise":
        return d.pointwise(x)
    if kind == "normalised" and "key" in axes:
        norm = d.op("norm", x, axes=("key",))
        return d.op("divide", x, d.op("maximum", norm, d.number(0.1)))
    return x


def pair(d: Draft, s: Sides) -> tuple[int, int]:
    """Queries and keys, each with some of the riders; of one value where the sources are twins of the queries."""
    if s.twins and d.chance():
        x = operand(d, "x", {**s.riders, **s.query, **s.inner})
        twin = dict(zip(s.query, s.source, strict=True))
        if d.chance():
            x = d.op("tanh", x)
        return x, d.s.rename(x if d.chance() else d.pointwise(x), **twin)
    few = {name: s.riders[name] for name in d.some(s.riders)}
    both = [{**s.riders, **s.query, **s.inner}, {**few, **s.source, **s.inner}]
    if d.chance(3):
        both = [{**few, **s.query, **s.inner}, {**s.riders, **s.source, **s.inner}]
    return operand(d, "q", both[0]), operand(d, "k", both[1])


def values(d: Draft, s: Sides, keys: int) -> int:
    """What the weights are contracted with: the keys themselves, or values with axes of their own."""
    if d.chance(4) and d.has(keys, *s.source):
        return keys
    riders = {name: s.riders[name] for name in s.riders if not d.chance(4)}
    return operand(d, "v", {**riders, **s.source, **d.choose({"field": 2}, {"field": 1}, {})})


# --- the score ------------------------------------------------------------------------------------------------------


def first_score(d: Draft, s: Sides, q: int, k: int) -> int:
    """Queries meet keys."""
    axes = tuple(s.inner)
    kind = d.choose("dot", "product", "additive", "distance")
    if kind == "dot":
        return d.commuted("contract", q, k, axes=axes)
    if kind == "product":
        return d.op("sum", d.commuted("multiply", q, k), axes=axes)
    if kind == "additive":
        together = d.op("tanh", d.commuted("add", q, k))
        return d.commuted("contract", together, d.parameter("v", s.inner), axes=axes)
    apart = d.op("subtract", q, k)
    return d.op("negate", d.op("sum", d.op("multiply", apart, apart), axes=axes))


def condition(d: Draft, s: Sides) -> int:
    """Which pairs count: a given mask of some axes, positions, data; combined, perhaps."""
    kind = d.choose("causal", "given", "strict", "near", "data", "both", "no pair")
    if kind == "no pair":
        return d.s.constant(False, DType.BOOL)
    if kind == "both":
        return d.op(d.choose("logical_and", "logical_or"), condition(d, s), d.op("logical_not", condition(d, s)))
    query, source = next(iter(s.query), None), next(iter(s.source))
    if kind in ("causal", "strict", "near") and query is not None:
        here, there = d.positions(query, s.query), d.positions(source, s.source)
        if kind == "near":
            return d.op("less_equal", d.op("abs", d.op("subtract", here, there)), d.s.constant(1, DType.I64))
        return d.op("greater" if kind == "strict" else "greater_equal", here, there)
    if kind == "data":
        x = d.input("x", {name: s.score[name] for name in (*d.some(s.score), source)})
        return d.op("less", x, d.number(0.3))
    return d.input("mask", {name: s.score[name] for name in (*d.some(s.score), source)}, DType.BOOL)


def changed_score(d: Draft, s: Sides, score: int) -> int:
    """One more step of a score: scale, bias, mask, bound, mixing of heads, or an operator that needs whole rows."""
    kind = d.choose(*_STEPS)
    if kind == "scale":
        by = d.choose(
            lambda: d.number(0.5),
            lambda: d.op("sqrt", d.op("size", size=Size.of(4), dtype=DType.F32)),
            lambda: d.op("exp", d.parameter("temperature", {})),
        )()
        return d.op("divide", score, by) if d.chance() else d.commuted("multiply", score, by)
    if kind == "mask":
        least = d.choose(-math.inf, -1e9)
        d.huge |= math.isfinite(least)
        keep, low = condition(d, s), d.number(least)
        how = d.choose("where", "inverted", "added")
        if how == "where":
            return d.op("where", keep, score, low)
        if how == "inverted":
            return d.op("where", d.op("logical_not", keep), low, score)
        return d.commuted("add", score, d.op("where", keep, d.number(0.0), low))
    if kind == "bias":
        return d.commuted("add", score, bias(d, s))
    if kind == "softcap":
        return d.op("multiply", d.op("tanh", d.op("divide", score, d.number(3.0))), d.number(3.0))
    if kind == "huge":
        d.huge = True
        return d.op("multiply", score, d.number(1e4))
    if kind == "heads" and d.has(score, "head"):
        mixed = d.op("contract", score, d.parameter("mix", {"head": 2, "mate": 2}), axes=("head",))
        return d.s.rename(mixed, mate="head")
    if kind == "shifted":
        return d.op("subtract", score, d.op("max", score, axes=tuple(s.source)))
    if kind == "centred":
        return d.op("subtract", score, d.op("mean", score, axes=tuple(s.source)))
    if kind == "rows":
        if d.chance():
            return d.op("normalize", score, axes=tuple(s.source), epsilon=0.1, center=True)
        return d.op("roll", score, axis=next(iter(s.source)), shift=Size.of(1))
    if kind == "transposed" and s.twins and d.has(score, *s.query, *s.source):
        there = dict(zip((*s.query, *s.source), (*s.source, *s.query), strict=True))
        return d.commuted("add", score, d.s.rename(score, **there))
    return d.pointwise(score)


_STEPS = (
    "none", "scale", "scale", "mask", "mask", "mask", "bias", "bias", "softcap", "huge", "heads", "shifted", "centred",
    "rows", "transposed",
)  # fmt: skip


def bias(d: Draft, s: Sides) -> int:
    """What is added to a score: given (perhaps -inf), learned, ALiBi, gathered from a table by distance."""
    kind = d.choose("given", "learned", "distance", "table", "-inf")
    query, source = next(iter(s.query), None), next(iter(s.source))
    sizes = {name: s.score[name] for name in (*d.some(s.score), source)}
    if kind == "learned" and all(isinstance(size, int) for size in sizes.values()):
        return d.parameter("bias", sizes)
    if kind == "-inf":
        keep = d.input("keep", {source: s.source[source]}, DType.BOOL)
        return d.op("log", d.op("cast", keep, dtype=DType.F32))
    if kind in ("distance", "table") and query is not None:
        apart = d.op("abs", d.op("subtract", d.positions(query, s.query), d.positions(source, s.source)))
        if kind == "distance":
            slope = d.parameter("slope", {"head": 2}) if "head" in s.riders else d.number(0.2)
            return d.op("negate", d.op("multiply", slope, d.op("cast", apart, dtype=DType.F32)))
        place = d.op("minimum", apart, d.s.constant(2, DType.I64))
        columns: Sizes = {"head": 2} if "head" in s.riders else {}
        return d.op("gather", d.parameter("table", {"place": 3, **columns}), place, axes=("place",))
    return d.input("bias", sizes)


# --- softmax and contraction ----------------------------------------------------------------------------------------


def weigh(d: Draft, s: Sides, score: int, v: int) -> tuple[int, int]:
    """The weights, and what they make of the values; softmax spelled out, with the denominator late, perhaps."""
    axes = tuple(s.source)
    kind = d.choose("softmax", "softmax", "softmax", "max", "plain", "reciprocal", "late", "log")
    if kind == "softmax":
        weights = d.op("softmax", score, axes=axes)
        return weights, contracted(d, s, weights, v)
    if kind == "log":
        weights = d.op("exp", d.op("log_softmax", score, axes=axes))
        return weights, contracted(d, s, weights, v)
    d.handwritten = True
    if kind != "plain" and d.chance():
        score = d.op("subtract", score, d.op("max", score, axes=axes))
    powers = d.op("exp", score)
    total = d.op("sum", powers, axes=axes)
    if kind == "late":
        return powers, d.op("divide", contracted(d, s, powers, v), total)
    if kind == "reciprocal":
        weights = d.commuted("multiply", powers, d.op("divide", d.number(1.0), total))
    else:
        weights = d.op("divide", powers, total)
    return weights, contracted(d, s, weights, v)


def contracted(d: Draft, s: Sides, weights: int, v: int) -> int:
    """The contraction over the sources, behind what may stand before it and what may not."""
    axes = tuple(s.source)
    between = d.choose("none", "none", "none", "rename", "dropout", "cast", "scale", "relu", "keep", "heads")
    if between == "rename":
        new = {name: f"{name}_there" for name in axes}
        if not d.has(weights, *axes) or not d.has(v, *axes):
            return d.op("contract", weights, v, axes=axes)
        weights, v, axes = d.s.rename(weights, **new), d.s.rename(v, **new), tuple(new.values())
    elif between == "dropout":
        weights = d.op("dropout", weights, rate=d.choose(0.1, 0.0))
    elif between == "cast":
        weights = d.op("cast", weights, dtype=DType.F64)
    elif between == "scale":
        weights = d.op("multiply", weights, d.number(0.5))
    elif between == "relu":
        weights = d.op("relu", weights)
    elif between == "keep":
        weights = d.op("where", condition(d, s), weights, d.number(0.0))
    elif between == "heads" and d.has(weights, "head") and not d.has(v, "head"):
        weights = d.op("contract", weights, d.parameter("mix", {"head": 2, "mate": 2}), axes=("head",))
    how = d.choose("contract", "contract", "sum", "more")
    if how == "sum":
        return d.op("sum", d.commuted("multiply", weights, v), axes=axes)
    if how == "more" and d.has(weights, "head") and d.has(v, "head"):
        return d.commuted("contract", weights, v, axes=(*axes, "head"))
    return d.commuted("contract", weights, v, axes=axes)


def attention(d: Draft) -> int:
    """One attention with whatever else reads its parts."""
    s = sides(d)
    q, k = pair(d, s)
    v = values(d, s, k)
    score = raw = first_score(d, s, q, k)
    for _ in range(d.choose(0, 1, 2, 3, 4)):
        score = changed_score(d, s, score)
    weights, made = weigh(d, s, score, v)
    for part in (raw, score, weights, q, v):
        if d.chance(12):
            d.escapes(part)
    if d.chance(6):  # the same weights with other values
        other = d.op("contract", weights, d.op("tanh", v), axes=tuple(s.source))
        made = d.op("subtract", made, other)
    after = d.choose("none", "projection", "pointwise", "residual")
    if after == "projection" and d.has(made, "head"):
        return d.op("contract", made, d.parameter("out", {"head": 2, "embed": 3}), axes=("head",))
    if after == "residual":
        return d.commuted("add", made, q) if d.has(made, *d.s.names(q)) else made
    return d.pointwise(made) if after == "pointwise" else made
