"""One attention in many words: every part of it may be spelled in several ways, and the parts are drawn apart."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from trust.words import Axes, Program, Words


@dataclass(frozen=True)
class Attention:
    """The mathematics of one attention: what the score has besides the product, and the axes that ride along."""

    riders: Axes
    shared: Axes  # those of the riders that keys and values lack, as with grouped heads
    kind: str
    masks: tuple[str, ...]
    bias: bool
    near: str  # what is taken off for the distance of a pair
    scaled: bool
    cap: bool
    itself: bool
    returned: bool  # the weights, too


_SIZES = {
    "batch": "batch",
    "head": "head = 2",
    "seq": "seq",
    "source": "source",
    "key": "key = 4",
    "field": "field = 3",
}


@st.composite
def attentions(draw: st.DrawFn) -> Program:
    """An attention, drawn, in drawn words."""
    wanted = Attention(
        riders=(riders := draw(st.sampled_from([("batch", "head"), ("batch",), ("head",), ()]))),
        shared=draw(st.sampled_from([(), riders[-1:]])),
        kind=draw(st.sampled_from(["dot", "dot", "dot", "cosine", "additive", "distance"])),
        masks=draw(st.sampled_from([(), ("keep",), ("causal",), ("keep", "causal"), ("near",), ("pairs",)])),
        bias=draw(st.booleans()),
        near=draw(st.sampled_from(["", "", "slope", "table"])),
        scaled=draw(st.booleans()),
        cap=draw(st.booleans()),
        itself=draw(st.booleans()),
        returned=draw(st.integers(0, 3)) == 3,
    )
    source = "seq'" if wanted.itself else "source"
    few = tuple(axis for axis in wanted.riders if axis not in wanted.shared)
    axes = {
        "q": (*wanted.riders, "seq", "key"),
        "k": (*few, "source", "key"),
        "v": (*few, "source", "field"),
        "keep": ("seq",) if wanted.itself else ("source",),
        "pairs": ("seq", source),
        "bias": ("seq", source),
    }
    used = ["q"] if wanted.itself else ["q", "k", "v"]
    used += [name for name in ("keep", "pairs") if name in wanted.masks] + (["bias"] if wanted.bias else [])
    inputs = []
    for name in used:
        order = [_SIZES.get(axis, axis) for axis in draw(st.permutations(axes[name]))]
        inputs.append(f"{name}: {'bool' if name in ('keep', 'pairs') else 'f32'}[{', '.join(order)}]")
    order = ", ".join((*wanted.riders, "seq", "key" if wanted.itself else "field"))
    result = f"f32[{order}]"
    if wanted.returned:
        result = f"(y: {result}, weights: f32[{', '.join((*wanted.riders, 'seq', source))}])"
    said, plain = Words(draw), Words(None)
    texts = [words.model(inputs, result, attend(words, wanted)) for words in (said, plain)]
    return Program(texts[0], texts[1], said.handwritten)


def attend(w: Words, a: Attention) -> str:
    """Writes one attention; returns the name of its result."""
    source = "seq'" if a.itself else w.choose("source", "there")
    pairs = (*a.riders, "seq", source)
    q, k, v, keep = "q", "k", "v", "keep"
    if a.itself:
        k, v, keep = (f"{name}[seq -> seq']" for name in ("q", "q", "keep"))
    elif source != "source":
        w.lines.append(f"axis {source} = |source|")
        k, v, keep = (f"{name}[source -> {source}]" for name in ("k", "v", "keep"))
    both = {name: f"{name}[source -> {source}]" if source == "there" else name for name in ("pairs", "bias")}
    names = {"keep": keep, **both}
    out = "key" if a.itself else "field"
    few = a.riders if a.itself else tuple(axis for axis in a.riders if axis not in a.shared)
    q, k, v = (
        w.said(q, (*a.riders, "seq", "key")),
        w.said(k, (*few, source, "key")),
        w.said(v, (*few, source, out)),
    )
    score = w.said(_SCORES[a.kind](w, a, q, k, pairs), pairs)
    if a.cap:
        score = w.let(f"3 * tanh({score} / 3)", pairs)
    if a.near:
        score = nearness(w, a, score, source, pairs)
    if a.bias:
        score = w.let(w.either(score, "+", names["bias"]), pairs)
    score = w.said(masked(w, a, score, source, names, pairs), pairs)
    weights, y = weighed(w, score, v, source, pairs, (*a.riders, "seq", out), late=not a.returned)
    if not a.returned:
        return y
    back = f"{weights}[there -> source]" if source == "there" else weights
    return f"{y}, {back}"


def scaled_product(w: Words, a: Attention, q: str, k: str, pairs: Axes) -> str:
    """Queries times keys, with the scale in any place."""
    place = w.choose("behind", "on the queries", "on the keys", "on both") if a.scaled else "none"
    if place in ("on the queries", "on both"):
        q = w.choose(f"({q} / 2)", f"({q} * 0.5)") if place == "on the queries" else f"({q} * 0.5 ** 0.5)"
    if place in ("on the keys", "on both"):
        k = w.choose(f"({k} / 2)", f"(0.5 * {k})") if place == "on the keys" else f"({k} / sqrt(2))"
    how = w.choose("contract", "contract", "sum", "split")
    if how == "sum":
        product = w.let(w.either(q, "*", k), (*pairs, "key"))
        score = w.let(f"sum{{key}}({product})", pairs)
    elif how == "split":
        w.lines.append("axis upper = 2, lower = 2")
        score = w.let(f"({q})[key -> (upper lower)] @{{upper, lower}} ({k})[key -> (upper lower)]", pairs)
    else:
        score = w.let(w.either(q, "@{key}", k), pairs)
    if place == "behind":
        score = w.choose(f"({score} / sqrt(4))", f"({score} / 2)", f"(0.5 * {score})", f"({score} * 4 ** -0.5)")
        score = w.let(score, pairs)
    return score


def cosine(w: Words, a: Attention, q: str, k: str, pairs: Axes) -> str:
    """Queries times keys over their norms, which divide before the product or behind it."""
    norms = [w.choose(f"norm{{key}}({x})", f"sqrt(sum{{key}}({x} * {x}))") for x in (q, k)]
    if w.choose(True, True, False):
        q, k = (w.choose(f"({x} / {n})", f"({x} * (1 / {n}))") for x, n in zip((q, k), norms, strict=True))
        return w.let(w.either(q, "@{key}", k), pairs)
    score = w.let(w.either(q, "@{key}", k), pairs)
    return w.let(w.choose(f"{score} / {norms[0]} / {norms[1]}", f"{score} / ({norms[1]} * {norms[0]})"), pairs)


def additive(w: Words, a: Attention, q: str, k: str, pairs: Axes) -> str:
    """A small network that reads queries and keys together."""
    w.lines.append("param look: [key]")
    together = w.let(f"tanh({w.either(q, '+', k)})", (*pairs, "key"))
    return w.let(w.choose(f"{together} @{{key}} look", f"look @{{key}} {together}"), pairs)


def distance(w: Words, a: Attention, q: str, k: str, pairs: Axes) -> str:
    """The negated square of the distance, as such or as what its square comes to."""
    if w.choose(False, True):
        squares = [w.choose(f"sum{{key}}({x} * {x})", f"sum{{key}}({x} ** 2)") for x in (q, k)]
        return w.let(f"2 * {w.either(q, '@{key}', k)} - {squares[0]} - {squares[1]}", pairs)
    apart = w.let(w.choose(f"{q} - {k}", f"{k} - {q}"), (*pairs, "key"))
    return w.let(w.choose(f"-sum{{key}}({apart} * {apart})", f"-sum{{key}}({apart} ** 2)"), pairs)


_SCORES = {"dot": scaled_product, "cosine": cosine, "additive": additive, "distance": distance}


def nearness(w: Words, a: Attention, score: str, source: str, pairs: Axes) -> str:
    """What positions alone say: a slope times their distance (ALiBi), or a row of a table."""
    apart = w.choose(f"(arange{{seq}} - arange{{{source}}})", f"(arange{{{source}}} - arange{{seq}})")
    if a.near == "table":
        w.lines += ["axis far = 3", "param table: [far]"]
        return w.let(w.either(score, "+", f"table[far = minimum(abs{apart}, 2)]"), pairs)
    return w.let(w.choose(f"{score} - 0.2 * abs{apart}", f"{score} + abs{apart} * -0.2"), pairs)


def masked(w: Words, a: Attention, score: str, source: str, names: dict[str, str], pairs: Axes) -> str:
    """The score where every mask allows it, -inf elsewhere: by `where`, its negation or a sum, at once or in turn."""
    here, there = "arange{seq}", f"arange{{{source}}}"
    conditions = []
    for mask in a.masks:
        if mask == "causal":
            conditions.append(w.choose(f"({here} >= {there})", f"({there} <= {here})", f"({here} - {there} >= 0)"))
        elif mask == "near":
            conditions.append(
                w.choose(f"(abs({here} - {there}) <= 1)", f"({here} - {there} <= 1 and {there} - {here} <= 1)")
            )
        else:
            conditions.append(names[mask])
    if len(conditions) == 2 and w.choose(True, False):
        conditions = [w.either(conditions[0], "and", conditions[1])]
    for condition in conditions:
        how = w.choose("where", "inverted", "added", "logarithm")
        shown = f"({condition})"
        if how == "inverted":
            score = w.let(f"where(not {shown}, -inf, {score})", pairs)
        elif how == "added":
            score = w.let(w.either(score, "+", f"where({shown}, 0.0, -inf)"), pairs)
        elif how == "logarithm":
            score = w.let(f"{score} + log(cast{{f32}}({shown}))", pairs)
        else:
            score = w.let(f"where({shown}, {score}, -inf)", pairs)
    return score


def weighed(w: Words, score: str, v: str, source: str, pairs: Axes, result: Axes, *, late: bool) -> tuple[str, str]:
    """A softmax, as such or by hand, and the values that it weighs; the denominator perhaps behind these if `late`."""
    kind = w.choose("softmax", "softmax", "max", "plain", "reciprocal", "logarithm", *(["late"] if late else []))
    total = None
    if kind == "softmax":
        weights = w.let(f"softmax{{{source}}}({score})", pairs)
    elif kind == "logarithm":
        weights = w.let(f"exp(log_softmax{{{source}}}({score}))", pairs)
    else:
        w.handwritten = True
        lowered = score if kind == "plain" else w.choose(f"{score} - max{{{source}}}({score})", score)
        powers = w.let(f"exp({lowered})", pairs)
        total = f"sum{{{source}}}({powers})"
        if kind == "reciprocal":
            weights = w.let(w.choose(f"{powers} * (1 / {total})", f"1 / {total} * {powers}"), pairs)
        else:
            weights = powers if kind == "late" else w.let(f"{powers} / {total}", pairs)
    if kind != "late":
        weights = w.said(weights, pairs)
    how = w.choose("contract", "contract", "sum", "rename")
    if how == "sum":
        product = w.let(w.either(weights, "*", v), tuple(dict.fromkeys((*pairs, *result))))
        y = f"sum{{{source}}}({product})"
    elif how == "rename" and kind != "late":
        w.lines.append(f"axis beyond = |{source}|")
        y = w.either(f"({weights})[{source} -> beyond]", "@{beyond}", f"({v})[{source} -> beyond]")
    else:
        y = w.either(weights, f"@{{{source}}}", v)
    return weights, w.let(f"{y} / {total}" if kind == "late" else y, result)
