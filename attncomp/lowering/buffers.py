"""The memory plan: which values share a buffer, so that a call makes nothing new that is large.

A value that is large is stored in a buffer of its own function's memory; another takes the buffer as soon as nothing
reads what it holds. Three things come before the buffers are dealt out:

- A step that works place by place writes over an operand that nothing reads later: both are one `_Object`.
- What a loop carries stays in one place from before the first iteration until after the last, or is copied there.
- A result is written into the array that the caller gives.

The buffers are then dealt to the largest first, each value to the smallest that is free as long as it lives (greedy by
size, Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from attncomp.ir.estimate import estimate, largest
from attncomp.ir.sizes import Size
from attncomp.lowering.copies import own_results, with_copies
from attncomp.lowering.emitter import Emitter, Hint
from attncomp.lowering.lifetimes import Lifetimes, Span, is_view
from attncomp.lowering.orders import stored_orders
from attncomp.lowering.peak import bytes_of
from attncomp.lowering.pointwise import POINTWISE
from attncomp.lowering.program import (
    Buffer,
    Loop,
    Place,
    Program,
    Region,
    Statement,
    Step,
    Tenant,
    Value,
    inside,
)
from attncomp.lowering.renaming import Renaming

# What is smaller than this, in bytes, is made anew: a buffer would cost more than it spares.
LARGE = 1 << 16

# Operators that can write over their operand: every number of the result depends on that place, or that row, alone.
IN_PLACE = POINTWISE - {"dropout"} | {"softmax", "log_softmax", "powers", "normalize"}

# Operators that write their result where they are told.
PLACED = IN_PLACE | {
    *("matmul", "linear", "convolution", "batch_norm", "maxpool", "avgpool", "adaptive_avgpool", "resize", "sample"),
    *("copy", "concat", "stack", "pad", "roll", "take", "fold", "cumsum", "sum", "mean", "max", "min", "norm"),
}


def planned(program: Program, emitter: Emitter) -> Program:
    """The program with a place for every large value, its buffers, and those of each region that is done in pieces."""
    outputs = [value for _, value in program.outputs]
    orders = stored_orders(program.steps, {value.name for value in outputs})
    statements = _regions(with_copies(program.steps, emitter, orders), emitter)
    given = [one.value for one in program.inputs] + [one.value for one in program.parameters]
    given += [step.result for step in program.prepare]
    statements, outputs = own_results(statements, given, outputs, emitter)
    planner = _Planner(statements, given, outputs, emitter, Lifetimes(orders))
    steps, renaming = planner.finished()
    results = tuple(map(renaming.value, planner.results))
    names = (name for name, _ in program.outputs)
    return replace(
        program,
        steps=steps,
        outputs=tuple(zip(names, results, strict=True)),
        buffers=planner.buffers(steps, results),
    )


def _regions(statements: Sequence[Statement], emitter: Emitter) -> tuple[Statement, ...]:
    """The statements with a plan of its own for every region that is done in pieces."""
    found: list[Statement] = []
    for statement in statements:
        if isinstance(statement, Loop):
            found.append(replace(statement, steps=_regions(statement.steps, emitter)))
        elif isinstance(statement, Region) and statement.pieces is not None:
            found.append(_planned_region(statement, emitter))
        elif isinstance(statement, Region):
            found.append(replace(statement, body=_regions(statement.body, emitter)))
        else:
            found.append(statement)
    return tuple(found)


def _planned_region(region: Region, emitter: Emitter) -> Region:
    """A region whose results are written where the caller says, a copy where nothing else can be."""
    assert region.pieces is not None
    given, made = inside(region)
    lifetimes = Lifetimes()
    lifetimes.take(region.body, given, made)
    steps, results = list(region.body), list[Value]()
    for value in made:
        found = lifetimes.steps.get(value.name)
        direct = found is not None and found[1].operator in PLACED and value not in results
        result = value if direct else emitter.value(value.dtype, value.axes, value.shape, Hint("result"))
        if not direct:
            steps.append(Step(result, "copy", (value,), {}, region.origin))
        results.append(result)
    planner = _Planner(tuple(steps), given, results, emitter)
    body, renaming = planner.finished()
    returned = tuple(map(renaming.value, planner.results))
    pieces = replace(region.pieces, made=returned, buffers=planner.buffers(body, returned))
    return replace(region, body=body, pieces=pieces)


@dataclass
class _Object:
    """Values that lie in one place, one after the other: when it is in use, and for what at most.

    `result` is which result of the function it is; `escapes` is whether a caller might get hold of it otherwise.
    """

    values: list[Value]
    spans: list[Span]
    result: int | None = None
    escapes: bool = False

    @property
    def size(self) -> Size:
        """The bytes that it takes."""
        return largest(bytes_of(value) for value in self.values)

    def meets(self, other: _Object) -> bool:
        """Whether both are in use at the same time."""
        return any(a <= d and c <= b for a, b in self.spans for c, d in other.spans)

    def join(self, other: _Object) -> None:
        """Takes the values of another in."""
        self.values += other.values
        self.spans += other.spans
        self.result = self.result if other.result is None else other.result
        self.escapes |= other.escapes


@dataclass
class _Planner:
    """Plans the memory of one function and of those that share its memory."""

    statements: Sequence[Statement]
    given: Sequence[Value]
    results: Sequence[Value]
    emitter: Emitter
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    objects: dict[str, _Object] = field(default_factory=dict)
    dealt: list[list[_Object]] = field(default_factory=list)
    moves: dict[str, Value] = field(default_factory=dict)
    outermost: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.statements = tuple(self._carried_apart(self.statements))
        self._results_apart()
        self.lifetimes.take(self.statements, self.given, self.results)
        self.outermost = {value.name for statement in self.statements for value in _made(statement)}
        self._find_objects(self.statements)
        self._keep_carried(self.statements)
        self._mark_results()
        self._drop_moves()
        self._write_over()
        self._deal()

    # --- moves --------------------------------------------------------------------------------------------------

    def _move(self, value: Value) -> Step:
        """A step that copies a value to another place, unless both turn out to lie in one."""
        moved = self.emitter.value(value.dtype, value.axes, value.shape, self.emitter.shared.hints[value.name])
        step = Step(moved, "copy", (value,))
        self.moves[moved.name] = value
        return step

    def _carried_apart(self, statements: Iterable[Statement]) -> list[Statement]:
        """The statements with a move, before each loop and at its end, of all that is large and that it carries."""
        found: list[Statement] = []
        for statement in statements:
            if isinstance(statement, Loop):
                carried = list(statement.carried)
                steps = self._carried_apart(statement.steps)
                for place, (before, start, end, after) in enumerate(carried):
                    if estimate(bytes_of(start)) >= LARGE:
                        first, last = self._move(before), self._move(end)
                        found.append(first)
                        steps.append(last)
                        carried[place] = first.result, start, last.result, after
                found.append(replace(statement, steps=tuple(steps), carried=tuple(carried)))
            else:
                found.append(statement)
        return found

    def _results_apart(self) -> None:
        """What a loop carries does not lie where the caller says: a result is moved there after the loop."""
        carried = {after.name for one in self.statements if isinstance(one, Loop) for *_, after in one.carried}
        results = list(self.results)
        for number, value in enumerate(results):
            if value.name in carried and estimate(bytes_of(value)) >= LARGE:
                move = self._move(value)
                self.statements = (*self.statements, move)
                results[number] = move.result
        self.results = results

    def _drop_moves(self) -> None:
        """Moves whose two values can lie in one place are none."""
        for name, value in list(self.moves.items()):
            time, _ = self.lifetimes.steps[name]
            one, other = self.objects.get(name), self.objects.get(self.lifetimes.root(value))
            whole = self.lifetimes.is_whole(value, self.lifetimes.values[name])
            if one is None or other is None or not whole or not self._join(other, one, time):
                del self.moves[name]

    # --- what there is ------------------------------------------------------------------------------------------

    def _find_objects(self, statements: Sequence[Statement]) -> None:
        for statement in statements:
            if isinstance(statement, Step):
                if statement.operator in PLACED and not is_view(statement, self.lifetimes.lying):
                    self._add(statement.result)
            elif isinstance(statement, Region):
                if statement.pieces is None:
                    self._find_objects(statement.body)
                else:
                    for value in statement.results:
                        self._add(value)
            else:
                self._find_objects(statement.steps)

    def _add(self, value: Value) -> None:
        if estimate(bytes_of(value)) >= LARGE or (value in self.results and value.shape):
            made = self.lifetimes.made[value.name]
            self.objects[value.name] = _Object([value], [(made, self.lifetimes.read_until(value.name))])

    def _mark_results(self) -> None:
        """A result is written where the caller says; what a result is a view of is new at each call."""
        for number, value in enumerate(self.results):
            root = self.lifetimes.root(value)
            found = self.objects.get(root)
            if found is None:
                continue
            if root == value.name and root in self.outermost and found.result is None:
                found.result = number
            else:
                found.escapes = True

    # --- what shares a place ------------------------------------------------------------------------------------

    def _write_over(self) -> None:
        for time, step in list(self.lifetimes.steps.values()):
            for operand in step.operands:
                if isinstance(operand, Value) and self._can_write_over(operand, step, time):
                    other, mine = self.objects[self.lifetimes.root(operand)], self.objects[step.result.name]
                    if self._join(other, mine, time):
                        break

    def _can_write_over(self, operand: Value, step: Step, time: int) -> bool:
        """Whether a step at `time` may write its result over one of its operands."""
        root = self.lifetimes.root(operand)
        if step.operator not in IN_PLACE or step.result.name not in self.objects or root not in self.objects:
            return False
        reads_once = [self.lifetimes.root(one) for one in step.operands if isinstance(one, Value)].count(root) == 1
        return reads_once and self.lifetimes.is_whole(operand, step.result) and self.lifetimes.read_until(root) == time

    def _follows(self, one: Value, other: Value, time: int) -> bool:
        """Whether the later of two values is made, at `time`, by a step that may write it over the earlier."""
        for made, before in ((one, other), (other, one)):
            found = self.lifetimes.steps.get(made.name)
            if found is not None and found[0] == time:
                operands = (operand for operand in found[1].operands if isinstance(operand, Value))
                over = [operand for operand in operands if self.lifetimes.root(operand) == before.name]
                return bool(over) and self._can_write_over(over[0], found[1], time)
        return False

    def _join(self, first: _Object, second: _Object, time: int) -> bool:
        """Makes one of two objects where both can lie in one place.

        They may meet at `time`, where one moves, and where a step writes over its operand.
        """
        if first is second:
            return True
        if first.escapes or second.escapes or (first.result is not None and second.result is not None):
            return False
        values = (*first.values, *second.values)
        given = first.result is not None or second.result is not None
        shapes = {value.shape for value in values}
        if given and (len(shapes) > 1 or not all(value.name in self.outermost for value in values)):
            return False
        allowed = {time} | {self.lifetimes.made[one.name] for one in values if one.name in self.moves}
        for one, (a, b) in zip(first.values, first.spans, strict=True):
            for other, (c, d) in zip(second.values, second.spans, strict=True):
                meet, part = max(a, c), min(b, d)
                if meet < part or (meet == part and meet not in allowed and not self._follows(one, other, meet)):
                    return False
        self._merge(first, second)
        return True

    def _merge(self, first: _Object, second: _Object) -> None:
        first.join(second)
        for value in second.values:
            self.objects[value.name] = first

    def _keep_carried(self, statements: Sequence[Statement]) -> None:
        """What a loop carries lies in one place; where two change places they are new in each iteration."""
        for statement in statements:
            if not isinstance(statement, Loop):
                continue
            _, over = self.lifetimes.spans[id(statement)]
            for before, start, end, after in statement.carried:
                if before.name not in self.moves:
                    continue
                kept, moved = self.objects[before.name], self.objects[end.name]
                made, read = self.lifetimes.made, self.lifetimes.read_until
                kept.values += [start, after]
                kept.spans += [(made[start.name], read(start.name)), (over, read(after.name))]
                self.objects[start.name] = self.objects[after.name] = kept
                if read(start.name) > made[end.name]:
                    kept.escapes = moved.escapes = True
                else:
                    self._merge(kept, moved)
            self._keep_carried(statement.steps)

    # --- buffers ------------------------------------------------------------------------------------------------

    def _deal(self) -> None:
        distinct = {id(one): one for one in self.objects.values() if not one.escapes and one.result is None}
        for one in sorted(distinct.values(), key=lambda one: (-estimate(one.size), one.spans[0])):
            free = [tenants for tenants in self.dealt if not any(one.meets(other) for other in tenants)]
            if free:
                min(free, key=lambda tenants: estimate(largest(other.size for other in tenants))).append(one)
            else:
                self.dealt.append([one])

    def finished(self) -> tuple[tuple[Statement, ...], Renaming]:
        """The statements on values with their places, without moves that are none; how values were replaced."""
        places: dict[str, Place] = {}
        for number, tenants in enumerate(self.dealt):
            places |= {
                value.name: Place(number, self.lifetimes.orders.get(value.name, ()))
                for one in tenants
                for value in one.values
            }
        for name, one in self.objects.items():
            if one.result is not None and not one.escapes:
                places[name] = Place(one.result, given=True)
        found: dict[str, Value] = {}
        for name, value in self.lifetimes.values.items():
            place = places.get(self.lifetimes.root(value))
            if place is not None:
                found[name] = replace(value, place=place)
        for name in self.moves:
            found[name] = self._unmoved(name, found)
        renaming = Renaming(found)
        return tuple(renaming.statement(one) for one in self._without_moves(self.statements)), renaming

    def _unmoved(self, name: str, found: Mapping[str, Value]) -> Value:
        """The value that a move was of, through several."""
        while name in self.moves:
            name = self.moves[name].name
        return found[name]

    def _without_moves(self, statements: Iterable[Statement]) -> tuple[Statement, ...]:
        kept: list[Statement] = []
        for statement in statements:
            if isinstance(statement, Loop):
                kept.append(replace(statement, steps=self._without_moves(statement.steps)))
            elif isinstance(statement, Region) or statement.result.name not in self.moves:
                kept.append(statement)
        return tuple(kept)

    def buffers(self, statements: tuple[Statement, ...], results: Iterable[Value]) -> tuple[Buffer, ...]:
        """The buffers of the finished statements, what lies in each, and when."""
        lifetimes = Lifetimes(self.lifetimes.orders)
        lifetimes.take(statements, self.given, tuple(results))
        tenants: list[list[Tenant]] = [[] for _ in self.dealt]
        for name, value in lifetimes.values.items():
            if value.place is not None and not value.place.given and lifetimes.root(value) == name:
                tenants[value.place.number].append(Tenant(value, lifetimes.made[name], lifetimes.read_until(name)))
        return tuple(
            Buffer(
                number,
                largest(one.size for one in dealt),
                tuple(sorted(tenants[number], key=lambda tenant: tenant.made)),
            )
            for number, dealt in enumerate(self.dealt)
        )


def _made(statement: Statement) -> tuple[Value, ...]:
    """What a statement makes that its function can write into an array it was given."""
    if isinstance(statement, Region):
        return statement.results if statement.pieces is not None else ()
    return (statement.result,) if isinstance(statement, Step) else ()
