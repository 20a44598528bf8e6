"""Which values that are combined with their own statistics are normalised by them, not gated."""

from __future__ import annotations

from attncomp.passes.gate_application import Application, is_pointwise
from attncomp.passes.gate_network import Network
from attncomp.passes.overview import Overview, Source

# What makes a spread of statistics: a root, a small number that keeps it from 0.
_ARITHMETIC = frozenset(
    ("add", "subtract", "multiply", "divide", "maximum", "sqrt", "rsqrt", "power", "clamp", "cast", "abs", "rename")
)
# How far a value is followed back place by place.
_NEAR = 16


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


def gates_itself(overview: Overview, application: Application, network: Network) -> bool:
    """Whether a value is multiplied by what is made of it once it is normalised, as in SimAM (Yang et al., 2021)."""
    graph = overview.graph
    origins = set(network.read)
    waiting = list(network.read)
    while waiting and len(origins) < _NEAR:
        identity = waiting.pop()
        if is_pointwise(graph.node(identity)):
            found = set(graph.operands(identity)).intersection(application.whole) - origins
            nearby = {o for o in graph.operands(identity) if is_pointwise(graph.node(o))} - origins
            origins |= found | nearby
            waiting.extend(sorted(found | nearby))
    products = [m for m in application.members if graph.node(m).operator == "multiply"]
    return any(
        not origins.intersection(application.whole).isdisjoint(graph.operands(product))
        and not application.members.isdisjoint(graph.operands(product))
        for product in products
    )
