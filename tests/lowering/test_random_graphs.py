"""Any small graph lowers to a program that gives what the reference interpreter gives."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lowering.compare import assert_lowers_right
from lowering.models import Sketch

from attncomp.ir.graph import Result
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, Layout, ValueType

SIZES = {"a": Size.of(2), "b": Size.symbol("batch"), "c": Size.of(4), "d": Size.of(1), "e": Size.of(3)}


def size_of(name: str) -> Size:
    return SIZES[name.rstrip("'")]


class Drawn:
    """A graph that grows by drawn operators; each takes values that are there already."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.sketch = Sketch("random")
        self.values: list[int] = [self.sketch.input("every", "b", b="batch")]

    def names(self, value: int) -> tuple[str, ...]:
        return self.sketch.graph.type(value).names

    def pick(self, suits: Callable[[int], bool] = lambda value: True) -> int | None:
        found = [value for value in self.values if suits(value)]
        return self.draw(st.sampled_from(found)) if found else None

    def layout(self, names: tuple[str, ...]) -> Layout:
        order = list(self.draw(st.permutations(names))) if names else []
        cuts = sorted(self.draw(st.sets(st.integers(1, len(order) - 1)))) if len(order) > 1 else []
        found = [tuple(order[a:b]) for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)] if order else []
        if self.draw(st.booleans()):
            found.insert(self.draw(st.integers(0, len(found))), ())
        return tuple(found)

    def leaf(self, number: int) -> None:
        names = tuple(sorted(self.draw(st.sets(st.sampled_from(sorted(SIZES)), min_size=1))))
        layout = self.layout(names)
        type_ = ValueType(DType.F32, tuple(Axis(name, size_of(name)) for name in names))
        symbolic = any(size_of(name).constant is None for name in names)
        if number and not symbolic and self.draw(st.booleans()):
            value = self.sketch.parameter(f"p{number}", "", **{})
            attributes = {**self.sketch.graph.node(value).attributes, "layout": layout}
            self.sketch.graph.update(value, type=type_, attributes=attributes)
        else:
            attributes = {"name": f"x{number}", "layout": layout}
            value = self.sketch.graph.add("input", (), attributes, type_, self.sketch.origin())
        self.values.append(value)

    def some(self, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(sorted(self.draw(st.sets(st.sampled_from(names), min_size=1))))

    def operator(self) -> None:
        kind = self.draw(st.sampled_from(KINDS))
        value = KINDS_TABLE[kind](self)
        if value is not None and len(self.names(value)) < 7:
            self.values.append(value)


def unary(drawn: Drawn) -> int | None:
    return drawn.sketch.op(drawn.draw(st.sampled_from(["tanh", "sigmoid", "negate"])), drawn.pick())


def binary(drawn: Drawn) -> int | None:
    operator = drawn.draw(st.sampled_from(["add", "multiply", "maximum"]))
    return drawn.sketch.op(operator, drawn.pick(), drawn.pick())


def choice(drawn: Drawn) -> int | None:
    condition = drawn.sketch.op("less", drawn.pick(), drawn.pick())
    return drawn.sketch.op("where", condition, drawn.pick(), drawn.sketch.number(0.25))


def reduction(drawn: Drawn) -> int | None:
    x = drawn.pick(lambda value: bool(drawn.names(value)))
    if x is None:
        return None
    operator = drawn.draw(st.sampled_from(["sum", "mean", "max", "softmax", "norm"]))
    return drawn.sketch.op(operator, x, axes=drawn.some(drawn.names(x)))


def normalization(drawn: Drawn) -> int | None:
    x = drawn.pick(lambda value: bool(drawn.names(value)))
    if x is None:
        return None
    axes = drawn.some(drawn.names(x))
    y = drawn.sketch.op("normalize", x, axes=axes, epsilon=0.1, center=drawn.draw(st.booleans()))
    scale = drawn.pick(lambda value: set(drawn.names(value)) == set(axes))
    return y if scale is None else drawn.sketch.op("multiply", y, scale)


def contraction(drawn: Drawn) -> int | None:
    x = drawn.pick(lambda value: bool(drawn.names(value)))
    if x is None:
        return None
    y = drawn.pick(lambda value: bool(set(drawn.names(value)) & set(drawn.names(x))))
    assert y is not None
    shared = tuple(name for name in drawn.names(x) if name in drawn.names(y))
    z = drawn.sketch.op("contract", x, y, axes=drawn.some(shared))
    bias = drawn.pick(lambda value: bool(drawn.names(value)) and set(drawn.names(value)) <= set(drawn.names(z)))
    return z if bias is None else drawn.sketch.op("add", z, bias)


def renaming(drawn: Drawn) -> int | None:
    free = [
        (v, n) for v in drawn.values for n in drawn.names(v) if not n.endswith("'") and f"{n}'" not in drawn.names(v)
    ]
    if not free:
        return None
    x, name = drawn.draw(st.sampled_from(free))
    return drawn.sketch.op("rename", x, names=((name, f"{name}'"),))


def merging_and_splitting(drawn: Drawn) -> int | None:
    x = drawn.pick(lambda value: len(drawn.names(value)) > 1)
    if x is None:
        return None
    names = tuple(drawn.draw(st.permutations(drawn.names(x))))[:2]
    axes = tuple(Axis(name, size_of(name)) for name in names)
    into = Axis("merged", axes[0].size * axes[1].size)
    y = drawn.sketch.op("merge", x, axes=names, into=into)
    y = drawn.sketch.op("tanh", y) if drawn.draw(st.booleans()) else y
    if drawn.draw(st.booleans()):
        y = drawn.sketch.op("add", y, drawn.sketch.op("merge", x, axes=names, into=into))
    return drawn.sketch.op("split", y, axis="merged", into=axes)


def cutting(drawn: Drawn) -> int | None:
    fixed = [(v, n) for v in drawn.values for n in drawn.names(v) if size_of(n).constant]
    if not fixed:
        return None
    x, name = drawn.draw(st.sampled_from(fixed))
    if drawn.draw(st.booleans()):
        position = drawn.draw(st.integers(0, (size_of(name).constant or 1) - 1))
        return drawn.sketch.op("index", x, axis=name, position=Size.of(position))
    return drawn.sketch.op("roll", x, axis=name, shift=Size.of(1))


KINDS_TABLE: dict[str, Callable[[Drawn], int | None]] = {
    "unary": unary,
    "binary": binary,
    "choice": choice,
    "reduction": reduction,
    "normalization": normalization,
    "contraction": contraction,
    "renaming": renaming,
    "merging": merging_and_splitting,
    "cutting": cutting,
}
KINDS = sorted(KINDS_TABLE)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_any_graph_lowers_right(data: st.DataObject) -> None:
    drawn = Drawn(data.draw)
    for number in range(data.draw(st.integers(1, 3))):
        drawn.leaf(number)
    for _ in range(data.draw(st.integers(2, 7))):
        drawn.operator()
    graph = drawn.sketch.graph
    last = drawn.values[-1]
    results = [last, data.draw(st.sampled_from(drawn.values))]
    graph.results = tuple(
        Result(f"y{number}", value, drawn.layout(drawn.names(value))) for number, value in enumerate(results)
    )
    assert_lowers_right(graph)
