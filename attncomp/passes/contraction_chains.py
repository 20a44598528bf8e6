"""Trees of contractions that are one product of several values, whatever order they are written in."""

from __future__ import annotations

from dataclasses import dataclass, field

from attncomp.ir.graph import Node
from attncomp.ir.sizes import Size
from attncomp.ir.working import renamed, worked_axes
from attncomp.passes.contraction_order import Factors, Tree
from attncomp.passes.overview import Overview, Source
from attncomp.passes.readers import read_once

# What leaves the weights of an attention what they are.
_TRANSPARENT = frozenset(("rename", "cast", "dropout"))


@dataclass(frozen=True)
class Factor:
    """A value of a product, and the name in the whole product of each of its axes."""

    identity: int
    names: dict[str, str]


@dataclass
class Chain:
    """A product of `factors`, as `written`; `scalings` are (operator, number) that a value between is scaled by.

    `sizes` are those of all axes by their names in the whole product, where each name means one axis.
    """

    result: frozenset[str]
    factors: list[Factor] = field(default_factory=list)
    scalings: list[tuple[str, int]] = field(default_factory=list)
    sizes: dict[str, Size] = field(default_factory=dict)
    inner: list[int] = field(default_factory=list)
    written: Tree = 0

    def ordering(self) -> Factors:
        """The factors as the search for an order sees them."""
        return Factors([frozenset(factor.names.values()) for factor in self.factors], self.result, self.sizes)


def chain_at(overview: Overview, root: Node, most: int) -> Chain | None:
    """The product of 3 to `most` values that ends at `root`; None where there is none."""
    if not _is_product(overview, root):
        return None
    chain = Chain(frozenset(root.type.names))
    for axis in root.type.axes:
        chain.sizes[axis.name] = axis.size
    written = _expand(overview, chain, root, {name: name for name in root.type.names}, most)
    if written is None or len(chain.factors) < 3:
        return None
    chain.written = written
    return chain


def _is_product(overview: Overview, node: Node) -> bool:
    """Whether a contraction is of values of the data, and no weighing by a softmax, which is fused as it is."""
    if node.operator != "contract" or not node.type.dtype.is_float:
        return False
    operands = overview.graph.operands(node.identity)
    if any(overview.source[operand] is not Source.DATA for operand in operands):
        return False
    return not any(_is_weights(overview, operand, worked_axes(node)) for operand in operands)


def _is_weights(overview: Overview, identity: int, axes: frozenset[str]) -> bool:
    node = overview.graph.node(identity)
    while node.operator in _TRANSPARENT:
        before = {new: old for old, new in renamed(node).items()}
        axes = frozenset(before.get(axis, axis) for axis in axes)
        node = overview.graph.node(overview.graph.operands(node.identity)[0])
    return node.operator == "softmax" and not axes.isdisjoint(worked_axes(node))


def _expand(overview: Overview, chain: Chain, node: Node, names: dict[str, str], most: int) -> Tree | None:
    """Adds the factors of a contraction whose axes have these `names`; None where there are too many."""
    left, right = overview.graph.operands(node.identity)
    below = dict(names)
    for axis in sorted(worked_axes(node)):
        fresh = axis
        while fresh in chain.sizes:
            fresh += "'"
        below[axis] = fresh
        chain.sizes[fresh] = overview.graph.type(left).size(axis)
    trees = [_operand(overview, chain, operand, node, below, most) for operand in (left, right)]
    first, second = trees
    return None if first is None or second is None else (first, second)


def _operand(
    overview: Overview, chain: Chain, identity: int, reader: Node, names: dict[str, str], most: int
) -> Tree | None:
    """The tree of an operand: that of the contraction that it is but for renames and scalings, or one factor."""
    graph = overview.graph
    own = {axis: names[axis] for axis in graph.type(identity).names}
    here, inside, scalings = identity, own, list[tuple[str, int]]()
    while read_once(graph, here) and graph.type(here).dtype is reader.type.dtype:
        node = graph.node(here)
        if _is_product(overview, node):
            chain.scalings.extend(scalings)
            chain.inner.append(here)
            return _expand(overview, chain, node, inside, most)
        scaled = _scaled(overview, node)
        if node.operator == "rename":
            exchanged = renamed(node)
            (here,) = graph.operands(here)
            inside = {axis: inside[exchanged.get(axis, axis)] for axis in graph.type(here).names}
        elif scaled is not None:
            here, number = scaled
            scalings.append((node.operator, number))
        else:
            break
    if len(chain.factors) == most:
        return None
    chain.factors.append(Factor(identity, own))
    return len(chain.factors) - 1


def _scaled(overview: Overview, node: Node) -> tuple[int, int] | None:
    """A value and the number, known without data, that it is multiplied or divided by."""
    if node.operator not in ("multiply", "divide"):
        return None
    left, right = overview.graph.operands(node.identity)
    sides = ((left, right), (right, left)) if node.operator == "multiply" else ((left, right),)
    for value, number in sides:
        if not overview.graph.type(number).axes and overview.source[number] is Source.POSITION:
            return value, number
    return None
