"""Which pass made a node, which changed it, which removed it: found by comparing the graph from pass to pass.

Numbers of nodes only grow, so a number that appears belongs to a new node. A node whose operator changes counts as made
anew: a region takes the number of the node whose value it gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from attncomp.ir.graph import Graph

# A graph after each step: ("built", …), ("fold-constants", …), … in the order of the passes.
History = Sequence[tuple[str, Graph]]


@dataclass(frozen=True)
class Trace:
    """What the steps did to one node: their names, "" for `removed` where the node is still there at the end."""

    made: str
    changed: tuple[str, ...] = ()
    removed: str = ""


@dataclass
class Provenance:
    """The traces of all nodes that there ever were.

    `current` is by number; `former` holds by number what a node was before it was made anew.
    """

    current: dict[int, Trace] = field(default_factory=dict)
    former: dict[int, Trace] = field(default_factory=dict)

    def built(self) -> Mapping[int, Trace]:
        """The traces for the nodes of the first graph."""
        return {**self.current, **self.former}


def provenance(history: History) -> Provenance:
    """Compares each graph of `history` with the one before it."""
    found = Provenance()
    before = Graph("")
    for step, after in history:
        _compare(before, after, step, found)
        before = after
    return found


def _compare(before: Graph, after: Graph, step: str, found: Provenance) -> None:
    for identity in before.order():
        if identity not in after:
            found.current[identity] = replace(found.current[identity], removed=step)
    for identity in after.order():
        if identity not in before:
            found.current[identity] = Trace(step)
            continue
        old, new = before.node(identity), after.node(identity)
        trace = found.current[identity]
        if old.operator != new.operator:
            found.former.setdefault(identity, replace(trace, removed=step))
            found.current[identity] = Trace(step)
        elif old != new or before.operands(identity) != after.operands(identity):
            found.current[identity] = replace(trace, changed=(*trace.changed, step))
