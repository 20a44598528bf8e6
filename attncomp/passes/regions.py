"""Makes one `region` node of several nodes, with their decomposition as its body."""

from __future__ import annotations

from types import MappingProxyType

from attncomp.ir.graph import Graph, Node, Result
from attncomp.passes.cleanup import remove_unread
from attncomp.passes.overview import Overview, Source


def fuse(overview: Overview, kind: str, members: set[int], output: int) -> tuple[int, ...]:
    """Replaces `members`, of which only `output` is read elsewhere, by one `region` of that kind; returns its inputs.

    The region takes the place of `output`, so that the order of the graph stays the model's. What the body reads from
    outside becomes an input `i0`, `i1`, … in the order of its first reader; what depends on positions alone is copied
    into the body, with all that leads to it.
    """
    graph = overview.graph
    body = Graph(kind)
    operands: list[int] = []
    inside: dict[int, int] = {}
    for identity in sorted(members | _positions(overview, members), key=overview.place.__getitem__):
        for operand in graph.operands(identity):
            if operand not in inside:
                inside[operand] = _input(body, graph.node(operand), len(operands))
                operands.append(operand)
        node = graph.node(identity)
        read = [inside[operand] for operand in graph.operands(identity)]
        inside[identity] = body.add(node.operator, read, node.attributes, node.type, node.origin, node.name)
    layout = tuple((name,) for name in graph.type(output).names)
    body.results = (Result("out", inside[output], layout),)
    orphans = set(graph.operands(output)) - set(operands)
    graph.update(output, operator="region", attributes=MappingProxyType({"kind": kind, "body": body}))
    graph.set_operands(output, operands)
    remove_unread(graph, sorted(orphans))
    return tuple(operands)


def _positions(overview: Overview, members: set[int]) -> set[int]:
    """The nodes outside of `members` that depend on positions alone and lead to one of them."""
    copied: set[int] = set()
    waiting = sorted(members)
    while waiting:
        for operand in overview.graph.operands(waiting.pop()):
            if operand not in members and operand not in copied and overview.source[operand] is Source.POSITION:
                copied.add(operand)
                waiting.append(operand)
    return copied


def _input(body: Graph, node: Node, number: int) -> int:
    layout = tuple((name,) for name in node.type.names)
    return body.add("input", (), {"name": f"i{number}", "layout": layout}, node.type, node.origin, node.name)
