"""What becomes of the weights that a softmax makes: the contraction that consumes them, or why none does alone."""

from __future__ import annotations

from dataclasses import dataclass

from attncomp.ir.graph import Node
from attncomp.passes.overview import Overview, Source, braced, renamed, worked_axes

# What may stand between a softmax and its contraction: the value stays a weight for each source.
TRANSPARENT = frozenset(("rename", "cast", "dropout"))
# How many operators a near miss may have between the softmax and its contraction.
_SEARCH = 8


@dataclass(frozen=True)
class Weights:
    """The `path` of transparent operators from a softmax to its `contraction` with `values`."""

    path: tuple[int, ...]
    contraction: int
    values: int


@dataclass(frozen=True)
class Refusal:
    """What stands in the way of fusing, and the edit that would help."""

    message: str
    help: str


def follow_weights(overview: Overview, softmax: Node) -> Weights | Refusal | None:
    """Follows the value of `softmax` to its contraction; None where it reaches none."""
    graph = overview.graph
    axes = worked_axes(softmax)
    path: list[int] = []
    here = softmax.identity
    while True:
        uses = graph.uses(here)
        if len(uses) != 1 or graph.is_result(here):
            return _several(overview, here, axes)
        reader = graph.node(uses[0][0])
        if reader.operator == "contract":
            break
        if reader.operator not in TRANSPARENT:
            return _altered(overview, reader, axes)
        axes = _after(reader, axes)
        here = reader.identity
        path.append(here)
    over = worked_axes(reader)
    (values,) = (operand for operand in graph.operands(reader.identity) if operand != here)
    if over == axes:
        return Weights(tuple(path), reader.identity, values)
    if overview.source[values] is not Source.DATA:
        return None  # a projection of a normalised value: there are no values to weigh
    return Refusal(
        f"the softmax runs over {braced(axes)}, but the contraction that reads it over {braced(over)}",
        f"let both run over the same axes: `softmax{braced(axes)}(…) @{braced(axes)} v`",
    )


def _after(node: Node, axes: frozenset[str]) -> frozenset[str]:
    exchanged = renamed(node)
    return frozenset(exchanged.get(axis, axis) for axis in axes)


def _several(overview: Overview, here: int, axes: frozenset[str]) -> Refusal | None:
    """The weights have several readers: a near miss where one of them is a contraction over the softmax's axes."""
    readers = overview.graph.users(here)
    consumers = [reader for reader in readers if _reaches_contraction(overview, reader, axes)]
    if not consumers:
        return None
    other = overview.outside_reader(here, {consumers[0]})
    if other is None:
        return Refusal("one contraction reads the weights as both of its operands", "contract the weights with values")
    return Refusal(
        f"the weights are read by {other} too, so that they must be stored in full",
        "drop the other use of the weights, or stack the values and contract once",
    )


def _altered(overview: Overview, reader: Node, axes: frozenset[str]) -> Refusal | None:
    """One reader that is no contraction: a near miss where its value goes on to a contraction over the axes."""
    if not _reaches_contraction(overview, reader.identity, axes):
        return None
    return Refusal(
        f"the weights pass through `{reader.operator}` before the contraction over {braced(axes)}",
        f"apply `{reader.operator}` to the score before the softmax, or to the result of the contraction",
    )


def _reaches_contraction(overview: Overview, start: int, axes: frozenset[str]) -> bool:
    """Whether `start` is, or leads place by place within a few operators to, a contraction over all `axes`."""
    waiting, seen = [(start, axes)], 0
    while waiting and seen < _SEARCH:
        identity, here = waiting.pop(0)
        node, seen = overview.graph.node(identity), seen + 1
        if node.operator == "contract":
            if here <= worked_axes(node):
                return True
            continue
        after = _after(node, here)
        if after <= frozenset(node.type.names) and not worked_axes(node) & here:
            waiting.extend((user, after) for user in overview.graph.users(identity))
    return False
