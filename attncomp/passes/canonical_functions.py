"""Rules of `canonicalize` for functions of one place, written out in others.

A rule gives the node that equals its argument, which it may build, or None. Its caller compares the types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from attncomp.ir.build import Builder
from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.access import get
from attncomp.ir.types import DType
from attncomp.passes.canonical_structure import Rule
from attncomp.passes.numbers import scalar

# Powers that are functions of their own.
_POWERS = MappingProxyType({0.5: "sqrt", -0.5: "rsqrt"})
# Casts of one of these to one of those keep every number.
_WIDER: Mapping[DType, frozenset[DType]] = MappingProxyType(
    {
        DType.BOOL: frozenset(DType) - {DType.BOOL},
        DType.I32: frozenset((DType.I64, DType.F64)),
        DType.F16: frozenset((DType.F32, DType.F64)),
        DType.BF16: frozenset((DType.F32, DType.F64)),
        DType.F32: frozenset((DType.F64,)),
    }
)


def _power(builder: Builder, node: Node) -> int | None:
    base, exponent = builder.graph.operands(node.identity)
    number = scalar(builder.graph, exponent)
    if number == 2:
        return builder.add("multiply", (base, base), {}, node.origin)
    if number is None or not node.type.dtype.is_float:
        return None
    if number == -1:
        one = builder.constant(1.0, node.type.dtype, origin=node.origin)
        return builder.add("divide", (one, base), {}, node.origin)
    return builder.add(_POWERS[number], (base,), {}, node.origin) if number in _POWERS else None


def _where(builder: Builder, node: Node) -> int | None:
    """A negated condition chooses the other way around."""
    condition, chosen, other = builder.graph.operands(node.identity)
    if builder.graph.node(condition).operator != "logical_not":
        return None
    (negated,) = builder.graph.operands(condition)
    return builder.add("where", (negated, other, chosen), {}, node.origin)


def _cast(builder: Builder, node: Node) -> int | None:
    """A cast of a cast that kept every number is a cast, if any."""
    graph, (operand,) = builder.graph, builder.graph.operands(node.identity)
    if graph.node(operand).operator != "cast":
        return None
    (value,) = graph.operands(operand)
    if graph.type(operand).dtype not in _WIDER.get(graph.type(value).dtype, ()):
        return None
    wanted = get(node.attributes, "dtype", DType)
    return value if graph.type(value).dtype is wanted else builder.add("cast", (value,), {"dtype": wanted}, node.origin)


def _negation(builder: Builder, node: Node) -> int | None:
    """A product with -1."""
    for value, number in with_number(builder.graph, node):
        if number == -1:
            return builder.add("negate", (value,), {}, node.origin)
    return None


def _relu(builder: Builder, node: Node) -> int | None:
    """The larger of a value and 0."""
    for value, number in with_number(builder.graph, node):
        if number == 0:
            return builder.add("relu", (value,), {}, node.origin)
    return None


def _half_clamp(builder: Builder, node: Node) -> int | None:
    """A clamp from 0 up."""
    if node.attributes.get("low") != 0 or node.attributes.get("high") is not None:
        return None
    return builder.add("relu", builder.graph.operands(node.identity), {}, node.origin)


def _bounded_relu(builder: Builder, node: Node) -> int | None:
    """The smaller of a number and what is at least 0."""
    for value, number in with_number(builder.graph, node):
        if number >= 0 and builder.graph.node(value).operator == "relu":
            bounds = {"low": 0.0, "high": number}
            return builder.add("clamp", builder.graph.operands(value), bounds, node.origin)
    return None


def _sigmoid(builder: Builder, node: Node) -> int | None:
    """`1 / (1 + exp(-x))`, or `exp(x) / (1 + exp(x))`."""
    graph, (numerator, denominator) = builder.graph, builder.graph.operands(node.identity)
    if graph.node(denominator).operator != "add":
        return None
    for exponential, number in with_number(graph, graph.node(denominator)):
        if number != 1 or graph.node(exponential).operator != "exp":
            continue
        (power,) = graph.operands(exponential)
        if numerator == exponential:
            return builder.add("sigmoid", (power,), {}, node.origin)
        if scalar(graph, numerator) == 1 and graph.node(power).operator == "negate":
            return builder.add("sigmoid", graph.operands(power), {}, node.origin)
    return None


def _hardsigmoid(builder: Builder, node: Node) -> int | None:
    """`clamp(x + 3, 0, 6) / 6`."""
    graph, (clamped, six) = builder.graph, builder.graph.operands(node.identity)
    clamp = graph.node(clamped)
    if clamp.operator != "clamp" or scalar(graph, six) != 6:
        return None
    (shifted,) = graph.operands(clamped)
    if (clamp.attributes["low"], clamp.attributes["high"]) != (0, 6) or graph.node(shifted).operator != "add":
        return None
    for value, number in with_number(graph, graph.node(shifted)):
        if number == 3:
            return builder.add("hardsigmoid", (value,), {}, node.origin)
    return None


def with_number(graph: Graph, node: Node) -> Iterator[tuple[int, float]]:
    """An operand of a commutative operator and the number that the other one is."""
    left, right = graph.operands(node.identity)
    for value, other in ((left, right), (right, left)):
        number = scalar(graph, other)
        if number is not None:
            yield value, number


FUNCTIONS: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        "power": (_power,),
        "where": (_where,),
        "cast": (_cast,),
        "multiply": (_negation,),
        "maximum": (_relu,),
        "clamp": (_half_clamp,),
        "minimum": (_bounded_relu,),
        "divide": (_sigmoid, _hardsigmoid),
    }
)
