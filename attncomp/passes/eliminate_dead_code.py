"""`eliminate-dead-code`: drops what no result depends on.

A block may compute what this use of it does not need (the weights beside the values, a branch of an option). Such nodes
cost time, and as readers they keep other nodes from being fused. Parameters that nobody reads go too, so that a module
does not ask for weights without a use. Inputs stay, for they are the module's signature, and so do parameters that are
not trained: the state of a layer that training alone reads, such as a batch norm's count of batches.

    %0 = input {name = "x"}                   %0 = input {name = "x"}
    %1 = input {name = "mask"}                %1 = input {name = "mask"}
    %2 = parameter {key = "scale"}       →    %2 = relu(%0)
    %3 = multiply(%0, %2)                     return "y": %2
    %4 = relu(%0)
    return "y": %4
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attncomp.ir.graph import Graph, Node
from attncomp.passes.base import Pass, PassResult


@dataclass(frozen=True)
class EliminateDeadCode(Pass):
    """Removes the nodes that no result depends on, except inputs and untrained parameters."""

    name: ClassVar[str] = "eliminate-dead-code"
    summary: ClassVar[str] = "drops what no result depends on"
    repeats: ClassVar[bool] = True

    def run(self, graph: Graph) -> PassResult:
        """Walks from the results to what they depend on, and removes the rest."""
        waiting = [result.node for result in graph.results]
        live = set(waiting)
        while waiting:
            for operand in graph.operands(waiting.pop()):
                if operand not in live:
                    live.add(operand)
                    waiting.append(operand)
        dead = [node.identity for node in graph.nodes() if node.identity not in live and not _stays(node)]
        graph.remove(dead)
        return PassResult(bool(dead))


def _stays(node: Node) -> bool:
    return node.operator == "input" or (node.operator == "parameter" and not node.attributes.get("trainable", True))
