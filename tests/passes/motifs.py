"""Pieces of networks that the passes look for, in several spellings."""

from __future__ import annotations

import math

from passes.sketch import Sketch

from attncomp.ir.types import DType


def project(s: Sketch, x: int, key: str, *, bias: bool = True, heads: int = 2, width: int = 2, embed: int = 4) -> int:
    """`Linear{embed -> (head key)}`."""
    made = s.op("contract", x, s.parameter(f"{key}.weight", head=heads, key=width, embed=embed), axes=("embed",))
    return s.op("add", made, s.parameter(f"{key}.bias", head=heads, key=width)) if bias else made


def attend(
    s: Sketch,
    q: int,
    k: int,
    v: int,
    *,
    sources: tuple[str, ...] = ("seq'",),
    mask: int | None = None,
    bias: int | None = None,
    scale: float | None = math.sqrt(2),
    cap: float | None = None,
    dropout: float | None = None,
) -> tuple[int, int, int]:
    """Scores, weights and the result of dot-product attention over `sources`."""
    score = s.op("contract", q, k, axes=("key",))
    if scale is not None:
        score = s.op("divide", score, s.constant(scale))
    if cap is not None:
        score = s.op("multiply", s.op("tanh", s.op("divide", score, s.constant(cap))), s.constant(cap))
    if bias is not None:
        score = s.op("add", score, bias)
    if mask is not None:
        score = s.op("where", mask, score, s.constant(-math.inf))
    weights = s.op("softmax", score, axes=sources)
    dropped = weights if dropout is None else s.op("dropout", weights, rate=dropout)
    return score, weights, s.op("contract", dropped, v, axes=sources)


def causal(s: Sketch, size: int | str) -> int:
    """Sources not after the query."""
    return s.op("greater_equal", s.arange("seq", size), s.arange("seq'", size))


def self_attention(s: Sketch, x: int, key: str = "attention", **options: object) -> int:
    """Multi-head self-attention with projections of one x."""
    q = project(s, x, f"{key}.q")
    k = s.rename(project(s, x, f"{key}.k"), seq="seq'")
    v = s.rename(project(s, x, f"{key}.v"), seq="seq'")
    _, _, made = attend(s, q, k, v, **options)  # type: ignore[arg-type]
    return s.op("contract", made, s.parameter(f"{key}.out", embed=4, head=2, key=2), axes=("head", "key"))


def additive_attention(s: Sketch, q: int, m: int) -> int:
    """Bahdanau's score, of q{query, hidden} and m{source, hidden}."""
    e = s.op("tanh", s.op("add", q, m))
    score = s.op("contract", e, s.parameter("v", hidden=3), axes=("hidden",))
    return s.op("contract", s.op("softmax", score, axes=("source",)), m, axes=("source",))


def squeeze_excite(s: Sketch, x: int, key: str = "se", channels: int = 4) -> int:
    """Channel attention of x{channel, height, width}."""
    pooled = s.op("mean", x, axes=("height", "width"))
    hidden = s.op("contract", pooled, s.parameter(f"{key}.fc1", hidden=2, channel=channels), axes=("channel",))
    back = s.op(
        "contract", s.op("relu", hidden), s.parameter(f"{key}.fc2", channel=channels, hidden=2), axes=("hidden",)
    )
    return s.op("multiply", x, s.op("sigmoid", back))


def spatial_gate(s: Sketch, x: int, key: str = "spatial") -> int:
    """The spatial half of CBAM without its convolution: a product with two statistics over the channels."""
    mean, most = s.op("mean", x, axes=("channel",)), s.op("max", x, axes=("channel",))
    weighed = s.op(
        "add", s.op("multiply", mean, s.parameter(f"{key}.a")), s.op("multiply", most, s.parameter(f"{key}.b"))
    )
    return s.op("multiply", s.op("sigmoid", weighed), x)


def token_mask(s: Sketch) -> int:
    """Which sources are tokens and not padding."""
    return s.input("mask", DType.BOOL, batch="batch", **{"seq'": "seq"})
