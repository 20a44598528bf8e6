"""Which names the axes that are cut have in the values of a body, from its results back to what they are made of."""

from __future__ import annotations

from collections.abc import Sequence

from attncomp.ir.graph import Graph, Node
from attncomp.ir.types import Axis
from attncomp.ir.working import renamed

# The names that the cut axes have in one value; None for those that it lacks, or has whole.
Cut = tuple[str | None, ...]


def result_cut(body: Graph, result: int, axes: Sequence[Axis]) -> Cut:
    """Further results name the cut axes as the first does where they have them."""
    return tuple(axis.name if axis in body.type(result).axes else None for axis in axes)


def operand_cut(body: Graph, node: Node, operand: int, cut: Cut) -> Cut:
    """Where the operand of a node is cut that is itself cut so."""
    old = {new: old for old, new in renamed(node).items()}
    names = (None if name is None else old.get(name, name) for name in cut)
    return tuple(name if name is not None and body.type(operand).has(name) else None for name in names)
