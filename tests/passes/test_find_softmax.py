"""A softmax written by hand, in every form, is found; what is none stays as it is."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passes.sketch import Sketch, check_pass, evaluate_all, operators, run, text

from attncomp.ir.graph import Graph
from attncomp.ir.interpret import run_nodes
from attncomp.ir.operators.base import NamedArray
from attncomp.ir.types import DType
from attncomp.passes.eliminate_common_subexpressions import EliminateCommonSubexpressions
from attncomp.passes.find_attention_regions import FindAttentionRegions
from attncomp.passes.find_softmax import FindSoftmax

Spelling = Callable[[Sketch, int, tuple[str, ...]], int]


def shifted(s: Sketch, x: int, axes: tuple[str, ...]) -> int:
    return s.op("exp", s.op("subtract", x, s.op("max", x, axes=axes)))


def quotient(s: Sketch, x: int, axes: tuple[str, ...]) -> int:
    e = s.op("exp", x)
    return s.op("divide", e, s.op("sum", e, axes=axes))


def with_maximum(s: Sketch, x: int, axes: tuple[str, ...]) -> int:
    e = shifted(s, x, axes)
    return s.op("divide", e, s.op("sum", e, axes=axes))


def with_constant(s: Sketch, x: int, axes: tuple[str, ...]) -> int:
    return quotient(s, s.op("subtract", x, s.constant(3.0)), axes)


def with_bounded_maximum(s: Sketch, x: int, axes: tuple[str, ...]) -> int:
    most = s.op("maximum", s.constant(0.0), s.op("max", x, axes=axes))
    return quotient(s, s.op("add", s.op("negate", most), x), axes)


def reciprocal(s: Sketch, x: int, axes: tuple[str, ...]) -> int:
    e = s.op("exp", x)
    return s.op("multiply", s.op("divide", s.constant(1.0), s.op("sum", e, axes=axes)), e)


def less_logarithm(s: Sketch, x: int, axes: tuple[str, ...]) -> int:
    return s.op("exp", s.op("subtract", x, s.op("log", s.op("sum", s.op("exp", x), axes=axes))))


def less_shifted_logarithm(s: Sketch, x: int, axes: tuple[str, ...]) -> int:
    most = s.op("max", x, axes=axes)
    total = s.op("sum", s.op("exp", s.op("subtract", x, most)), axes=axes)
    return s.op("exp", s.op("subtract", x, s.op("add", most, s.op("log", total))))


def shifted_less_logarithm(s: Sketch, x: int, axes: tuple[str, ...]) -> int:
    t = s.op("subtract", x, s.op("max", x, axes=axes))
    return s.op("exp", s.op("subtract", t, s.op("log", s.op("sum", s.op("exp", t), axes=axes))))


def of_log_softmax(s: Sketch, x: int, axes: tuple[str, ...]) -> int:
    return s.op("exp", s.op("log_softmax", x, axes=axes))


def of_shifted(s: Sketch, x: int, axes: tuple[str, ...]) -> int:
    return s.op("softmax", s.op("subtract", x, s.op("max", x, axes=axes)), axes=axes)


SPELLINGS: tuple[Spelling, ...] = (
    quotient, with_maximum, with_constant, with_bounded_maximum, reciprocal, less_logarithm, less_shifted_logarithm,
    shifted_less_logarithm, of_log_softmax, of_shifted,
)  # fmt: skip


def found(graph: Graph) -> bool:
    return run(FindSoftmax(), graph).changed


def test_deferred_normaliser_golden() -> None:
    s = Sketch()
    x, v = s.input("x", query="query", source="source"), s.input("v", source="source", key=3)
    e = shifted(s, x, ("source",))
    made = s.op("contract", e, v, axes=("source",))
    check_pass("softmax_deferred", FindSoftmax(), s.returns(s.op("divide", made, s.op("sum", e, axes=("source",)))))


def test_masked_golden() -> None:
    s = Sketch()
    x, mask = s.input("x", query="query", source="source"), s.input("mask", DType.BOOL, source="source")
    masked = s.op("where", mask, s.op("exp", x), s.constant(0.0))
    once_more = s.op("multiply", masked, s.op("cast", s.op("greater", x, s.constant(-1.5)), dtype=DType.F32))
    total = s.op("sum", once_more, axes=("source",))
    check_pass("softmax_masked", FindSoftmax(), s.returns(s.op("divide", once_more, total, name="weights")))


@pytest.mark.parametrize("dtype", [DType.F32, DType.F16])
@pytest.mark.parametrize("axes", [("b",), ("a", "b")])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_one_softmax(spelling: Spelling, axes: tuple[str, ...], dtype: DType) -> None:
    s = Sketch()
    x = s.input("x", dtype, n="n", a=3, b=4)
    s.constant = lambda value, kind=dtype, plain=s.constant: plain(value, kind)  # type: ignore[method-assign, misc, assignment]
    graph = s.returns(spelling(s, x, axes))
    assert found(graph)
    assert operators(graph) == ["input", "softmax"]
    (softmax,) = graph.nodes("softmax")
    assert set(softmax.attributes["axes"]) == set(axes)  # type: ignore[arg-type]
    assert not FindSoftmax().run(graph).changed


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_logarithm_of_every_spelling_is_one_log_softmax(spelling: Spelling) -> None:
    s = Sketch()
    graph = s.returns(s.op("log", spelling(s, s.input("x", n="n", b=4), ("b",))))
    assert found(graph)
    assert operators(graph) == ["input", "log_softmax"]


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_number_and_one_number(spelling: Spelling, size: int) -> None:
    s = Sketch()
    assert found(s.returns(spelling(s, s.input("x", n="n", b=size), ("b",))))


@settings(max_examples=60, deadline=None)
@given(
    spelling=st.sampled_from(SPELLINGS),
    values=st.lists(
        st.sampled_from((-math.inf, -1e4, -200.0, -3.0, 0.0, 0.5, 2.0, 300.0, 1e4)), min_size=4, max_size=4
    ),
)
def test_where_nothing_overflows_the_softmax_is_the_same_number(spelling: Spelling, values: list[float]) -> None:
    s = Sketch()
    x = s.input("x", b=4)
    graph = s.returns(spelling(s, x, ("b",)))
    given_ = {x: NamedArray(np.array(values), ("b",))}
    before = run_nodes(graph, given_, {})[graph.results[0].node].array
    FindSoftmax().run(graph)
    after = run_nodes(graph, given_, {})[graph.results[0].node].array
    assert np.all(np.isfinite(after))
    kept = np.isfinite(before) & (max(values) < 700)  # float64 holds no exponential beyond
    np.testing.assert_allclose(after[kept], before[kept], rtol=1e-6, atol=1e-12)


def test_row_masked_as_a_whole_becomes_zero() -> None:
    s = Sketch()
    x = s.input("x", b=3)
    e = s.op("where", s.op("less", s.arange("b", 3), s.constant(0, DType.I64)), s.op("exp", x), s.constant(0.0))
    graph = s.returns(s.op("divide", e, s.op("sum", e, axes=("b",))))
    FindSoftmax().run(graph)
    (made,) = evaluate_all(graph)
    np.testing.assert_array_equal(made.array, np.zeros(3))


def test_attention_by_hand_is_a_region() -> None:
    s = Sketch()
    q, k = s.input("q", query="query", key=3), s.input("k", source="source", key=3)
    e = shifted(s, s.op("contract", q, k, axes=("key",)), ("source",))
    made = s.op("contract", s.input("v", source="source", key=3), e, axes=("source",))
    inverse = s.op("divide", s.constant(1.0), s.op("sum", e, axes=("source",)))
    graph = s.returns(s.op("multiply", inverse, made))
    assert found(graph)
    assert [remark.kind for remark in run(FindAttentionRegions(), graph).remarks] == ["fused"]


def test_second_readers_of_the_exponentials_and_the_sum() -> None:
    s = Sketch()
    x, v = s.input("x", query="query", source="source"), s.input("v", source="source", key=3)
    e = shifted(s, x, ("source",))
    total = s.op("sum", e, axes=("source",))
    weights = s.op("divide", e, total)
    made = s.op("divide", s.op("contract", e, v, axes=("source",)), total)
    graph = s.returns(weights, made, s.op("sqrt", e), total)
    assert found(graph)
    assert operators(graph).count("softmax") == 1
    assert operators(graph).count("exp") == 1


def test_product_that_is_read_before_it_is_normalised_stays() -> None:
    s = Sketch()
    x, v = s.input("x", query="query", source="source"), s.input("v", source="source", key=3)
    e = s.op("exp", x)
    made = s.op("contract", e, v, axes=("source",))
    assert not found(s.returns(made, s.op("divide", made, s.op("sum", e, axes=("source",)))))


def test_what_is_taken_off_for_each_source_stays_in_the_score() -> None:
    s = Sketch()
    x, bias = s.input("x", query="query", source="source"), s.input("bias", source="source")
    graph = s.returns(quotient(s, s.op("subtract", x, bias), ("source",)))
    assert found(graph)
    assert operators(graph) == ["input", "input", "softmax", "subtract"]


def test_shift_with_more_axes_than_the_score_stays_in_it() -> None:
    s = Sketch()
    x, bias = s.input("x", source="source"), s.input("bias", query="query")
    graph = s.returns(quotient(s, s.op("add", x, bias), ("source",)))
    assert found(graph)
    assert operators(graph) == ["add", "input", "input", "softmax"]


def test_no_parameter_loses_its_last_reader() -> None:
    s = Sketch()
    x = s.input("x", query="query", source="source", key=3)
    x = s.op("sum", x, axes=("key",))
    graph = s.returns(quotient(s, s.op("add", x, s.parameter("bias")), ("source",)))
    assert found(graph)
    assert operators(graph) == ["add", "input", "parameter", "softmax", "sum"]


def test_two_normalised_exponentials_of_one_score_over_two_axes() -> None:
    s = Sketch()
    e = s.op("exp", s.input("x", a=3, b=4))
    made = [s.op("divide", e, s.op("sum", e, axes=(axis,))) for axis in "ab"]
    graph = s.returns(*made)
    assert found(graph)
    assert operators(graph) == ["input", "softmax", "softmax"]


def test_subtracted_biases_are_added_golden() -> None:
    s = Sketch()
    q, k = s.input("q", head=2, query="query", key=3), s.input("k", source="source", key=3)
    score = s.op("divide", s.op("contract", q, k, axes=("key",)), s.constant(2.0))
    slope, distance = s.input("slope", head=2), s.input("distance", query="query", source="source")
    score = s.op("subtract", score, s.op("multiply", distance, slope), name="score")
    mask = s.op("multiply", s.constant(1e4), s.input("mask", source="source"))
    score = s.op("where", s.op("greater", slope, s.constant(0.0)), s.op("subtract", score, mask), s.constant(-math.inf))
    check_pass("softmax_biases", FindSoftmax(), s.returns(s.op("softmax", score, axes=("source",))))


@pytest.mark.parametrize("kind", ["negated", "whole", "number", "read", "boolean", "no product"])
def test_what_is_subtracted(kind: str) -> None:
    s = Sketch()
    q, k = s.input("q", query="query", key=3), s.input("k", source="source", key=3)
    score = (
        s.input("s", query="query", source="source") if kind == "no product" else s.op("contract", q, k, axes=("key",))
    )
    bias = {
        "negated": lambda: s.op("negate", s.input("b", source="source")),
        "whole": lambda: s.input("b", DType.I64, source="source"),
        "number": lambda: s.op("sum", k, axes=("source", "key")),
        "read": lambda: s.op("multiply", s.input("b", source="source"), s.input("c", query="query")),
        "boolean": lambda: s.input("b", DType.BOOL, source="source"),
        "no product": lambda: s.input("b", source="source"),
    }[kind]()
    weights = s.op("softmax", s.op("subtract", score, bias), axes=("source",))
    graph = s.returns(weights, *((bias,) if kind == "read" else ()))
    assert found(graph) is (kind not in ("boolean", "no product"))
    assert not FindSoftmax().run(graph).changed
    expected = {"negated": [], "whole": ["negate"], "read": ["negate"]}
    assert [name for name in operators(graph) if name in ("negate", "subtract")] == expected.get(
        kind, [] if kind == "number" else ["subtract"]
    )


@pytest.mark.parametrize("guard", ["add", "maximum", "clamp"])
@pytest.mark.parametrize("behind", [False, True])
def test_guarded_sum_leaves_a_remark(guard: str, behind: bool) -> None:
    s = Sketch()
    x, v = s.input("x", query="query", source="source"), s.input("v", source="source", key=3)
    e = s.op("exp", x)
    total = s.op("sum", e, axes=("source",))
    total = s.op("clamp", total, low=1e-6, high=None) if guard == "clamp" else s.op(guard, total, s.constant(1e-6))
    if behind:
        made = s.op("divide", s.op("contract", e, v, axes=("source",)), total)
    else:
        made = s.op("contract", s.op("divide", e, total), s.rename(v), axes=("source",))
    result = run(FindSoftmax(), s.returns(made))
    assert not result.changed
    (remark,) = result.remarks
    assert (remark.kind, remark.region) == ("missed", "attention")
    assert f"`{guard}` stands between" in remark.message
    assert "softmax{source}" in remark.help
    assert remark.span is not None


def test_weighted_exponentials_leave_a_remark() -> None:
    s = Sketch()
    x, v = s.input("x", query="query", source="source"), s.input("v", source="source", key=3)
    e = s.op("multiply", s.op("exp", x), s.input("w", source="source"))
    weights = s.op("divide", e, s.op("sum", e, axes=("source",)))
    result = run(FindSoftmax(), s.returns(s.op("contract", s.op("dropout", weights, rate=0.1), v, axes=("source",))))
    assert not result.changed
    (remark,) = result.remarks
    assert "weighted before they are summed" in remark.message


def test_a_guarded_sum_of_what_is_not_contracted_is_nobodys_miss() -> None:
    s = Sketch()
    e = s.op("exp", s.input("x", query="query", source="source"))
    total = s.op("add", s.op("sum", e, axes=("source",)), s.constant(1e-6))
    weights = s.op("divide", e, total)
    others = s.op("contract", weights, s.input("v", query="query", key=3), axes=("query",))
    result = run(FindSoftmax(), s.returns(others))
    assert (result.changed, result.remarks) == (False, ())


@pytest.mark.parametrize("kind", ["other sum", "other exponential", "numerator", "base", "two", "mean"])
def test_what_is_no_softmax_stays(kind: str) -> None:
    s = Sketch()
    x, y = s.input("x", a=3, b=4), s.input("y", a=3, b=4)
    e = s.op("exp", x)
    total = s.op("sum", e, axes=("b",))
    made = {
        "other sum": lambda: s.op("divide", e, s.op("sum", s.op("exp", y), axes=("b",))),
        "other exponential": lambda: s.op("subtract", x, s.op("log", s.op("sum", s.op("exp", y), axes=("b",)))),
        "numerator": lambda: s.op("divide", total, e),
        "base": lambda: s.op("divide", s.op("sin", x), s.op("sum", s.op("sin", x), axes=("b",))),
        "two": lambda: s.op("multiply", e, s.op("divide", s.constant(2.0), total)),
        "mean": lambda: s.op("divide", e, s.op("mean", e, axes=("b",))),
    }[kind]()
    graph = s.returns(made)
    EliminateCommonSubexpressions().run(graph)
    before = text(graph)
    assert not found(graph)
    assert text(graph) == before
