"""Attention in every spelling is one region, and means what it meant before."""

from __future__ import annotations

import numpy as np
import pytest
from spellings.spelling import Spelling, bodies, names, spelling

from attncomp.ir.graph import Graph
from attncomp.ir.interpret import interpret
from attncomp.ir.operators.access import many
from attncomp.ir.print import print_graph
from attncomp.ir.verify import verify
from attncomp.passes.find_attention_regions import FindAttentionRegions

NAMES = names("attention")
MODELS = [pytest.param(spelling("attention", name), id=name) for name in NAMES]


def expected(one: Spelling) -> list[tuple[str, ...]]:
    """The query and source axes of each region, in order: `2 attention regions of seq x seq'`."""
    count, _, _, _, said = one.first("expect").split(" ", 4)
    pairs = [tuple(each.split(" x ")) for each in said.split(", ")]
    return pairs * int(count) if len(pairs) == 1 else pairs


def sources(body: Graph) -> tuple[str, ...]:
    """The axes of the softmax of a region."""
    return next(many(node.attributes, "axes", str) for node in body.nodes("softmax"))


@pytest.mark.parametrize("one", MODELS)
def test_the_expected_regions_and_no_near_miss(one: Spelling) -> None:
    wanted = expected(one)
    assert len(bodies(one.optimised.graph, "attention")) == len(wanted)
    remarks = [remark for remark in one.optimised.remarks if remark.region == "attention"]
    notes = [remark.message for remark in remarks if remark.kind == "note"]
    assert len(notes) == len(one.said.get("note", ()))
    assert one.first("note") in "".join(notes)
    fused = [remark for remark in remarks if remark.kind == "fused"]
    assert len(fused) + len(notes) == len(remarks)
    for remark, axes in zip(fused, wanted, strict=True):
        assert f"the score of {' x '.join(f'|{name}|' for name in axes)} numbers" in remark.message
        assert ("the weights are stored" in remark.message) == ("stored" in one.said)
    outside = [node.operator for node in one.optimised.graph.nodes()]
    assert "softmax" not in outside
    assert "log_softmax" not in outside


@pytest.mark.parametrize("one", MODELS)
def test_no_input_of_a_region_holds_every_pair_unless_it_was_given_so(one: Spelling) -> None:
    allowed = one.first("reads").split(", ")
    graph = one.optimised.graph
    found = []
    for (region, body), axes in zip(bodies(graph, "attention"), expected(one), strict=True):
        source = sources(body)
        query = axes[: -len(source)]
        for operand in map(graph.node, graph.operands(region.identity)):
            if set(query) & set(operand.type.names) and set(source) & set(operand.type.names):
                found.append(operand.name or str(operand.attributes.get("key", operand.operator)))
    assert sorted(set(found)) == sorted(name for name in allowed if name)


@pytest.mark.parametrize("one", MODELS)
def test_the_passes_keep_every_result(one: Spelling) -> None:
    parameters = one.parameters()
    for call in (0, 1):
        inputs = one.inputs(call)
        before = interpret(one.built.graph, inputs, parameters)
        after = interpret(one.optimised.graph, inputs, parameters)
        assert before.keys() == after.keys()
        for name, array in before.items():
            assert np.isfinite(array).all()
            np.testing.assert_allclose(after[name], array, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("one", MODELS)
def test_a_second_run_changes_nothing(one: Spelling) -> None:
    graph = one.optimised.graph
    before = print_graph(graph)
    again = FindAttentionRegions().run(graph)
    verify(graph)
    assert not again.changed
    assert again.remarks == ()
    assert print_graph(graph) == before


def test_there_are_many_spellings() -> None:
    assert len(NAMES) >= 100
