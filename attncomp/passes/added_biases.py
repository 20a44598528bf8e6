"""Scores with their biases added: a kernel knows `scale * q @ k + bias`, and no difference."""

from __future__ import annotations

from attncomp.ir.build import Builder
from attncomp.ir.graph import Graph, Node
from attncomp.ir.types import DType
from attncomp.passes.cleanup import remove_unread
from attncomp.passes.numbers import scalar
from attncomp.passes.readers import read_once

# How many operators may lie between a softmax and the product of its score.
_SEARCH = 32


def add_biases(builder: Builder, softmax: Node) -> bool:
    """Adds with the other sign what is subtracted on the way from a contraction to `softmax`; whether there was any.

    The sign goes to a number or to the smaller factor of a product, where the bias is one, so that no step is added.
    """
    (score,) = builder.graph.operands(softmax.identity)
    differences = _differences(builder.graph, score)
    for difference in differences:
        node = builder.graph.node(difference)
        value, bias = builder.graph.operands(difference)
        total = builder.add("add", (value, _negated(builder, bias, node)), {}, node.origin, node.name)
        builder.graph.replace_uses(difference, total)
        remove_unread(builder.graph, (difference,))
    return bool(differences)


def _differences(graph: Graph, score: int) -> list[int]:
    """The differences on a way from a contraction to `score`, the last first; none where there is no way."""
    before: dict[int, int | None] = {score: None}
    waiting = [score]
    while waiting and len(before) <= _SEARCH:
        identity = waiting.pop(0)
        node = graph.node(identity)
        if node.operator == "contract":
            way = [identity]
            while (reader := before[way[-1]]) is not None:
                way.append(reader)
            return [one for one in reversed(way) if _is_difference(graph, one)]
        if read_once(graph, identity):
            for operand in _carriers(graph, node):
                before.setdefault(operand, identity)
                waiting.append(operand)
    return []


def _carriers(graph: Graph, node: Node) -> tuple[int, ...]:
    """The operands that may carry the scores on."""
    operands = graph.operands(node.identity)
    if node.operator in ("add", "multiply", "rename", "cast"):
        return operands
    if node.operator in ("subtract", "divide"):
        return operands[:1]
    return operands[1:] if node.operator == "where" else ()


def _is_difference(graph: Graph, identity: int) -> bool:
    node = graph.node(identity)
    if node.operator != "subtract":
        return False
    _, bias = graph.operands(identity)
    return scalar(graph, bias) is None and graph.type(bias).dtype is not DType.BOOL


def _negated(builder: Builder, bias: int, reader: Node) -> int:
    """A value with the other sign."""
    graph, node = builder.graph, builder.graph.node(bias)
    number = scalar(graph, bias)
    if number is not None and node.type.dtype.is_float:
        return builder.constant(-number, node.type.dtype, origin=node.origin)
    if node.operator == "negate":
        return graph.operands(bias)[0]
    if node.operator == "multiply" and read_once(graph, bias):
        left, right = graph.operands(bias)
        if graph.type(left).dtype is not DType.BOOL and len(graph.type(left).axes) <= len(graph.type(right).axes):
            return builder.add("multiply", (_negated(builder, left, node), right), {}, node.origin)
        if graph.type(right).dtype is not DType.BOOL:
            return builder.add("multiply", (left, _negated(builder, right, node)), {}, node.origin)
    return builder.add("negate", (bias,), {}, reader.origin)
