"""One spelling for what can be written in several ways."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passes.sketch import Sketch, check_pass, operators, run

from attncomp.ir.graph import Graph, Node
from attncomp.ir.interpret import run_nodes
from attncomp.ir.operators.base import NamedArray
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType
from attncomp.passes.canonicalize import Canonicalize
from attncomp.passes.find_gate_regions import FindGateRegions
from attncomp.passes.find_softmax import FindSoftmax
from attncomp.passes.reassociate_contractions import ReassociateContractions

ZERO, ONE = Size.of(0), Size.of(1)
POOL = {"stride": (1, 1), "dilation": (1, 1), "before": (ZERO, ZERO), "after": (ZERO, ZERO), "count_padding": True}


def canonical(graph: Graph) -> bool:
    changed = run(Canonicalize(), graph).changed
    assert not Canonicalize().run(graph).changed
    return changed


def pooled(s: Sketch, x: int) -> int:
    axes = (Axis.of("height", 1), Axis.of("width", 1))
    pool = s.op("adaptive_avgpool", x, axes=axes)
    return s.op("index", s.op("index", pool, axis="height", position=ZERO), axis="width", position=ZERO)


def test_pooled_gate_golden() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", channel=3, height=4, width=5)
    e = s.op("exp", s.op("negate", pooled(s, x)))
    gate = s.op("divide", s.constant(1.0), s.op("add", e, s.constant(1.0)), name="gate")
    graph = s.returns(s.op("multiply", x, gate))
    check_pass("canonical_gate", Canonicalize(), graph)
    assert [remark.kind for remark in run(FindGateRegions(), graph).remarks] == ["fused"]


def test_weighed_sum_golden() -> None:
    s = Sketch()
    q, k = s.input("q", query="query", key=3), s.input("k", source="source", key=3)
    e = s.op("exp", s.op("sum", s.op("multiply", q, k), axes=("key",)))
    v = s.input("v", source="source", key=3)
    made = s.op("divide", s.op("sum", s.op("multiply", e, v), axes=("source",)), s.op("sum", e, axes=("source",)))
    graph = s.returns(made)
    check_pass("canonical_weighed_sum", Canonicalize(), graph)
    assert run(FindSoftmax(), graph).changed
    assert operators(graph).count("softmax") == 1


def test_pool_that_keeps_its_axes_is_a_mean_in_stacks_of_one() -> None:
    s = Sketch()
    x = s.input("x", channel=3, height=4, width="n")
    graph = s.returns(s.op("adaptive_avgpool", x, axes=(Axis.of("height", 1), Axis.of("width", 1))))
    assert canonical(graph)
    assert operators(graph) == ["input", "mean", "stack", "stack"]


def test_pool_to_other_sizes_stays() -> None:
    s = Sketch()
    x = s.input("x", height=4, width=4)
    assert not canonical(s.returns(s.op("adaptive_avgpool", x, axes=(Axis.of("height", 1), Axis.of("width", 2)))))


def test_average_over_the_whole_is_a_mean() -> None:
    s = Sketch()
    x = s.input("x", DType.F16, channel=2, height=4, width=3)
    graph = s.returns(s.op("avgpool", x, axes=("height", "width"), kernel=(4, 3), **POOL))
    assert canonical(graph)
    assert operators(graph) == ["input", "mean", "stack", "stack"]


@pytest.mark.parametrize("other", [{"kernel": (4, 2)}, {"kernel": (4, 3), "before": (ONE, ZERO)}])
def test_average_over_a_part_or_with_padding_stays(other: dict[str, object]) -> None:
    s = Sketch()
    x = s.input("x", height=4, width=3)
    graph = s.returns(s.op("avgpool", x, axes=("height", "width"), **{**POOL, **other}))  # type: ignore[arg-type]
    assert not canonical(graph)


@pytest.mark.parametrize("statistic", ["sum", "mean", "max", "min"])
def test_statistic_of_a_statistic_is_one(statistic: str) -> None:
    s = Sketch()
    x = s.input("x", batch="batch", height=4, width=3)
    graph = s.returns(s.op(statistic, s.op(statistic, x, axes=("height",)), axes=("width",)))
    assert canonical(graph)
    (node,) = graph.nodes(statistic)
    assert node.attributes["axes"] == ("height", "width")


def test_statistics_that_differ_or_are_read_elsewhere_stay() -> None:
    s = Sketch()
    x = s.input("x", height=4, width=3)
    rows = s.op("sum", x, axes=("height",))
    graph = s.returns(
        s.op("max", s.op("mean", x, axes=("height",)), axes=("width",)), rows, s.op("sum", rows, axes=("width",))
    )
    assert not canonical(graph)


@pytest.mark.parametrize("size", ["seq", 3, 1])
def test_sum_over_its_count_is_a_mean(size: int | str) -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq=size, embed=4)
    count = Size.symbol(size) if isinstance(size, str) else Size.of(size)
    total = s.op("sum", x, axes=("seq", "embed"))
    number = s.op("cast", s.op("size", size=count * 4, dtype=DType.I64), dtype=DType.F32)
    graph = s.returns(s.op("divide", total, number))
    assert canonical(graph)
    assert operators(graph) == ["input", "mean"]


def test_sum_over_another_count_stays() -> None:
    s = Sketch()
    x = s.input("x", seq=3, embed=4)
    assert not canonical(s.returns(s.op("divide", s.op("sum", x, axes=("seq",)), s.constant(4.0))))


def test_products_that_are_contractions() -> None:
    s = Sketch()
    x, gate, w = s.input("x", a=2, b=3), s.input("g", b=3), s.input("w", c=4, b=3)
    graph = s.returns(
        s.op("sum", s.op("multiply", x, gate), axes=("b",)), s.op("sum", s.op("multiply", w, x), axes=("b",))
    )
    assert canonical(graph)
    assert operators(graph).count("contract") == 2
    assert operators(graph).count("multiply") == 0


def test_products_that_are_none() -> None:
    s = Sketch()
    x, y, z = s.input("x", a=2, b=3), s.input("y", a=2, b=3), s.input("z", a=2)
    whole = s.input("whole", DType.I64, b=3)
    read = s.op("multiply", x, s.input("w", b=3))
    graph = s.returns(
        s.op("sum", s.op("multiply", x, y), axes=("b",)),  # place by place: no product to spare
        s.op("sum", s.op("multiply", x, z), axes=("b",)),  # z is a factor of every sum
        s.op("sum", s.op("multiply", x, whole), axes=("b",)),
        s.op("sum", read, axes=("b",)),
        read,
    )
    assert not canonical(graph)


def test_pooling_goes_before_a_projection() -> None:
    s = Sketch()
    x, w = s.input("x", batch="batch", seq="seq", embed=4), s.parameter("w", out=5, embed=4)
    graph = s.returns(s.op("mean", s.op("contract", x, w, axes=("embed",)), axes=("seq",)))
    assert canonical(graph)
    (mean,) = graph.nodes("mean")
    assert graph.operands(mean.identity) == (x,)


def test_linear_attention_with_its_normaliser_is_linear() -> None:
    s = Sketch()
    q, k, v = (
        s.input("q", query="query", key=3),
        s.input("k", source="source", key=3),
        s.input("v", source="source", key=3),
    )
    score = s.op("multiply", s.constant(0.5), s.op("contract", q, k, axes=("key",)))
    graph = s.returns(
        s.op("divide", s.op("contract", score, v, axes=("source",)), s.op("sum", score, axes=("source",)))
    )
    assert canonical(graph)
    assert run(ReassociateContractions(), graph).changed
    assert not [node for node in graph.nodes() if {"query", "source"} <= set(node.type.names)]


def test_sums_that_cost_less_behind_the_product_stay() -> None:
    s = Sketch()
    q, k = s.input("q", batch=2, query=2, key=64), s.input("k", batch=2, source=2, key=64)
    score = s.op("contract", q, k, axes=("key",))
    wide = s.op("contract", q, s.input("m", batch=2, source="source", key=64), axes=("key",))
    inverse = s.op("divide", s.constant(1.0), wide)
    sums = [
        s.op("sum", value, axes=axes)
        for value, axes in ((score, ("source",)), (wide, ("batch",)), (inverse, ("source",)))
    ]
    graph = s.returns(score, *sums)
    assert not canonical(graph)


def test_names_and_packings() -> None:
    s = Sketch()
    x, y = s.input("x", a=6, b=2), s.input("y", a=6, b=2)
    renamed = s.rename(s.rename(x, a="c", b="d"), c="b", d="e")
    parts = (Axis.of("p", 2), Axis.of("q", 3))
    joined = s.op("merge", s.op("split", x, axis="a", into=parts), axes=("p", "q"), into=Axis.of("a", 6))
    apart = s.op(
        "split",
        s.op("merge", x, axes=("b", "a"), into=Axis.of("f", 12)),
        axis="f",
        into=(Axis.of("g", 2), Axis.of("h", 6)),
    )
    stack = s.rename(s.op("stack", x, y, axis=Axis.of("i", 2)), i="j", a="i")
    graph = s.returns(renamed, joined, apart, s.op("index", stack, axis="j", position=ONE))
    assert canonical(graph)
    assert operators(graph) == ["input", "input", "rename", "rename", "rename"]
    assert graph.results[1].node == x


def test_packings_that_move_numbers_stay() -> None:
    s = Sketch()
    x = s.input("x", a=6, b=2)
    parts = s.op("split", x, axis="a", into=(Axis.of("p", 2), Axis.of("q", 3)))
    turned = s.op("merge", parts, axes=("q", "p"), into=Axis.of("a", 6))
    merged = s.op("merge", x, axes=("a", "b"), into=Axis.of("f", 12))
    other = s.op("split", merged, axis="f", into=(Axis.of("g", 2), Axis.of("h", 6)))
    stack = s.op("stack", x, x, axis=Axis.of("i", 2))
    graph = s.returns(turned, other, s.op("index", stack, axis="a", position=ONE))
    assert not canonical(graph)


Function = Callable[[Sketch, int], int]
FUNCTIONS: dict[str, tuple[str, Function]] = {
    "negated exponential": (
        "sigmoid",
        lambda s, x: s.op(
            "divide", s.constant(1.0), s.op("add", s.constant(1.0), s.op("exp", s.op("multiply", x, s.constant(-1.0))))
        ),
    ),
    "maximum": ("relu", lambda s, x: s.op("maximum", s.constant(0.0), x)),
    "half clamp": ("relu", lambda s, x: s.op("clamp", x, low=0.0, high=None)),
    "bounded": ("clamp", lambda s, x: s.op("minimum", s.op("maximum", x, s.constant(0.0)), s.constant(6.0))),
    "clamp": (
        "hardsigmoid",
        lambda s, x: s.op("divide", s.op("clamp", s.op("add", x, s.constant(3.0)), low=0.0, high=6.0), s.constant(6.0)),
    ),
    "bounds": (
        "hardsigmoid",
        lambda s, x: s.op(
            "divide",
            s.op("minimum", s.constant(6.0), s.op("maximum", s.op("add", s.constant(3.0), x), s.constant(0.0))),
            s.constant(6.0),
        ),
    ),
    "square": ("multiply", lambda s, x: s.op("power", x, s.constant(2.0))),
    "negative": ("negate", lambda s, x: s.op("multiply", s.constant(-1.0), x)),
}
SPECIAL = (math.nan, math.inf, -math.inf, 0.0, -1e4, -3.0, -0.5, 1e-3, 3.0, 7.0, 1e4)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_by_its_name_for_every_number(name: str) -> None:
    operator, build = FUNCTIONS[name]
    s = Sketch()
    x = s.input("x", n=len(SPECIAL))
    graph = s.returns(build(s, x))
    numbers = {x: NamedArray(np.array(SPECIAL), ("n",))}
    before = run_nodes(graph, numbers, {})[graph.results[0].node].array
    assert canonical(graph)
    assert operators(graph) == sorted(["input", operator])
    np.testing.assert_allclose(run_nodes(graph, numbers, {})[graph.results[0].node].array, before, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(value=st.floats(-600, 600), exponent=st.sampled_from((0.5, -0.5, -1.0)))
def test_powers_and_the_quotient_of_exponentials(value: float, exponent: float) -> None:
    s = Sketch()
    x = s.input("x")
    e = s.op("exp", x)
    power = s.op("power", s.op("abs", x), s.constant(exponent))
    graph = s.returns(s.op("divide", e, s.op("add", e, s.constant(1.0))), power)
    numbers = {x: NamedArray(np.array(value), ())}
    before = [run_nodes(graph, numbers, {})[result.node].array for result in graph.results]
    assert canonical(graph)
    assert "power" not in operators(graph)
    assert "exp" not in operators(graph)
    after = [run_nodes(graph, numbers, {})[result.node].array for result in graph.results]
    np.testing.assert_allclose(after, before, rtol=1e-6)


def test_functions_with_other_numbers_stay() -> None:
    s = Sketch()
    x = s.input("x", n=3)
    e = s.op("exp", s.op("negate", x))
    whole = s.input("i", DType.I64, n=3)
    graph = s.returns(
        s.op("divide", s.constant(2.0), s.op("add", s.constant(1.0), e)),
        s.op("divide", s.constant(1.0), s.op("add", s.constant(2.0), e)),
        s.op("maximum", x, s.constant(-1.0)),
        s.op("maximum", whole, s.constant(0.0)),
        s.op("minimum", x, s.constant(6.0)),
        s.op("divide", s.op("clamp", s.op("add", x, s.constant(2.0)), low=0.0, high=6.0), s.constant(6.0)),
        s.op("power", x, s.constant(3.0)),
        s.op("multiply", x, s.op("sigmoid", x)),
    )
    assert not canonical(graph)


def test_negated_condition() -> None:
    s = Sketch()
    x, y, mask = s.input("x", n=3), s.input("y", n=3), s.input("m", DType.BOOL, n=3)
    graph = s.returns(s.op("where", s.op("logical_not", mask), x, y))
    assert canonical(graph)
    (where,) = graph.nodes("where")
    assert graph.operands(where.identity) == (mask, y, x)


def test_casts() -> None:
    s = Sketch()
    half, single = s.input("h", DType.F16, n=3), s.input("x", n=3)

    def twice(value: int, inner: DType, outer: DType) -> int:
        return s.op("cast", s.op("cast", value, dtype=inner), dtype=outer)

    graph = s.returns(
        twice(half, DType.F32, DType.F16), twice(half, DType.F32, DType.F64), twice(single, DType.F16, DType.F32)
    )
    assert canonical(graph)
    assert operators(graph).count("cast") == 3
    assert graph.results[0].node == half


def test_a_name_and_a_place_stay_with_the_value() -> None:
    s = Sketch()
    graph = s.returns(s.op("maximum", s.input("x", n=3), s.constant(0.0), name="hidden"))
    (before,) = graph.nodes("maximum")
    assert canonical(graph)
    (after,) = graph.nodes("relu")
    assert isinstance(after, Node)
    assert (after.name, after.origin) == ("hidden", before.origin)


def test_what_nobody_reads_is_left_to_the_pass_that_drops_it() -> None:
    s = Sketch()
    x = s.input("x", n=3)
    s.op("index", s.op("stack", s.op("sin", x), axis=Axis.of("i", 1)), axis="i", position=ZERO)
    assert not canonical(s.returns(x))
