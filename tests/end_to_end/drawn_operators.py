"""One drawn statement of each kind of operator. Each adds a value, or none where nothing there fits.

What could tell float32 from float64 by more than rounding is left out: no comparison of computed numbers, no division
by what may be near zero, no growth without a bound.
"""

from __future__ import annotations

from collections.abc import Callable

from end_to_end.drawn_scope import Axis, Scope, Value, fits, union
from hypothesis import strategies as st

BOUNDED = ("tanh({})", "sigmoid({})", "sin({})", "erf({})", "hardsigmoid({})", "clamp({}, -1.5, 2)", "cos({})")
UNARY = (
    *BOUNDED, "-{}", "abs({})", "relu({})", "gelu({})", "gelu{{approximate = tanh}}({})", "silu({})", "softplus({})",
    "hardswish({})", "exp(-abs({}))", "log(abs({}) + 0.5)", "sqrt(abs({}) + 0.1)", "rsqrt(abs({}) + 0.5)",
    "clamp({}, none, 1)", "tanh({} ** 2)", "{} / 2", "1 - {}", "0.5 * {} + 1",
)  # fmt: skip
BINARY = (
    "{} + {}", "{} - {}", "{} / (1 + abs({}))", "minimum({}, {})", "maximum({}, {})", "tanh({} * {})",
    "{} * sigmoid({})",
)  # fmt: skip
ANY = ""
REDUCTIONS = ("sum", "mean", "max", "min", "var", "norm")


def unary(s: Scope) -> None:
    if x := s.pick():
        s.let(s.choose(UNARY).format(x.text), x.axes)


def binary(s: Scope) -> None:
    x = s.pick()
    y = s.pick(lambda other: x is not None and fits(x, other))
    if x is None or y is None:
        return
    axes = union(x, y)
    own = {axis for axis in axes if axis.identity in s.visible}
    outer = own not in (set(s.own(x)), set(s.own(y)))
    expression = s.choose(BINARY).format(x.text, y.text)
    extra = [axis for axis in own if (axis in x.axes) != (axis in y.axes)]
    if outer and s.chance():
        gone = s.draw(st.sampled_from(sorted(extra, key=lambda axis: axis.identity)))
        s.let(f"tanh(sum{{{s.name(gone)}}}({expression}))", [axis for axis in axes if axis != gone])
    else:
        s.let(expression, axes, stated=outer)


def option(s: Scope) -> None:
    x = s.pick()
    if x is None or not s.options:
        return
    name, kind = s.draw(st.sampled_from(s.options))
    if kind == "number":
        s.let(f"{x.text} * {name}", x.axes)
    elif kind == "truth":
        s.let(f"if {name} then tanh({x.text}) else {x.text} - 1", x.axes)
    else:
        s.let(f"{name}({x.text})", x.axes)


def reduce(s: Scope) -> None:
    x = s.pick(lambda value: len(s.own(value)) > 0)
    axes = s.some(x.axes) if x else ()
    if x and axes:
        operator = s.choose(REDUCTIONS)
        if any("batch" in axis.size for axis in axes):
            operator = "sum"  # the others have no value over nothing
        expression = f"{operator}{{{s.names(axes)}}}({x.text})"
        expression = f"tanh({expression} / 2)" if operator in ("sum", "norm") else expression
        s.let(expression, [axis for axis in x.axes if axis not in axes])


def soft(s: Scope) -> None:
    x = s.pick(lambda value: len(s.own(value)) > 0)
    axes = s.some(x.axes) if x else ()
    if x and axes:
        mask = s.pick(lambda value: fits(x, value) and set(value.axes) <= set(x.axes), "bool")
        inside = f"where({mask.text}, {x.text}, -inf)" if mask and s.chance() else x.text
        logarithm = inside == x.text and s.chance(4)
        operator = "log_softmax" if logarithm else "softmax"
        expression = f"{operator}{{{s.names(axes)}}}({inside})"
        s.let(f"exp({expression})" if logarithm and s.chance() else expression, x.axes)


def contract(s: Scope) -> None:
    x = s.pick(lambda value: len(s.own(value)) > 0)
    y = s.pick(lambda other: x is not None and fits(x, other) and bool(set(s.own(x)) & set(other.axes)))
    if x and y:
        axes = s.some([axis for axis in x.axes if axis in y.axes])
        kept = [axis for axis in union(x, y) if axis not in axes]
        s.let(f"tanh({x.text} @{{{s.names(axes)}}} {y.text})", kept, stated=False)


def rename(s: Scope) -> None:
    x = s.pick(lambda value: len(s.own(value)) > 0, ANY)
    axis = s.one_axis(x.axes) if x else None
    if x is None or axis is None:
        return
    if s.chance():
        other = s.twin(axis)
    else:
        same = [known for known in s.declared.values() if known.size == axis.size and x.axis(known.identity) is None]
        found = s.one_axis(same)
        if found is None:
            return
        other = found
    if x.axis(other.identity) is None:
        axes = [other if one == axis else one for one in x.axes]
        s.let(f"{x.text}[{s.name(axis)} -> {s.name(other)}]", axes, x.kind)


def swap(s: Scope) -> None:
    x = s.pick(lambda value: len({axis.size for axis in s.own(value)}) < len(s.own(value)), ANY)
    if x is None:
        return
    first = s.one_axis(x.axes)
    second = s.one_axis([axis for axis in x.axes if first and axis != first and axis.size == first.size])
    if first and second:
        s.let(f"{x.text}[{s.name(first)} -> {s.name(second)}, {s.name(second)} -> {s.name(first)}]", x.axes, x.kind)


def split(s: Scope) -> None:
    """Splits a known axis, changes something on a part, and merges the parts again, in the same order or another."""
    x = s.pick(lambda value: any(axis.known and axis.number in (4, 6) for axis in s.own(value)), ANY)
    axis = s.one_axis([one for one in x.axes if one.known and one.number in (4, 6)]) if x else None
    if x is None or axis is None:
        return
    outer = s.declare("2", "2")
    inner = s.declare(
        str(axis.number // 2),
        f"|{s.name(axis)}| / 2" if s.declared.get(axis.identity) == axis else str(axis.number // 2),
    )
    parts = [outer, inner]
    axes = [one for one in x.axes if one != axis]
    y = s.let(f"{x.text}[{s.name(axis)} -> ({s.name(outer)} {s.name(inner)})]", [*axes, *parts], x.kind)
    if s.chance():
        first, second = s.draw(st.permutations(parts))
        target = s.declare(axis.size, axis.size)
        s.let(f"{y.text}[({s.name(first)} {s.name(second)}) -> {s.name(target)}]", [*axes, target], x.kind)


def merge(s: Scope) -> None:
    x = s.pick(lambda value: len(s.own(value)) > 1, ANY)
    axes = s.some(x.axes, 2)[:2] if x else ()
    if x is None or len(axes) < 2 or any(s.declared.get(axis.identity) != axis or "*" in axis.size for axis in axes):
        return
    size = (
        str(axes[0].number * axes[1].number)
        if axes[0].known and axes[1].known
        else "*".join(sorted(axis.size for axis in axes))
    )
    target = s.declare(size, f"|{s.name(axes[0])}| * |{s.name(axes[1])}|")
    kept = [axis for axis in x.axes if axis not in axes]
    packed = " ".join(s.name(axis) for axis in axes)
    y = s.let(f"{x.text}[({packed}) -> {s.name(target)}]", [*kept, target], x.kind)
    if s.chance():
        s.let(f"{y.text}[{s.name(target)} -> ({packed})]", [*kept, *axes], x.kind)


def position(s: Scope) -> None:
    x = s.pick(lambda value: any(axis.size != "batch" for axis in s.own(value)), ANY)
    axis = (
        s.one_axis([one for one in x.axes if one.size != "batch" and (one.known or one.size == "seq")]) if x else None
    )
    if x and axis:
        place = s.choose(
            [str(axis.number - 1), "0", "-1", f"|{x.text}.{s.name(axis)}| - 1"]
            if axis.known
            else ["0", "-1", "1", "-2", f"|{s.name(axis)}| // 2"]
        )
        s.let(f"{x.text}[{s.name(axis)} = {place}]", [one for one in x.axes if one != axis], x.kind)


def part(s: Scope) -> None:
    x = s.pick(lambda value: any(axis.size in ("seq", "4", "5", "6") for axis in s.own(value)), ANY)
    axis = s.one_axis([one for one in x.axes if one.size in ("seq", "4", "5", "6")]) if x else None
    if x is None or axis is None:
        return
    bounds = s.choose(["1..", "..-1", "1..-1", "..2", "0..3", "-2.."])
    taken = {"1..": 1, "..-1": 1, "1..-1": 2}.get(bounds)
    if taken is None:
        size = {"..2": "2", "0..3": "3", "-2..": "2"}[bounds]
    else:
        size = str(axis.number - taken) if axis.known else f"seq-{taken}"
    smaller = Axis(axis.identity, size)
    s.let(f"{x.text}[{s.name(axis)} = {bounds}]", [smaller if one == axis else one for one in x.axes], x.kind)


def shift(s: Scope) -> None:
    x = s.pick(lambda value: len(s.own(value)) > 0, ANY)
    axis = s.one_axis(x.axes) if x else None
    if x is None or axis is None:
        return
    name = s.name(axis)
    kind = s.choose(["roll", "flip", "cumsum", "pad"])
    if kind == "pad" and (axis.known or axis.size in ("seq", "batch")) and x.kind != "bool":
        size = str(axis.number + 3) if axis.known else f"{axis.size}+3"
        longer = Axis(axis.identity, size)
        value = ", value = 0.5" if x.kind == "f32" else s.choose([", value = 2", ""])
        s.let(f"pad{{{name}: [1, 2]{value}}}({x.text})", [longer if one == axis else one for one in x.axes], x.kind)
    elif kind == "roll":
        s.let(f"roll{{{name}: {s.choose(['1', '-2', '7', '0'])}}}({x.text})", x.axes, x.kind)
    elif kind == "flip":
        s.let(f"flip{{{name}}}({x.text})", x.axes, x.kind)
    elif kind == "cumsum" and x.kind == "f32":
        s.let(f"tanh(cumsum{{{name}}}({x.text}) / 2)", x.axes)
    elif kind == "cumsum" and x.kind == "i64":
        s.let(f"cumsum{{{name}}}({x.text} % 5) % 7", x.axes, "i64")


def join(s: Scope) -> None:
    x = s.pick(kind=ANY)
    y = s.pick(lambda other: x is not None and set(other.axes) == set(x.axes), kind=x.kind if x else ANY)
    if x is None or y is None:
        return
    if s.chance():
        new = s.declare("2", "2")
        s.let(f"stack{{{s.name(new)}}}({x.text}, {y.text})", [*x.axes, new], x.kind)
        return
    axis = s.one_axis([one for one in x.axes if one.known or one.size == "seq"])
    if axis is not None:
        longer = Axis(axis.identity, str(2 * axis.number) if axis.known else "2seq")
        joined = [longer if one == axis else one for one in x.axes]
        s.let(f"concat{{{s.name(axis)}}}({x.text}, {y.text})", joined, x.kind)


def several(s: Scope) -> None:
    """A position, a slice, a rename and a split in one pair of brackets."""
    x = s.pick(lambda value: len(s.own(value)) > 1 and any(axis.size == "6" for axis in s.own(value)), ANY)
    axis = s.one_axis([one for one in x.axes if one.size == "6"]) if x else None
    other = s.one_axis([one for one in x.axes if one != axis and one.known and one.number > 1]) if x else None
    if x is None or axis is None or other is None:
        return
    first, last = s.declare("3", "3"), s.declare("2", "2")
    items = [f"{s.name(axis)} -> ({s.name(first)} {s.name(last)})"]
    axes = [one for one in x.axes if one not in (axis, other)] + [first, last]
    if s.chance():
        items.append(f"{s.name(other)} = {s.choose(['0', '-1'])}")
    else:
        items.append(f"{s.name(other)} = 1..")
        axes.append(Axis(other.identity, str(other.number - 1)))
    s.let(f"{x.text}[{', '.join(s.draw(st.permutations(items)))}]", axes, x.kind)


def reduce_whole(s: Scope) -> None:
    x = s.pick(lambda value: len(s.own(value)) > 0, "i64")
    axes = s.some(x.axes) if x else ()
    if not x or not axes:
        return
    kept = [axis for axis in x.axes if axis not in axes]
    if any("batch" in axis.size for axis in axes) or s.chance(3):
        s.let(f"sum{{{s.names(axes)}}}({x.text} % 7)", kept, "i64")
    elif s.chance():
        s.let(f"{s.choose(['max', 'min'])}{{{s.names(axes)}}}({x.text})", kept, "i64")
    elif s.chance():
        s.let(f"tanh(mean{{{s.names(axes)}}}({x.text}) / 5)", kept)
    else:
        rest = [axis for axis in x.axes if axis != axes[0]]
        s.let(f"argmax{{{s.name(axes[0])}}}({x.text})", rest, "i64")


def measure(s: Scope) -> None:
    """Sizes, those too that are known at the call alone, as numbers."""
    x = s.pick(lambda value: len(s.own(value)) > 0)
    axis = s.one_axis([one for one in x.axes if "batch" not in one.size]) if x else None
    if x and axis:
        size = f"|{x.text}.{s.name(axis)}|"
        kind = s.choose(["{0} / {1}", "{0} * sqrt({1}) / {1}", "{0} / ({1} + 1)", "tanh({0} * {1})", "{0} - {1} % 3"])
        s.let(kind.format(x.text, size), x.axes)


def line(s: Scope) -> None:
    axis = s.one_axis([axis for axis in s.declared.values() if "*" not in axis.size and "batch" not in axis.size])
    if axis:
        s.let(f"linspace{{{s.name(axis)}}}({s.choose(['-1, 1', '0, 0.5', '2, -2'])})", [axis])


def narrow(s: Scope) -> None:
    """Through another element type and back."""
    x = s.pick()
    ids = s.pick(kind="i64")
    if ids and s.chance():
        s.let(f"cast{{i64}}(cast{{{s.choose(['i32', 'f32'])}}}({ids.text} % 9))", ids.axes, "i64")
    elif x:
        mask = s.pick(kind="bool")
        if mask and fits(mask, x) and s.chance():
            s.let(f"{x.text} * cast{{f32}}({mask.text})", union(x, mask), stated=True)


def gather_along(s: Scope) -> None:
    """Positions that share an axis with the table; the shared one is a batch."""
    x = s.pick(lambda value: any(axis.known for axis in s.own(value)))
    axis = s.one_axis([one for one in x.axes if one.known]) if x else None
    ids = s.pick(lambda value: x is not None and axis is not None and fits(x, value)
                 and value.axis(axis.identity) is None, "i64")  # fmt: skip
    if x and axis and ids:
        kept = [one for one in x.axes if one != axis]
        axes = union(Value("", tuple(kept)), ids)
        s.let(f"{x.text}[{s.name(axis)} = {ids.text} % {axis.number}]", axes)


def count(s: Scope) -> None:
    """Whole numbers made of positions."""
    axes = [axis for axis in s.declared.values() if "*" not in axis.size]
    axis = s.one_axis(axes)
    other = s.pick(kind="i64")
    if axis is None:
        return
    text = f"arange{{{s.name(axis)}}}"
    if other and fits(other, Value("", (axis,))) and s.chance():
        kind = s.choose(
            ["{} - {}", "{} * 2 + {}", "({} + {}) % 3", "({} - {}) // 2", "abs({} - {})", "maximum({}, {})"]
        )
        s.let(kind.format(text, other.text), union(Value("", (axis,)), other), "i64", stated=True)
    else:
        s.let(text, [axis], "i64")


def compare(s: Scope) -> None:
    x = s.pick(kind="i64")
    y = s.pick(lambda other: x is not None and fits(x, other), "i64")
    if x is None or y is None:
        return
    sign = s.choose(["<", "<=", ">", ">=", "==", "!="])
    if s.chance(3):
        s.let(f"{x.text} {sign} {s.choose(['0', '1', '2'])}", x.axes, "bool")
    else:
        s.let(f"{x.text} {sign} {y.text}", union(x, y), "bool", stated=True)


def logic(s: Scope) -> None:
    x = s.pick(kind="bool")
    y = s.pick(lambda other: x is not None and fits(x, other), "bool")
    if x and y:
        s.let(
            s.choose(["{} and {}", "{} or {}", "not {} and {}"]).format(x.text, y.text),
            union(x, y),
            "bool",
            stated=True,
        )


def choice(s: Scope) -> None:
    mask = s.pick(kind="bool")
    x = s.pick(lambda value: mask is not None and fits(mask, value))
    if mask and x:
        other = s.choose(["0", f"{x.text} / 2", "1.5"])
        s.let(f"where({mask.text}, {x.text}, {other})", union(mask, x), stated=True)


def whole(s: Scope) -> None:
    """Whole numbers in arithmetic with real ones."""
    ids = s.pick(kind="i64")
    x = s.pick(lambda value: ids is not None and fits(ids, value))
    if ids and x:
        kind = s.choose(["{1} * sin({0})", "{1} + {0} % 3", "{1} / (1 + abs({0}))", "{1} + cast{{f32}}({0} % 2)"])
        s.let(kind.format(ids.text, x.text), union(ids, x), stated=True)


def look_up(s: Scope) -> None:
    ids = s.pick(kind="i64")
    if ids is None:
        return
    places = s.declare("5", "5")
    row = s.one_axis([axis for axis in s.declared.values() if axis.known and ids.axis(axis.identity) is None])
    if row is None or row == places:
        return
    table = s.numbering.fresh("table")
    order = s.draw(st.permutations([places, row]))
    s.lines.append(f"param {table}: [{', '.join(s.name(axis) for axis in order)}] ~ normal(1.0)")
    s.let(f"{table}[{s.name(places)} = {ids.text} % 5]", [row, *ids.axes])


def parameter(s: Scope) -> None:
    axes = s.some([axis for axis in s.declared.values() if axis.known])[:3]
    if axes:
        name = s.numbering.fresh("weight")
        cut = s.draw(st.integers(0, len(axes)))
        packed = " ".join(s.name(axis) for axis in axes[cut:])
        order = [s.name(axis) for axis in axes[:cut]] + (
            [f"({packed})"] if len(axes) - cut > 1 else [packed] * bool(packed)
        )
        s.lines.append(f"param {name}: [{', '.join(order)}]")
        s.values.append(Value(name, axes))


OPERATORS: tuple[Callable[[Scope], None], ...] = (
    unary, binary, binary, option, reduce, soft, contract, contract, rename, rename, swap, split, merge, position, part,
    shift, join, several, reduce_whole, measure, line, narrow, gather_along, count, count, compare, logic, choice,
    whole, look_up, parameter,
)  # fmt: skip
