"""Projections of one input become one product."""

from __future__ import annotations

from passes.motifs import project, self_attention
from passes.sketch import Sketch, check_pass, operators, run

from attncomp.ir.graph import Graph
from attncomp.passes.merge_projections import MergeProjections


def merged(graph: Graph) -> bool:
    return run(MergeProjections(), graph).changed


def test_three_projections_with_biases_golden() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    made = [project(s, x, key) for key in ("q", "k", "v")]
    check_pass("merge_three", MergeProjections(), s.returns(*made))


def test_projections_to_different_sizes_golden() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    q = project(s, x, "q", heads=4)
    k = s.op("contract", x, s.parameter("k.weight", group=2, key=2, embed=4), axes=("embed",))
    check_pass("merge_grouped", MergeProjections(), s.returns(q, k))


def test_cross_attention_merges_keys_and_values_alone() -> None:
    s = Sketch()
    x, memory = s.input("x", seq="seq", embed=4), s.input("memory", source="source", embed=4)
    graph = s.returns(project(s, x, "q"), project(s, memory, "k"), project(s, memory, "v"))
    assert merged(graph)
    assert operators(graph).count("contract") == 2


def test_one_bias_of_two_stays_behind_the_product() -> None:
    s = Sketch()
    x = s.input("x", seq="seq", embed=4)
    graph = s.returns(project(s, x, "q"), project(s, x, "k", bias=False))
    assert merged(graph)
    assert operators(graph).count("contract") == 1
    assert operators(graph).count("add") == 1
    assert operators(graph).count("stack") == 1


def test_parameter_with_a_second_reader_is_left_alone() -> None:
    s = Sketch()
    x = s.input("x", seq="seq", embed=4)
    w = s.parameter("w", out=3, embed=4)
    first = s.op("contract", x, w, axes=("embed",))
    second = s.op("contract", x, s.parameter("u", out=3, embed=4), axes=("embed",))
    assert not merged(s.returns(first, second, s.op("exp", w)))


def test_products_returned_as_they_are() -> None:
    s = Sketch()
    x = s.input("x", seq="seq", embed=4)
    product = s.op("contract", x, s.parameter("q.weight", out=3, embed=4), axes=("embed",))
    biased = s.op("add", product, s.parameter("q.bias", out=3))
    graph = s.returns(product, biased, s.op("contract", x, s.parameter("k", out=3, embed=4), axes=("embed",)))
    assert merged(graph)
    assert operators(graph).count("contract") == 1


def test_different_contracted_axes_are_not_merged() -> None:
    s = Sketch()
    x = s.input("x", seq=3, embed=4)
    first = s.op("contract", x, s.parameter("w", out=3, embed=4), axes=("embed",))
    second = s.op("contract", x, s.parameter("u", out=3, seq=3), axes=("seq",))
    assert not merged(s.returns(first, second))


def test_batched_parameter_is_not_merged() -> None:
    s = Sketch()
    x = s.input("x", group=3, embed=4)
    made = [s.op("contract", x, s.parameter(key, group=3, out=2, embed=4), axes=("embed",)) for key in "ab"]
    assert not merged(s.returns(*made))


def test_axes_that_differ_twice_are_not_packed() -> None:
    s = Sketch()
    x = s.input("x", seq=3, embed=4)
    first = s.op("contract", x, s.parameter("w", a=3, b=2, embed=4), axes=("embed",))
    second = s.op("contract", x, s.parameter("u", c=3, d=2, embed=4), axes=("embed",))
    assert not merged(s.returns(first, second))


def test_weights_on_the_left_and_a_value_with_an_axis_named_part() -> None:
    s = Sketch()
    x = s.input("x", part=3, embed=4)
    made = [s.op("contract", s.parameter(key, out=2, embed=4), x, axes=("embed",)) for key in "ab"]
    graph = s.returns(*made)
    assert merged(graph)
    (stack,) = graph.nodes("stack")
    assert stack.type.has("part'")


def test_projection_of_a_merged_projection() -> None:
    s = Sketch()
    x = s.input("x", seq=3, embed=4)
    first = s.op("contract", x, s.parameter("a", wide=2, embed=4), axes=("embed",))
    second = s.op("contract", x, s.parameter("b", wide=2, embed=4), axes=("embed",))
    deeper = [s.op("contract", first, s.parameter(key, out=2, wide=2), axes=("wide",)) for key in "cd"]
    graph = s.returns(second, *deeper)
    assert merged(graph)
    assert operators(graph).count("contract") == 2


def test_names_and_origins_stay_with_their_values() -> None:
    s = Sketch()
    x = s.input("x", seq=3, embed=4)
    q = s.op("contract", x, s.parameter("a", wide=2, embed=4), axes=("embed",), name="q")
    k = s.op("contract", x, s.parameter("b", wide=2, embed=4), axes=("embed",), name="k")
    origins = [s.graph.node(value).origin for value in (q, k)]
    graph = s.returns(q, k)
    assert merged(graph)
    results = [graph.node(result.node) for result in graph.results]
    assert [node.name for node in results] == ["q", "k"]
    assert [node.origin for node in results] == origins


def test_empty_sequence_and_second_run() -> None:
    s = Sketch()
    graph = s.returns(self_attention(s, s.input("x", batch=1, seq=0, embed=4)))
    assert merged(graph)
    assert MergeProjections().run(graph).changed is False
