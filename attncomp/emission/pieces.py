"""Writes a region that is done a piece at a time: an array for each result, and a loop that fills them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attncomp.emission.body import Body
from attncomp.emission.expressions import Argument, Expression, Precedence, call, tuple_text
from attncomp.emission.layout import definition, statement
from attncomp.emission.rules import Application
from attncomp.emission.sizes import bound_expression, size_expression
from attncomp.ir.sizes import Size
from attncomp.lowering.bounds import Extreme
from attncomp.lowering.program import Cut, Pieces, Region, Step, Stretch, Value


def write_in_pieces(
    body: Body,
    region: Region,
    pieces: Pieces,
    name: str,
    arguments: Sequence[str],
    further: Sequence[str],
    asks_memory: bool,
) -> None:
    """Calls the function `name` on pieces of `arguments`, and on what else it needs.

    attended = memory(1, (batch, 12, seq, 32))

    def fill_attended(own: Memory, batch_slice: slice, seq_slice: slice) -> None:
        attention(own, queries[batch_slice, :, seq_slice], keys[batch_slice], attended[batch_slice, :, seq_slice])

    each_piece(fill_attended, (batch, seq), 48 * seq, memory)

    What a piece reads of an axis that is not cut is one more slice: `source_slice = span(seq_slice.start - 127,
    seq_slice.stop, source)`.
    """
    scope = body.scope
    for value in region.results:
        body.assign(value, _room(body, region, value))
    slices = [scope.slice_of(cut.axis) for cut in pieces.cuts]
    filled = [
        scope.texts[value.name].text + cut_text([cut.results[place] for cut in pieces.cuts], slices)
        for place, value in enumerate(region.results)
    ]
    read: list[tuple[str, Cut | Stretch]] = list(zip(slices, pieces.cuts, strict=True))
    if pieces.reads is not None:
        read.append((scope.slice_of(pieces.reads.axis), pieces.reads))
    parts: list[Argument] = [
        argument + cut_text([one.inputs[place] for _, one in read], [text for text, _ in read])
        for place, argument in enumerate(arguments)
    ]
    parts += [f"{text}.start" for text, one in read if one.start is not None]
    work = scope.names.claim(f"fill_{scope.texts[region.results[0].name].text}")
    own = scope.names.claim("own")
    parameters = [f"{own}: {scope.use('Memory')}", *(f"{text}: slice" for text in slices)]
    body.lines += ["", *definition(work, parameters, "None", body.depth)]
    for text, one in read:
        if isinstance(one, Stretch):
            body.lines += statement(f"{text} = ", _span(body, one, pieces.cuts), body.depth + 1)
    made = call(name, *[own] * asks_memory, *parts, *further, *filled)
    body.lines += [*statement("", made, body.depth + 1), ""]
    sizes = tuple_text(size_expression(cut.size, scope.variable).text for cut in pieces.cuts)
    limits = tuple_text(str(cut.most) for cut in pieces.cuts)
    most = limits if any(cut.most is not None for cut in pieces.cuts) else None
    made = call(scope.use("each_piece"), work, sizes, bytes_text(body, region, pieces), scope.memory(), most=most)
    body.lines += statement("", made, body.depth)


def _span(body: Body, stretch: Stretch, cuts: Sequence[Cut]) -> Expression:
    """The slice of the places that a piece reads."""
    ends = {f"{cut.axis}.{end}": f"{body.scope.slice_of(cut.axis)}.{end}" for cut in cuts for end in ("start", "stop")}

    def variable(symbol: str) -> str:
        return ends[symbol] if symbol in ends else body.scope.variable(symbol)

    low, high = stretch.interval.low or Size.of(0), stretch.interval.high or stretch.size
    bounds = (bound_expression(one, variable) for one in (low, high, stretch.size))
    return call(body.scope.use("span"), *bounds)


def _room(body: Body, region: Region, value: Value) -> Expression:
    """The array for a result: in its place, or new, like an input of the same shape where there is one."""
    scope = body.scope
    placed = body.room_of(value)
    if placed is not None:
        return placed
    alike = [one for one in region.inputs if one.shape == value.shape and one.dtype is value.dtype]
    step = Step(value, "empty", tuple(alike[:1]), {"shape": value.shape})
    given = tuple(scope.texts[one.name] for one in alike[:1])
    return scope.table.rules["empty"](Application(step, given, scope.variable, scope.use))


def bytes_text(body: Body, region: Region, pieces: Pieces) -> str:
    """The bytes that a piece of size 1 keeps: a product of numbers, symbols and dimensions of the arrays at hand."""
    known = {
        size: f"{body.scope.texts[value.name].text}.shape[{dim}]"
        for value in (*region.inputs, *region.results)
        for dim, size in enumerate(value.shape)
        if value.name in body.scope.texts
    }
    constants = [size.constant for size in pieces.each if isinstance(size, Size)]
    number = pieces.bytes * math.prod(size for size in constants if size is not None)
    factors = [str(number)]
    for size in pieces.each:
        if isinstance(size, Extreme):
            factors.append(bound_expression(size, body.scope.variable).text)
        elif size.constant is None:
            text = size_expression(size, body.scope.variable)
            factors.append(text.text if text.text.isidentifier() else known.get(size, text.within(Precedence.PRODUCT)))
    return " * ".join(factors)


def cut_text(dims: Sequence[int | None], slices: Sequence[str]) -> str:
    """`[batch_slice, :, seq_slice]`, or nothing where no dimension is cut; `slices` are the texts of the slices."""
    places = {dim: text for dim, text in zip(dims, slices, strict=True) if dim is not None}
    if not places:
        return ""
    return f"[{', '.join(places.get(dim, ':') for dim in range(max(places) + 1))}]"
