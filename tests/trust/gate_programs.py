"""One gate in many words: its statistics, its network, its squashing and how it is applied are drawn apart."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st
from trust.words import Axes, Program, Words

_MAP: Axes = ("batch", "channel", "height", "width")


@dataclass(frozen=True)
class Gate:
    """The mathematics of one gate: the statistics and the network that read them, and what is done with the answer."""

    kind: str
    squash: str
    residual: bool
    activation: bool


@st.composite
def gates(draw: st.DrawFn) -> Program:
    """One gate on a feature map, drawn, in drawn words."""
    gate = Gate(
        kind=draw(st.sampled_from(list(_FACTORS))),
        squash=draw(st.sampled_from(["sigmoid", "hardsigmoid", "tanh"])),
        residual=draw(st.booleans()),
        activation=draw(st.booleans()),
    )
    order = draw(st.permutations(["batch", "channel = 4", "height = 6", "width = 5"]))
    said, plain = Words(draw), Words(None)
    texts = []
    for words in (said, plain):
        y = gated(words, gate)
        texts.append(words.model([f"x: f32[{', '.join(order)}]"], f"f32[{', '.join(_MAP)}]", y))
    return Program(texts[0], texts[1])


def gated(w: Words, g: Gate) -> str:
    x = w.said("x", _MAP) if w.choose(False, True) else "x"
    x = w.let(x, _MAP) if x != "x" else x
    gate, axes = _FACTORS[g.kind](w, x)
    gate = w.said(squashed(w, g, gate, axes), axes)
    if g.residual:
        product = w.either(x, "*", gate)
        y = w.choose(f"{x} + {product}", f"{product} + {x}", f"{x} * (1 + {gate})", f"({gate} + 1) * {x}")
    else:
        y = w.either(x, "*", gate)
    y = w.let(y, _MAP)
    return w.let(rectified(w, y, _MAP), _MAP) if g.activation else w.let(w.said(y, _MAP), _MAP)


def squashed(w: Words, g: Gate, y: str, axes: Axes) -> str:
    y = w.let(y, axes)
    if g.squash == "sigmoid":
        return w.choose(f"sigmoid({y})", f"(1 / (1 + exp(-{y})))", f"(1 / (exp(-{y}) + 1))")
    if g.squash == "hardsigmoid":
        return w.choose(
            f"hardsigmoid({y})",
            f"(clamp({y} + 3, 0, 6) / 6)",
            f"clamp({y} / 6 + 0.5, 0, 1)",
            f"minimum(maximum({y} / 6 + 0.5, 0), 1)",
        )
    return f"tanh({y})"


def rectified(w: Words, y: str, axes: Axes) -> str:
    y = w.let(y, axes)
    return w.choose(f"relu({y})", f"maximum({y}, 0)", f"where({y} > 0, {y}, 0)", f"clamp({y}, 0, none)")


def mean_of_places(w: Words, x: str) -> str:
    """The mean of each channel."""
    how = w.choose("mean", "steps", "sum", "pool", "merged")
    if how == "steps":
        return w.choose(f"mean{{height}}(mean{{width}}({x}))", f"mean{{width}}(mean{{height}}({x}))")
    if how == "sum":
        return f"(sum{{height, width}}({x}) / 30)"
    if how == "merged":
        place = f"place{len(w.lines)}"
        w.lines.append(f"axis {place} = |height| * |width|")
        return f"mean{{{place}}}({x}[(height width) -> {place}])"
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


def context(w: Words, x: str) -> tuple[str, Axes]:
    """GCNet: a softmax over all places says how the map is pooled."""
    layers(w)
    score = w.let(looked_at(w, x)[0], ("batch", "height", "width"))
    weights = w.let(f"softmax{{height, width}}({score})", ("batch", "height", "width"))
    if w.choose(False, True):
        return dense(w, w.let(f"sum{{height, width}}({w.either(x, '*', weights)})", _MAP[:2])), _MAP[:2]
    return dense(w, w.either(x, "@{height, width}", weights)), _MAP[:2]


def parallel(w: Words, x: str) -> tuple[str, Axes]:
    """BAM: a gate of the channels and one of the places, added before they are squashed."""
    first, second = w.let(squeeze(w, x)[0], _MAP[:2]), w.let(looked_at(w, x)[0], ("batch", "height", "width"))
    return w.let(w.either(first, "+", second), _MAP), _MAP


_FACTORS = {
    "squeeze": squeeze,
    "both statistics": both_statistics,
    "neighbours": neighbours,
    "places": places,
    "looked at": looked_at,
    "context": context,
    "parallel": parallel,
}
