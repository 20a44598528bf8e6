"""The fused region: an operator that is a graph of operators, and `part`, which reads a further result of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from attncomp.ir.graph import Graph, Literal, Result
from attncomp.ir.operators.access import get
from attncomp.ir.operators.base import Attributes, NamedArray, Operator, OperatorError, Sample
from attncomp.ir.operators.checks import need_equal
from attncomp.ir.operators.samples import real_value
from attncomp.ir.types import ValueType

REGION_KINDS = ("attention", "gate", "pointwise")


def body_inputs(body: Graph, count: int) -> tuple[int, ...]:
    """The nodes of a body's inputs `i0`, `i1`, …, one for each operand. Raises OperatorError where they differ."""
    found = {node.attributes["name"]: node.identity for node in body.nodes("input")}
    wanted = [f"i{number}" for number in range(count)]
    if sorted(map(str, found)) != sorted(wanted):
        raise OperatorError(
            f"a region of {count} operands whose body has the inputs {sorted(map(str, found))}", code="E041"
        )
    return tuple(found[name] for name in wanted)


def _infer_region(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    if attributes.get("kind") not in REGION_KINDS:
        raise OperatorError(f"there is no region of kind `{attributes.get('kind')}`", code="E043")
    body = get(attributes, "body", Graph)
    if not body.results:
        raise OperatorError("the body of a region has no result", code="E043")
    for position, (type_, identity) in enumerate(zip(types, body_inputs(body, len(types)), strict=True)):
        inner = body.type(identity)
        if type_.dtype != inner.dtype or set(type_.names) != set(inner.names):
            raise OperatorError(f"the body takes {inner}, and this is {type_}", operand=position, code="E043")
        for axis in inner.axes:
            need_equal(f"axis `{axis.name}`", type_.size(axis.name), axis.size, "the body's input has", position)
    return body.type(body.results[0].node)


def evaluate_region(
    operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]
) -> tuple[NamedArray, ...]:
    """All results of a region, in the order of its body."""
    # The interpreter runs graphs by this table, so that the table can reach it only when called.
    from attncomp.ir.interpret import run_nodes

    body = get(attributes, "body", Graph)
    given = dict(zip(body_inputs(body, len(operands)), operands, strict=True))
    values = run_nodes(body, given, bindings)
    return tuple(values[result.node] for result in body.results)


def _first(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    return evaluate_region(operands, attributes, bindings)[0]


def _infer_part(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    raise TypeError("the type of a further result is declared: it is the region's body that says it")


def _evaluate_part(operands: Sequence[NamedArray], attributes: Attributes, bindings: Mapping[str, int]) -> NamedArray:
    raise TypeError("a further result is computed with its region, not alone")


def _input(body: Graph, number: int, type_: ValueType) -> int:
    layout = tuple((name,) for name in type_.names)
    return body.add("input", (), {"name": f"i{number}", "layout": layout}, type_)


def _returned(body: Graph, identity: int) -> Graph:
    body.results = (Result("out", identity, tuple((name,) for name in body.type(identity).names)),)
    return body


def _attention() -> Sample:
    query, source, value = real_value(seq=4, key=3), real_value(source=5, key=3), real_value(source=5, embed=2)
    body = Graph("attention")
    q, k, v = (_input(body, number, type_) for number, type_ in enumerate((query, source, value)))
    score = body.add("contract", (q, k), {"axes": ("key",)}, real_value(seq=4, source=5))
    weights = body.add("softmax", (score,), {"axes": ("source",)}, real_value(seq=4, source=5))
    mixed = body.add("contract", (weights, v), {"axes": ("source",)}, real_value(seq=4, embed=2))
    return Sample((query, source, value), {"kind": "attention", "body": _returned(body, mixed)})


def _gate() -> Sample:
    image = real_value(channel=3, height=4, width=2)
    body = Graph("gate")
    x = _input(body, 0, image)
    mean = body.add("mean", (x,), {"axes": ("height", "width")}, real_value(channel=3))
    gate = body.add("sigmoid", (mean,), {}, real_value(channel=3))
    scaled = body.add("multiply", (x, gate), {}, image)
    return Sample((image,), {"kind": "gate", "body": _returned(body, scaled)})


def _pointwise() -> Sample:
    row, column = real_value(batch=1, seq=3), real_value(seq=3)
    body = Graph("pointwise")
    a, b = _input(body, 0, row), _input(body, 1, column)
    two = body.add("constant", (), {"value": Literal(np.asarray(2.0, np.float32))}, real_value())
    scaled = body.add("multiply", (b, two), {}, column)
    total = body.add("add", (a, scaled), {}, row)
    return Sample((row, column), {"kind": "pointwise", "body": _returned(body, total)})


REGIONS: tuple[Operator, ...] = (
    Operator(
        "region",
        "region",
        None,
        {"kind": "str", "body": "graph"},
        _infer_region,
        _first,
        (_attention(), _gate(), _pointwise()),
        "operators fused into one, with their decomposition as its body",
    ),
    Operator(
        "part",
        "region",
        1,
        {"position": "int"},
        _infer_part,
        _evaluate_part,
        summary="a further result of a region, counted from 0; its first is the region's own value",
    ),
)
