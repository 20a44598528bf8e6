"""Which repeated layer a node belongs to: what fuses across two of them is not the same in all, and makes no loop."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from attncomp.ir.graph import Node
from attncomp.ir.scopes import pattern, repeated_part
from attncomp.passes.overview import Overview, Source


def iterations(overview: Overview) -> dict[int, str]:
    """The innermost repeated layer that each node belongs to (`encoder.layer.3`), "" for those of none.

    What a model does between two of its layers (`x = x + block(x)`) belongs to the layer that it follows, if something
    like it follows another one too: so what comes behind the last layer alone is not taken for a part of it.
    """
    followed: dict[Hashable, set[str]] = {}

    def note(alike: Hashable, layer: str) -> bool:
        followed.setdefault(alike, set()).add(layer)
        return True

    _walk(overview, note)
    return _walk(overview, lambda alike, layer: len(followed.get(alike, ())) > 1)


def _walk(overview: Overview, follows: Callable[[Hashable, str], bool]) -> dict[int, str]:
    """The layer of each node, where `follows` says if a node of none is a part of the layer that it comes behind."""
    graph, place = overview.graph, overview.place
    found: dict[int, str] = {}
    for identity in place:
        node = graph.node(identity)
        own = found[identity] = repeated_part(node.origin.scope)
        read = [operand for operand in graph.operands(identity) if overview.source[operand] is Source.DATA]
        if not read:
            continue
        latest = graph.node(max(read, key=place.__getitem__))
        layer = found[latest.identity]
        if (
            layer != own
            and layer.startswith(f"{own}." if own else "")
            and follows(_likeness(node, latest, layer), layer)
        ):
            found[identity] = layer
    return found


def _likeness(node: Node, latest: Node, layer: str) -> Hashable:
    """What the nodes that follow each of several layers have in common; `latest` is the last made of its operands."""
    inside = latest.origin.scope.startswith(layer)
    return (
        pattern(node.origin.scope),
        pattern(layer),
        node.operator,
        node.type,
        latest.operator,
        inside,
    )
