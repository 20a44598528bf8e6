"""Which values that are combined with their own statistics are normalised by them, not gated."""

from __future__ import annotations

from attncomp.passes.gate_network import Network
from attncomp.passes.overview import Overview, Source

# What makes a spread of statistics: a root, a small number that keeps it from 0.
_ARITHMETIC = frozenset(
    ("add", "subtract", "multiply", "divide", "maximum", "sqrt", "rsqrt", "power", "clamp", "cast", "abs", "rename")
)


def normalizes(overview: Overview, gate: int, network: Network, members: frozenset[int]) -> bool:
    """Whether what `members` apply is a centre or a spread: `x - mean(x)`, `x / norm(x)`, `x * rsqrt(var(x) + 1e-5)`.

    Such a value is arithmetic on statistics that are taken of the whole value, with nothing learned.
    """
    graph, dependent = overview.graph, {*network.members, *network.read}
    centres = gate in network.statistics
    inverted = False
    for identity in network.members:
        node, operands = graph.node(identity), graph.operands(identity)
        if identity in network.statistics:
            if not set(operands) <= dependent or not set(operands).isdisjoint(network.statistics):
                return False
        elif node.operator not in _ARITHMETIC or any(
            overview.source[o] is not Source.POSITION for o in operands if o not in dependent
        ):
            return False
        inverts = node.operator == "divide" and operands[1] in dependent and operands[0] not in dependent
        inverted |= node.operator in ("rsqrt", "power") or inverts
    for reader in members.intersection(graph.users(gate)):
        operator, operands = graph.node(reader).operator, graph.operands(reader)
        divides = operator == "divide" and operands[1] == gate
        subtracts = operator == "subtract" and operands[1] == gate and centres
        if not (divides or subtracts or (operator == "multiply" and inverted)):
            return False
    return True
