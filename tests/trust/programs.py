"""Model files that say the same mathematics in other words: one attention, or one gate, each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

T = TypeVar("T")
Axes = tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """A model file, the same model in the plainest words, and whether its softmax is spelled out."""

    text: str
    plain: str
    handwritten: bool = False

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """Hypothesis shows the text as a file has it."""
        printer.text(f"\n{self.text}")


@dataclass
class Words:
    """The body of a model while it is written. Where `draw` is none, every choice is the first: the plainest."""

    draw: st.DrawFn | None
    lines: list[str] = field(default_factory=list)
    handwritten: bool = False

    def choose(self, *things: T) -> T:
        return things[0] if self.draw is None else self.draw(st.sampled_from(things))

    def let(self, expression: str, axes: Axes) -> str:
        """A name for a value with these axes, which are written down."""
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name}: {{{', '.join(axes)}}} = {expression}")
        return name

    def said(self, x: str, axes: Axes) -> str:
        """The same value in other words."""
        kind = self.choose("as it is", "as it is", "cast", "rename", "zero", "one", "twice", "name", "dropout")
        if kind == "cast":
            return f"cast{{f32}}({x})"
        if kind == "rename" and axes:
            name = self.choose(*axes)
            other = f"other{len(self.lines)}"
            self.lines.append(f"axis {other} = |{name}|")
            renamed = self.let(f"({x})[{name} -> {other}]", tuple(other if one == name else one for one in axes))
            return f"{renamed}[{other} -> {name}]"
        if kind == "zero":
            return self.choose(f"({x} + 0)", f"({x} - 0)")
        if kind == "one":
            return self.choose(f"({x} * 1)", f"({x} / 1)")
        if kind == "twice":
            return f"(-(-{x}))"
        if kind == "name":
            return self.let(x, axes)
        if kind == "dropout":
            self.lines.append(f"layer drop{len(self.lines)} = Dropout{{rate = 0.0}}")
            return f"drop{len(self.lines) - 1}({x})"
        return x

    def either(self, a: str, sign: str, b: str) -> str:
        """A commutative operator with its operands in either order."""
        return self.choose(f"({a} {sign} {b})", f"({b} {sign} {a})")

    def model(self, inputs: Sequence[str], result: str, out: str) -> str:
        lines = "\n".join(f"  {line}" for line in self.lines)
        return f"model Said({', '.join(inputs)}) -> f32[{result}] {{\n{lines}\n  return {out}\n}}\n"


# --- attention ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attention:
    """The mathematics of one attention: what the score has besides the product, and the axes that ride along."""

    riders: Axes
    masks: tuple[str, ...]
    bias: bool
    scaled: bool
    cap: bool
    itself: bool


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
        riders=draw(st.sampled_from([("batch", "head"), ("batch",), ("head",), ()])),
        masks=draw(st.sampled_from([(), ("keep",), ("causal",), ("keep", "causal"), ("near",), ("pairs",)])),
        bias=draw(st.booleans()),
        scaled=draw(st.booleans()),
        cap=draw(st.booleans()),
        itself=draw(st.booleans()),
    )
    source = "seq'" if wanted.itself else "source"
    axes = {
        "q": (*wanted.riders, "seq", "key"),
        "k": (*wanted.riders, "source", "key"),
        "v": (*wanted.riders, "source", "field"),
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
    result = ", ".join((*wanted.riders, "seq", "key" if wanted.itself else "field"))
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
    q, k, v = (
        w.said(q, (*a.riders, "seq", "key")),
        w.said(k, (*a.riders, source, "key")),
        w.said(v, (*a.riders, source, out)),
    )
    score = scaled_product(w, a, q, k, pairs)
    if a.cap:
        score = w.let(f"3 * tanh({score} / 3)", pairs)
    if a.bias:
        score = w.let(w.either(score, "+", names["bias"]), pairs)
    score = w.said(masked(w, a, score, source, names, pairs), pairs)
    return weighed(w, score, v, source, pairs, (*a.riders, "seq", out))


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
    return w.said(score, pairs)


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


def weighed(w: Words, score: str, v: str, source: str, pairs: Axes, result: Axes) -> str:
    """A softmax, as such or by hand, and the values that it weighs."""
    kind = w.choose("softmax", "softmax", "max", "plain", "reciprocal", "late", "logarithm")
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
        w.lines.append(f"axis far = |{source}|")
        y = w.either(f"({weights})[{source} -> far]", "@{far}", f"({v})[{source} -> far]")
    else:
        y = w.either(weights, f"@{{{source}}}", v)
    return w.let(f"{y} / {total}" if kind == "late" else y, result)


# --- gates ----------------------------------------------------------------------------------------------------------

_MAP: Axes = ("batch", "channel", "height", "width")


@st.composite
def gates(draw: st.DrawFn) -> Program:
    """One gate on a feature map, drawn, in drawn words."""
    kind = draw(st.sampled_from(["squeeze", "neighbours", "both statistics", "places", "looked at"]))
    residual, activation = draw(st.booleans()), draw(st.booleans())
    order = draw(st.permutations(["batch", "channel = 4", "height = 6", "width = 5"]))
    said, plain = Words(draw), Words(None)
    texts = []
    for words in (said, plain):
        y = gated(words, kind, residual, activation)
        texts.append(words.model([f"x: f32[{', '.join(order)}]"], ", ".join(_MAP), y))
    return Program(texts[0], texts[1])


def gated(w: Words, kind: str, residual: bool, activation: bool) -> str:
    x = w.said("x", _MAP) if w.choose(False, True) else "x"
    x = w.let(x, _MAP) if x != "x" else x
    gate, axes = _FACTORS[kind](w, x)
    gate = w.said(squashed(w, gate, axes), axes)
    if residual:
        y = w.choose(f"{x} + {w.either(x, '*', gate)}", f"{w.either(x, '*', gate)} + {x}")
    else:
        y = w.either(x, "*", gate)
    y = w.let(y, _MAP)
    return w.let(rectified(w, y, _MAP), _MAP) if activation else w.let(w.said(y, _MAP), _MAP)


def squashed(w: Words, y: str, axes: Axes) -> str:
    y = w.let(y, axes)
    return w.choose(f"sigmoid({y})", f"(1 / (1 + exp(-{y})))", f"(1 / (exp(-{y}) + 1))")


def rectified(w: Words, y: str, axes: Axes) -> str:
    y = w.let(y, axes)
    return w.choose(f"relu({y})", f"maximum({y}, 0)", f"where({y} > 0, {y}, 0)", f"clamp({y}, 0, none)")


def mean_of_places(w: Words, x: str) -> str:
    """The mean of each channel."""
    how = w.choose("mean", "steps", "sum", "pool")
    if how == "steps":
        return w.choose(f"mean{{height}}(mean{{width}}({x}))", f"mean{{width}}(mean{{height}}({x}))")
    if how == "sum":
        return f"(sum{{height, width}}({x}) / 30)"
    if how == "pool":
        return f"adaptive_avgpool{{height: 1, width: 1}}({x})[height = 0, width = 0]"
    return f"mean{{height, width}}({x})"


def max_of_places(w: Words, x: str) -> str:
    return w.choose(f"max{{height, width}}({x})", f"max{{width}}(max{{height}}({x}))")


def layers(w: Words) -> None:
    w.lines += ["axis hidden = 2", "layer fc1 = Linear{channel -> hidden}", "layer fc2 = Linear{hidden -> channel}"]


def dense(w: Words, y: str) -> str:
    hidden = w.let(f"fc1({w.let(y, _MAP[:2])})", ("batch", "hidden"))
    return w.let(f"fc2({rectified(w, hidden, ('batch', 'hidden'))})", _MAP[:2])


def squeeze(w: Words, x: str) -> tuple[str, Axes]:
    """SE."""
    layers(w)
    return dense(w, mean_of_places(w, x)), _MAP[:2]


def both_statistics(w: Words, x: str) -> tuple[str, Axes]:
    """The channel half of CBAM: one network reads the means and the maxima."""
    layers(w)
    return w.either(dense(w, mean_of_places(w, x)), "+", dense(w, max_of_places(w, x))), _MAP[:2]


def neighbours(w: Words, x: str) -> tuple[str, Axes]:
    """ECA: a convolution along the channels."""
    w.lines.append("layer conv = Conv{one -> one, channel: 3, padding = same, bias = false}")
    return f"conv(stack{{one}}({w.let(mean_of_places(w, x), _MAP[:2])}))[one = 0]", _MAP[:2]


def places(w: Words, x: str) -> tuple[str, Axes]:
    """The spatial half of CBAM."""
    w.lines += [
        "axis stat = 2",
        "layer conv = Conv{stat -> one, height: 3, width: 3, padding = same, bias = false}",
    ]
    stacked = w.let(f"stack{{stat}}(mean{{channel}}({x}), max{{channel}}({x}))", ("batch", "stat", "height", "width"))
    return f"conv({stacked})[one = 0]", ("batch", "height", "width")


def looked_at(w: Words, x: str) -> tuple[str, Axes]:
    """A map of places by a weighed sum over the channels."""
    w.lines.append("param look: [channel]")
    y = w.choose(f"({x} @{{channel}} look)", f"(look @{{channel}} {x})", f"sum{{channel}}({x} * look)")
    return y, ("batch", "height", "width")


_FACTORS = {
    "squeeze": squeeze,
    "both statistics": both_statistics,
    "neighbours": neighbours,
    "places": places,
    "looked at": looked_at,
}
