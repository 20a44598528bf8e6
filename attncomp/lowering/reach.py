"""Which sources a piece of queries can read at all: those outside of a stretch are masked for each of its queries.

A mask of positions (causal, a window, blocks) leaves the weights of most pairs 0. For every value of the body it is
found which numbers the value is known to be outside of which stretch of sources: a comparison of positions is false, a
score chosen by it -inf, a softmax of that 0, and what sums a product with 0 over the sources may leave them out. The
stretch is one for all that works along the sources; where a score is not masked by -inf, there is none.

As in every kernel for masked attention, what meets a 0 or -inf that is known so is taken to be a finite number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from attncomp.ir.graph import Graph, Node
from attncomp.ir.interpret import evaluate
from attncomp.ir.operators.base import NamedArray
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType
from attncomp.lowering.bounds import (
    EVERYWHERE,
    NOWHERE,
    Bound,
    Extreme,
    Interval,
    Order,
    sizes_in,
    start_of,
    stop_of,
)
from attncomp.lowering.cut_names import Cut, operand_cut, result_cut
from attncomp.lowering.forms import COMPARISONS, SOURCE, Form, Position, where_false, where_true
from attncomp.lowering.numbers import scalar_of, whole_number
from attncomp.lowering.sources import Sources, sources_of, works_on


@dataclass(frozen=True)
class Reach:
    """The sources that a piece of queries reads: those of `interval`, of `axis`, whose name `names` has by node.

    Its bounds are in the ends of pieces, see `bounds.start_of` and `stop_of`, along the axes `moving`.
    """

    axis: Axis
    names: Sources
    interval: Interval
    moving: tuple[str, ...]

    def longest(self, places: Mapping[str, int]) -> Bound:
        """How many sources pieces with so many places of each moving axis read: all, unless both ends move alike."""
        low, high = self.interval.low, self.interval.high
        if not isinstance(low, Size) or not isinstance(high, Size):
            return self.axis.size
        stops = {stop_of(axis): Size.symbol(start_of(axis)) + places[axis] for axis in self.moving}
        length = (high - low).substitute(stops)
        moves = any(start_of(axis) in length.symbols() for axis in self.moving)
        return self.axis.size if moves else Extreme(False, (self.axis.size, length))


def reach_of(body: Graph, cuts: Sequence[Axis]) -> Reach | None:
    """What a piece of some axes of the first result reads; None where that may be all sources."""
    order = Order(tuple(cuts))
    for axis, names in sources_of(body):
        interval = _Analysis(body, names, order).needed()
        interval = EVERYWHERE if interval is None else order.within(interval, axis.size)
        found = {symbol for end in (interval.low, interval.high) for size in sizes_in(end) for symbol in size.symbols()}
        moving = tuple(cut.name for cut in cuts if found & {start_of(cut.name), stop_of(cut.name)})
        if interval != EVERYWHERE:
            return Reach(axis, names, interval, moving)
    return None


# For each number: outside of which stretch a value is known to be that number.
_Facts = Mapping[float, Interval]
# A node, and where it is cut.
_Here = tuple[int, Cut]

_NONE: _Facts = {}

# By operator along the sources: the number that it may leave out, and what its result is there, if that has sources.
_LEFT_OUT: Mapping[str, tuple[float, float | None]] = {
    "softmax": (-math.inf, 0.0),
    "log_softmax": (-math.inf, -math.inf),
    "contract": (0.0, None),
    "sum": (0.0, None),
    "norm": (0.0, None),
    "max": (-math.inf, None),
    "min": (math.inf, None),
}

# By operator over other axes: the numbers that it makes of themselves alone.
_SAME_OVER_OTHERS: Mapping[str, tuple[float, ...]] = {
    "sum": (0.0, -math.inf),
    "mean": (0.0, -math.inf),
    "max": (0.0, -math.inf),
    "min": (0.0, -math.inf),
    "norm": (0.0,),
}

# By operator: the place of an operand and its number, and the result, whatever finite number the other operand is.
_DECIDING: Mapping[str, Sequence[tuple[int, float, float]]] = {
    "logical_and": ((0, 0.0, 0.0), (1, 0.0, 0.0)),
    "logical_or": ((0, 1.0, 1.0), (1, 1.0, 1.0)),
    "multiply": ((0, 0.0, 0.0), (1, 0.0, 0.0)),
    "divide": ((0, 0.0, 0.0),),
    "add": ((0, -math.inf, -math.inf), (1, -math.inf, -math.inf)),
    "subtract": ((0, -math.inf, -math.inf), (1, math.inf, -math.inf)),
    "minimum": ((0, -math.inf, -math.inf), (1, -math.inf, -math.inf)),
}


class _NeedsAll(Exception):
    """Something works along the sources and reads all of them."""


@dataclass
class _Analysis:
    """What is known of the values of a body, from the results backwards."""

    body: Graph
    names: Sources
    order: Order
    forms: dict[_Here, Form | None] = field(default_factory=dict)
    facts: dict[_Here, _Facts] = field(default_factory=dict)
    total: Interval = NOWHERE

    def needed(self) -> Interval | None:
        """The stretch outside of which no query of a piece reads a source; None where there is none."""
        try:
            for result in self.body.results:
                self._visit((result.node, result_cut(self.body, result.node, self.order.cuts)))
        except _NeedsAll:
            return None
        return self.total

    def _visit(self, here: _Here) -> None:
        stack = [here]
        while stack:
            identity, cut = stack[-1]
            if (identity, cut) in self.facts:
                stack.pop()
                continue
            node = self.body.node(identity)
            operands = self.body.operands(identity)
            below = [(operand, operand_cut(self.body, node, operand, cut)) for operand in operands]
            missing = [one for one in below if one not in self.facts]
            if missing:
                stack.extend(missing)
                continue
            source = self.names.get(identity)
            if node.operator == "region" or (source is not None and source in cut):
                raise _NeedsAll
            place = next((place for place, name in enumerate(cut) if name is not None), None)
            positions = SOURCE if source is not None else None if place is None else Position(place)
            self.forms[identity, cut] = whole_number(node, [self.forms[one] for one in below], positions)
            self.facts[identity, cut] = self._known(node, below)
            stack.pop()

    # --- what values are outside of a stretch -------------------------------------------------------------------

    def _known(self, node: Node, below: Sequence[_Here]) -> _Facts:
        facts = [self.facts[one] for one in below]
        along = any(one in self.names and works_on(node, self.names[one]) for one, _ in below)
        category = OPERATORS[node.operator].category
        if along:
            return self._along(node, facts)
        if node.operator == "constant":
            number = scalar_of(node)
            return _NONE if number is None or math.isnan(number) else {number: NOWHERE}
        if node.operator in COMPARISONS:
            left, right = (self.forms[one] for one in below)
            if left is not None and right is not None:
                return self._compared(node.operator, left, right)
        if node.operator == "where":
            return self._chosen(*facts)
        if node.operator in ("rename", "dropout"):
            return facts[0]
        if category == "pointwise":
            return self._computed(node, facts)
        if node.operator == "contract":
            return self._either(facts, 0.0)
        same = _SAME_OVER_OTHERS.get(node.operator, ())
        return {number: interval for number, interval in (facts[0].items() if same else ()) if number in same}

    def _along(self, node: Node, facts: Sequence[_Facts]) -> _Facts:
        """What works along the sources: it may leave out those whose number changes nothing."""
        left_out = _LEFT_OUT.get(node.operator)
        found = _NONE if left_out is None else self._either(facts, left_out[0])
        if left_out is None or not found:
            raise _NeedsAll
        (interval,) = found.values()
        self.total = self.order.hull(self.total, interval)
        return _NONE if left_out[1] is None else {left_out[1]: interval}

    def _either(self, facts: Sequence[_Facts], number: float) -> _Facts:
        """The places where one of the operands is a number."""
        found = [one[number] for one in facts if number in one]
        return self._all_hold((number, interval) for interval in found)

    def _compared(self, operator: str, left: Form, right: Form) -> _Facts:
        return {
            0.0: where_true(operator, left, right, self.order),
            1.0: where_false(operator, left, right, self.order),
        }

    def _chosen(self, condition: _Facts, chosen: _Facts, other: _Facts) -> _Facts:
        found = [
            (number, self.order.hull(condition[truth], interval))
            for truth, facts in ((1.0, chosen), (0.0, other))
            if truth in condition
            for number, interval in facts.items()
        ]
        found += [(number, self.order.hull(chosen[number], other[number])) for number in chosen if number in other]
        return self._all_hold(found)

    def _computed(self, node: Node, facts: Sequence[_Facts]) -> _Facts:
        """What comes of the known numbers of the operands, and what a number of one alone decides."""
        found: list[tuple[float, Interval]] = []
        result = partial(self._result, node)
        if len(facts) == 1:
            found = [(result(number), interval) for number, interval in facts[0].items()]
        elif len(facts) == 2:
            found = [
                (result(left, right), self.order.hull(facts[0][left], facts[1][right]))
                for left in facts[0]
                for right in facts[1]
            ]
            for place, number, decided in _DECIDING.get(node.operator, ()):
                others = (result(*((number, one) if place == 0 else (one, number))) for one in facts[1 - place])
                if number in facts[place] and not any(map(math.isnan, others)):
                    found.append((decided, facts[place][number]))
        return self._all_hold((number, interval) for number, interval in found if not math.isnan(number))

    def _result(self, node: Node, *numbers: float) -> float:
        types = [self.body.type(operand).dtype for operand in self.body.operands(node.identity)]
        kinds = [bool if dtype is DType.BOOL else np.int64 if dtype.is_integer else np.float64 for dtype in types]
        given = [NamedArray(np.asarray(number, kind), ()) for number, kind in zip(numbers, kinds, strict=True)]
        return float(evaluate(node.operator, given, node.attributes).array.item())

    def _all_hold(self, facts: Iterable[tuple[float, Interval]]) -> _Facts:
        """Several facts at once, those about one number as one, without those that tell nothing."""
        total: dict[float, Interval] = {}
        for number, interval in facts:
            total[number] = self.order.common(total.get(number, EVERYWHERE), interval)
        return {number: interval for number, interval in total.items() if interval != EVERYWHERE}
