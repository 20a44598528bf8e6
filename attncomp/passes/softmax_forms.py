"""The ways to write a softmax, and its logarithm, by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.access import many
from attncomp.passes.exponentials import Exponential, read_exponential, without_shifts
from attncomp.passes.numbers import everywhere
from attncomp.passes.readers import read_once


@dataclass(frozen=True)
class Found:
    """What a node is: `operator` (softmax or log_softmax) over `axes` of `score`, contracted with `values` if any."""

    operator: str
    score: Exponential
    axes: tuple[str, ...]
    values: int | None = None


def found_at(graph: Graph, node: Node) -> Found | None:
    """The softmax that a node is the end of, None where it is the end of none."""
    rule = _RULES.get(node.operator)
    return rule(graph, node) if rule else None


def _divide(graph: Graph, node: Node) -> Found | None:
    numerator, denominator = graph.operands(node.identity)
    return _quotient(graph, node, numerator, denominator)


def _multiply(graph: Graph, node: Node) -> Found | None:
    """A product with the reciprocal of the sum."""
    for numerator, inverse in _both_ways(graph, node):
        if graph.node(inverse).operator == "divide":
            one, denominator = graph.operands(inverse)
            if everywhere(graph, one, 1) and not graph.type(one).axes:
                found = _quotient(graph, node, numerator, denominator)
                if found is not None:
                    return found
    return None


def _quotient(graph: Graph, node: Node, numerator: int, denominator: int) -> Found | None:
    total = graph.node(denominator)
    if total.operator != "sum":
        return None
    axes = _axes(total)
    (summed,) = graph.operands(denominator)
    exponential = read_exponential(graph, summed, axes)
    product = graph.node(numerator)
    if exponential is None or product.type.dtype is not node.type.dtype:
        return None
    if numerator == summed:
        return Found("softmax", exponential, axes)
    if product.operator == "contract" and set(_axes(product)) == set(axes) and read_once(graph, numerator):
        for weights, values in _both_ways(graph, product):
            if weights == summed:
                return Found("softmax", exponential, axes, values)
    return None


def _exp(graph: Graph, node: Node) -> Found | None:
    """The exponential of a log_softmax."""
    return _function_of(graph, node, "log_softmax", "softmax")


def _log(graph: Graph, node: Node) -> Found | None:
    """The logarithm of a softmax."""
    return _function_of(graph, node, "softmax", "log_softmax")


def _function_of(graph: Graph, node: Node, inner: str, operator: str) -> Found | None:
    (operand,) = graph.operands(node.identity)
    made = graph.node(operand)
    if made.operator != inner:
        return None
    (score,) = graph.operands(operand)
    return Found(operator, Exponential(score), _axes(made))


def _subtract(graph: Graph, node: Node) -> Found | None:
    """Scores less the logarithm of the sum of their exponentials, of which a shift may be taken off inside."""
    score, subtracted = graph.operands(node.identity)
    for logarithm, shift in _sums(graph, subtracted):
        if graph.node(logarithm).operator != "log":
            continue
        (total,) = graph.operands(logarithm)
        if graph.node(total).operator != "sum":
            continue
        (exponential,) = graph.operands(total)
        if graph.node(exponential).operator != "exp":
            continue
        (inside,) = graph.operands(exponential)
        shifted = graph.node(inside).operator == "subtract" and graph.operands(inside) == (score, shift)
        axes = _axes(graph.node(total))
        if (inside == score if shift is None else shifted) and graph.type(score).dtype is node.type.dtype:
            return Found("log_softmax", Exponential(without_shifts(graph, score, axes)), axes)
    return None


def _sums(graph: Graph, identity: int) -> Iterator[tuple[int, int | None]]:
    """A value as itself and, where it is a sum, as either operand and the other."""
    yield identity, None
    if graph.node(identity).operator == "add":
        yield from _both_ways(graph, graph.node(identity))


def _softmax(graph: Graph, node: Node) -> Found | None:
    """A softmax of what a shift was taken off needs no shift."""
    (operand,) = graph.operands(node.identity)
    score = without_shifts(graph, operand, _axes(node))
    return None if score == operand else Found(node.operator, Exponential(score), _axes(node))


def _both_ways(graph: Graph, node: Node) -> tuple[tuple[int, int], tuple[int, int]]:
    left, right = graph.operands(node.identity)
    return (left, right), (right, left)


def _axes(node: Node) -> tuple[str, ...]:
    return many(node.attributes, "axes", str)


_RULES: Mapping[str, Callable[[Graph, Node], Found | None]] = MappingProxyType(
    {
        "divide": _divide,
        "multiply": _multiply,
        "exp": _exp,
        "log": _log,
        "subtract": _subtract,
        "softmax": _softmax,
        "log_softmax": _softmax,
    }
)
