"""No pass, no order of passes and no subset of them changes what a graph computes."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trust import values
from trust.drafts import BINDINGS, Drawn
from trust.graphs import graphs
from trust.hunting import examples

from attncomp.passes.registry import available_passes, pass_sequence
from attncomp.passes.runner import run_passes

PASSES = available_passes()
SIZES = st.sampled_from(BINDINGS)
# Float64 at scores of 1e4, whose differences the exponential magnifies.
TOLERANCE, HUGE = 1e-9, 1e-6


def check(drawn: Drawn, names: list[str], sizes: Mapping[str, int]) -> None:
    """The passes keep every result, and its type; the graph verifies after each that changes it."""
    graph = drawn.graph
    types = [graph.type(result.node) for result in graph.results]
    inputs, parameters = values.given(graph, sizes)
    wanted = values.computed(graph, inputs, parameters)
    run_passes(graph, [PASSES[name] for name in names])
    assert all(graph.type(result.node).same_as(type_) for result, type_ in zip(graph.results, types, strict=True)), (
        "a result has another type"
    )
    found = values.computed(graph, inputs, parameters)
    # Where a softmax that is spelled out overflows, or meets a row masked out, the operator has the better value.
    values.agree(found, wanted, HUGE if drawn.huge else TOLERANCE, lenient=drawn.handwritten)


@pytest.mark.parametrize("name", PASSES)
@examples(30)
@given(drawn=graphs(), sizes=SIZES)
def test_each_pass_alone(name: str, drawn: Drawn, sizes: dict[str, int]) -> None:
    check(drawn, [name], sizes)


@examples(60)
@given(drawn=graphs(), sizes=SIZES)
def test_the_whole_sequence(drawn: Drawn, sizes: dict[str, int]) -> None:
    check(drawn, [pass_.name for pass_ in pass_sequence()], sizes)


@examples(120)
@given(drawn=graphs(), names=st.permutations(list(PASSES)), count=st.integers(2, len(PASSES)), sizes=SIZES)
def test_every_order_of_any_passes(drawn: Drawn, names: list[str], count: int, sizes: dict[str, int]) -> None:
    check(drawn, names[:count], sizes)
