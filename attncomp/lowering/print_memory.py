"""The memory plan of a program as readable text: where each value lies, what shares a buffer, what all of it takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from attncomp.ir.estimate import TYPICAL, estimate
from attncomp.ir.sizes import Size
from attncomp.lowering.buffers import IN_PLACE
from attncomp.lowering.flow import results
from attncomp.lowering.lifetimes import Doing, timetable
from attncomp.lowering.peak import memory_plan, peak
from attncomp.lowering.program import Loop, Place, Program, Region, Step, Tenant, Value
from attncomp.lowering.strides import VIEWS

# A longer formula says nothing to a reader.
_LONGEST = 60


@dataclass(frozen=True)
class Function:
    """A function as its lines speak of memory: the names of its `results`, and whether it does one piece.

    A piece has buffers of its own in each thread.
    """

    results: Sequence[str] = ()
    piece: bool = False


def place_text(value: Value, function: Function) -> str:
    """` → buffer 2`, ` → own buffer 2` in a piece, ` → result`; nothing where a value has no place."""
    place = value.place
    if place is None:
        return ""
    where = f"{'own ' if function.piece else ''}buffer {place.number}"
    if place.given:
        where = "result" if len(function.results) == 1 else f"result {function.results[place.number]}"
    return f" → {where}{_order(value, place)}"


def step_place_text(step: Step, function: Function) -> str:
    """` → buffer 2`, or ` → buffer 2, over x` where a step writes over its operand; nothing for a view."""
    if step.operator in VIEWS:
        return ""
    text = place_text(step.result, function)
    over = [
        one.name
        for one in step.operands
        if isinstance(one, Value) and one.place is not None and one.place == step.result.place
    ]
    return f"{text}, over {over[0]}" if over and step.operator in IN_PLACE else text


def loop_place_text(loop: Loop) -> str:
    """`  # x in buffer 1`: where a loop keeps what it carries."""
    kept = [
        f"{start.name} in buffer {start.place.number}" for _, start, _, _ in loop.carried if start.place is not None
    ]
    return f"  # {', '.join(kept)}" if kept else ""


def thread_lines(region: Region) -> Iterator[str]:
    """The buffers that each thread has for the pieces of a region, and what lies in each, one after the other."""
    assert region.pieces is not None
    for buffer in region.pieces.buffers:
        names = ", ".join(one.value.name for one in buffer.tenants)
        yield f"own buffer {buffer.number} of each thread, {buffer.bytes} bytes: {names}"


def memory_title(program: Program, sizes: Mapping[str, int]) -> str:
    """`buffers, at batch = 1, seq = 256`, and how to say another size where one is assumed."""
    told = [f"{symbol} = {sizes[symbol]}" for symbol in program.symbols if symbol in sizes]
    assumed = [symbol for symbol in program.symbols if symbol not in sizes]
    if assumed:
        told += [f"{' = '.join(assumed)} = {TYPICAL} (assumed; `--size {assumed[0]}=NUMBER` says another)"]
    return f"buffers, at {', '.join(told)}" if told else "buffers"


def memory_lines(program: Program, sizes: Mapping[str, int]) -> Iterator[str]:
    """The buffers of a program, with what lies in each, one after the other, until what reads it; then the totals.

    Beside the bytes of all buffers stand the least that any could take, and what a call adds.
    """
    times = timetable(program.steps)
    for buffer in program.buffers:
        yield f"{buffer.number}: {_bytes(peak([buffer], sizes).bytes)}{_formula(buffer.bytes)}"
        yield from (f"    {_tenant(one, times)}" for one in buffer.tenants)
    plan = memory_plan(program)
    found = peak(plan.buffers, sizes)
    total = sum((buffer.bytes for buffer in plan.buffers), Size.of(0))
    returned = round(estimate(plan.results, sizes))
    yield f"all buffers: {_bytes(found.bytes)}{_formula(total)}"
    yield f"lower bound: {_bytes(found.bound)}, alive at once at {_label(times[found.at])}"
    yield f"results: {_bytes(returned)}{_formula(plan.results)}, new at each call that is not given `out`"
    yield f"weights: {_bytes(round(estimate(plan.weights)))}"


def _order(value: Value, place: Place) -> str:
    """How a value lies where that is not its own order: ` as [batch, seq, head, key]`."""
    if not place.order:
        return ""
    axes = [" ".join(value.axes[dim]) or "1" for dim in place.order]
    return f" as [{', '.join(axes)}]"


def _formula(size: Size) -> str:
    """` = 1536 * batch * seq bytes`; nothing where the number says as much, or the formula is long."""
    text = str(size)
    return "" if size.constant is not None or len(text) > _LONGEST else f" = {text} bytes"


def _tenant(tenant: Tenant, times: Mapping[int, Doing]) -> str:
    made, last = times[tenant.made], times.get(tenant.last)
    inside_of = made.inside_of
    if isinstance(made.statement, Loop) and not made.ends:
        inside_of = (*inside_of, made.statement.name)
    name = _within(tenant.value.name, inside_of)
    if last is None or tenant.last == tenant.made:
        return f"{name}: never read"
    return f"{name}: until {_label(last, seen_from=inside_of)}"


def _label(doing: Doing, seen_from: Sequence[str] = ()) -> str:
    """A statement by what it makes: `total in layer`, `total` as seen from inside of `layer`, `loop layer ends`."""
    inside_of = () if tuple(seen_from) == doing.inside_of else doing.inside_of
    if isinstance(doing.statement, Loop):
        return f"{_within(f'loop {doing.statement.name}', inside_of)}{' ends' if doing.ends else ''}"
    return _within(", ".join(value.name for value in results(doing.statement)), inside_of)


def _within(name: str, inside_of: Sequence[str]) -> str:
    return f"{name} in {'.'.join(inside_of)}" if inside_of else name


def _bytes(number: int) -> str:
    """Bytes in a unit that leaves three digits."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= factor:
            return f"{number / factor:.3g} {unit}" if number < 1000 * factor else f"{number / factor:,.0f} {unit}"
    return f"{number} bytes"
