"""Products of several values are made in their cheapest order."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passes.motifs import attend, project
from passes.sketch import Sketch, check_pass, operators, run

from attncomp.ir.cost import operations
from attncomp.ir.estimate import estimate
from attncomp.ir.graph import Graph
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.passes.base import PassResult
from attncomp.passes.contraction_order import Factors, Tree, cheapest, when_cheaper
from attncomp.passes.reassociate_contractions import ReassociateContractions


def reordered(graph: Graph) -> PassResult:
    before = sum(estimate(operations(graph, node.identity)) for node in graph.nodes())
    result = run(ReassociateContractions(), graph)
    assert not ReassociateContractions().run(graph).changed
    after = sum(estimate(operations(graph, node.identity)) for node in graph.nodes())
    assert after < before if result.changed else after == before
    return result


def linear(s: Sketch, dtype: DType = DType.F32, seq: int | str = "seq") -> tuple[int, int, int]:
    """Queries, and keys and values of the same sequence under another name."""
    q, k, v = (
        s.input(name, dtype, batch="batch", seq=seq, **{axis: 3})
        for name, axis in (("q", "key"), ("k", "key"), ("v", "key"))
    )
    return q, s.rename(k, seq="seq'"), s.rename(v, seq="seq'")


def test_linear_attention_golden() -> None:
    s = Sketch()
    q, k, v = linear(s)
    score = s.op("divide", s.op("contract", q, k, axes=("key",)), s.constant(2.0))
    made = s.op("contract", score, v, axes=("seq'",), name="mixed")
    check_pass("reassociate_linear", ReassociateContractions(), s.returns(made))


def test_remark_tells_the_order_the_costs_and_where_it_turns() -> None:
    s = Sketch()
    q, k, v = linear(s)
    (remark,) = reordered(s.returns(s.op("contract", s.op("contract", q, k, axes=("key",)), v, axes=("seq'",)))).remarks
    assert (remark.kind, remark.region) == ("note", "product")
    assert remark.message.startswith("made as `q` @{key'} (`k` @{seq'} `v`): ")
    assert (
        "36 * batch * seq operations instead of 12 * batch * seq * seq, which is less where seq exceeds 3"
        in remark.message
    )
    assert remark.span is not None


def test_few_places_keep_the_written_order() -> None:
    s = Sketch()
    q, k, v = linear(s, seq=2)
    result = reordered(s.returns(s.op("contract", s.op("contract", q, k, axes=("key",)), v, axes=("seq'",))))
    assert (result.changed, result.remarks) == (False, ())


@pytest.mark.parametrize("dtype", [DType.F16, DType.F32, DType.F64])
def test_every_float_is_reordered_and_whole_numbers_are_not(dtype: DType) -> None:
    for kind, expected in ((dtype, True), (DType.I64, False)):
        s = Sketch()
        q, k, v = linear(s, kind)
        graph = s.returns(s.op("contract", s.op("contract", q, k, axes=("key",)), v, axes=("seq'",)))
        assert reordered(graph).changed is expected


@pytest.mark.parametrize("seq", [0, 1])
def test_no_place_and_one_place(seq: int) -> None:
    s = Sketch()
    q, k, v = linear(s, seq=seq)
    assert not reordered(s.returns(s.op("contract", s.op("contract", q, k, axes=("key",)), v, axes=("seq'",)))).changed


def test_renames_between_and_an_axis_that_returns() -> None:
    s = Sketch()
    a, b, c = s.input("a", i="seq", k=2), s.input("b", k=2, j="seq"), s.input("c", i="seq", k=2)
    product = s.rename(s.op("contract", a, b, axes=("k",)), i="j", j="i")
    graph = s.returns(s.op("contract", product, c, axes=("i",)))  # the result has a k of its own
    assert reordered(graph).changed
    assert set(graph.type(graph.results[0].node).names) == {"j", "k"}


def test_batch_axes_that_three_values_share() -> None:
    s = Sketch()
    a, b, c = (
        s.input(name, batch="n", head=2, **{axis: size})
        for name, axis, size in (("a", "x", "seq"), ("b", "y", "seq"), ("c", "y", "seq"))
    )
    outer = s.op("contract", a, b, axes=())
    graph = s.returns(s.op("contract", outer, c, axes=("y", "head")))
    assert reordered(graph).changed


def test_projections_stay_factors() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    q, k, v = (project(s, x, key, bias=False) for key in "qkv")
    k, v = s.rename(k, seq="seq'"), s.rename(v, seq="seq'")
    graph = s.returns(s.op("contract", s.op("contract", q, k, axes=("key",)), v, axes=("seq'",)))
    result = reordered(graph)
    assert result.changed
    assert [op for op in operators(graph) if op == "contract"] == ["contract"] * 5
    weights = {node.identity for node in graph.nodes("parameter")}
    read = [node for node in graph.nodes("contract") if weights & set(graph.operands(node.identity))]
    assert all(x in graph.operands(node.identity) for node in read)


def test_attention_with_a_softmax_stays() -> None:
    s = Sketch()
    q, k = s.input("q", query="query", key=3), s.input("k", source="source", key=3)
    v = s.op("contract", s.input("w", source="source", mid=5), s.input("u", mid=5, key=3), axes=("mid",))
    _, _, made = attend(s, q, k, v, sources=("source",), dropout=0.1)
    assert not reordered(s.returns(made)).changed


@pytest.mark.parametrize("reader", ["result", "operator"])
def test_product_that_something_else_reads_stays(reader: str) -> None:
    s = Sketch()
    q, k, v = linear(s)
    score = s.op("contract", q, k, axes=("key",))
    other = score if reader == "result" else s.op("relu", score)
    assert not reordered(s.returns(s.op("contract", score, v, axes=("seq'",)), other)).changed


def test_what_is_not_a_number_between_stays() -> None:
    s = Sketch()
    q, k, v = linear(s)
    score = s.op("contract", q, k, axes=("key",))
    scaled = s.op("multiply", score, s.input("scale"))
    weighed = s.op("divide", s.constant(2.0), s.op("contract", q, k, axes=("key",)))
    graph = s.returns(*(s.op("contract", one, v, axes=("seq'",)) for one in (scaled, weighed)))
    assert not reordered(graph).changed


def test_more_values_than_are_weighed_stay_as_a_whole() -> None:
    s = Sketch()
    value = s.input("x0", a0="n", a1=2)
    for place in range(1, 9):
        sizes = {f"a{place}": 2 if place % 2 else "n", f"a{place + 1}": "n" if place % 2 else 2}
        value = s.op("contract", value, s.input(f"x{place}", **sizes), axes=(f"a{place}",))
    graph = s.returns(value)
    run(ReassociateContractions(), graph)
    assert operators(graph).count("contract") == 8


def tree_costs(factors: Factors, members: tuple[int, ...]) -> list[tuple[float, Tree]]:
    """Every tree over `members` with its cost, by brute force."""
    if len(members) == 1:
        return [(0.0, members[0])]
    found: list[tuple[float, Tree]] = []
    for count in range(1, len(members)):
        for left in combinations(members, count):
            right = tuple(place for place in members if place not in left)
            joined = estimate(factors.joining(frozenset(left), frozenset(right)))
            for one, first in tree_costs(factors, left):
                for other, second in tree_costs(factors, right):
                    found.append((one + other + joined, (first, second)))
    return found


AXES = "abcde"


@settings(max_examples=60, deadline=None)
@given(
    axes=st.lists(st.sets(st.sampled_from(AXES), min_size=1, max_size=3), min_size=3, max_size=4),
    result=st.sets(st.sampled_from(AXES)),
    sizes=st.lists(st.integers(1, 40), min_size=5, max_size=5),
)
def test_no_tree_is_cheaper(axes: list[set[str]], result: set[str], sizes: list[int]) -> None:
    known = {name: Size.of(size) for name, size in zip(AXES, sizes, strict=True)}
    factors = Factors([frozenset(one) for one in axes], frozenset(result), known)
    tree = cheapest(factors)
    least = min(cost for cost, _ in tree_costs(factors, tuple(range(len(axes)))))
    assert estimate(factors.cost(tree)) == least


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_tree_of_products_keeps_its_value(data: st.DataObject) -> None:
    s = Sketch()
    sizes: dict[str, int | str] = {"a": 2, "b": "n", "c": 3, "d": 1, "e": 2}
    names = st.lists(st.sampled_from(AXES), min_size=1, max_size=3, unique=True)
    value = s.input("x0", **{name: sizes[name] for name in data.draw(names)})
    for place in range(1, data.draw(st.integers(2, 5))):
        other = s.input(f"x{place}", **{name: sizes[name] for name in data.draw(names)})
        shared = sorted(set(s.names(value)) & set(s.names(other)))
        axes = tuple(name for name in shared if data.draw(st.booleans()))
        pair = (value, other) if data.draw(st.booleans()) else (other, value)
        value = s.op("contract", *pair, axes=axes)
        if data.draw(st.booleans()):
            value = s.op("multiply", value, s.constant(0.5))
        if {"a", "e"} <= set(s.names(value)) and data.draw(st.booleans()):
            value = s.rename(value, a="e", e="a")
    run(ReassociateContractions(), s.returns(value))


def test_condition_is_told_without_what_both_have_in_common() -> None:
    seq, width = Size.symbol("seq"), Size.symbol("width")
    assert when_cheaper(4 * seq * width * 3, 4 * seq * seq) == "seq exceeds 3 * width"
    assert when_cheaper(seq, 2 * seq) is None
    assert when_cheaper(seq * 2, seq * width + seq) == "width + 1 exceeds 2"
