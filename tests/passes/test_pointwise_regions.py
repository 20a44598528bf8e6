"""Pointwise regions: which operators hang together, what stays outside, and what is handed over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passes.motifs import project, self_attention
from passes.sketch import Sketch, check_pass, evaluate_all, operators, run, same_values, text

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Graph, Origin
from attncomp.ir.types import DType
from attncomp.ir.verify import verify
from attncomp.passes.find_pointwise_regions import FindPointwiseRegions
from attncomp.passes.iterations import iterations
from attncomp.passes.overview import Overview

FIND = FindPointwiseRegions(least=1)


def image(s: Sketch, label: str = "x", dtype: DType = DType.F32) -> int:
    return s.input(label, dtype, batch="batch", channel=4, height=2, width=3)


def fused(graph: Graph) -> tuple[Remark, ...]:
    return run(FIND, graph).remarks


def bodies(graph: Graph) -> list[list[str]]:
    """The operators of each region's body but its inputs, in the graph's order."""
    found = []
    for node in graph.nodes("region"):
        body = node.attributes["body"]
        assert isinstance(body, Graph)
        found.append([inner.operator for inner in body.nodes() if inner.operator not in ("input", "constant")])
    return found


def test_residual_and_activation_golden() -> None:
    s = Sketch()
    check_pass("pointwise_residual", FIND, s.returns(s.op("relu", s.op("add", image(s), image(s, "y")))))


def test_several_results_golden() -> None:
    s = Sketch()
    x, y = image(s), image(s, "y")
    total = s.op("add", s.op("multiply", x, y), y, name="total")
    pooled = s.op("mean", s.op("tanh", s.op("negate", total)), axes=("height",))
    check_pass("pointwise_several_results", FIND, s.returns(total, pooled))


def test_the_remark_says_what_is_spared() -> None:
    s = Sketch()
    (remark,) = fused(s.returns(s.op("relu", s.op("add", image(s), s.op("exp", image(s, "y"))))))
    assert (
        remark.message
        == "3 operators on {batch, channel, height, width} hang together: what lies between need not be stored"
    )
    assert (remark.kind, remark.region, remark.scope) == ("fused", "pointwise", "layers.0")
    assert len(remark.lines) == 3
    assert remark.saved is not None
    assert str(remark.saved.traffic) == "384 * batch"  # exp and add are each written and read again: 4 * 4 * 24 * batch


def test_one_operator_is_no_region() -> None:
    s = Sketch()
    assert fused(s.returns(s.op("relu", image(s)))) == ()


def test_what_must_be_stored_anyway_spares_nothing() -> None:
    s = Sketch()
    total = s.op("add", image(s), image(s, "y"))
    assert fused(s.returns(s.op("relu", total), total)) == ()


def test_little_is_left_alone() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", channel=4)
    graph = s.returns(s.op("relu", s.op("tanh", x)))
    assert FindPointwiseRegions().run(graph).changed is False  # 256 * 4 * 4 bytes
    s = Sketch()
    x = s.input("x", batch="batch", channel=64)
    assert FindPointwiseRegions().run(s.returns(s.op("relu", s.op("tanh", x)))).changed is True


def test_another_index_space_is_another_region() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq")
    wide = s.op("multiply", s.op("exp", s.op("tanh", x)), s.parameter("w", embed=4))
    graph = s.returns(s.op("relu", wide), s.op("exp", x))
    remarks = fused(graph)
    assert len(remarks) == 1
    assert bodies(graph) == [["tanh", "exp", "multiply", "relu"]]  # what only the larger ones read is made inside
    assert "2 operators on {batch, embed, seq}" in remarks[0].message


def test_a_smaller_value_that_others_read_is_a_region_of_its_own() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq")
    narrow = s.op("exp", s.op("tanh", x))
    graph = s.returns(s.op("relu", s.op("multiply", narrow, s.parameter("w", embed=4))), narrow)
    assert len(fused(graph)) == 2
    assert bodies(graph) == [["tanh", "exp"], ["multiply", "relu"]]


def test_a_way_through_a_reduction_parts_two_regions() -> None:
    s = Sketch()
    x = image(s)
    shifted = s.op("exp", s.op("negate", x))
    norm = s.op("sum", shifted, axes=("channel",))
    graph = s.returns(s.op("relu", s.op("divide", shifted, norm)))
    assert len(fused(graph)) == 2
    assert bodies(graph) == [["negate", "exp"], ["divide", "relu"]]


def test_an_early_value_moves_to_where_it_is_read() -> None:
    s = Sketch()
    early = s.op("multiply", image(s), s.constant(2.0))
    late = s.op("mean", image(s, "y"), axes=("width",))
    graph = s.returns(s.op("add", early, s.op("cumsum", s.op("add", late, image(s, "z")), axis="width")))
    fused(graph)
    assert bodies(graph) == [["multiply", "add"]]


def test_parameters_and_tables_of_positions_stay_outside() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    scale = s.op("exp", s.op("negate", s.parameter("log_scale", embed=4)))
    wave = s.op("sin", s.op("multiply", s.op("cast", s.arange("seq", "seq"), dtype=DType.F32), s.constant(0.5)))
    graph = s.returns(s.op("tanh", s.op("add", s.op("multiply", x, scale), wave)))
    fused(graph)
    assert bodies(graph) == [["multiply", "add", "tanh"]]
    assert {"sin", "exp", "arange"} <= set(operators(graph))


def test_numbers_are_copied_inside() -> None:
    s = Sketch()
    graph = s.returns(s.op("add", s.op("multiply", image(s), s.constant(2.0)), s.constant(1.0)))
    fused(graph)
    (region,) = graph.nodes("region")
    assert len(graph.operands(region.identity)) == 1
    assert operators(graph) == ["input", "region"]


@pytest.mark.parametrize("more", [0, 1])
def test_a_bias_that_the_product_takes_stays_with_it(more: int) -> None:
    s = Sketch()
    x = s.input("x", batch="batch", embed=4)
    made = s.op("gelu", project(s, x, "p"), approximate="none")
    graph = s.returns(s.op("multiply", made, s.constant(2.0)) if more else made)
    assert len(fused(graph)) == more
    assert bodies(graph) == [["gelu", "multiply"]] * more
    assert "add" in operators(graph)


def test_a_bias_that_depends_on_the_input_is_taken() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", embed=4)
    made = s.op("contract", x, s.parameter("w", hidden=4, embed=4), axes=("embed",))
    graph = s.returns(s.op("gelu", s.op("add", made, s.input("b", hidden=4)), approximate="none"))
    fused(graph)
    assert bodies(graph) == [["add", "gelu"]]


def test_the_scale_and_shift_of_a_normalization_stay_with_it() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", embed=4)
    normal = s.op("normalize", x, axes=("embed",), epsilon=1e-5, center=True)
    scaled = s.op("multiply", normal, s.parameter("scale", embed=4))
    assert fused(s.returns(s.op("relu", s.op("add", scaled, s.parameter("shift", embed=4))))) == ()


def test_dropout_parts_two_regions() -> None:
    s = Sketch()
    dropped = s.op("dropout", s.op("exp", s.op("negate", image(s))), rate=0.5)
    graph = s.returns(s.op("relu", s.op("tanh", dropped)))
    fused(graph)
    assert bodies(graph) == [["negate", "exp"], ["tanh", "relu"]]


def test_dead_operators_are_no_results() -> None:
    s = Sketch()
    x = image(s)
    kept = s.op("tanh", x)
    s.op("exp", kept)
    graph = s.returns(s.op("relu", s.op("negate", kept)))
    fused(graph)
    assert bodies(graph) == [["tanh", "negate", "relu"]]


def test_types_of_every_kind() -> None:
    s = Sketch()
    half = image(s, "half", DType.F16)
    mask = s.op("less", s.op("cast", half, dtype=DType.F32), s.constant(0.5))
    graph = s.returns(s.op("where", s.op("logical_not", mask), half, s.op("clamp", half, low=-1.0, high=1.0)))
    fused(graph)
    assert [sorted(body) for body in bodies(graph)] == [["cast", "clamp", "less", "logical_not", "where"]]


def layered(s: Sketch, value: int, scope: str) -> int:
    """`value` as if made in the layer `scope`."""
    origin = s.graph.node(value).origin
    s.graph.update(value, origin=replace(origin, scope=scope))
    return value


def tower(depth: int, *, behind: bool = False, last: bool = False) -> Graph:
    """Layers of a convolution-free network; pointwise work at both ends of each, `behind` it, and after the `last`."""
    s = Sketch()
    x = s.input("x", batch="batch", embed=4)
    layered(s, x, "")
    for number in range(depth):
        inner = f"blocks.{number}.act"
        first = layered(s, s.op("tanh", layered(s, s.op("negate", x), inner)), inner)
        made = s.op("contract", first, s.parameter(f"w{number}", out=4, embed=4), axes=("embed",))
        made = layered(s, s.rename(layered(s, made, inner), out="embed"), inner)
        made = layered(s, s.op("sin", made), inner)
        x = layered(s, s.op("add", x, made), "")
        if behind:
            x = layered(s, s.op("relu", x), "")
    return s.returns(layered(s, s.op("exp", x), "") if last else x)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("behind", [False, True])
def test_iterations_of_layers_stay_alike(behind: bool, last: bool) -> None:
    graph = tower(4, behind=behind, last=last)
    assert len(fused(graph)) == 8
    assert bodies(graph) == [["negate", "tanh"], ["sin", "add", *(["relu"] if behind else [])]] * 4
    assert operators(graph).count("exp") == last


def test_what_is_done_between_layers_belongs_to_the_earlier() -> None:
    graph = tower(3, last=True)
    layers = iterations(Overview.of(graph))
    assert [layers[node.identity] for node in graph.nodes("add")] == ["blocks.0", "blocks.1", "blocks.2"]
    assert [layers[node.identity] for node in graph.nodes("exp")] == [""]


def test_branches_that_are_summed_stay_apart() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", embed=4)
    s.graph.update(x, origin=Origin())
    total = x
    for number in range(3):
        made = layered(s, s.op("tanh", layered(s, s.op("negate", x), f"b.{number}")), f"b.{number}")
        total = layered(s, s.op("add", total, made), "")
    graph = s.returns(total)
    fused(graph)
    assert bodies(graph) == [["negate", "tanh", "add"]] * 3


def test_attention_and_what_follows() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    graph = s.returns(s.op("tanh", s.op("add", x, self_attention(s, x))))
    fused(graph)
    assert ["add", "tanh"] in bodies(graph)


UNARY = ("negate", "tanh", "sin", "relu")
BINARY = ("add", "multiply", "maximum", "subtract")


@st.composite
def tangles(draw: st.DrawFn) -> Graph:
    """Pointwise operators on values of a few index spaces, parted by reductions and products, read again at will."""
    s = Sketch()
    values = [s.input("x", batch="batch", seq=3, embed=2), s.input("y", batch="batch", embed=2), s.input("z", embed=2)]
    values += [s.parameter("p", embed=2), s.constant(0.5)]
    for _ in range(draw(st.integers(3, 14))):
        first, second = draw(st.sampled_from(values)), draw(st.sampled_from(values))
        kind = draw(st.sampled_from(("unary", "binary", "binary", "sum", "contract", "cumsum")))
        names = s.names(first)
        if kind == "sum" and names:
            values.append(s.op("sum", first, axes=(draw(st.sampled_from(names)),)))
        elif kind == "cumsum" and names:
            values.append(s.op("cumsum", first, axis=names[0]))
        elif kind == "contract" and "embed" in names and "embed" in s.names(second):
            values.append(s.op("contract", first, second, axes=("embed",)))
        elif kind == "unary":
            values.append(s.op(draw(st.sampled_from(UNARY)), first))
        elif set(names) >= set(s.names(second)):
            values.append(s.op(draw(st.sampled_from(BINARY)), first, second))
    count = draw(st.integers(1, 3))
    return s.returns(*(draw(st.sampled_from(values[3:])) for _ in range(count)), values[-1])


@settings(max_examples=150, deadline=None)
@given(graph=tangles(), least=st.sampled_from((1, 8000)))
def test_no_tangle_changes_a_result_or_is_changed_twice(graph: Graph, least: int) -> None:
    expected = evaluate_all(graph)
    pass_ = FindPointwiseRegions(least=least)
    pass_.run(graph)
    verify(graph)
    same_values(evaluate_all(graph), expected)
    once = text(graph)
    assert pass_.run(graph).changed is False
    assert text(graph) == once


@settings(max_examples=100, deadline=None)
@given(graph=tangles())
def test_each_region_spares_a_value_and_hands_over_what_is_read(graph: Graph) -> None:
    run(FIND, graph)
    for region in graph.nodes("region"):
        body = region.attributes["body"]
        assert isinstance(body, Graph)
        made = [node for node in body.nodes() if node.operator not in ("input", "constant")]
        handed = {result.node for result in body.results}
        whole = max((set(node.type.names) for node in made), key=len)
        inner = [node for node in made if node.identity not in handed and set(node.type.names) == whole]
        assert inner
        parts = [graph.node(user) for user in graph.users(region.identity) if graph.node(user).operator == "part"]
        assert {part.attributes["position"] for part in parts} == set(range(1, len(body.results)))
