"""What a pass changed: every node of either state, once, and layers alike in one hunk."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from golden import check_golden
from hypothesis import given
from hypothesis import strategies as st
from sample_graphs import f32, layers, with_region

from attncomp import pipeline
from attncomp.inspect.diff import compare, difference_to_text
from attncomp.inspect.json import difference_to_json
from attncomp.ir.graph import Constraint, Graph, Literal, Node, Result
from attncomp.ir.sizes import Size

GOLDEN = Path(__file__).parent / "golden"
TOWER = """\
block Self(x: {seq, embed}) -> {seq, embed} {
  layer keys = Linear{embed -> embed}
  score = x @{embed} keys(x)[seq -> seq'] / sqrt(|embed|)
  return softmax{seq'}(score) @{seq'} x[seq -> seq']
}

model Tower(x: f32[seq, embed = 4]) -> f32[seq, embed] {
  layer blocks[5] = Self
  for b in blocks {
    x = b(x)
  }
  return x
}
"""


def states(source: str) -> dict[str, tuple[Graph, Graph]]:
    """The graph before and after each pass."""
    built = pipeline.build(pipeline.parse(source)).graph
    found: dict[str, tuple[Graph, Graph]] = {}
    last = [built]

    def observe(name: str, graph: Graph) -> None:
        found[name] = (last[0], graph.copy())
        last[0] = found[name][1]

    pipeline.optimise(built, observe=observe)
    return found


def test_a_graph_does_not_differ_from_itself() -> None:
    for graph in (layers(3), with_region()):
        assert difference_to_text(compare(graph, graph.copy()), "nothing") == "nothing: no change\n"


def fused(graph: Graph) -> Graph:
    """A copy in which each `add` of the layers is a region of its own."""
    made = graph.copy()
    for node in graph.nodes("add"):
        x, weight = (graph.node(operand) for operand in graph.operands(node.identity))
        body = Graph("pointwise")
        inputs = [
            body.add("input", (), {"name": f"i{number}", "layout": layout(operand)}, operand.type, operand.origin)
            for number, operand in enumerate((x, weight))
        ]
        body.results = (Result("out", body.add("add", inputs, {}, node.type, node.origin), (("batch",), ("embed",))),)
        made.update(node.identity, operator="region", attributes={"kind": "pointwise", "body": body})
    return made


def layout(node: Node) -> tuple[tuple[str, ...], ...]:
    return tuple((name,) for name in node.type.names)


def test_regions_of_repeated_layers_are_one_hunk() -> None:
    before = layers(12)
    text = difference_to_text(compare(before, fused(before)), "find-pointwise-regions")
    check_golden(GOLDEN / "diff_regions.txt", text)


def test_an_attention_region_is_shown_with_its_body() -> None:
    before, after = states(TOWER)["find-attention-regions"]
    difference = compare(before, after)
    text = difference_to_text(difference, "find-attention-regions")
    assert len(difference.changed) == 5
    assert 1 <= text.count('kind = "attention"') <= 2  # the first layer may hold what all of them share
    assert re.search(r"^@@ blocks\.\{[01]\.\.4\} @@ [45] alike", text, re.MULTILINE)
    assert re.search(r"^\+     %\d+ = softmax\(", text, re.MULTILINE)
    assert re.search(r"^- %\d+ = softmax\(", text, re.MULTILINE)


def test_removed_added_and_changed_nodes() -> None:
    before = layers(2)
    after = before.copy()
    twice = after.add("constant", (), {"value": Literal(np.float32(2))}, f32())
    (relu,) = (node.identity for node in before.nodes("relu"))
    added = after.add("multiply", (after.operands(relu)[0], twice), {}, after.type(relu))
    after.replace_uses(relu, added)
    after.remove([relu])
    (first, *_) = (node.identity for node in after.nodes("add"))
    after.update(first, name="seen")
    after.require(Constraint(Size.symbol("batch"), Size.of(7)))
    text = difference_to_text(compare(before, after), "rewrite")
    assert text.startswith("rewrite: 6 nodes before, 7 after; 1 removed, 2 added, 1 changed\n")
    assert f'- %{relu} "out" = relu(%4) : f32{{batch, embed=4}}\n' in text
    assert f"+ %{added} = multiply(%4, %{twice}) : f32{{batch, embed=4}}\n" in text
    assert '- %2 = add(%0, %1) : f32{batch, embed=4} @ tower.attn:3\n+ %2 "seen" = add(%0, %1)' in text
    assert f'- return "y": %{relu} [batch, embed]\n+ return "y": %{added} [batch, embed]\n' in text
    assert "+ require batch == 7\n" in text


def test_what_a_changed_line_reads_is_shown_and_the_rest_is_counted() -> None:
    before = layers(1)
    after = before.copy()
    (relu,) = (node.identity for node in before.nodes("relu"))
    after.update(relu, operator="abs")
    lines = difference_to_text(compare(before, after), "rewrite").splitlines()
    assert lines[2:] == [
        "@@ (model) @@",
        "  ... 1 unchanged",
        '- %3 "out" = relu(%2) : f32{batch, embed=4}',
        '+ %3 "out" = abs(%2) : f32{batch, embed=4}',
    ]


@pytest.mark.parametrize("source", [TOWER])
def test_every_node_of_both_states_is_met_once(source: str) -> None:
    for before, after in states(source).values():
        met = [change.identity for change in compare(before, after).changes]
        assert len(met) == len(set(met))
        assert set(met) == set(before.order()) | set(after.order())


@given(st.lists(st.integers(0, 9), max_size=6), st.integers(0, 3))
def test_any_removal_and_addition_is_found(renamed: list[int], more: int) -> None:
    before = layers(5)
    after = before.copy()
    for identity in set(renamed):
        after.update(identity, name="other")
    for _ in range(more):
        after.add("abs", (0,), {}, after.type(0))
    difference = compare(before, after)
    assert {change.identity for change in difference.changed} == set(renamed)
    assert len(difference.added) == more and not difference.removed


def test_as_json() -> None:
    before, after = states(TOWER)["find-attention-regions"]
    document = difference_to_json(compare(before, after), "find-attention-regions")
    assert (document["schema"], document["pass"]) == ("attncomp.diff/1", "find-attention-regions")
    assert (document["nodes_before"], document["nodes_after"]) == (len(before), len(after))
    assert {change["after"]["operator"] for change in document["changed"]} == {"region"}
    assert {change["before"]["operator"] for change in document["changed"]} == {"contract"}
    removed = {node["id"] for node in document["removed"]}
    assert removed == set(before.order()) - set(after.order())
    assert document["results"]["before"] == document["results"]["after"]


def test_layers_that_changed_in_other_ways_are_not_one_hunk() -> None:
    before = layers(4)
    after = before.copy()
    adds = [node.identity for node in before.nodes("add")]
    for identity in adds:
        after.update(identity, operator="subtract" if identity == adds[2] else "multiply")
    text = difference_to_text(compare(before, after), "rewrite")
    assert re.findall(r"@@ (.*) @@", text) == ["blocks.{0,1,3}", "blocks.2"]
