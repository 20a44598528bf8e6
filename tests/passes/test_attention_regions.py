"""Attention regions: found by dependence in every spelling, and each near miss with its cause."""

from __future__ import annotations

from typing import Any

import pytest
from passes.motifs import additive_attention, attend, causal, project, self_attention, token_mask
from passes.sketch import Sketch, check_pass, evaluate_all, operators, run

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Graph
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.passes.find_attention_regions import FindAttentionRegions


def heads(s: Sketch, label: str, axis: str, size: int | str = "seq") -> int:
    return s.input(label, batch="batch", head=2, **{axis: size}, key=2)


def qkv(s: Sketch) -> tuple[int, int, int]:
    return heads(s, "q", "seq"), heads(s, "k", "seq'"), heads(s, "v", "seq'")


def fused(graph: Graph) -> tuple[Remark, ...]:
    """Runs the pass, checks the values against the graph before, and gives the remarks."""
    return run(FindAttentionRegions(), graph).remarks


def body(graph: Graph) -> Graph:
    (region,) = graph.nodes("region")
    found = region.attributes["body"]
    assert isinstance(found, Graph)
    return found


def the(kind: str, remarks: tuple[Remark, ...]) -> Remark:
    (remark,) = [remark for remark in remarks if remark.kind == kind]
    return remark


@pytest.mark.parametrize(
    "options",
    [{}, {"scale": None}, {"cap": 5.0}, {"dropout": 0.1}],
    ids=["scaled", "plain", "capped", "dropped"],
)
def test_one_region_for_each_spelling(options: dict[str, Any]) -> None:
    s = Sketch()
    *_, made = attend(s, *qkv(s), **options)
    graph = s.returns(made)
    assert [remark.kind for remark in fused(graph)] == ["fused"]
    assert operators(graph) == ["input", "input", "input", "region"]
    (region,) = graph.nodes("region")
    assert graph.operands(region.identity) == tuple(node.identity for node in graph.nodes("input"))
    assert region.attributes["kind"] == "attention"


def test_self_attention_with_a_mask_golden() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    made = self_attention(s, x, mask=token_mask(s))
    check_pass("attention_self_masked", FindAttentionRegions(), s.returns(made))


def test_additive_score_golden() -> None:
    s = Sketch()
    q, m = s.input("q", query="query", hidden=3), s.input("m", source="source", hidden=3)
    check_pass("attention_additive", FindAttentionRegions(), s.returns(additive_attention(s, q, m)))


def test_causal_mask_of_symbolic_positions_goes_inside() -> None:
    s = Sketch()
    *_, made = attend(s, *qkv(s), mask=causal(s, "seq"))
    graph = s.returns(made)
    assert the("fused", fused(graph)).help == ""
    assert operators(graph) == ["input", "input", "input", "region"]
    assert operators(body(graph)).count("arange") == 2


def test_shared_positions_are_copied_and_stay_for_their_other_readers() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    mask = causal(s, "seq")
    *_, first = attend(s, q, k, v, mask=mask)
    *_, second = attend(s, first, k, v, mask=mask)
    graph = s.returns(second, mask)
    assert [remark.kind for remark in fused(graph)] == ["fused", "fused"]
    assert operators(graph).count("arange") == 2
    for region in graph.nodes("region"):
        inside = region.attributes["body"]
        assert isinstance(inside, Graph)
        assert operators(inside).count("arange") == 2


def test_mask_made_of_data_is_made_inside() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    tokens = token_mask(s)
    mask = s.op("logical_and", tokens, causal(s, "seq"))
    *_, made = attend(s, q, k, v, mask=mask)
    graph = s.returns(made)
    fused(graph)
    (region,) = graph.nodes("region")
    assert set(graph.operands(region.identity)) == {q, k, tokens, v}
    assert "logical_and" in operators(body(graph))


def test_mask_made_of_data_for_two_regions_is_made_once() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    mask = s.op("logical_and", token_mask(s), causal(s, "seq"))
    *_, first = attend(s, q, k, v, mask=mask)
    *_, second = attend(s, first, k, v, mask=mask)
    graph = s.returns(second)
    assert [remark.kind for remark in fused(graph)] == ["fused", "fused"]
    assert operators(graph).count("logical_and") == 1


def test_bias_of_parameters_stays_outside_where_it_is_computed_once() -> None:
    s = Sketch()
    table = s.parameter("table", head=2, seq=3, **{"seq'": 3})
    bias = s.op("multiply", table, s.constant(2.0))
    q, k, v = heads(s, "q", "seq", 3), heads(s, "k", "seq'", 3), heads(s, "v", "seq'", 3)
    *_, made = attend(s, q, k, v, bias=bias)
    graph = s.returns(made)
    fused(graph)
    (region,) = graph.nodes("region")
    assert graph.operands(region.identity) == (q, k, bias, v)


def test_two_source_axes_and_renamed_weights() -> None:
    s = Sketch()
    q = s.input("q", row=2, col=2, key=2)
    k = s.input("k", i=2, j=3, key=2)
    v = s.input("v", h=2, w=3, value=2)
    score = s.op("contract", q, k, axes=("key",))
    weights = s.rename(s.op("softmax", score, axes=("i", "j")), i="h", j="w")
    graph = s.returns(s.op("contract", s.op("cast", weights, dtype=DType.F64), v, axes=("h", "w")))
    remark = the("fused", fused(graph))
    assert "|row| x |col| x |i| x |j|" in remark.message


def test_one_key_head_for_several_query_heads() -> None:
    s = Sketch()
    q = heads(s, "q", "seq")
    k, v = (s.input(label, batch="batch", **{"seq'": "seq"}, key=2) for label in ("k", "v"))
    *_, made = attend(s, q, k, v)
    assert "|head| x |seq| x |seq'|" in the("fused", fused(s.returns(made))).message


def test_cosine_score_reads_normalised_queries_from_outside() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    q, k = (s.op("divide", side, s.op("norm", side, axes=("key",))) for side in (q, k))
    *_, made = attend(s, q, k, v)
    graph = s.returns(made)
    the("fused", fused(graph))
    assert operators(body(graph)).count("norm") == 0


def test_squared_distance_score() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    apart = s.op("subtract", q, k)
    score = s.op("negate", s.op("sum", s.op("multiply", apart, apart), axes=("key",)))
    made = s.op("contract", s.op("softmax", score, axes=("seq'",)), v, axes=("seq'",))
    graph = s.returns(made)
    the("fused", fused(graph))
    assert operators(graph) == ["input", "input", "input", "region"]


def test_weights_returned_too_are_a_further_result() -> None:
    s = Sketch()
    _, weights, made = attend(s, *qkv(s))
    graph = s.returns(made, weights)
    remark = the("fused", fused(graph))
    assert "the weights are stored, for a result of the model reads them too" in remark.message
    assert operators(graph) == ["input", "input", "input", "part", "region"]


def test_weights_read_by_another_operator_are_a_further_result() -> None:
    s = Sketch()
    _, weights, made = attend(s, *qkv(s))
    other = s.op("max", weights, axes=("seq",), name="total")
    graph = s.returns(made, other)
    assert "for `total` reads them too" in the("fused", fused(graph)).message
    assert operators(graph).count("softmax") == 0


def test_weights_are_stored_as_they_are_read() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    weights = s.op("softmax", s.op("contract", q, k, axes=("key",)), axes=("seq'",))
    halved = s.op("multiply", weights, s.constant(0.5))
    graph = s.returns(s.op("contract", halved, v, axes=("seq'",)), halved)
    the("fused", fused(graph))
    assert operators(graph) == ["input", "input", "input", "part", "region"]


def test_contractions_of_the_same_weights_are_results_of_one_region() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    _, weights, made = attend(s, q, k, v)
    again = s.op("contract", weights, s.op("exp", v), axes=("seq'",))
    graph = s.returns(made, again)
    assert "2 contractions read its weights" in the("fused", fused(graph)).message
    assert operators(graph) == ["exp", "input", "input", "input", "part", "region"]


def test_sum_of_the_weights_beside_their_contraction_is_a_further_result() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    weights = s.op("softmax", s.op("contract", q, k, axes=("key",)), axes=("seq'",))
    kept = s.op("multiply", weights, s.op("cast", token_mask(s), dtype=DType.F32))
    made = s.op("contract", kept, v, axes=("seq'",))
    graph = s.returns(s.op("divide", made, s.op("sum", kept, axes=("seq'",))))
    the("fused", fused(graph))
    assert operators(graph).count("part") == 1
    assert "sum" not in operators(graph)


def test_weights_used_twice_in_a_row_are_stored_for_the_second_use() -> None:
    s = Sketch()
    q, k, v = (s.input(label, **{axis: 3}, key=2) for label, axis in (("q", "seq"), ("k", "seq'"), ("v", "seq'")))
    weights = s.op("softmax", s.op("contract", q, k, axes=("key",)), axes=("seq'",))
    once = s.op("contract", weights, v, axes=("seq'",))
    graph = s.returns(s.op("contract", weights, s.rename(once, seq="seq'"), axes=("seq'",)))
    assert "the weights are stored" in the("fused", fused(graph)).message
    assert operators(graph).count("contract") == 1


def test_weights_contracted_with_themselves_are_a_miss() -> None:
    s = Sketch()
    q, k, _ = qkv(s)
    weights = s.op("softmax", s.op("contract", q, k, axes=("key",)), axes=("seq'",))
    graph = s.returns(s.op("contract", weights, weights, axes=("seq'",)))
    assert "both of its operands" in the("missed", fused(graph)).message


def test_softmax_over_the_wrong_axis_is_a_miss() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    weights = s.op("softmax", s.op("contract", q, k, axes=("key",)), axes=("seq",))
    remark = the("missed", fused(s.returns(s.op("contract", weights, v, axes=("seq'",)))))
    assert "{seq}" in remark.message
    assert "{seq'}" in remark.message


def test_contraction_over_more_axes_than_the_softmax_is_one_region() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    weights = s.op("softmax", s.op("contract", q, k, axes=("key",)), axes=("seq'",))
    graph = s.returns(s.op("contract", weights, v, axes=("head", "seq'")))
    the("fused", fused(graph))
    assert operators(graph) == ["input", "input", "input", "region"]


def test_contraction_over_some_of_the_softmax_axes_is_a_miss() -> None:
    s = Sketch()
    q = s.input("q", row=2, key=2)
    k, v = s.input("k", i=2, j=3, key=2), s.input("v", i=2, j=3, value=2)
    weights = s.op("softmax", s.op("contract", q, k, axes=("key",)), axes=("i", "j"))
    graph = s.returns(s.op("contract", weights, v, axes=("i",)))
    assert "the softmax runs over {i, j}" in the("missed", fused(graph)).message


def test_operator_place_by_place_on_the_weights_is_inside() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    weights = s.op("softmax", s.op("contract", q, k, axes=("key",)), axes=("seq'",))
    mixed = s.op("contract", s.op("relu", weights), s.parameter("mix", head=2, other=2), axes=("head",))
    graph = s.returns(s.op("contract", mixed, s.rename(v, head="other"), axes=("seq'",)))
    the("fused", fused(graph))
    assert operators(graph) == ["input", "input", "input", "parameter", "region", "rename"]


def test_operator_along_the_sources_on_the_weights_is_a_miss() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    weights = s.op("softmax", s.op("contract", q, k, axes=("key",)), axes=("seq'",))
    summed = s.op("cumsum", weights, axis="seq'")
    graph = s.returns(s.op("contract", summed, v, axes=("seq'",)))
    remark = the("missed", fused(graph))
    assert "`cumsum` over {seq'} stands between" in remark.message
    assert remark.span == graph.node(summed).origin.span
    assert "flip{seq'}(cumsum{seq'}(flip{seq'}(v)))" in remark.help


def test_difference_of_two_softmaxes_is_one_region() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    first, second = (
        s.op("softmax", s.op("contract", s.op(operator, q), k, axes=("key",)), axes=("seq'",))
        for operator in ("sin", "cos")
    )
    apart = s.op("subtract", first, s.op("multiply", second, s.constant(0.3)))
    graph = s.returns(s.op("contract", apart, v, axes=("seq'",)))
    the("fused", fused(graph))
    assert operators(graph) == ["cos", "input", "input", "input", "region", "sin"]


def test_weights_divided_by_their_sum_are_a_miss() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    weights = s.op("softmax", s.op("contract", q, k, axes=("key",)), axes=("seq'",))
    kept = s.op("multiply", weights, s.op("cast", token_mask(s), dtype=DType.F32))
    total = s.op("sum", kept, axes=("seq'",))
    graph = s.returns(s.op("contract", s.op("divide", kept, total), v, axes=("seq'",)))
    remark = the("missed", fused(graph))
    assert "`sum` over {seq'} needs the weights of whole rows" in remark.message
    assert remark.span == graph.node(total).origin.span


def test_keys_of_each_head_stay_outside_where_the_values_have_none() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    q, k = project(s, x, "q"), s.rename(project(s, x, "k"), seq="seq'")
    *_, made = attend(s, q, k, s.rename(x, seq="seq'"))
    graph = s.returns(made)
    the("fused", fused(graph))
    assert operators(body(graph)).count("contract") == 2


def test_score_returned_too_is_a_miss() -> None:
    s = Sketch()
    score, _, made = attend(s, *qkv(s), scale=None)
    graph = s.returns(made, score)
    remark = the("missed", fused(graph))
    assert "the score is a result of the model too" in remark.message
    assert "region" not in operators(graph)


def test_score_centred_by_its_mean_is_a_miss() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    score = s.op("contract", q, k, axes=("key",))
    centred = s.op("subtract", score, s.op("mean", score, axes=("seq'",)))
    graph = s.returns(s.op("contract", s.op("softmax", centred, axes=("seq'",)), v, axes=("seq'",)))
    assert "`mean` over {seq'} needs whole rows" in the("missed", fused(graph)).message


def test_score_normalised_by_rows_is_a_miss() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    score = s.op("normalize", s.op("contract", q, k, axes=("key",)), axes=("seq'",), epsilon=1e-5, center=True)
    graph = s.returns(s.op("contract", s.op("softmax", score, axes=("seq'",)), v, axes=("seq'",)))
    remark = the("missed", fused(graph))
    assert "the normalisation over {seq'}" in remark.message


def test_stored_bias_beside_a_fused_score_is_noted() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    relative = s.op(
        "roll", s.op("contract", q, s.op("exp", k), axes=("key",)), axis="seq'", shift=Size.of(1), name="moved"
    )
    *_, made = attend(s, q, k, v, bias=relative)
    graph = s.returns(made)
    remarks = fused(graph)
    assert [remark.kind for remark in remarks] == ["fused", "note"]
    assert "`moved`" in remarks[1].message
    assert "roll" in operators(graph)


def test_symmetrised_score_keeps_its_value() -> None:
    s = Sketch()
    q, k, v = (s.input(label, **{axis: 3}, key=2) for label, axis in (("q", "seq"), ("k", "seq'"), ("v", "seq'")))
    score = s.op("contract", q, k, axes=("key",))
    both = s.op("add", score, s.rename(score, **{"seq": "seq'", "seq'": "seq"}))
    graph = s.returns(s.op("contract", s.op("softmax", both, axes=("seq'",)), v, axes=("seq'",)))
    assert "transposed" in the("missed", fused(graph)).message


def test_pooling_without_queries_is_noted() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    score = s.op("contract", x, s.parameter("w", embed=4), axes=("embed",))
    graph = s.returns(s.op("contract", s.op("softmax", score, axes=("seq",)), x, axes=("seq",)))
    assert [remark.kind for remark in fused(graph)] == ["note"]


def test_given_score_is_noted() -> None:
    s = Sketch()
    score, v = s.input("score", query=2, source=3), s.input("v", source=3, value=2)
    graph = s.returns(s.op("contract", s.op("softmax", score, axes=("source",)), v, axes=("source",)))
    assert [remark.kind for remark in fused(graph)] == ["note"]


def test_classifier_is_not_mentioned() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", embed=4)
    logits = s.op("contract", x, s.parameter("w", kind=3, embed=4), axes=("embed",))
    assert fused(s.returns(s.op("softmax", logits, axes=("kind",)))) == ()


def test_projection_of_a_normalised_value_is_not_mentioned() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", group=2, embed=4)
    normal = s.op("softmax", x, axes=("group",))
    made = s.op("contract", normal, s.parameter("w", out=3, embed=4), axes=("embed",))
    assert fused(s.returns(made)) == ()


@pytest.mark.parametrize("sizes", [(0, 3), (3, 0), (1, 1)], ids=["no queries", "no sources", "one"])
def test_degenerate_sizes(sizes: tuple[int, int]) -> None:
    s = Sketch()
    q = s.input("q", seq=sizes[0], key=2)
    k, v = (s.input(label, **{"seq'": sizes[1]}, key=2) for label in ("k", "v"))
    *_, made = attend(s, q, k, v)
    the("fused", fused(s.returns(made)))


def test_rows_masked_out_completely_stay_zero() -> None:
    s = Sketch()
    q, k, v = (s.input(label, **{axis: 3}, key=2) for label, axis in (("q", "seq"), ("k", "seq'"), ("v", "seq'")))
    mask = s.op("greater", s.arange("seq", 3), s.arange("seq'", 3))  # the first query sees nothing
    *_, made = attend(s, q, k, v, mask=mask)
    graph = s.returns(made)
    the("fused", fused(graph))
    (value,) = evaluate_all(graph)
    first = value.ordered(("seq", "key"))[0]
    assert first.tolist() == [0.0, 0.0]


def test_second_run_changes_nothing_and_repeats_no_success() -> None:
    s = Sketch()
    graph = s.returns(self_attention(s, s.input("x", batch="batch", seq="seq", embed=4)))
    fused(graph)
    again = FindAttentionRegions().run(graph)
    assert again.changed is False
    assert again.remarks == ()


def test_queries_of_a_parameter() -> None:
    s = Sketch()
    q = s.parameter("latents", head=2, seq=3, key=2)
    _, k, v = qkv(s)
    *_, made = attend(s, q, k, v)
    the("fused", fused(s.returns(made)))


def test_projections_stay_outside() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    q, k = project(s, x, "q"), s.rename(project(s, x, "k"), seq="seq'")
    *_, made = attend(s, q, k, s.rename(project(s, x, "v"), seq="seq'"), mask=token_mask(s))
    graph = s.returns(made)
    fused(graph)
    assert operators(body(graph)).count("contract") == 2
    assert operators(graph).count("contract") == 3


def test_score_of_two_attentions_is_made_in_each() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    score = s.op("contract", q, k, axes=("key",))
    first, second = (
        s.op("contract", s.op("softmax", scaled, axes=("seq'",)), v, axes=("seq'",))
        for scaled in (score, s.op("multiply", score, s.constant(2.0)))
    )
    graph = s.returns(first, second)
    remarks = fused(graph)
    assert [remark.kind for remark in remarks] == ["fused", "fused"]
    assert "it is made again for" in remarks[0].message
    assert operators(graph) == ["input", "input", "input", "region", "region"]


def test_score_of_two_attentions_that_is_stored_anyhow_is_a_miss() -> None:
    s = Sketch()
    q, k, v = qkv(s)
    score = s.op("contract", q, k, axes=("key",))
    first, second = (
        s.op("contract", s.op("softmax", scaled, axes=("seq'",)), v, axes=("seq'",))
        for scaled in (score, s.op("multiply", score, s.constant(2.0)))
    )
    remarks = fused(s.returns(first, second, score))
    assert {remark.kind for remark in remarks} == {"missed"}


def test_weights_of_many_layers_are_stored_without_walking_the_graph_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    kept = []
    for layer in range(12):
        q, k, v = (project(s, x, f"{layer}.{part}") for part in "qkv")
        _, weights, made = attend(s, q, s.rename(k, seq="seq'"), s.rename(v, seq="seq'"))
        kept.append(weights)
        x = s.op(
            "add", x, s.op("contract", made, s.parameter(f"{layer}.o", embed=4, head=2, key=2), axes=("head", "key"))
        )
    graph = s.returns(x, *kept)
    walks: list[int] = []
    order = Graph.order
    monkeypatch.setattr(Graph, "order", lambda self: walks.append(len(self)) or order(self))
    remarks = FindAttentionRegions().run(graph).remarks
    assert [remark.kind for remark in remarks] == ["fused"] * 12
    assert sum(size > 100 for size in walks) <= 3
