"""`find-gate-regions`: a gate is `x * g(x)` where g reads x through statistics alone.

The statistics are reductions (or weighted sums) of x over axes A that x has and g lacks; what g does with them is
small: a small network, a convolution of a map, a sigmoid. Squeeze-and-excitation (Hu et al., arXiv:1709.01507), ECA
(Wang et al., arXiv:1910.03151) and both halves of CBAM (Woo et al., arXiv:1807.06521) are one region. A lowering may
take all statistics of a tile in one read of x and apply the gate in the second. The body is the decomposition, so
that a backend that does not do so can run it as it is.

    %1 = mean(%0) {axes = {height, width}}
    %2 = parameter {key = "w"}                       %1 = parameter {key = "w"}
    %3 = contract(%1, %2) {axes = {channel}}         %2 = region(%0, %1) {kind = "gate", body = …}
    %4 = sigmoid(%3)                            →    return "y": %2
    %5 = multiply(%0, %4)
    return "y": %5

Remarks say why a product of this form is not fused: g reads x in another way, or a statistic or the gate is read
elsewhere too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attncomp.diagnostics.remarks import Remark, RemarkKind
from attncomp.ir.graph import Graph, Node
from attncomp.passes.base import Pass, PassResult
from attncomp.passes.overview import Overview, braced, worked_axes
from attncomp.passes.regions import fuse
from attncomp.passes.reporting import about, fused

_STATISTICS = frozenset(("sum", "mean", "max", "min", "var", "norm", "contract"))
# Operators that name no axis of their own, yet do not work place by place.
_MIXING = frozenset(("rename", "region"))


@dataclass(frozen=True)
class FindGateRegions(Pass):
    """Fuses every product of a value with a gate made of its own statistics.

    `largest` is how many operators a gate may have: a longer way from x to its factor is a branch of the network.
    """

    name: ClassVar[str] = "find-gate-regions"
    summary: ClassVar[str] = "fuses a product with a gate that is made of the other factor's statistics"
    largest: int = 64

    def run(self, graph: Graph) -> PassResult:
        """One region or remark for each product of this form, in the graph's order."""
        overview = Overview.of(graph)
        remarks: list[Remark] = []
        for product in list(graph.nodes("multiply")):
            gate, value = sorted(graph.operands(product.identity), key=lambda operand: len(graph.type(operand).axes))
            if set(graph.type(gate).names) < set(graph.type(value).names):
                remarks.extend(self._visit(overview, product, value, gate))
        return PassResult(any(remark.kind == "fused" for remark in remarks), tuple(remarks))

    def _visit(self, overview: Overview, product: Node, value: int, gate: int) -> list[Remark]:
        network = _between(overview, value, gate, self.largest)
        if not network:
            return []
        graph = overview.graph
        axes = frozenset(graph.type(value).names) - frozenset(graph.type(gate).names)
        refusal = _refusal(overview, product, value, network, axes)
        if refusal is not None:
            message, help = refusal
            return [_remark("missed" if help else "note", product, message, help)]
        statistics = sum(axes <= worked_axes(graph.node(identity)) for identity in network)
        region = fuse(overview, "gate", {product.identity, *network}, (product.identity,))
        read = f"{statistics} {'statistic' if statistics == 1 else 'statistics'} over {braced(axes)}"
        gated = f"{overview.described(value)} is scaled by a gate of {len(network)} operators"
        return [fused(self.name, graph, region, f"{gated}, which reads it through {read}", at=product)]


def _between(overview: Overview, value: int, gate: int, largest: int) -> tuple[int, ...]:
    """The nodes on the ways from `value` to `gate`, in order; none where there is no way, or no short one."""
    place = overview.place
    seen: set[int] = set()
    waiting = [gate]
    while waiting:
        identity = waiting.pop()
        if identity in seen or place[identity] <= place[value]:
            continue
        seen.add(identity)
        if len(seen) > 4 * largest:
            return ()
        waiting.extend(overview.graph.operands(identity))
    found: dict[int, None] = {}
    for identity in sorted(seen, key=place.__getitem__):
        if any(operand == value or operand in found for operand in overview.graph.operands(identity)):
            found[identity] = None
    return tuple(found) if len(found) <= largest else ()


def _refusal(
    overview: Overview, product: Node, value: int, network: tuple[int, ...], axes: frozenset[str]
) -> tuple[str, str] | None:
    """What keeps the product from being a gate region, and the edit that would help; None where nothing does."""
    inside = {product.identity, *network}
    whole = {value}  # x, and what is made of it place by place
    for identity in network:
        node = overview.graph.node(identity)
        worked = worked_axes(node)
        reader = overview.outside_reader(identity, inside)
        if reader is not None:
            message = f"{overview.described(identity)}, a part of the gate, is read by {reader} too"
            return message, "make the product the only reader of its gate"
        if node.operator == "region":
            return "a part of the gate is a fused region already", ""
        if whole.isdisjoint(overview.graph.operands(identity)):
            continue
        if not worked and node.operator not in _MIXING and axes <= set(node.type.names):
            whole.add(identity)
        elif node.operator not in _STATISTICS:
            message = (
                f"the gate reads {overview.described(value)} through `{node.operator}`, which is no statistic of it"
            )
            return message, f"reduce it first: `mean{braced(axes)}(…)`"
        elif not axes <= worked:
            message = f"the gate's `{node.operator}` runs over {braced(worked)}, but the gate spans {braced(axes)}"
            return message, f"reduce over {braced(axes)} at once"
    return None


def _remark(kind: RemarkKind, node: Node, message: str, help: str = "") -> Remark:
    return about(kind, "gate", FindGateRegions.name, node, message, help)
