"""What rewriting rules look for, and what only looks like it: functions, axes that move, products, positions."""

from __future__ import annotations

from trust.drafts import Draft, Sizes

from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType

# --- functions place by place, of NaN, infinities and zeros too -------------------------------------------------------


def disguised(d: Draft) -> int:
    """Several functions, each written out, of one input that holds every kind of number."""
    x = d.input("wild", {"batch": "batch", "unit": 3})
    for _ in range(d.choose(1, 2, 3)):
        x = _FUNCTIONS[d.choose(*_FUNCTIONS)](d, x)
    return x


def _numbered(operator: str, *numbers: float, either: bool = True) -> object:
    def made(d: Draft, x: int) -> int:
        number = d.number(d.choose(*numbers))
        return d.commuted(operator, x, number) if either else d.op(operator, x, number)

    return made


def _where(d: Draft, x: int) -> int:
    compared = d.op(d.choose("greater", "greater_equal", "less", "less_equal"), x, d.number(0.0))
    if d.chance():
        compared = d.op("logical_not", compared)
    return d.op("where", compared, *d.choose((x, d.number(0.0)), (d.number(0.0), x), (x, d.op("negate", x))))


def _hard(d: Draft, x: int) -> int:
    shifted = d.commuted("add", x, d.number(d.choose(3.0, 2.0)))
    clamped = d.op("clamp", shifted, low=0.0, high=d.choose(6.0, 5.0))
    return d.op("divide", clamped, d.number(d.choose(6.0, 5.0)))


def _sigmoid(d: Draft, x: int) -> int:
    power = d.op("exp", d.op("negate", x) if d.chance() else x)
    return d.op("divide", d.number(d.choose(1.0, 2.0)), d.commuted("add", power, d.number(d.choose(1.0, 2.0))))


def _casts(d: Draft, x: int) -> int:
    for _ in range(d.choose(2, 3)):
        x = d.op("cast", x, dtype=d.choose(DType.F64, DType.F32))
    return d.op("cast", x, dtype=DType.F32)


def _statistics(d: Draft, x: int) -> int:
    mean = d.op("mean", x, axes=("unit",)) if d.chance() else d.op(
        "divide", d.op("sum", x, axes=("unit",)), d.number(d.choose(3.0, 2.0))
    )  # fmt: skip
    centred = d.op("subtract", x, mean)
    power = d.op("mean", d.op("multiply", centred, d.choose(centred, x)), axes=("unit",))
    spread = d.op("add", power, d.number(0.1))
    return d.op("multiply", centred, d.op("rsqrt", spread)) if d.chance() else d.op(
        "divide", centred, d.op("sqrt", spread)
    )  # fmt: skip


_FUNCTIONS = {
    "times": _numbered("multiply", -1.0, 1.0, 0.0),
    "plus": _numbered("add", 0.0, -0.0),
    "minus": _numbered("subtract", 0.0, 1.0, either=False),
    "over": _numbered("divide", 1.0, 2.0, either=False),
    "power": _numbered("power", 2.0, 1.0, -1.0, 3.0, 0.0, either=False),
    "maximum": _numbered("maximum", 0.0, 1.0, -1.0),
    "minimum": _numbered("minimum", 6.0, 0.0),
    "bounded": lambda d, x: d.commuted("minimum", d.op("relu", x), d.number(d.choose(6.0, 0.0, -1.0))),
    "clamp": lambda d, x: d.op("clamp", x, low=d.choose(0.0, None, -1.0), high=d.choose(None, 1.0)),
    "where": _where,
    "hard": _hard,
    "sigmoid": _sigmoid,
    "casts": _casts,
    "statistics": _statistics,
    "itself": lambda d, x: d.op(d.choose("subtract", "divide", "maximum", "add"), x, x),
    "whole": lambda d, x: d.op("cast", d.op("less", x, d.number(0.5)), dtype=DType.F32),
}


# --- axes that are split, merged, renamed, stacked, cut and pooled ----------------------------------------------------


def moved(d: Draft) -> int:
    """Axes that are taken apart and put together again, in the same order or another."""
    x = d.input("x", {"batch": "batch", "a": 2, "b": 3, "c": 2})
    for _ in range(d.choose(1, 2, 3, 4)):
        x = _MOVES[d.choose(*_MOVES)](d, x)
    if d.chance():
        axes = tuple(name for name in d.s.names(x) if name != "batch" and d.chance())
        return d.op(d.choose("sum", "mean", "max"), x, axes=axes) if axes else x
    return x


def _merged(d: Draft, x: int) -> int:
    """Two axes merged and split again: the same way around or not, with something in between."""
    first, last = d.choose(("a", "b"), ("c", "b"), ("a", "c"), ("c", "a"))
    sizes = d.sizes(x)
    x = d.op("merge", x, axes=(first, last), into=Axis.of("ab", int(sizes[first]) * int(sizes[last])))
    if d.chance():
        x = d.op("flip", x, axis="ab") if d.chance() else d.op("subtract", x, d.op("mean", x, axes=("ab",)))
    into = tuple(Axis.of(name, sizes[name]) for name in ((first, last) if d.chance() else (last, first)))
    return d.op("split", x, axis="ab", into=into)


def _swapped(d: Draft, x: int) -> int:
    """Names that are exchanged at once, or one after the other."""
    if d.chance():
        return d.s.rename(x, a="c", c="a")
    return d.s.rename(d.s.rename(d.s.rename(x, a="t"), c="a"), t="c")


def _stacked(d: Draft, x: int) -> int:
    other = d.choose(d.op("tanh", x), x)
    made = d.op("stack", x, other, axis=Axis.of("part", 2))
    kind = d.choose("index", "sum", "merge")
    if kind == "index":
        return d.op("index", made, axis="part", position=Size.of(d.choose(0, 1)))
    if kind == "sum":
        return d.op(d.choose("sum", "max", "mean"), made, axes=("part",))
    joined = d.op("merge", made, axes=d.choose(("part", "a"), ("a", "part")), into=Axis.of("joined", 4))
    start = d.choose(0, 1, 2)
    cut = d.op("slice", joined, axis="joined", start=Size.of(start), stop=Size.of(start + 2))
    return d.s.rename(cut, joined="a")


def _pooled(d: Draft, x: int) -> int:
    """A pool over whole axes, one of them perhaps not, whose places are read again."""
    sizes = (1, d.choose(1, 3))
    pooled = d.op("adaptive_avgpool", x, axes=(Axis.of("a", sizes[0]), Axis.of("b", sizes[1])))
    for name, size in zip(("a", "b"), sizes, strict=True):
        if size == 1:
            pooled = d.op("index", pooled, axis=name, position=Size.of(0))
    return d.op("multiply", x, pooled)


def _twice_reduced(d: Draft, x: int) -> int:
    outer, inner = d.choose("sum", "mean", "max", "min"), d.choose("sum", "mean", "max", "min")
    made = d.op(outer, d.op(inner, x, axes=("a",)), axes=d.choose(("b",), ("b", "c")))
    return d.op("subtract", x, made)


_MOVES = {
    "merged": _merged,
    "swapped": _swapped,
    "there and back": lambda d, x: d.renamed_there_and_back(x),
    "stacked": _stacked,
    "pooled": _pooled,
    "twice": _twice_reduced,
    "product": lambda d, x: d.op(
        "subtract", x, d.op("sum", d.op("multiply", x, d.parameter("w", {"b": 3})), axes=("b",))
    ),
}


# --- products of values with any axes ---------------------------------------------------------------------------------


def tensor_network(d: Draft) -> int:
    """Values with any axes, contracted two at a time over any axes that both have."""
    sizes: Sizes = {"a": "seq", "b": 2, "c": "source", "e": 3, "batch": "batch"}
    values = []
    for _ in range(d.choose(3, 4, 5)):
        axes = {name: size for name, size in sizes.items() if d.chance()} or {"a": "seq"}
        known = all(isinstance(size, int) for size in axes.values())
        values.append(d.parameter("m", axes) if known and d.chance() else d.input("m", axes))
    while len(values) > 1:
        left = values.pop(d.choose(*range(len(values))))
        right = values.pop(d.choose(*range(len(values))))
        if d.chance(8):
            left = d.renamed_there_and_back(left)
        if d.chance(10):
            d.escapes(left)
        axes = tuple(name for name in d.s.names(left) if d.has(right, name) and not d.chance(3))
        made = d.commuted("contract", left, right, axes=axes) if axes else d.commuted("multiply", left, right)
        values.append(d.op("multiply", made, d.number(0.5)) if d.chance(4) else made)
    return values[0]


# --- positions --------------------------------------------------------------------------------------------------------


def places(d: Draft) -> int:
    """A value where arithmetic on positions and sizes says so, another elsewhere; much of it may be known."""
    x = d.input("x", {"seq": "seq", "batch": "batch", "unit": 3})
    keep = compared(d)
    for _ in range(d.choose(0, 1)):
        keep = d.op(d.choose("logical_and", "logical_or"), keep, compared(d))
    if d.chance(3):
        keep = d.op("logical_not", keep)
    return d.op("where", keep, x, d.op("tanh", x) if d.chance() else d.number(0.0))


def compared(d: Draft) -> int:
    sign = d.choose("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
    return d.op(sign, whole(d, 2), whole(d, 1))


def whole(d: Draft, depth: int) -> int:
    """A whole number for each place."""
    kind = d.choose("seq", "seq'", "unit", "size", "number") if not depth else d.choose(*_WHOLE)
    if kind in ("seq", "seq'"):
        made = d.s.arange("seq", "seq")
        return d.op("sum", d.s.rename(made, seq="seq'"), axes=("seq'",)) if kind == "seq'" else made
    if kind == "unit":
        return d.s.arange("unit", 3)
    if kind == "size":
        size = d.choose(Size.symbol("seq"), Size.symbol("batch"), Size.symbol("seq") - 1, Size.symbol("seq") * 2)
        return d.op("size", size=size, dtype=DType.I64)
    if kind == "number":
        return d.s.constant(d.choose(0, 1, -1, 2, 3), DType.I64)
    if kind in ("abs", "negate"):
        return d.op(kind, whole(d, depth - 1))
    if kind == "flip":
        return d.op("flip", d.s.arange("seq", "seq"), axis="seq")
    if kind == "same":
        x = whole(d, depth - 1)
        return d.op("subtract", x, x)
    if kind in ("modulo", "floor_divide"):
        return d.op(kind, whole(d, depth - 1), d.s.constant(d.choose(2, 3, -2), DType.I64))
    return d.op(kind, whole(d, depth - 1), whole(d, depth - 1))


_WHOLE = (
    "seq", "unit", "size", "number", "add", "subtract", "multiply", "abs", "negate", "minimum", "maximum", "modulo",
    "floor_divide", "flip", "same", "seq'",
)  # fmt: skip


def algebra(d: Draft) -> int:
    return d.choose(disguised, moved, tensor_network, places)(d)
