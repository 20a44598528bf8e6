"""Regions in pieces: which axes are cut, that pieces give what the whole gives, and what is done elsewhere."""

from __future__ import annotations

import pytest
from lowering.compare import assert_lowers_right
from lowering.models import Sketch, attention_region, encoder
from lowering.sketch_regions import pooled_twice, weights_too

from attncomp.ir.graph import Graph
from attncomp.ir.types import DType
from attncomp.lowering.narrowing import cuttable_axes
from attncomp.lowering.pieces import axes_to_cut
from attncomp.lowering.program import Pieces, Program, Region, Step, statements


def in_pieces(graph: Graph) -> tuple[Program, Region, Pieces]:
    program = assert_lowers_right(graph, in_pieces=True)
    (region,) = (one for one in statements(program.steps) if isinstance(one, Region))
    assert region.pieces is not None
    return program, region, region.pieces


@pytest.mark.parametrize("scale", ["after", "query", "none"])
@pytest.mark.parametrize("bias", [0, 1, 2])
@pytest.mark.parametrize("mask", ["", "keep", "drop", "causal"])
@pytest.mark.parametrize("grouped", [False, True])
def test_an_attention_in_pieces_gives_what_the_graph_says(scale: str, bias: int, mask: str, grouped: bool) -> None:
    _, _, pieces = in_pieces(attention_region(scale=scale, bias=bias, mask=mask, grouped=grouped))
    assert {cut.axis for cut in pieces.cuts} >= {"batch", "head", "seq"}
    assert any(cut.start is not None for cut in pieces.cuts) == (mask == "causal")


def test_the_queries_are_cut_and_the_sources_are_not() -> None:
    _, region, pieces = in_pieces(attention_region())
    (rows,) = (cut for cut in pieces.cuts if cut.axis == "seq")
    by_name = dict(zip((value.comment for value in pieces.given), rows.inputs, strict=True))
    assert sum(dim is not None for dim in by_name.values()) == 1
    assert all("seq'" not in cut.axis for cut in pieces.cuts)
    assert region.results[0].shape[2] == rows.size


def test_the_scale_moves_to_the_queries_and_the_division_behind_the_product() -> None:
    _, region, _ = in_pieces(attention_region(scale="after"))
    done = [one.operator for one in region.body if isinstance(one, Step) and one.operator not in ("reshape", "permute")]
    assert done == ["divide", "matmul", "powers", "sum", "maximum", "matmul", "divide"]


def test_a_scale_that_something_else_reads_stays() -> None:
    _, region, _ = in_pieces(weights_too())
    assert [one.operator for one in region.body if isinstance(one, Step)].count("softmax") == 1
    assert [len(cut.results) for cut in region.pieces.cuts] == [2] if region.pieces else False


def test_layers_in_pieces_are_still_one_loop() -> None:
    program = assert_lowers_right(encoder(4), in_pieces=True)
    assert len(program.steps) < 20


def test_what_pools_over_every_axis_is_not_cut() -> None:
    program = assert_lowers_right(pooled_twice(), in_pieces=True)
    (region,) = (one for one in program.steps if isinstance(one, Region))
    assert region.pieces is None


def body_of(*, works: bool) -> Graph:
    s = Sketch("body")
    x = s.input("i0", "batch seq", DType.F32, batch="batch", seq="seq")
    y = s.op("cumsum", x, axis="seq") if works else s.op("exp", x)
    return s.returns(y=(y, "batch seq"))


def test_an_axis_that_an_operator_works_on_cannot_be_cut() -> None:
    assert [axis.name for axis in cuttable_axes(body_of(works=False))] == ["batch", "seq"]
    assert [axis.name for axis in cuttable_axes(body_of(works=True))] == ["batch"]


def test_an_axis_that_would_make_large_values_anew_cannot_be_cut() -> None:
    s = Sketch("body")
    q, k = s.input("i0", "seq key", DType.F32, seq="seq", key=4), s.input("i1", "source key", source="source", key=4)
    v = s.input("i2", "source value", DType.F32, source="source", value=8)
    weights = s.op("softmax", s.contract(q, k, "key"), axes=("source",))
    body = s.returns(y=(s.contract(weights, v, "source"), "seq value"))
    assert [axis.name for axis in cuttable_axes(body)] == ["seq"]


def test_a_weight_of_the_score_keeps_neither_batch_nor_queries_whole() -> None:
    s = Sketch("body")
    q = s.input("i0", "batch seq key", DType.F32, batch="batch", seq="seq", key=4)
    k = s.input("i1", "batch source key", DType.F32, batch="batch", source="source", key=4)
    v = s.input("i2", "batch source value", DType.F32, batch="batch", source="source", value=8)
    weight = s.input("i3", "key", DType.F32, key=4)
    score = s.contract(s.op("tanh", s.op("add", q, k)), weight, "key")
    body = s.returns(y=(s.contract(s.op("softmax", score, axes=("source",)), v, "source"), "batch seq value"))
    assert [axis.name for axis in axes_to_cut(body, 4)] == ["batch", "seq"]
