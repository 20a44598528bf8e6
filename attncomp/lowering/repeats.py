"""Finds repeated layers: which statements belong to which iteration, and whether iterations do the same."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from attncomp.ir.graph import Attribute
from attncomp.lowering.flow import form_values, reads, results
from attncomp.lowering.program import Operand, Pieces, Region, Statement, Step, Value, inside


@dataclass(frozen=True)
class Segment:
    """One iteration: the places of its statements, what identifies them, and the values that they read and make.

    Two segments do the same where `signature` is equal; then `slots`, the values read from outside in the order of
    their first use, and `locals` correspond one to one.
    """

    index: int
    places: tuple[int, ...]
    signature: Hashable
    slots: tuple[Value, ...]
    locals: tuple[Value, ...]


@dataclass
class Assignment:
    """Which iteration each statement belongs to, by place; statements of none are missing."""

    statements: Sequence[Statement]
    owner: dict[int, int] = field(default_factory=dict)

    def by_iteration(self) -> dict[int, list[int]]:
        """The places of every iteration's statements."""
        found: dict[int, list[int]] = {}
        for place in sorted(self.owner):
            found.setdefault(self.owner[place], []).append(place)
        return found


def prefixes(statements: Sequence[Statement]) -> list[str]:
    """The layer paths under which iterations 0, 1, … may be found: the shortest first."""
    found: dict[str, set[int]] = {}
    for scope in {statement.origin.scope for statement in statements}:
        parts = scope.split(".")
        for place, part in enumerate(parts):
            if part.isdecimal() and place:
                found.setdefault(".".join(parts[:place]), set()).add(int(part))
    repeated = [prefix for prefix, indices in found.items() if any(index + 1 in indices for index in indices)]
    return sorted(repeated, key=lambda prefix: (prefix.count("."), prefix))


def iteration_of(scope: str, prefix: str) -> int | None:
    """The iteration under `prefix` that a layer path belongs to."""
    if not scope.startswith(prefix + "."):
        return None
    part = scope[len(prefix) + 1 :].split(".", 1)[0]
    return int(part) if part.isdecimal() else None


def assign(statements: Sequence[Statement], prefix: str, parameters: Collection[str]) -> Assignment | None:
    """Assigns statements to the iterations under `prefix`, those between two iterations to the earlier one.

    What does not depend on an iteration, such as a mask that all share, is left out. None where fewer than two
    iterations are left. `parameters` are the names of the parameters' values.
    """
    assignment = Assignment(statements)
    for place, statement in enumerate(statements):
        index = iteration_of(statement.origin.scope, prefix)
        if index is not None:
            assignment.owner[place] = index
    if len(set(assignment.owner.values())) < 2:
        return None
    for place in _shared(assignment, parameters):
        del assignment.owner[place]
    if len(set(assignment.owner.values())) < 2:
        return None
    of_layers = assignment.by_iteration()
    _assign_between(assignment)
    _assign_after_last(assignment, of_layers)
    return assignment


def _shared(assignment: Assignment, parameters: Collection[str]) -> set[int]:
    """The places of statements in iterations that do not depend on any iteration.

    In the first iteration what depends on the values before it looks the same: only what others read is shared there.
    """
    owned = _owned_parameters(assignment, parameters)
    first = min(assignment.owner.values())
    maker: dict[str, int] = {}
    early: set[str] = set()
    shared: set[int] = set()
    for place, statement in enumerate(assignment.statements):
        inner = [value.name for value in reads(statement)]
        if all(name in early or (name not in maker and name not in owned) for name in inner):
            early.update(value.name for value in results(statement))
            if assignment.owner.get(place, first) != first:
                shared.add(place)
        maker.update((value.name, place) for value in results(statement))
    waiting = [
        maker[value.name]
        for place, statement in enumerate(assignment.statements)
        if assignment.owner.get(place, first) != first
        for value in reads(statement)
        if value.name in early and value.name in maker
    ]
    while waiting:
        place = waiting.pop()
        if assignment.owner.get(place) == first and place not in shared:
            shared.add(place)
            waiting += [maker[value.name] for value in reads(assignment.statements[place]) if value.name in maker]
    return shared


def _owned_parameters(assignment: Assignment, parameters: Collection[str]) -> set[str]:
    """The parameters that one iteration alone reads."""
    readers: dict[str, set[int]] = {}
    for place, statement in enumerate(assignment.statements):
        if place in assignment.owner:
            for value in reads(statement):
                if value.name in parameters:
                    readers.setdefault(value.name, set()).add(assignment.owner[place])
    return {name for name, owners in readers.items() if len(owners) == 1}


def _latest(assignment: Assignment) -> dict[int, int]:
    """The last iteration that each statement depends on or belongs to, by place."""
    latest: dict[int, int] = {}
    of_value: dict[str, int] = {}
    for place, statement in enumerate(assignment.statements):
        found = [of_value[value.name] for value in reads(statement) if value.name in of_value]
        found += [assignment.owner[place]] if place in assignment.owner else []
        if found:
            latest[place] = max(found)
            of_value.update((value.name, latest[place]) for value in results(statement))
    return latest


def _assign_between(assignment: Assignment) -> None:
    """Gives statements of no layer that lead from one iteration to a later one to the earlier."""
    latest = _latest(assignment)
    needed: dict[str, int] = {}
    for place in range(len(assignment.statements) - 1, -1, -1):
        statement = assignment.statements[place]
        wanted = [needed[value.name] for value in results(statement) if value.name in needed]
        owner = assignment.owner.get(place)
        if owner is None and place in latest and wanted and max(wanted) > latest[place]:
            owner = assignment.owner[place] = latest[place]
        if owner is not None:
            wanted.append(owner)
        for value in reads(statement) if wanted else ():
            needed[value.name] = max(needed.get(value.name, -1), *wanted)


def _assign_after_last(assignment: Assignment, of_layers: Mapping[int, Sequence[int]]) -> None:
    """Gives the last iteration what follows it in the way in which the one before is followed.

    `of_layers` are the places of the statements whose layer path says their iteration.
    """
    statements = assignment.statements
    last = max(of_layers)
    model = assignment.by_iteration().get(last - 1, [])
    inside = of_layers.get(last - 1, ())
    if len(model) == len(inside):
        return
    before, after = segment(statements, last - 1, inside), segment(statements, last, of_layers[last])
    if before.signature != after.signature:
        return
    names = {a.name: b.name for a, b in zip(before.slots + before.locals, after.slots + after.locals, strict=True)}
    latest = _latest(assignment)
    free = {
        _described(statements[place], lambda value: value.name): place
        for place, iteration in latest.items()
        if iteration == last and place not in assignment.owner
    }
    found: list[int] = []
    for place in model:
        if place in inside:
            continue
        match = free.get(_described(statements[place], lambda value: names.get(value.name, value.name)))
        if match is None:
            return
        found.append(match)
        pairs = zip(results(statements[place]), results(statements[match]), strict=True)
        names.update((a.name, b.name) for a, b in pairs)
    assignment.owner.update(dict.fromkeys(found, last))


def segment(statements: Sequence[Statement], index: int, places: Iterable[int]) -> Segment:
    """The segment of the statements at `places`."""
    inside = tuple(places)
    local: dict[str, int] = {}
    made: list[Value] = []
    slots: dict[str, tuple[int, Value]] = {}

    def refer(value: Value) -> Hashable:
        if value.name in local:
            return "local", local[value.name]
        number, _ = slots.setdefault(value.name, (len(slots), value))
        return "slot", number, value.dtype, value.shape

    signature: list[Hashable] = []
    for place in inside:
        signature.append(_described(statements[place], refer))
        for value in results(statements[place]):
            local[value.name] = len(made)
            made.append(value)
    return Segment(index, inside, tuple(signature), tuple(value for _, value in slots.values()), tuple(made))


def _described(statement: Statement, refer: Callable[[Value], Hashable]) -> Hashable:
    """All that matters of a statement, with values as `refer` gives them."""
    if isinstance(statement, Step):
        operands = tuple(_operand(operand, refer) for operand in statement.operands)
        return (
            statement.operator,
            operands,
            _frozen(statement.attributes),
            statement.result.dtype,
            statement.result.shape,
        )
    if isinstance(statement, Region):
        return _described_region(statement, refer)
    return "loop", id(statement)


def _described_region(region: Region, refer: Callable[[Value], Hashable]) -> Hashable:
    received, returned = inside(region)
    inner: dict[str, int] = {}
    if region.pieces is not None:
        inner.update((value.name, place) for place, value in enumerate(received))

    def refer_inside(value: Value) -> Hashable:
        return ("inner", inner[value.name]) if value.name in inner else refer(value)

    body: list[Hashable] = []
    for statement in region.body:
        body.append(_described(statement, refer_inside))
        for value in results(statement):
            inner[value.name] = len(inner)
    form: Hashable = None
    if region.attention is not None:
        numbers = (region.attention.scale, region.attention.dropout, region.attention.causal)
        given = (region.attention.bias is not None, region.attention.mask is not None)
        form = (*(refer_inside(value) for value in form_values(region.attention)), *numbers, *given)
    made = tuple(refer_inside(value) for value in returned)
    cuts = None if region.pieces is None else _described_pieces(region, region.pieces, refer)
    return "region", region.kind, tuple(body), made, form, cuts


def _described_pieces(region: Region, pieces: Pieces, refer: Callable[[Value], Hashable]) -> Hashable:
    cuts = tuple(replace(cut, start=None) for cut in pieces.cuts)
    return (
        tuple(map(refer, region.inputs)),
        cuts,
        None if pieces.reads is None else replace(pieces.reads, start=None),
        tuple(one is None or one.start is None for one in (*pieces.cuts, pieces.reads)),
        pieces.each,
        pieces.bytes,
    )


def _operand(operand: Operand, refer: Callable[[Value], Hashable]) -> Hashable:
    return refer(operand) if isinstance(operand, Value) else (type(operand).__name__, repr(operand))


def _frozen(attributes: Mapping[str, Attribute]) -> Hashable:
    return tuple(sorted(attributes.items()))
