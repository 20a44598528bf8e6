"""What is known of positions when compiling: the bounds of whole numbers made of them, and the truth of comparisons."""

from __future__ import annotations

from dataclasses import dataclass, field

from attncomp.ir.estimate import at_most
from attncomp.ir.graph import Graph, Literal, Node
from attncomp.ir.operators.access import get
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType

# What gives some numbers of its operand, all as they are.
_MOVES = frozenset(("rename", "index", "slice", "split", "merge", "flip", "roll"))
# A comparison as the operands of `a < b` or `a <= b`: whether they are exchanged, and whether they may be equal.
_ORDERS = {
    "less": (False, False),
    "less_equal": (False, True),
    "greater": (True, False),
    "greater_equal": (True, True),
}
_COMPARISONS = frozenset((*_ORDERS, "equal", "not_equal"))


@dataclass(frozen=True)
class Bounds:
    """The least and the greatest that a whole number may be; None where that is not known."""

    least: Size | None = None
    most: Size | None = None

    def plus(self, other: Bounds) -> Bounds:
        """The bounds of a sum."""
        return Bounds(_sum(self.least, other.least), _sum(self.most, other.most))

    def negated(self) -> Bounds:
        """The bounds of the number with the other sign."""
        return Bounds(None if self.most is None else -self.most, None if self.least is None else -self.least)

    def below(self, other: Bounds, *, or_equal: bool = False) -> bool:
        """Whether the number is proved to be less than another."""
        if self.most is None or other.least is None:
            return False
        return at_most(self.most + (0 if or_equal else 1), other.least)


_UNKNOWN = Bounds()
_ZERO = Bounds(Size.of(0), Size.of(0))


def _sum(left: Size | None, right: Size | None) -> Size | None:
    return None if left is None or right is None else left + right


@dataclass
class Positions:
    """The bounds and the truth of the nodes visited so far, in order."""

    graph: Graph
    _bounds: dict[int, Bounds] = field(default_factory=dict)
    _truth: dict[int, bool] = field(default_factory=dict)

    def visit(self, identity: int) -> None:
        """Finds what is known of a node whose operands were visited."""
        node = self.graph.node(identity)
        if node.type.dtype is DType.I64:
            bounds = self._bounded(node)
            if bounds != _UNKNOWN:
                self._bounds[identity] = bounds
        elif node.type.dtype is DType.BOOL:
            truth = self._decided(node)
            if truth is not None:
                self._truth[identity] = truth

    def bounds(self, identity: int) -> Bounds:
        """Between which numbers every element of a node lies."""
        return self._bounds.get(identity, _UNKNOWN)

    def is_everywhere(self, identity: int, number: float) -> bool:
        """Whether a node is `number` (True and False are 1 and 0) at every place."""
        if identity in self._truth:
            return self._truth[identity] == number
        bounds = self.bounds(identity)
        return bounds.least is not None and bounds.least == bounds.most and bounds.least.constant == number

    def _bounded(self, node: Node) -> Bounds:
        operands = self.graph.operands(node.identity)
        read = [self.bounds(operand) for operand in operands]
        match node.operator:
            case "constant":
                array = get(node.attributes, "value", Literal).array
                return Bounds(Size.of(int(array.min())), Size.of(int(array.max()))) if array.size else _UNKNOWN
            case "arange":
                return Bounds(Size.of(0), get(node.attributes, "axis", Axis).size - 1)
            case "size":
                size = get(node.attributes, "size", Size)
                return Bounds(size, size)
            case "add":
                return read[0].plus(read[1])
            case "subtract":
                same = operands[0] == operands[1]
                return _ZERO if same else read[0].plus(read[1].negated())
            case "negate":
                return read[0].negated()
            case "abs":
                return _absolute(read[0])
            case "modulo":
                by_positive = _ZERO.below(read[1])
                return Bounds(Size.of(0), _sum(read[1].most, Size.of(-1))) if by_positive else _UNKNOWN
            case operator if operator in _MOVES:
                return read[0]
        return _UNKNOWN

    def _decided(self, node: Node) -> bool | None:
        operands = self.graph.operands(node.identity)
        if node.operator == "constant":
            array = get(node.attributes, "value", Literal).array
            return bool(array.all()) if array.size and array.all() == array.any() else None
        if node.operator in ("logical_and", "logical_or"):
            found = [self._truth.get(operand) for operand in operands]
            absorbing = node.operator == "logical_or"
            if absorbing in found:
                return absorbing
            return None if None in found else not absorbing
        if node.operator == "logical_not" or node.operator in _MOVES:
            truth = self._truth.get(operands[0])
            return truth if truth is None or node.operator in _MOVES else not truth
        if node.operator not in _COMPARISONS or any(
            self.graph.type(operand).dtype is not DType.I64 for operand in operands
        ):
            return None
        return self._compared(node.operator, *operands)

    def _compared(self, operator: str, left: int, right: int) -> bool | None:
        one, other = self.bounds(left), self.bounds(right)
        if operator in ("equal", "not_equal"):
            if left == right:
                return operator == "equal"
            return operator == "not_equal" if one.below(other) or other.below(one) else None
        exchanged, or_equal = _ORDERS[operator]
        if left == right:
            return or_equal
        if exchanged:
            one, other = other, one
        if one.below(other, or_equal=or_equal):
            return True
        return False if other.below(one, or_equal=not or_equal) else None


def _absolute(bounds: Bounds) -> Bounds:
    if _ZERO.below(bounds, or_equal=True):
        return bounds
    highest, lowest = bounds.most, bounds.negated().most
    if highest is None or lowest is None:
        return Bounds(Size.of(0))
    if at_most(lowest, highest):
        return Bounds(Size.of(0), highest)
    return Bounds(Size.of(0), lowest if at_most(highest, lowest) else None)
