"""Makes one `region` node of several nodes, with their decomposition as its body."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from attncomp.ir.graph import Graph, Node, Result
from attncomp.passes.cleanup import remove_unread
from attncomp.passes.overview import Overview, Source


def fuse(
    overview: Overview,
    kind: str,
    members: set[int],
    outputs: Sequence[int],
    *,
    tables: bool = True,
    reorder: bool = True,
) -> int:
    """Replaces `members`, of which `outputs` are handed out, by one `region` of that kind; returns its number.

    The region takes the place of the first output; readers of the others read a `part` of it. What the body reads from
    outside becomes an input `i0`, `i1`, … in the order of its first reader; what depends on positions alone is copied
    into the body, with all that leads to it: without `tables` numbers only, so that arrays are made once for all
    regions. Without `reorder` the overview keeps its order, for whoever has planned all regions by it; the outputs are
    then in that order too. A member that is no output stays where something outside reads it too: the body has its own.
    Raises ValueError where something outside of `members` lies between two of them, so that neither can come first.
    """
    if not is_convex(overview, members):
        raise ValueError("something outside of the region lies between its nodes")
    graph = overview.graph
    body = Graph(kind)
    operands: list[int] = []
    inside: dict[int, int] = {}
    for identity in sorted(members | _positions(overview, members, tables), key=overview.place.__getitem__):
        for operand in graph.operands(identity):
            if operand not in inside:
                inside[operand] = _input(body, graph.node(operand), len(operands))
                operands.append(operand)
        node = graph.node(identity)
        read = [inside[operand] for operand in graph.operands(identity)]
        inside[identity] = body.add(node.operator, read, node.attributes, node.type, node.origin, node.name)
    body.results = tuple(
        Result(f"out{place}" if place else "out", inside[output], tuple((name,) for name in graph.type(output).names))
        for place, output in enumerate(outputs)
    )
    first, *others = outputs
    orphans = {operand for member in members for operand in graph.operands(member)} - set(operands) - set(outputs)
    graph.update(first, operator="region", attributes=MappingProxyType({"kind": kind, "body": body}))
    graph.set_operands(first, operands)
    for place, output in enumerate(others, start=1):
        _replace_by_part(overview, output, first, place)
    remove_unread(graph, sorted(orphans))
    if others and reorder:
        overview.reorder()
    return first


def is_convex(overview: Overview, members: set[int]) -> bool:
    """Whether no way from one of `members` to another leaves them in between."""
    graph, last = overview.graph, max(map(overview.place.__getitem__, members))
    waiting = [user for member in members for user in graph.users(member) if user not in members]
    seen: set[int] = set()
    while waiting:
        identity = waiting.pop()
        if identity in members:
            return False
        if identity not in seen and overview.place[identity] < last:
            seen.add(identity)
            waiting.extend(graph.users(identity))
    return True


def _replace_by_part(overview: Overview, output: int, region: int, position: int) -> None:
    graph, node = overview.graph, overview.graph.node(output)
    attributes = {"position": position}
    part = graph.add("part", (region,), attributes, node.type, node.origin, node.name)
    overview.place[part], overview.source[part] = overview.place[region], overview.source[region]
    graph.replace_uses(output, part)
    remove_unread(graph, (output,))


def _positions(overview: Overview, members: set[int], tables: bool) -> set[int]:
    """The nodes outside of `members` that depend on positions alone and lead to one of them, arrays if `tables`."""
    copied: set[int] = set()
    waiting = sorted(members)
    while waiting:
        for operand in overview.graph.operands(waiting.pop()):
            wanted = overview.source[operand] is Source.POSITION and (tables or not overview.graph.type(operand).axes)
            if wanted and operand not in members and operand not in copied:
                copied.add(operand)
                waiting.append(operand)
    return copied


def _input(body: Graph, node: Node, number: int) -> int:
    layout = tuple((name,) for name in node.type.names)
    return body.add("input", (), {"name": f"i{number}", "layout": layout}, node.type, node.origin, node.name)
