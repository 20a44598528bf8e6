"""Which numbers the constants of a graph hold."""

from __future__ import annotations

import numpy as np

from attncomp.ir.graph import Graph, Literal


def everywhere(graph: Graph, identity: int, number: float) -> bool:
    """Whether a node is a constant, of one element or more, that is `number` at every place."""
    node = graph.node(identity)
    literal = node.attributes.get("value")
    if node.operator != "constant" or not isinstance(literal, Literal):
        return False
    return literal.array.size > 0 and bool(np.all(literal.array == number))


def scalar(graph: Graph, identity: int) -> float | None:
    """The number that a node is, None where it is no constant or has axes."""
    node = graph.node(identity)
    literal = node.attributes.get("value")
    if node.operator != "constant" or not isinstance(literal, Literal) or literal.axes:
        return None
    return float(literal.array.item())
