"""Graphs made by hand for tests of what shows or reads graphs."""

from __future__ import annotations

import numpy as np

from attncomp.diagnostics.core import Span
from attncomp.ir.graph import Constraint, Graph, Initializer, Literal, Origin, Result
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType

BATCH = Size.symbol("batch")


def f32(**axes: Size | int) -> ValueType:
    return ValueType(DType.F32, tuple(Axis.of(name, size) for name, size in axes.items()))


def layers(count: int) -> Graph:
    """`count` layers `x + weight`, named `blocks.0`, `blocks.1`, …, and a relu at the end."""
    graph = Graph("Tower")
    type_ = f32(batch=BATCH, embed=4)
    value = graph.add("input", (), {"name": "x", "layout": (("batch",), ("embed",))}, type_, name="x")
    for index in range(count):
        origin = Origin(Span("tower.attn", 3, 5, 3, 12), f"blocks.{index}")
        key = f"blocks.{index}.weight"
        attributes = {
            "key": key,
            "layout": (("embed",),),
            "initializer": Initializer("uniform", (-1.0, 1.0)),
            "trainable": True,
        }
        weight = graph.add("parameter", (), attributes, f32(embed=4), origin)
        value = graph.add("add", (value, weight), {}, type_, origin)
    value = graph.add("relu", (value,), {}, type_, name="out")
    graph.results = (Result("y", value, (("batch",), ("embed",))),)
    graph.require(Constraint(BATCH, BATCH * 2, Span("tower.attn", 1, 1, 1, 5)))
    return graph


def with_region() -> Graph:
    """A graph whose names would break a careless writer, with a region that holds exp and a constant of -inf."""
    body = Graph("body")
    type_ = f32(seq=BATCH)
    inner = body.add("input", (), {"name": "i0", "layout": (("seq",),)}, type_)
    literal = Literal(np.array([-np.inf, 1.5], dtype=np.float32), ("pair",))
    body.add("constant", (), {"value": literal}, f32(pair=2))
    exponential = body.add("exp", (inner,), {}, type_)
    body.results = (Result("out", exponential, (("seq",),)),)
    graph = Graph('Odd "name"\\')
    value = graph.add("input", (), {"name": "x", "layout": (("seq",), ())}, type_, name="x")
    region = graph.add("region", (value,), {"kind": "attention", "body": body}, type_, Origin(None, 'a"b.0.c'))
    negated = graph.add("negate", (region,), {}, type_, Origin(None, 'a"b.0'))
    graph.results = (Result("y", negated, (("seq",), ())),)
    return graph
