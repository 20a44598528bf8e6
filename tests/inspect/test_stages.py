"""The graph right after each pass, as the pipeline hands it out."""

from __future__ import annotations

from attncomp import pipeline
from attncomp.ir.graph import Graph
from attncomp.ir.print import print_graph

SOURCE = """
model M(q: f32[n, k = 4], m: f32[s, k], v: f32[s, e = 3]) -> f32[n, e] {
  return softmax{s}(q @{k} m * 1) @{s} v
}"""


def test_an_observer_sees_each_pass_in_order() -> None:
    built = pipeline.build(pipeline.parse(SOURCE)).graph
    before = print_graph(built)
    seen: list[tuple[str, Graph]] = []
    optimised = pipeline.optimise(built, observe=lambda name, graph: seen.append((name, graph.copy())))
    assert [name for name, _ in seen] == [pass_.name for pass_ in pipeline.passes_for()]
    assert [name for name, _ in seen] == [record.name for record in optimised.records]
    assert [len(graph) for _, graph in seen] == [record.nodes_after for record in optimised.records]
    assert print_graph(seen[-1][1]) == print_graph(optimised.graph)
    assert print_graph(built) == before  # the graph that was built is left alone
    regions = [sum(1 for _ in graph.nodes("region")) for _, graph in seen]
    assert regions[0] == 0 and regions[-1] == 1
