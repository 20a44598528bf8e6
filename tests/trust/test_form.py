"""What a graph is after passes: finished, whole, symbolic, and the same in every run."""

from __future__ import annotations

import pytest
from hypothesis import given
from trust.drafts import Drawn
from trust.graphs import graphs
from trust.hunting import examples

from attncomp.ir.graph import Graph
from attncomp.ir.print import print_graph
from attncomp.ir.verify import verify
from attncomp.passes.base import Pass
from attncomp.passes.registry import available_passes, pass_sequence
from attncomp.passes.runner import run_passes

PASSES = available_passes()


def run(pass_: Pass, graph: Graph) -> bool:
    """Runs a pass, which says truly whether it changed the graph."""
    before = print_graph(graph)
    changed = pass_.run(graph).changed
    verify(graph)
    assert changed == (print_graph(graph) != before)
    return changed


@pytest.mark.parametrize("name", PASSES)
@examples(25)
@given(drawn=graphs())
def test_a_second_run_of_a_pass_changes_nothing(name: str, drawn: Drawn) -> None:
    run(PASSES[name], drawn.graph)
    assert not run(PASSES[name], drawn.graph)


@examples(60)
@given(drawn=graphs())
def test_all_passes_leave_nothing_to_fuse_and_come_to_an_end(drawn: Drawn) -> None:
    run_passes(drawn.graph, pass_sequence())
    before = print_graph(drawn.graph)
    records, _ = run_passes(drawn.graph, pass_sequence())
    assert [record.name for record in records if record.changed] == []
    assert print_graph(drawn.graph) == before


@examples(40)
@given(drawn=graphs())
def test_two_runs_on_one_graph_are_the_same(drawn: Drawn) -> None:
    copy = drawn.graph.copy()
    _, remarks = run_passes(drawn.graph, pass_sequence())
    _, again = run_passes(copy, pass_sequence())
    assert print_graph(copy) == print_graph(drawn.graph)
    assert again == remarks


@examples(60)
@given(drawn=graphs())
def test_sizes_stay_symbolic(drawn: Drawn) -> None:
    before = _sizes(drawn.graph)
    symbolic = {name for name, number in before if number is None} - {
        name for name, number in before if number is not None
    }
    symbols = drawn.graph.symbols()
    run_passes(drawn.graph, pass_sequence())
    assert drawn.graph.symbols() == symbols
    assert [(name, number) for name, number in _sizes(drawn.graph) if name in symbolic and number is not None] == []


def _sizes(graph: Graph) -> set[tuple[str, int | None]]:
    """Every axis of every value, those in the bodies of regions too, with its size where that is a number."""
    found = {(axis.name, axis.size.constant) for node in graph.nodes() for axis in node.type.axes}
    for node in graph.nodes("region"):
        body = node.attributes["body"]
        assert isinstance(body, Graph)
        verify_body(body)
        found |= _sizes(body)
    return found


def verify_body(body: Graph) -> None:
    """A body stands alone: it is a graph by the same rules, whose inputs bind every symbol that it needs."""
    assert body.results
    assert {node.operator for node in body.nodes()}.isdisjoint(("parameter", "region", "part"))
