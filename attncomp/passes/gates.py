"""A gate: an application, and the networks that lie between the values it reads and what it combines them with."""

from __future__ import annotations

from dataclasses import dataclass, replace

from attncomp.passes.gate_application import Application, widened
from attncomp.passes.gate_misses import Obstacle, escape, listed
from attncomp.passes.gate_network import Network, as_large, trace, with_origins
from attncomp.passes.gate_normalization import gates_itself, normalizes
from attncomp.passes.overview import Overview, Source
from attncomp.passes.regions import is_convex


@dataclass(frozen=True)
class Gate:
    """An application with the networks of its gates, and which of their small values are read elsewhere too."""

    application: Application
    networks: tuple[Network, ...]
    shared: tuple[int, ...]

    @property
    def members(self) -> set[int]:
        """Every operator of the region."""
        return {*self.application.members, *(member for network in self.networks for member in network.members)}

    @property
    def read(self) -> tuple[int, ...]:
        """The values that are gated, in order of their numbers."""
        return tuple(sorted({value for network in self.networks for value in network.read}))


def depends(overview: Overview, application: Application, largest: int) -> bool:
    """Whether something small that is read depends on a whole value that is read, by a way that is not very long."""
    graph, place = overview.graph, overview.place
    wholes = with_origins(graph, application.whole, frozenset()).keys()
    if not wholes:
        return False
    first = min(place[whole] for whole in wholes)
    waiting, seen = list(application.small), set[int]()
    while waiting and len(seen) <= 16 * largest:
        identity = waiting.pop()
        if graph.node(identity).operator == "part" and graph.operands(identity)[0] in wholes:
            continue
        if identity in wholes:
            return True
        if identity not in seen and overview.source[identity] is Source.DATA and place[identity] > first:
            seen.add(identity)
            waiting.extend(graph.operands(identity))
    return False


def gate_of(overview: Overview, application: Application, largest: int, shared: int = -1) -> Gate | Obstacle | None:
    """The gate that an application applies; None where it combines nothing with statistics of its own, or normalises.

    `shared` is an operator whose readers do not count.
    """
    graph = overview.graph
    networks: list[Network] = []
    normal: list[Network] = []
    for small in reversed(application.small) if application.whole else ():
        found = trace(overview, small, application.whole, application.axes, largest)
        if isinstance(found, Obstacle):
            return replace(found, gate=small)
        if found is not None and not application.members.isdisjoint(found.members):
            return None
        if found is not None:
            networks.append(found)
            if normalizes(overview, small, found, application.members):
                normal.append(found)
    if len(normal) == len(networks) and not any(gates_itself(overview, application, one) for one in normal):
        return None
    if graph.node(application.output).operator == "contract" and any(_scores(overview, one) for one in networks):
        return None
    gate = _with_shared(overview, application, tuple(networks[::-1]), shared)
    wider = _wider(overview, gate, largest, shared) if isinstance(gate, Gate) else None
    return wider or gate


def _scores(overview: Overview, network: Network) -> bool:
    """Whether a value is compared with another one, as queries are with sources: its weighted sum is an attention."""
    graph, inside = overview.graph, {*network.members, *network.read}
    products = [one for one in network.statistics if graph.node(one).operator == "contract"]
    others = {operand for product in products for operand in graph.operands(product)} - inside
    return any(overview.source[other] is Source.DATA for other in others)


def _wider(overview: Overview, gate: Gate, largest: int, shared: int) -> Gate | None:
    """The gate that makes a whole value itself which is only read inside, where that takes nothing but a centre."""
    application = widened(overview, gate.application, gate.members, largest)
    if application is None:
        return None
    networks: list[Network] = []
    for small in application.small:
        found = trace(overview, small, application.whole, application.axes, largest)
        if isinstance(found, Obstacle):
            return None
        if found is not None:
            added = small not in gate.application.small
            if added and not normalizes(overview, small, found, application.members):
                return None
            networks.append(found)
    wider = _with_shared(overview, application, tuple(networks), shared)
    return wider if isinstance(wider, Gate) else None


def _with_shared(
    overview: Overview, application: Application, networks: tuple[Network, ...], shared: int
) -> Gate | Obstacle:
    """The gate where only its result and small values are read elsewhere, and nothing lies in between."""
    graph = overview.graph
    gate = Gate(application, networks, ())
    members, outputs = gate.members, []
    for identity in sorted(members - {application.output, shared}, key=overview.place.__getitem__):
        reader = overview.outside_reader(identity, members)
        if reader is not None and as_large(graph.type(identity), graph.type(application.whole[0])):
            return escape(overview, identity, reader)
        if reader is not None:
            outputs.append(identity)
    if not is_convex(overview, members):
        read = listed([overview.described(value) for value in gate.read])
        message = f"what is made of the gate of {read} comes back to where the gate is applied"
        return Obstacle(application.output, message, "")
    return Gate(application, networks, tuple(outputs))
