"""Graphs with regions of several results."""

from __future__ import annotations

from attncomp.ir.build import Builder
from attncomp.ir.graph import Graph, Result
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType

SEQ, SOURCE = Size.symbol("seq"), Size.symbol("source")


def _real(**axes: Size | int) -> ValueType:
    return ValueType(DType.F32, tuple(Axis.of(name, size) for name, size in axes.items()))


def _body_results(body: Graph, *nodes: int) -> None:
    body.results = tuple(
        Result(f"out{place}", node, tuple((name,) for name in body.type(node).names))
        for place, node in enumerate(nodes)
    )


def weights_too() -> Graph:
    """Attention whose weights are a result of the graph too."""
    query, key, value = _real(seq=SEQ, key=4), _real(source=SOURCE, key=4), _real(source=SOURCE, value=3)
    body = Graph("attention")
    inner = Builder(body)
    q, k, v = (inner.input(f"i{place}", type_) for place, type_ in enumerate((query, key, value)))
    weights = inner.add("softmax", (inner.contract(q, k, ["key"]),), {"axes": ("source",)})
    mixed = inner.contract(weights, v, ["source"])
    _body_results(body, mixed, weights)
    graph = Graph("Weights")
    outer = Builder(graph)
    operands = [outer.input(name, type_) for name, type_ in (("q", query), ("k", key), ("v", value))]
    region = outer.add("region", operands, {"kind": "attention", "body": body})
    part = graph.add("part", (region,), {"position": 1}, body.type(weights))
    outer.returns("mixed", region)
    outer.returns("weights", part, (("source",), ("seq",)))
    return graph


def pooled_twice() -> Graph:
    """A gate that is read once more after its region, where it scales another value."""
    image = _real(channel=3, height=SEQ, width=SOURCE)
    body = Graph("gate")
    inner = Builder(body)
    x = inner.input("i0", image)
    gate = inner.add("sigmoid", (inner.add("mean", (x,), {"axes": ("height", "width")}),))
    _body_results(body, inner.add("multiply", (x, gate)), gate)
    graph = Graph("Gates")
    outer = Builder(graph)
    given = outer.input("x", image, (("height",), ("width",), ("channel",)))
    region = outer.add("region", (given,), {"kind": "gate", "body": body})
    part = graph.add("part", (region,), {"position": 1}, body.type(gate))
    outer.returns("y", outer.add("add", (outer.add("multiply", (given, part)), region)))
    return graph
