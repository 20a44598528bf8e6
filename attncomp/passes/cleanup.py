"""What a rewrite does with the nodes that it has made useless."""

from __future__ import annotations

from collections.abc import Iterable

from attncomp.ir.graph import Graph


def remove_unread(graph: Graph, starts: Iterable[int]) -> int:
    """Removes those of `starts` that nothing reads, then their operands likewise; returns how many went.

    Inputs stay: they are the module's signature.
    """
    results = {result.node for result in graph.results}
    waiting, removed = list(starts), 0
    while waiting:
        identity = waiting.pop()
        if identity not in graph or identity in results or graph.users(identity):
            continue
        if graph.node(identity).operator == "input":
            continue
        waiting.extend(graph.operands(identity))
        graph.remove((identity,))
        removed += 1
    return removed
