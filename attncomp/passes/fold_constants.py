"""`fold-constants`: computes when compiling what depends on constants alone, and drops what changes nothing.

Options decided when compiling leave arithmetic on numbers behind (`sqrt(|key|)` of a known size, `1.0 * x`, a `where`
whose condition is known). Folded, they are one number in the emitted code, and later passes see `divide(%0, 8.0)`.

    %1 = size {size = 64, dtype = f32}
    %2 = sqrt(%1)                             %1 = constant {value = f32 8.0}
    %3 = divide(%0, %2)                  →    %2 = divide(%0, %1)
    %4 = constant {value = f32 0.0}           return "y": %2
    %5 = add(%3, %4)
    return "y": %5

Values keep their dtype and their axes. NaN and infinity keep their meaning: `x * 0` and `x - x` are not 0; only the
sign of a zero may change. Results of more than `largest` elements stay operators, and so do positions (`arange`,
`linspace`), for a mask made of positions is worth more to a kernel than a table of numbers. What their bounds decide is
known, though, with symbolic sizes too: a `where` by `arange >= 0`, or by a window as wide as the axis, is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from attncomp.ir.graph import Attribute, Graph, Literal, Node
from attncomp.ir.interpret import evaluate
from attncomp.ir.literals import NUMPY_DTYPES
from attncomp.ir.operators.access import pairs
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType
from attncomp.passes.base import Pass, PassResult
from attncomp.passes.cleanup import remove_unread
from attncomp.passes.numbers import everywhere
from attncomp.passes.positions import Bounds, Positions

# What is never computed when compiling: places with a state of their own, and operators without operands.
_KEPT = frozenset(("dropout", "batch_norm", "region", "constant", "input", "parameter", "arange", "linspace"))


@dataclass(frozen=True)
class FoldConstants(Pass):
    """Folds operators on constants, up to `largest` elements, and drops operators that are the identity."""

    name: ClassVar[str] = "fold-constants"
    summary: ClassVar[str] = "computes what depends on constants alone, drops what changes nothing"
    repeats: ClassVar[bool] = True
    largest: int = 64

    def run(self, graph: Graph) -> PassResult:
        """One walk in order, so that a node sees its operands folded."""
        orphans: list[int] = []
        changed = False
        known = Positions(graph)
        for identity in graph.order():
            node = graph.node(identity)
            operands = graph.operands(identity)
            literal = self._literal(graph, node, operands)
            if literal is not None:
                graph.update(identity, operator="constant", attributes=MappingProxyType({"value": literal}))
                graph.set_operands(identity, ())
                orphans.extend(operands)
                changed = True
                known.visit(identity)
                continue
            rule = _IDENTITIES.get(node.operator)
            same = rule(known, node, operands) if rule else None
            if same is None or not graph.type(same).same_as(node.type):
                known.visit(identity)
                continue
            if node.name and not graph.node(same).name:
                graph.update(same, name=node.name)
            graph.replace_uses(identity, same)
            orphans.append(identity)
            changed = True
        remove_unread(graph, orphans)
        return PassResult(changed)

    def _literal(self, graph: Graph, node: Node, operands: tuple[int, ...]) -> Literal | None:
        """The value of a node that depends on constants alone, in its dtype; None where it is not to be folded."""
        if node.operator in _KEPT or node.type.dtype is DType.BF16 or _symbolic(tuple(node.attributes.values())):
            return None  # NumPy cannot round to bf16
        if any(graph.node(operand).operator != "constant" for operand in operands):
            return None
        elements = node.type.elements().constant
        if elements is None or elements > self.largest:
            return None
        read = [evaluate("constant", (), graph.node(operand).attributes) for operand in operands]
        with np.errstate(all="ignore"):
            array = evaluate(node.operator, read, node.attributes).ordered(node.type.names)
            array = array.astype(NUMPY_DTYPES[node.type.dtype])
        return Literal(array, node.type.names)


def _symbolic(value: Attribute) -> bool:
    """Whether an attribute depends on a size that is unknown when compiling."""
    if isinstance(value, tuple):
        return any(_symbolic(item) for item in value)
    size = value.size if isinstance(value, Axis) else value
    return isinstance(size, Size) and size.constant is None


# --- identities: what an operator equals, where that is one of its operands or of their operands ----------------

Rule = Callable[[Positions, Node, tuple[int, ...]], "int | None"]


def _neutral(number: float, *, left: bool) -> Rule:
    """Dropping an operand that is `number` everywhere, on the right and, if `left`, on the left."""

    def rule(known: Positions, node: Node, operands: tuple[int, ...]) -> int | None:
        if _everywhere(known, operands[1], number):
            return operands[0]
        return operands[1] if left and _everywhere(known, operands[0], number) else None

    return rule


def _everywhere(known: Positions, identity: int, number: float) -> bool:
    return everywhere(known.graph, identity, number) or known.is_everywhere(identity, number)


def _twice(known: Positions, node: Node, operands: tuple[int, ...]) -> int | None:
    (inner,) = operands
    return known.graph.operands(inner)[0] if known.graph.node(inner).operator == node.operator else None


def _cast(known: Positions, node: Node, operands: tuple[int, ...]) -> int | None:
    return operands[0]  # the types are compared by the caller


def _where(known: Positions, node: Node, operands: tuple[int, ...]) -> int | None:
    condition, chosen, other = operands
    if _everywhere(known, condition, True):
        return chosen
    return other if _everywhere(known, condition, False) else None


def _clamp(known: Positions, node: Node, operands: tuple[int, ...]) -> int | None:
    """A clamp of positions that lie within its limits."""
    if node.type.dtype is not DType.I64:
        return None
    bounds = known.bounds(operands[0])
    low, high = (_limit(node.attributes[name]) for name in ("low", "high"))
    above = low is None or Bounds(low, low).below(bounds, or_equal=True)
    below = high is None or bounds.below(Bounds(high, high), or_equal=True)
    return operands[0] if above and below else None


def _limit(limit: Attribute) -> Size | None:
    return Size.of(int(limit)) if isinstance(limit, int | float) else None


def _rename(known: Positions, node: Node, operands: tuple[int, ...]) -> int | None:
    return operands[0] if all(old == new for old, new in pairs(node.attributes, "names")) else None


def _slice(known: Positions, node: Node, operands: tuple[int, ...]) -> int | None:
    return operands[0] if node.attributes["start"] == Size.of(0) else None  # the sizes are compared by the caller


def _dropout(known: Positions, node: Node, operands: tuple[int, ...]) -> int | None:
    return operands[0] if node.attributes["rate"] == 0.0 else None


_IDENTITIES: Mapping[str, Rule] = MappingProxyType(
    {
        "add": _neutral(0, left=True),
        "subtract": _neutral(0, left=False),
        "multiply": _neutral(1, left=True),
        "divide": _neutral(1, left=False),
        "power": _neutral(1, left=False),
        "logical_and": _neutral(True, left=True),
        "logical_or": _neutral(False, left=True),
        "negate": _twice,
        "logical_not": _twice,
        "cast": _cast,
        "where": _where,
        "clamp": _clamp,
        "rename": _rename,
        "slice": _slice,
        "dropout": _dropout,
    }
)
