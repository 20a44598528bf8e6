"""Repeated layers as loops: iterations that do the same on other parameters become one body."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from attncomp.ir.graph import Origin
from attncomp.lowering.emitter import Emitter
from attncomp.lowering.flow import reads, results
from attncomp.lowering.program import Loop, Parameter, Statement, Value
from attncomp.lowering.renaming import Renaming
from attncomp.lowering.repeats import Segment, assign, prefixes, segment


@dataclass(frozen=True)
class Body:
    """Statements and the parameters that they read, of a program or of a loop; parameters by their keys there."""

    statements: tuple[Statement, ...]
    parameters: tuple[Parameter, ...]


def roll(body: Body, outputs: Collection[str], emitter: Emitter) -> Body:
    """`body` with loops for its repeated layers, outermost first; `outputs` are the values read after it, by name.

    Iterations must be the same steps on parameters whose keys differ in one prefix, each reading what the one before
    made; after the last only what is carried from one to the next may be read. What a loop prepares is among its steps.
    """
    tried: set[str] = set()
    while True:
        waiting = [prefix for prefix in prefixes(body.statements) if prefix not in tried]
        if not waiting:
            return body
        rolled = _roll_prefix(body, waiting[0], outputs, emitter)
        if rolled is None:
            tried.add(waiting[0])
        else:
            body = rolled


def _roll_prefix(body: Body, prefix: str, outputs: Collection[str], emitter: Emitter) -> Body | None:
    """`body` with one loop over iterations under `prefix`; None where there is none."""
    by_name = {parameter.value.name: parameter for parameter in body.parameters}
    assignment = assign(body.statements, prefix, by_name.keys())
    if assignment is None:
        return None
    segments = [segment(body.statements, index, places) for index, places in sorted(assignment.by_iteration().items())]
    for longest in _runs(segments):
        for run in (longest, longest[:-1]) if len(longest) > 2 else (longest,):
            repeat = _repeat(body, run, by_name, outputs, prefix)
            if repeat is not None:
                return _with_loop(body, run, repeat, prefix, emitter)
    return None


def _runs(segments: Sequence[Segment]) -> Iterator[Sequence[Segment]]:
    """The longest stretches of consecutive segments that do the same, of two or more, the longest first."""
    runs: list[list[Segment]] = []
    for one in segments:
        if runs and runs[-1][-1].index + 1 == one.index and runs[-1][-1].signature == one.signature:
            runs[-1].append(one)
        else:
            runs.append([one])
    yield from sorted((run for run in runs if len(run) > 1), key=len, reverse=True)


@dataclass(frozen=True)
class _Repeat:
    """What differs between the iterations of a loop: for a slot of the body, a parameter's key or a carried value.

    `parameters` gives the key without the prefix by slot, `carried` the number of the local value that is the next
    iteration's slot.
    """

    prefixes: tuple[str, ...]
    parameters: Mapping[int, str]
    carried: Mapping[int, int]


def _repeat(
    body: Body, run: Sequence[Segment], parameters: Mapping[str, Parameter], outputs: Collection[str], prefix: str
) -> _Repeat | None:
    """How the iterations of `run` hang together; None where a loop cannot say it."""
    made = {value.name for one in run for value in one.locals}
    keys: dict[int, str] = {}
    carried: dict[int, int] = {}
    heads: set[tuple[str, ...]] = set()
    for slot, values in enumerate(zip(*(one.slots for one in run), strict=True)):
        if len({value.name for value in values}) == 1:
            if values[0].name in made:
                return None
        elif all(value.name in parameters for value in values):
            owned = [parameters[value.name] for value in values]
            split = _split_keys([parameter.key for parameter in owned])
            if split is None or len({(one.initializer, one.trainable) for one in owned}) > 1:
                return None
            heads.add(split[0])
            keys[slot] = split[1]
        else:
            source = _carried_from(run, values)
            if source is None or values[0].name in made:
                return None
            carried[slot] = source
    if len(heads) > 1 or not _is_closed(body, run, set(carried.values()), outputs):
        return None
    (head,) = heads or {tuple(f"{prefix}.{one.index}." for one in run)}
    return _Repeat(head, keys, carried)


def _split_keys(keys: Sequence[str]) -> tuple[tuple[str, ...], str] | None:
    """The prefix of each key, up to the last part that differs, and what follows in all of them."""
    parts = [key.split(".") for key in keys]
    same = 0
    while all(len(part) > same + 1 for part in parts) and len({part[-1 - same] for part in parts}) == 1:
        same += 1
    if not same or len({len(part) for part in parts}) > 1:
        return None
    heads = tuple(".".join(part[: len(part) - same]) + "." for part in parts)
    return (heads, ".".join(parts[0][len(parts[0]) - same :])) if len(set(heads)) == len(heads) else None


def _carried_from(run: Sequence[Segment], values: Sequence[Value]) -> int | None:
    """Which local value of the iteration before each of `values` but the first is."""
    found: set[int] = set()
    for before, value in zip(run, values[1:], strict=False):
        names = [local.name for local in before.locals]
        if value.name not in names:
            return None
        found.add(names.index(value.name))
    return found.pop() if len(found) == 1 else None


def _is_closed(body: Body, run: Sequence[Segment], carried: Collection[int], outputs: Collection[str]) -> bool:
    """Whether only the last carried values are read outside, and nothing outside lies between iterations."""
    inside = {place for one in run for place in one.places}
    made = {value.name for one in run for value in one.locals}
    open_ = {run[-1].locals[number].name for number in carried}
    if any(name in made and name not in open_ for name in outputs):
        return False
    after = set(made)
    for place, statement in enumerate(body.statements):
        names = {value.name for value in reads(statement)}
        if place in inside:
            if names & (after - made):
                return False
        elif names & after:
            if names & made - open_:
                return False
            after.update(value.name for value in results(statement))
    return True


def _with_loop(body: Body, run: Sequence[Segment], repeat: _Repeat, prefix: str, emitter: Emitter) -> Body:
    first, last = run[0], run[-1]
    starts: dict[str, Value] = {}
    carried: list[tuple[Value, Value, Value, Value]] = []
    for slot, number in repeat.carried.items():
        before = first.slots[slot]
        start = emitter.value(before.dtype, before.axes, before.shape, emitter.shared.hints[before.name])
        starts[before.name] = start
        carried.append((before, start, first.locals[number], last.locals[number]))
    owned = {parameter.value.name: parameter for parameter in body.parameters}
    parameters = tuple(
        replace(owned[first.slots[slot].name], key=key) for slot, key in sorted(repeat.parameters.items())
    )
    renaming = Renaming(starts)
    statements = tuple(renaming.statement(body.statements[place]) for place in first.places)
    ends = frozenset(end.name for _, _, end, _ in carried)
    inner = roll(Body(statements, parameters), ends, emitter)
    span = body.statements[first.places[0]].origin.span
    special = repeat.parameters.keys() | repeat.carried.keys()
    loop = Loop(
        name=prefix.rsplit(".", 1)[-1],
        prefixes=repeat.prefixes,
        parameters=inner.parameters,
        prepare=(),
        carried=tuple(carried),
        captured=tuple(value for slot, value in enumerate(first.slots) if slot not in special),
        steps=inner.statements,
        origin=Origin(span, prefix),
    )
    gone = {one.slots[slot].name for one in run for slot in repeat.parameters}
    kept = tuple(parameter for parameter in body.parameters if parameter.value.name not in gone)
    return Body(tuple(_placed(body, run, loop)), kept)


def _placed(body: Body, run: Sequence[Segment], loop: Loop) -> Iterator[Statement]:
    """The statements with the loop where its first iteration was, after all that it reads."""
    inside = {place for one in run for place in one.places}
    needed = {value.name for value in reads(loop)}
    before: set[int] = set()
    for place in range(len(body.statements) - 1, -1, -1):
        statement = body.statements[place]
        if place not in inside and any(value.name in needed for value in results(statement)):
            before.add(place)
            needed.update(value.name for value in reads(statement))
    start = min(inside)
    outside = [place for place in range(len(body.statements)) if place not in inside]
    yield from (body.statements[place] for place in outside if place < start or place in before)
    yield loop
    yield from (body.statements[place] for place in outside if place > start and place not in before)
