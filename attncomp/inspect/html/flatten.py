"""A graph with the bodies of its regions as one list of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from attncomp.ir.graph import Graph, Node


@dataclass(frozen=True)
class Flat:
    """A node in the list.

    `graph` is the graph or body that holds it, `operands` are places in the list. `value` is the place where its value
    is made: its own, or for a region that of a node in the body. `region` is the place of the region around it;
    `identity` its number in `graph`; `origin` its number in the outermost graph, None within a body.
    """

    node: Node
    graph: Graph
    operands: tuple[int, ...]
    value: int
    region: int | None
    origin: int | None

    @property
    def identity(self) -> int:
        """The number of the node in the graph that holds it."""
        return self.node.identity


def flatten(graph: Graph) -> list[Flat]:
    """The nodes in order, those of a body right after their region."""
    flat: list[Flat] = []
    _append(flat, graph, {}, None)
    return flat


def _append(flat: list[Flat], graph: Graph, entries: Mapping[str, int], region: int | None) -> dict[int, int]:
    """Appends the nodes of a graph; returns by number the place where each value is made.

    `entries` gives for a body the places that its inputs stand for.
    """
    made: dict[int, int] = {}
    regions: dict[int, Sequence[int]] = {}
    for node in graph.nodes():
        if region is not None and node.operator == "input" and node.attributes["name"] in entries:
            made[node.identity] = entries[str(node.attributes["name"])]
            continue
        read = graph.operands(node.identity)
        operands = tuple(made[operand] for operand in read)
        position = node.attributes.get("position")
        if node.operator == "part" and isinstance(position, int) and read[0] in regions:
            operands = (regions[read[0]][position],)
        place = len(flat)
        flat.append(Flat(node, graph, operands, place, region, node.identity if region is None else None))
        body = node.attributes.get("body")
        if isinstance(body, Graph) and body.results:
            inputs = {f"i{number}": operand for number, operand in enumerate(operands)}
            inner = _append(flat, body, inputs, place)
            regions[node.identity] = [inner[result.node] for result in body.results]
            flat[place] = replace(flat[place], value=regions[node.identity][0])
        made[node.identity] = flat[place].value
    return made
