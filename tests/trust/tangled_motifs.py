"""Attentions and gates that read each other's parts, and quotients of exponentials that are nearly a softmax."""

from __future__ import annotations

from trust.drafts import Draft, Sizes
from trust.gate_motifs import CHANNELS, PLACES

from attncomp.ir.sizes import Size
from attncomp.ir.types import DType

_PAIRS: Sizes = {"batch": "batch", "seq": "seq", "source": "source"}


def _queries(d: Draft) -> tuple[int, int, int]:
    q = d.input("q", {"batch": "batch", "seq": "seq", "key": 2})
    k = d.input("k", {"batch": "batch", "source": "source", "key": 2})
    return q, k, d.choose(k, d.input("v", {"batch": "batch", "source": "source", "key": 2}))


def _attend(d: Draft, score: int, v: int) -> tuple[int, int]:
    weights = d.op("softmax", score, axes=("source",))
    return weights, d.commuted("contract", weights, v, axes=("source",))


def tangled(d: Draft) -> int:
    """Two attentions, of which the second needs a part of the first and what the first made, or both at once."""
    q, k, v = _queries(d)
    score = d.op("contract", q, k, axes=("key",))
    weights, first = _attend(d, score, v)
    kind = d.choose(*_TANGLES)
    if kind == "same score":
        _, second = _attend(d, d.op("multiply", score, d.number(0.5)), d.op("tanh", v))
    elif kind == "score of the score":
        change = d.op("sum", first, axes=("key",))
        _, second = _attend(d, d.op("add", score, change), v)
    elif kind == "score of the weights":
        _, second = _attend(d, d.op("subtract", score, weights), v)
    elif kind == "same weights":
        second = d.op("contract", weights, d.op("tanh", v), axes=("source",))
    elif kind == "values of the result":
        back = d.op("contract", d.op("contract", q, k, axes=("key",)), first, axes=("seq",))
        second = d.op("contract", weights, back, axes=("source",))
    elif kind == "values of the weights":
        second = d.op("contract", weights, d.op("multiply", v, d.op("sum", weights, axes=("seq",))), axes=("source",))
    elif kind == "gated by its weights":
        second = d.op("multiply", first, d.op("sigmoid", d.op("max", weights, axes=("source",))))
    elif kind == "gated by its score":
        second = d.op("multiply", first, d.op("sigmoid", d.op("mean", score, axes=("source",))))
    elif kind == "sparse":
        keep = d.op("greater", weights, d.op("mean", weights, axes=("source",)))
        kept = d.op("where", keep, weights, d.number(0.0))
        second = d.op("contract", kept, v, axes=("source",))
    elif kind == "both ways":
        other = d.op("softmax", score, axes=("seq",))
        back = d.op("contract", other, q, axes=("seq",))
        second = d.op("contract", weights, back, axes=("source",))
    elif kind == "mixed":
        second = d.op("contract", d.op("multiply", weights, d.op("softmax", score, axes=("seq",))), v, axes=("source",))
    else:
        second = first
        for _ in range(2):  # the result asks again
            _, second = _attend(d, d.op("contract", second, k, axes=("key",)), v)
    if d.chance(4):
        d.escapes(d.choose(weights, score, first))
    if d.chance(3):
        return d.commuted("add", first, second)
    d.results.append(first)
    return second


_TANGLES = (
    "same score", "score of the score", "score of the weights", "same weights", "values of the result",
    "values of the weights", "gated by its weights", "gated by its score", "sparse", "both ways", "mixed", "again",
)  # fmt: skip


def nearly_softmax(d: Draft) -> int:
    """Exponentials over a sum that is not theirs, or not of them alone, or over other axes."""
    q, k, v = _queries(d)
    d.handwritten = True
    score = d.op("contract", q, k, axes=("key",))
    kind = d.choose(*_NEAR)
    keep = d.input("mask", {"source": "source"} if d.chance() else _PAIRS, DType.BOOL)
    powers = d.op("exp", score)
    total = d.op("sum", powers, axes=("source",))
    if kind == "epsilon":
        total = d.op("add", total, d.number(d.choose(0.1, 0.0)))
    elif kind == "masked":
        powers = d.op("multiply", powers, d.op("cast", keep, dtype=DType.F32))
        total = d.op("sum", powers if d.chance() else d.op("abs", powers), axes=("source",))
    elif kind == "masked by where":
        powers = d.op("where", keep, powers, d.number(d.choose(0.0, 1.0)))
        total = d.op("sum", powers, axes=("source",))
    elif kind == "other mask":
        powers = d.op("where", keep, powers, d.number(0.0))
    elif kind == "other axes":
        total = d.op("sum", powers, axes=("seq",))
    elif kind == "all axes":
        total = d.op("sum", powers, axes=("seq", "source"))
    elif kind == "other score":
        total = d.op("sum", d.op("exp", d.op("multiply", score, d.number(0.5))), axes=("source",))
    elif kind == "shifted by pairs":
        lowered = d.op("subtract", score, d.op("tanh", d.choose(score, d.op("max", score, axes=("seq",)))))
        powers = d.op("exp", lowered)
        total = d.op("sum", powers, axes=("source",))
    elif kind == "shifted apart":
        powers = d.op("exp", d.op("subtract", score, d.op("max", score, axes=("source",))))
    elif kind == "logarithm":
        log_total = d.op("log", total)
        return d.op("contract", d.op("exp", d.op("subtract", score, log_total)), v, axes=("source",))
    elif kind == "of values":
        made = d.op("contract", powers, v, axes=("source",))
        d.results.append(d.op("tanh", total))
        return d.op("divide", d.op("add", made, d.choose(q, made)), total)
    elif kind == "of other values":
        v = d.op("contract", v, d.parameter("w", {"key": 2, "field": 2}), axes=("key",))
        made = d.op("contract", powers, v, axes=("source",))
        return d.op("multiply", made, d.op("divide", d.number(d.choose(1.0, 2.0)), total))
    if d.chance(4):
        d.escapes(d.choose(total, powers))
    if d.chance():
        return d.op("divide", d.op("contract", powers, v, axes=("source",)), total)
    return d.op("contract", d.op("divide", powers, total), v, axes=("source",))


_NEAR = (
    "epsilon", "masked", "masked by where", "other mask", "other axes", "all axes", "other score", "shifted by pairs",
    "shifted apart", "logarithm", "of values", "of other values",
)  # fmt: skip


def tangled_gates(d: Draft) -> int:
    """Gates that share a value, a statistic or parameters, or of which one lies in the other."""
    x = d.input("image", {"batch": "batch", "channel": CHANNELS, "height": d.choose("seq", 1), "width": 3})
    pooled = d.op("mean", x, axes=PLACES)
    weight = d.parameter("dense", {"channel": CHANNELS, "channel'": CHANNELS})
    first = d.op("sigmoid", d.s.rename(d.op("contract", pooled, weight, axes=("channel",)), **{"channel'": "channel"}))
    once = d.commuted("multiply", x, first)
    kind = d.choose("one behind", "of the first", "shared layer", "inside", "both", "squared", "moved", "of a slice")
    if kind == "one behind":
        return d.op("multiply", once, d.op("sigmoid", d.op("max", x, axes=("channel",))))
    if kind == "of the first":
        return d.op("multiply", x, d.op("sigmoid", d.op("mean", once, axes=PLACES)))
    if kind == "shared layer":
        again = d.op("contract", d.op("mean", once, axes=PLACES), weight, axes=("channel",))
        return d.op("multiply", once, d.op("tanh", d.s.rename(again, **{"channel'": "channel"})))
    if kind == "inside":
        inner = d.op("multiply", pooled, d.op("sigmoid", d.op("mean", pooled, axes=("channel",))))
        return d.op("multiply", x, inner)
    if kind == "both":
        both = d.op("multiply", first, d.op("sigmoid", d.op("mean", x, axes=("channel",))))
        return d.op("add", once, d.op("multiply", x, both))
    if kind == "squared":
        return d.op("multiply", d.op("multiply", x, x), first)
    if kind == "moved":
        return d.op("multiply", d.op("roll", x, axis="width", shift=Size.of(1)), first)
    row = d.op("mean", d.op("slice", x, axis="width", start=Size.of(0), stop=Size.of(2)), axes=PLACES)
    return d.op("multiply", x, d.op("sigmoid", row))
