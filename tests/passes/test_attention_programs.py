"""Programs drawn around softmaxes whose weights and scores anything may read: the pass keeps every result."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from passes.sketch import Sketch, evaluate_all, same_values, text

from attncomp.ir.graph import Graph
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType
from attncomp.ir.verify import verify
from attncomp.passes.find_attention_regions import FindAttentionRegions

Draw = Callable[[st.SearchStrategy[int]], int]
SIZE = 3


class Drawing:
    """A graph under construction, in which any earlier value may be read again."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.s = Sketch()
        self.pairs: list[int] = []  # values with head, query and source
        self.others: list[int] = []

    def one_of(self, *numbers: int) -> int:
        return self.draw(st.sampled_from(numbers))

    def pick(self, values: list[int]) -> int:
        return values[self.draw(st.integers(0, len(values) - 1))]

    def value(self, label: str, *names: str) -> int:
        return self.s.input(label, **dict.fromkeys(names, SIZE))


def pointwise(d: Drawing, x: int) -> int:
    """Something place by place on pairs."""
    s, kind = d.s, d.one_of(0, 1, 2, 3, 4, 5, 6)
    if kind == 0:
        return s.op("multiply", x, s.constant(0.5))
    if kind == 1:
        return s.op("tanh", x)
    if kind == 2:
        mask = s.op("greater_equal", s.arange("query", SIZE), s.arange("source", SIZE))
        return s.op("where", mask, x, s.constant(-1.0))
    if kind == 3:
        return s.op("add", x, d.pick(d.others))
    if kind == 4:
        return s.op("multiply", x, d.pick(d.pairs))
    if kind == 5:
        return s.op("dropout", x, rate=0.1)
    mixed = s.op("contract", x, s.parameter(f"mix{s.line}", head=SIZE, other=SIZE), axes=("head",))
    return s.rename(mixed, other="head")


def whole(d: Drawing, x: int) -> int:
    """Something that takes rows, columns or heads as a whole, or moves places."""
    s, kind = d.s, d.one_of(0, 1, 2, 3, 4, 5, 6)
    axis = ("source", "query", "head")[d.one_of(0, 1, 2)]
    if kind == 0:
        return s.op("subtract", x, s.op("mean", x, axes=(axis,)))
    if kind == 1:
        return s.op("cumsum", x, axis=axis)
    if kind == 2:
        return s.op("roll", x, axis=axis, shift=Size.of(1))
    if kind == 3:
        return s.op("multiply", x, s.op("sigmoid", s.op("max", x, axes=(axis,))))
    if kind == 4:
        return s.op("add", x, s.rename(x, query="source", source="query"))
    if kind == 5:
        merged = s.op("merge", x, axes=("head", "query"), into=Axis("both", Size.of(SIZE * SIZE)))
        sizes = (Axis("head", Size.of(SIZE)), Axis("query", Size.of(SIZE)))
        return s.op("split", s.op("exp", s.op("minimum", merged, s.constant(1.0))), axis="both", into=sizes)
    return s.op("softmax", x, axes=(axis,))


@st.composite
def programs(draw: Draw) -> Graph:
    """One or two scores, steps on them, softmaxes, steps on the weights, contractions, and what else is handed out."""
    d = Drawing(draw)
    s = d.s
    q, k = d.value("q", "head", "query", "key"), d.value("k", "head", "source", "key")
    values = [d.value("v", "head", "source", "key"), d.value("u", "source", "key")]
    d.others = [d.value("r", "head", "query"), d.value("c", "source"), d.value("p", "query", "source")]
    d.pairs = [s.op("contract", q, k, axes=("key",))]
    for _ in range(d.one_of(0, 1, 2)):
        d.pairs.append((pointwise if d.one_of(0, 0, 1) == 0 else whole)(d, d.pick(d.pairs)))
    made: list[int] = []
    for _ in range(d.one_of(1, 1, 2)):
        weights = s.op("softmax", d.pick(d.pairs), axes=(("source",), ("source",), ("query",))[d.one_of(0, 1, 2)])
        d.pairs.append(weights)
        rows = [weights]
        for _ in range(d.one_of(0, 1, 2)):
            rows.append((pointwise if d.one_of(0, 0, 0, 1) == 0 else whole)(d, d.pick(rows)))
        for _ in range(d.one_of(1, 1, 2)):
            axes = (("source",), ("source",), ("source",), ("head", "source"))[d.one_of(0, 1, 2, 3)]
            mixed = s.op("contract", d.pick(rows), values[0 if "head" in axes else d.one_of(0, 1)], axes=axes)
            made.append(mixed)
            if s.names(mixed) == ("head", "query", "key"):
                values.append(s.rename(mixed, query="source"))
        if d.one_of(0, 0, 1) == 1:
            made.append(d.pick(rows))
        if d.one_of(0, 0, 1) == 1:
            made.append(s.op("cast", s.op("sum", d.pick(rows), axes=("source",)), dtype=DType.F32))
        d.pairs.extend(rows)
    if d.one_of(0, 0, 0, 1) == 1:
        made.append(d.pick(d.pairs))
    return s.returns(*made)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs())
def test_every_result_is_kept_and_a_second_run_changes_nothing(graph: Graph) -> None:
    before, expected = text(graph), evaluate_all(graph)
    result = FindAttentionRegions().run(graph)
    verify(graph)
    assert result.changed == (text(graph) != before)
    same_values(evaluate_all(graph), expected)
    for remark in result.remarks:
        assert remark.kind != "missed" or remark.help
    after = text(graph)
    again = FindAttentionRegions().run(graph)
    assert not again.changed
    assert text(graph) == after
