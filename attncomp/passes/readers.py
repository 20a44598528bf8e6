"""Who reads a value."""

from __future__ import annotations

from attncomp.ir.graph import Graph


def read_once(graph: Graph, identity: int) -> bool:
    """Whether one operand of one node is all that reads a value."""
    return len(graph.uses(identity)) == 1 and not graph.is_result(identity)
