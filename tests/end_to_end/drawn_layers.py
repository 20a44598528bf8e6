"""Drawn statements that use layers, and those that use the parts that passes look for."""

from __future__ import annotations

from collections.abc import Callable

from end_to_end.drawn_scope import Axis, Scope, fits
from hypothesis import strategies as st


def target(s: Scope, size: str, taken: tuple[Axis, ...]) -> Axis:
    """An axis of that size which a value does not have, a known one or a new one."""
    free = [
        axis for axis in s.declared.values() if axis.size == size and axis.identity not in {a.identity for a in taken}
    ]
    return s.one_axis(free) if free and s.chance() and s.one_axis(free) else s.declare(size, size)  # type: ignore[return-value]


def known(s: Scope) -> tuple | None:
    x = s.pick(lambda value: any(axis.known for axis in s.own(value)))
    axis = s.one_axis([one for one in x.axes if one.known]) if x else None
    return (x, axis) if x and axis else None


def linear(s: Scope) -> None:
    found = known(s)
    if found is None:
        return
    x, axis = found
    kept = [one for one in x.axes if one != axis]
    bias = s.choose(["", ", bias = false", ", bias = true"])
    kind = s.choose(["other", "same", "packed", "unpacked"])
    second = s.one_axis([one for one in kept if one.known])
    if kind == "same":
        name = s.layer(f"Linear{{{s.name(axis)} -> {s.name(axis)}{bias}}}")
        if s.declared.get(axis.identity) == axis:
            s.let(f"tanh({name}({x.text}))", x.axes)
        else:
            s.lines.pop()
    elif kind == "packed" and second:
        out = target(s, "3", x.axes)
        name = s.layer(f"Linear{{({s.name(second)} {s.name(axis)}) -> {s.name(out)}{bias}}}")
        s.let(f"tanh({name}({x.text}))", [*[one for one in kept if one != second], out])
    elif kind == "unpacked":
        first, last = s.declare("2", "2"), s.declare("3", "3")
        name = s.layer(f"Linear{{{s.name(axis)} -> ({s.name(first)} {s.name(last)}){bias}}}")
        s.let(f"tanh({name}({x.text}))", [*kept, first, last])
    else:
        out = target(s, s.choose(["4", "2", "1"]), x.axes)
        name = s.layer(f"Linear{{{s.name(axis)} -> {s.name(out)}{bias}}}")
        s.let(f"tanh({name}({x.text}))", [*kept, out])


def norm(s: Scope) -> None:
    found = known(s)
    if found is None:
        return
    x, axis = found
    name = s.name(axis)
    others = [one for one in s.own(x) if one.known and one != axis]
    several = ", ".join([name, *(s.name(one) for one in others[: s.draw(st.integers(0, 2))])])
    rest = ", ".join([name, *(s.name(one) for one in others)])
    choices = [
        f"LayerNorm{{{several}, epsilon = 0.1}}",
        f"LayerNorm{{{several}, epsilon = 0.1, affine = false}}",
        f"RMSNorm{{{several}, epsilon = 0.1}}",
        f"BatchNorm{{{name}}}",
        "Dropout{rate = 0.3}",
    ]
    if axis.number % 2 == 0:
        choices.append(f"GroupNorm{{{rest}, groups = 2, epsilon = 0.1}}")
    s.let(f"{s.layer(s.choose(choices))}({x.text})", x.axes)


def embedding(s: Scope) -> None:
    ids = s.pick(kind="i64")
    if ids:
        vocabulary, row = s.declare("5", "5"), s.declare("3", "3")
        name = s.layer(f"Embedding{{{s.name(vocabulary)} -> {s.name(row)}}}")
        s.let(f"{name}({ids.text} % 5)", [*ids.axes, row])


def spatial(s: Scope) -> tuple[str, Axis] | None:
    """A value, and one of its axes along which a window of 3 has room."""
    x = s.pick(lambda value: any(axis.size in ("3", "4", "5", "6", "seq") for axis in s.own(value)))
    axis = s.one_axis([one for one in x.axes if one.size in ("3", "4", "5", "6", "seq")]) if x else None
    return (x, axis) if x and axis else None  # type: ignore[return-value]


def convolution(s: Scope) -> None:
    found = spatial(s)
    if found is None:
        return
    x, along = found
    channel = s.one_axis([one for one in x.axes if one.known and one != along])
    if channel is None:
        return
    out = target(s, s.choose(["2", "4"]), x.axes)
    groups = ", groups = 2" if channel.number % 2 == 0 and s.chance(3) else ""
    padding, size = s.choose(["same", "0", "2"]), along.size
    if padding == "0":
        size = str(along.number - 2) if along.known else f"{size}-2"
    elif padding == "2":
        size = str(along.number + 2) if along.known else f"{size}+2"
    made = f"Conv{{{s.name(channel)} -> {s.name(out)}, {s.name(along)}: 3, padding = {padding}{groups}}}"
    name = s.layer(made)
    changed = Axis(along.identity, size)
    s.let(f"tanh({name}({x.text}))", [*[changed if one == along else one for one in x.axes if one != channel], out])


def windows(s: Scope) -> None:
    found = spatial(s)
    if found is None:
        return
    x, along = found
    name = s.name(along)
    kept = [one for one in x.axes if one != along]
    kind = s.choose(["window", "maxpool", "avgpool", "adaptive_avgpool", "resize", "stride"])
    if kind == "window":
        kernel = s.declare("3", "3")
        y = s.let(f"window{{{name}: {s.name(kernel)}, padding = same}}({x.text})", [*x.axes, kernel])
        if s.chance():
            s.let(f"tanh(fold{{{name}: {s.name(kernel)}, padding = 1}}({y.text}))", x.axes)
    elif kind in ("maxpool", "avgpool"):
        padding = s.choose([", padding = 1", ""])
        s.let(
            f"{kind}{{{name}: 3, stride = 1{padding}}}({x.text})",
            [
                *kept,
                Axis(
                    along.identity,
                    (along.size if padding else str(along.number - 2) if along.known else f"{along.size}-2"),
                ),
            ],
        )
    elif kind == "stride" and along.known:
        size = str((along.number - 2) // 2 + 1)
        s.let(f"maxpool{{{name}: 2}}({x.text})", [*kept, Axis(along.identity, size)])
    elif kind == "resize":
        how = s.choose(["mode = nearest", "align_corners = false", "mode = bilinear, align_corners = true"])
        s.let(f"resize{{{name}: 5, {how}}}({x.text})", [*kept, Axis(along.identity, "5")])
    elif kind == "adaptive_avgpool":
        s.let(f"adaptive_avgpool{{{name}: 2}}({x.text})", [*kept, Axis(along.identity, "2")])


def attention(s: Scope) -> None:
    """Scores, a softmax and a product, with masks and biases, in several spellings."""
    x = s.pick(lambda value: len(s.own(value)) > 1)
    if x is None:
        return
    seq = s.one_axis(x.axes)
    key = s.one_axis([one for one in x.axes if one != seq and "batch" not in one.size])
    if seq is None or key is None or s.declared.get(seq.identity) != seq:
        return
    other = s.twin(seq)
    if x.axis(other.identity) is not None:
        return
    a, b, k = s.name(seq), s.name(other), s.name(key)
    riders = [one for one in x.axes if one not in (seq, key)]
    memory = f"{x.text}[{a} -> {b}]"
    query = s.choose([x.text, f"tanh({x.text})", f"({x.text} / (0.1 + norm{{{k}}}({x.text})))"])
    score = f"{query} @{{{k}}} {memory}"
    score = s.choose([score, f"{score} / sqrt(|{x.text}.{k}|)", f"{score} * 0.3", f"2 * tanh({score} / 2)"])
    scores = s.let(score, [*riders, seq, other])
    shape = (*riders, seq, other)
    kind = s.choose(["none", "causal", "strict", "near", "bias", "drawn"])
    text = scores.text
    if kind in ("causal", "strict", "near"):
        sign = {
            "causal": f"arange{{{a}}} >= arange{{{b}}}",
            "strict": f"arange{{{a}}} > arange{{{b}}}",
            "near": f"abs(arange{{{a}}} - arange{{{b}}}) <= 1",
        }[kind]
        text = s.let(f"where({sign}, {text}, -inf)" if s.chance() else f"{text} + where({sign}, 0.0, -inf)", shape).text
        s.values.pop()
    elif kind == "bias":
        text = s.let(f"{text} - 0.2 * abs(arange{{{a}}} - arange{{{b}}})", shape).text
    elif kind == "drawn":
        mask = s.pick(lambda value: fits(value, scores) and set(value.axes) <= set(shape), "bool")
        if mask:
            text = s.let(f"where({mask.text}, {text}, -inf)", shape).text
            s.values.pop()
    weights = s.let(f"softmax{{{b}}}({text})", shape)
    if not s.chance(4):
        s.values.remove(weights)
    s.let(f"{weights.text} @{{{b}}} {memory}", [*riders, seq, key])


def gate(s: Scope) -> None:
    """A value scaled by what a small network says about its statistics."""
    x = s.pick(lambda value: any(axis.known for axis in s.own(value)) and len(s.own(value)) > 1)
    channel = s.one_axis([one for one in x.axes if one.known]) if x else None
    if x is None or channel is None or s.declared.get(channel.identity) != channel:
        return
    rest = s.some([one for one in x.axes if one != channel and "batch" not in one.size])
    if not rest:
        return
    kept = [one for one in x.axes if one not in rest]
    statistic = s.choose(["mean", "max", "sum", "var"])
    read = s.let(f"tanh({statistic}{{{s.names(rest)}}}({x.text}))", kept)
    if s.chance():
        name = s.layer(f"Linear{{{s.name(channel)} -> {s.name(channel)}}}")
        read = s.let(f"relu({name}({read.text}))", kept)
    squash = s.choose(["sigmoid", "hardsigmoid", "tanh"])
    product = f"{x.text} * {squash}({read.text})" if s.chance() else f"{squash}({read.text}) * {x.text}"
    s.let(s.choose([product, f"relu({product})", f"{x.text} + {product}"]), x.axes)


LAYERS: tuple[Callable[[Scope], None], ...] = (
    linear, linear, norm, norm, embedding, convolution, windows, attention, attention, attention, gate, gate,
)  # fmt: skip
