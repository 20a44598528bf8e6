"""`fuse!` before a statement: which nodes of the graph carry its place."""

from __future__ import annotations

import pytest

from attncomp.diagnostics.core import Span
from attncomp.ir.graph import Graph
from attncomp.passes.eliminate_common_subexpressions import EliminateCommonSubexpressions
from tests.semantics.helpers import codes, graph_of

SOFT = """\
block Soft(x: {seq, embed}) -> {seq, embed} {
  y = x[seq -> seq']
  fuse! z = softmax{seq'}(x @{embed} y) @{seq'} y
  return z
}
"""


def lines(marks: tuple[Span, ...]) -> list[int]:
    return [mark.line for mark in marks]


def marked(graph: Graph) -> dict[str, list[int]]:
    """The lines of the marks of each operator that has any."""
    return {node.operator: lines(node.origin.marks) for node in graph.nodes() if node.origin.marks}


def test_the_nodes_of_the_statement_alone_are_marked() -> None:
    graph = graph_of(
        """\
model M(x: f32[batch, embed = 4]) -> f32[batch, embed] {
  y = exp(x)
  fuse! z = tanh(sqrt(y))
  return sin(z)
}
"""
    )
    assert marked(graph) == {"sqrt": [3], "tanh": [3]}
    assert lines(graph.marks) == [3]
    (mark,) = graph.marks
    assert (mark.column, mark.end_column) == (3, 8)


@pytest.mark.parametrize(
    "body",
    [
        "fuse! return tanh(x)",
        "fuse! y: {batch, embed} = tanh(x)\n  return y",
        "for i in 0..2 { fuse! x = tanh(x) }\n  return x",
        "fuse! for i in 0..2 { x = tanh(x) }\n  return x",
        "fn f(x) = tanh(x)\n  fuse! return f(x)",
        "fuse = tanh(x)\n  fuse! return fuse * 1",
    ],
)
def test_every_statement_that_computes_can_be_marked(body: str) -> None:
    graph = graph_of(f"model M(x: f32[batch, embed = 4]) -> f32[batch, embed] {{\n  {body}\n}}\n")
    assert len(graph.marks) == 1
    computing = [node for node in graph.nodes() if node.operator in ("tanh", "multiply")]
    assert graph.marks in {node.origin.marks for node in computing}


def test_marks_reach_into_blocks_and_those_inside_are_kept() -> None:
    graph = graph_of(
        SOFT
        + """\
model M(x: f32[batch, seq, embed = 4]) -> f32[batch, seq, embed] {
  layer soft[2] = Soft
  fuse! a = soft[0](x)
  return soft[1](a)
}
"""
    )
    softmaxes = [lines(node.origin.marks) for node in graph.nodes("softmax")]
    assert softmaxes == [[8, 3], [3]]
    assert sorted(lines(graph.marks)) == [3, 8]


def test_a_statement_that_makes_no_node_is_known_by_the_graph() -> None:
    graph = graph_of("model M(x: f32[batch]) -> f32[batch] {\n  fuse! y = x\n  return -y\n}\n")
    assert marked(graph) == {}
    assert lines(graph.marks) == [2]


def test_a_copy_keeps_the_marks() -> None:
    graph = graph_of("model M(x: f32[batch]) -> f32[batch] {\n  fuse! return -x\n}\n")
    assert graph.copy().marks == graph.marks
    assert marked(graph.copy()) == {"negate": [2]}


def test_a_node_that_stands_for_two_has_the_marks_of_both() -> None:
    graph = graph_of(
        """\
model M(x: f32[batch]) -> f32[batch] {
  fuse! y = exp(x)
  fuse! z = exp(x)
  return y * z
}
"""
    )
    assert EliminateCommonSubexpressions().run(graph).changed
    assert marked(graph) == {"exp": [2, 3]}


def test_a_mistake_in_a_marked_statement_hides_nothing_and_ends_its_mark() -> None:
    text = """\
model M(x: f32[batch, embed = 4]) -> f32[batch, embed] {
  fuse! y = absent(x)
  z = wrong(x)
  return y + z
}
"""
    assert codes(text) == ["E012", "E012"]


def test_nothing_after_a_marked_return_and_no_marked_return_in_a_loop() -> None:
    head = "model M(x: f32[batch]) -> f32[batch] {\n"
    assert codes(head + "  fuse! return -x\n  y = x\n}\n") == ["E021"]
    assert codes(head + "  for i in 0..2 { fuse! return -x }\n}\n")[0] == "E021"
