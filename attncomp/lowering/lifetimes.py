"""When the values of a program are made and read for the last time, in loops and regions too.

Time is counted in statements, those inside of a loop or a region between its begin and its end. What a loop reads of
the values around it is read until its end, since every iteration reads it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from attncomp.lowering.flow import reads
from attncomp.lowering.program import Loop, Operand, Region, Statement, Step, Value, inside
from attncomp.lowering.strides import VIEWS, Lying, in_order, is_contiguous, lying_of

Span = tuple[int, int]

FOREVER = 1 << 60


@dataclass(frozen=True)
class Doing:
    """A statement, in the loops and regions named `inside_of`, outermost first; `ends` for the end of such a one."""

    statement: Statement
    inside_of: tuple[str, ...] = ()
    ends: bool = False


@dataclass
class Lifetimes:
    """What is known of the values of one function and of those that it calls, by their names.

    `orders` says how the dimensions of some values lie. `made` and `last` are times; `lying` says of each value how it
    lies; `spans` when a loop or a region begins and ends, by its identity; `steps` when each step is done. `values` are
    all that were met.
    """

    orders: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    lying: dict[str, Lying] = field(default_factory=dict)
    spans: dict[int, Span] = field(default_factory=dict)
    steps: dict[str, tuple[int, Step]] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    now: int = 0

    def root(self, value: Value) -> str:
        """The name of the value whose memory a value shares: its own where it is no view."""
        return self.lying[value.name].root if value.name in self.lying else value.name

    def read_until(self, root: str) -> int:
        """When the memory of a value is read for the last time; when it is made where it never is."""
        return self.last.get(root, self.made[root])

    def is_whole(self, operand: Operand, value: Value) -> bool:
        """Whether an operand is an array that `value` could take the memory of: as long, in the same order."""
        if not isinstance(operand, Value) or operand.shape != value.shape or operand.dtype is not value.dtype:
            return False
        lying = self.lying.get(operand.name)
        return lying is not None and is_contiguous(operand, lying)

    # --- taking in ----------------------------------------------------------------------------------------------

    def take(self, statements: Sequence[Statement], given: Sequence[Value], results: Sequence[Value]) -> None:
        """Takes in the statements of a function on `given` values, whose `results` are read for ever."""
        for value in given:
            self.define(value, Lying(value.name, None))
        self._body(statements)
        for value in results:
            self.read(value, FOREVER)

    def define(self, value: Value, lying: Lying | None = None) -> None:
        """A value is made now."""
        self.values[value.name] = value
        self.made.setdefault(value.name, self.now)
        order = self.orders.get(value.name, range(len(value.shape)))
        self.lying[value.name] = lying or Lying(value.name, in_order(value.shape, order))

    def read(self, value: Value, time: int) -> None:
        """A value is read at a time."""
        root = self.root(value)
        self.last[root] = max(time, self.last.get(root, 0))

    def _body(self, statements: Sequence[Statement]) -> None:
        for statement in statements:
            self.now += 1
            if isinstance(statement, Step):
                self._step(statement)
            elif isinstance(statement, Region):
                self._region(statement)
            else:
                self._loop(statement)

    def _step(self, step: Step) -> None:
        for value in reads(step):
            self.read(value, self.now)
        self.define(step.result, lying_of(step, self.lying))
        self.steps[step.result.name] = (self.now, step)

    def _region(self, region: Region) -> None:
        begin = self.now
        for value in region.results:
            self.define(value)
        if region.pieces is None:
            self._body(region.body)
            for value in inside(region)[1]:
                self.read(value, self.now + 1)
        self.now += 1
        for value in region.inputs:
            self.read(value, self.now)
        self.spans[id(region)] = (begin, self.now)

    def _loop(self, loop: Loop) -> None:
        begin = self.now
        for before, start, _, _ in loop.carried:
            self.read(before, begin)
            self.define(start)
        self._body(loop.steps)
        self.now += 1
        for _, _, end, after in loop.carried:
            self.read(end, self.now)
            self.define(after)
        for value in loop.captured:
            self.read(value, self.now)
        self.spans[id(loop)] = (begin, self.now)


def timetable(statements: Sequence[Statement]) -> Mapping[int, Doing]:
    """What is done at each time that `Lifetimes` counts."""
    found: dict[int, Doing] = {}
    _enter(statements, (), found)
    return found


def _enter(statements: Sequence[Statement], inside_of: tuple[str, ...], found: dict[int, Doing]) -> None:
    for statement in statements:
        found[len(found) + 1] = Doing(statement, inside_of)
        if isinstance(statement, Loop):
            _enter(statement.steps, (*inside_of, statement.name), found)
        elif isinstance(statement, Region) and statement.pieces is None:
            _enter(statement.body, (*inside_of, statement.name), found)
        if not isinstance(statement, Step):
            found[len(found) + 1] = Doing(statement, inside_of, ends=True)


def is_view(step: Step, lying: Mapping[str, Lying]) -> bool:
    """Whether the result of a step is a view of its operand."""
    return step.operator in VIEWS and lying[step.result.name].root != step.result.name
