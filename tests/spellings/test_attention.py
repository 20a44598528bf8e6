"""Attention in every spelling is one region, and means what it meant before."""

from __future__ import annotations

import numpy as np
import pytest
from spellings.spelling import Spelling, bodies, names, spelling

from attncomp.ir.graph import Graph
from attncomp.ir.interpret import interpret
from attncomp.ir.print import print_graph
from attncomp.ir.verify import verify
from attncomp.passes.find_attention_regions import FindAttentionRegions

NAMES = names("attention")
MODELS = [pytest.param(spelling("attention", name), id=name) for name in NAMES]


def expected(one: Spelling) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """How many regions, their query axes and their source axes."""
    count, _, _, _, pairs = one.first("expect").split(" ", 4)
    axes = tuple(pairs.split(" x "))
    (scored,) = {len(get_softmax(body)) for _, body in bodies(one.optimised.graph, "attention")}
    return int(count), axes[:-scored], axes[-scored:]


def get_softmax(body: Graph) -> tuple[str, ...]:
    """The axes of the softmax of a region."""
    return next(tuple(map(str, node.attributes["axes"])) for node in body.nodes("softmax"))  # type: ignore[arg-type]


@pytest.mark.parametrize("one", MODELS)
def test_the_expected_regions_and_no_near_miss(one: Spelling) -> None:
    count, queries, sources = expected(one)
    assert len(bodies(one.optimised.graph, "attention")) == count
    remarks = [remark for remark in one.optimised.remarks if remark.region == "attention"]
    assert [remark.kind for remark in remarks] == ["fused"] * count
    pairs = " x ".join(f"|{name}|" for name in (*queries, *sources))
    for remark in remarks:
        assert f"the score of {pairs} numbers" in remark.message
        assert ("the weights are stored" in remark.message) == ("stored" in one.said)
    outside = [node.operator for node in one.optimised.graph.nodes()]
    assert "softmax" not in outside
    assert "log_softmax" not in outside


@pytest.mark.parametrize("one", MODELS)
def test_no_input_of_a_region_holds_every_pair_unless_it_was_given_so(one: Spelling) -> None:
    _, queries, sources = expected(one)
    allowed = one.first("reads").split(", ")
    found = [
        operand.name or str(operand.attributes.get("key", operand.operator))
        for region, _ in bodies(one.optimised.graph, "attention")
        for operand in map(one.optimised.graph.node, one.optimised.graph.operands(region.identity))
        if not set(queries).isdisjoint(operand.type.names) and not set(sources).isdisjoint(operand.type.names)
    ]
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
