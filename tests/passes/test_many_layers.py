"""Models of many layers: what layers share is made once, each is fused, and no pass walks the graph for each."""

from __future__ import annotations

import pytest
from passes.motifs import causal, self_attention
from passes.sketch import Sketch, evaluate_all, same_values

from attncomp.ir.graph import Graph
from attncomp.passes.registry import ORDER, find_pass, pass_sequence
from attncomp.passes.runner import run_passes


def test_layers_share_one_mask_and_each_becomes_one_region() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    for number in range(3):
        x = s.op("add", x, self_attention(s, x, f"l{number}", mask=causal(s, "seq")))
    graph = s.returns(x)
    expected = evaluate_all(graph)
    _, remarks = run_passes(graph, pass_sequence())
    assert [remark.kind for remark in remarks] == ["fused"] * 3
    operators = [node.operator for node in graph.nodes()]
    assert operators.count("region") == 3
    assert operators.count("contract") == 6
    assert "softmax" not in operators
    same_values(evaluate_all(graph), expected)


@pytest.mark.parametrize("name", ORDER)
def test_the_graph_is_walked_a_few_times_however_many_layers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    for number in range(96):
        x = s.op("add", x, self_attention(s, x, f"l{number}", mask=causal(s, "seq"), scale=1.0))
        x = s.op("multiply", x, s.op("sigmoid", s.op("mean", x, axes=("embed",))))
    graph = s.returns(x)
    walks: list[tuple[str, Graph]] = []
    for method in ("order", "ancestors", "descendants"):
        walk = getattr(Graph, method)
        monkeypatch.setattr(Graph, method, lambda *a, m=method, w=walk: walks.append((m, a[0])) or w(*a))
    find_pass(name).run(graph)
    outer = [method for method, walked in walks if walked is graph]
    assert set(outer) <= {"order"}
    assert len(outer) <= 3
