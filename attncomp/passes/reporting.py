"""Remarks about regions: what fusing spares, and from which lines of the source."""

from __future__ import annotations

from collections.abc import Iterable

from attncomp.diagnostics.core import Span
from attncomp.diagnostics.remarks import Remark, RemarkKind, Saving
from attncomp.ir.cost import resident, traffic
from attncomp.ir.estimate import TYPICAL
from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.access import get
from attncomp.ir.sizes import Size


def fused(pass_name: str, graph: Graph, region: int, message: str, at: Node | None = None) -> Remark:
    """The remark that a region was made; it points to `at` (the region itself if None) and states what is spared."""
    node = graph.node(region)
    body = get(node.attributes, "body", Graph)
    place = (at or node).origin
    kind = get(node.attributes, "kind", str)
    origins = [inner.origin for inner in body.nodes() if inner.operator != "input"]
    marks = dict.fromkeys(mark for origin in origins for mark in origin.marks)
    return Remark(
        "fused", kind, message, pass_name, place.span, place.scope,
        lines=_lines(origin.span for origin in origins), saved=saving(graph, region), marks=tuple(marks),
    )  # fmt: skip


def about(kind: RemarkKind, region: str, pass_name: str, node: Node, message: str, help: str = "") -> Remark:
    """A near miss (with the edit that would help) or a note at the place of `node`."""
    origin = node.origin
    return Remark(kind, region, message, pass_name, origin.span, origin.scope, help, marks=origin.marks)


def saving(graph: Graph, region: int) -> Saving:
    """The traffic of the body's operators less the region's own, and the intermediate values that are never whole."""
    body = get(graph.node(region).attributes, "body", Graph)
    alone = sum((traffic(body, node.identity) for node in body.nodes()), Size.of(0))
    spared, peak = alone - traffic(graph, region), resident(body)
    return Saving(spared, peak, TYPICAL)


def _lines(spans: Iterable[Span | None]) -> tuple[Span, ...]:
    """The places, each once, in the order of their files and lines."""
    found = {span for span in spans if span is not None}
    return tuple(sorted(found, key=lambda span: (span.file, span.line, span.column, span.end_line, span.end_column)))
