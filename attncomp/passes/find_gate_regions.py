"""`find-gate-regions`: a value that is combined, place by place, with a gate made of its own statistics.

The statistics are reductions (or weighted sums) of a value x over axes that x has and the gate lacks; what the gate
does with them is small: a small network, a convolution of a map, a sigmoid. How the two are combined does not matter,
nor what follows place by place: a shortcut, an activation, a sum over branches. Squeeze-and-excitation (Hu et al.,
arXiv:1709.01507), both halves of CBAM (Woo et al., arXiv:1807.06521), BAM (Park et al., arXiv:1807.06514), SK (Li et
al., arXiv:1903.06586), ECA (Wang et al., arXiv:1910.03151), global context (Cao et al., arXiv:1904.11492) and
coordinate attention (Hou et al., arXiv:2103.02907) are one region each. A normalisation that is written out depends on
its value in the same way, but is no gate: it is left as it is. A lowering may take all statistics of a tile in one
read of x and apply the gate in the second. The body is the decomposition, so that a backend that does not do so can
run it as it is.

    %1 = mean(%0) {axes = {height, width}}
    %2 = parameter {key = "w"}                       %1 = parameter {key = "w"}
    %3 = contract(%1, %2) {axes = {channel}}         %2 = region(%0, %1) {kind = "gate", body = …}
    %4 = sigmoid(%3)                            →    return "y": %2
    %5 = multiply(%0, %4)
    return "y": %5

What is small and read elsewhere too (the gate, as a result to look at) is a further result of the region. Remarks say
why a value and its gate are not fused: the gate reads it in another way, or it reads another value, or something as
large as the value is read elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from attncomp.diagnostics.remarks import Remark, RemarkKind
from attncomp.ir.graph import Graph, Node
from attncomp.ir.working import worked_axes
from attncomp.passes.base import Pass, PassResult
from attncomp.passes.gate_application import Application, applications, beyond, combines
from attncomp.passes.gate_misses import Obstacle, escape, listed, statistic_elsewhere
from attncomp.passes.gates import Gate, depends, gate_of
from attncomp.passes.overview import Overview, braced
from attncomp.passes.regions import fuse
from attncomp.passes.reporting import about, fused

# A region's place in the graph, that of its remark, and what was said.
_Said = dict[int, Remark]


@dataclass(frozen=True)
class FindGateRegions(Pass):
    """Fuses every value with a gate made of its own statistics.

    `largest` is how many operators the network of a gate may have, and its application: a longer way is a branch of
    the network.
    """

    name: ClassVar[str] = "find-gate-regions"
    summary: ClassVar[str] = "fuses a value with a gate that is made of the value's own statistics"
    largest: int = 64

    def run(self, graph: Graph) -> PassResult:
        """One region or remark for each operator that combines a value with a gate, in the graph's order."""
        overview = Overview.of(graph)
        # The last first: a gate that is applied to what an inner one makes holds it, as GCNet holds its pooling.
        waiting = [node for node in graph.nodes() if combines(overview, node)][::-1]
        made: _Said = {}
        changed = True
        while changed:
            refused: _Said = {}
            changed = False
            for node in waiting:
                if node.identity in graph and graph.node(node.identity).operator == node.operator:
                    changed |= self._visit(overview, node, made, refused)
        said = {**refused, **made}
        order = sorted(said, key=lambda identity: overview.place.get(identity, 0))
        return PassResult(bool(made), tuple(said[identity] for identity in order))

    def _visit(self, overview: Overview, node: Node, made: _Said, refused: _Said) -> bool:
        """Fuses the largest application around an operator that can be, or says why none can."""
        graph = overview.graph
        around = tuple(applications(overview, node, self.largest))
        related = depends(overview, around[-1], self.largest)
        obstacle: Obstacle | None = None
        for application in reversed(around) if related else ():
            found = gate_of(overview, application, self.largest)
            if isinstance(found, Gate):
                region, remark = self._fuse(overview, found)
                made[region] = remark
                return True
            # Another operator of the application has an obstacle of its own to tell of.
            if found is not None and found.gate in (None, *graph.operands(node.identity)):
                obstacle = found
        if not related:
            obstacle = self._stored(overview, around[-1])
        if obstacle is not None:
            refused.setdefault(obstacle.node, _refusal(overview, obstacle, node))
        elif node.operator == "multiply" and not depends(overview, around[0], self.largest):
            other = statistic_elsewhere(overview, node, around[0])
            if other is not None:
                refused.setdefault(node.identity, _refusal(overview, other, node, "note"))
        return False

    def _fuse(self, overview: Overview, gate: Gate) -> tuple[int, Remark]:
        graph, application = overview.graph, gate.application
        message = _message(overview, gate)
        readers = [m for m in application.members if not set(gate.read).isdisjoint(graph.operands(m))]
        at = graph.node(min(readers or application.members, key=overview.place.__getitem__))
        region = fuse(overview, "gate", gate.members, (application.output, *gate.shared))
        return region, fused(self.name, graph, region, message, at=at)

    def _stored(self, overview: Overview, application: Application) -> Obstacle | None:
        """That a gate as large as its value would be fused, were it not read elsewhere too."""
        output = application.output
        for larger in beyond(overview, application, self.largest):
            related = depends(overview, larger, self.largest)
            if related and isinstance(gate_of(overview, larger, self.largest, shared=output), Gate):
                reader = overview.outside_reader(output, set(larger.members))
                return escape(overview, output, reader or "another operator")
        return None


def _message(overview: Overview, gate: Gate) -> str:
    graph, application = overview.graph, gate.application
    named = [overview.described(value) for value in gate.read]
    statistics = dict.fromkeys(identity for network in gate.networks for identity in network.statistics)
    over: dict[frozenset[str], dict[str, None]] = {}
    for identity in statistics:
        node = graph.node(identity)
        over.setdefault(worked_axes(node), {})[f"`{node.operator}`"] = None
    taken = listed([f"{listed(list(operators))} over {braced(axes)}" for axes, operators in over.items()])
    others = len(gate.members) - len(application.members) - len(statistics)
    it = "it" if len(statistics) == 1 else "them"
    made = f"what {others} operator{'s make' if others > 1 else ' makes'} of {it}" if others else it
    count = len(application.members)
    applied = f"the {count} operators that apply" if count > 1 else "the operator that applies"
    twice = "is read" if len(named) == 1 else "are read"
    return f"{listed(named)} {twice} for {taken or 'statistics'}, and by {applied} {made}"


def _refusal(overview: Overview, obstacle: Obstacle, node: Node, kind: RemarkKind = "missed") -> Remark:
    place = overview.graph.node(obstacle.node)
    chosen: RemarkKind = kind if obstacle.help else "note"
    remark = about(chosen, "gate", FindGateRegions.name, place, obstacle.message, obstacle.help)
    return replace(remark, marks=tuple(dict.fromkeys((*remark.marks, *node.origin.marks))))
