"""Writes a region that is done a piece at a time: an array for each result, and a loop that fills them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attncomp.emission.body import Body
from attncomp.emission.expressions import Argument, Expression, Precedence, call, tuple_text
from attncomp.emission.layout import definition, statement
from attncomp.emission.rules import Application
from attncomp.emission.sizes import size_expression
from attncomp.emission.text import identifier
from attncomp.lowering.program import Pieces, Region, Step, Value


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

    attended = np.empty((batch, 12, seq, 32), np.float32)

    def fill_attended(own: Memory, batch_slice: slice, seq_slice: slice) -> None:
        attended[batch_slice, :, seq_slice] = attention(queries[batch_slice, :, seq_slice], keys[batch_slice])

    each_piece(fill_attended, (batch, seq), 48 * seq, memory)
    """
    scope = body.scope
    slices = [scope.slice_of(identifier(cut.axis)) for cut in pieces.cuts]
    for value in region.results:
        body.assign(value, _empty(body, region, value))
    results = [scope.texts[value.name].text for value in region.results]
    read: list[Argument] = []
    for place, (argument, value) in enumerate(zip(arguments, region.inputs, strict=True)):
        read.append(argument + _subscript(value, [cut.inputs[place] for cut in pieces.cuts], slices))
    starts = [f"{text}.start" for text, cut in zip(slices, pieces.cuts, strict=True) if cut.start is not None]
    filled = [
        text + _subscript(value, [cut.results[place] for cut in pieces.cuts], slices)
        for place, (text, value) in enumerate(zip(results, region.results, strict=True))
    ]
    work = scope.names.claim(f"fill_{results[0]}")
    own = scope.names.claim("own")
    made = call(name, *[own] * asks_memory, *read, *starts, *further)
    parameters = [f"{own}: {scope.use('Memory')}", *(f"{text}: slice" for text in slices)]
    body.lines += ["", *definition(work, parameters, "None", body.depth)]
    body.lines += [*statement(f"{', '.join(filled)} = ", made, body.depth + 1), ""]
    sizes = tuple_text(size_expression(cut.size, scope.variable).text for cut in pieces.cuts)
    made = call(scope.use("each_piece"), work, sizes, _each(body, region, pieces), scope.memory())
    body.lines += statement("", made, body.depth)


def _empty(body: Body, region: Region, value: Value) -> Expression:
    """A new array for a result: like an input of the same shape where there is one."""
    scope = body.scope
    alike = [one for one in region.inputs if one.shape == value.shape and one.dtype is value.dtype]
    step = Step(value, "empty", tuple(alike[:1]), {"shape": value.shape})
    given = tuple(scope.texts[one.name] for one in alike[:1])
    return scope.table.rules["empty"](Application(step, given, scope.variable, scope.use))


def _each(body: Body, region: Region, pieces: Pieces) -> str:
    """The bytes that a piece of size 1 keeps: a product of numbers, symbols and dimensions of the arrays at hand."""
    known = {
        size: f"{body.scope.texts[value.name].text}.shape[{dim}]"
        for value in (*region.inputs, *region.results)
        for dim, size in enumerate(value.shape)
    }
    number = pieces.bytes * math.prod(size.constant for size in pieces.each if size.constant is not None)
    factors = [str(number)]
    for size in pieces.each:
        if size.constant is None:
            text = size_expression(size, body.scope.variable)
            factors.append(text.text if text.text.isidentifier() else known.get(size, text.within(Precedence.PRODUCT)))
    return " * ".join(factors)


def _subscript(value: Value, dims: Sequence[int | None], slices: Sequence[str]) -> str:
    """`[batch_slice, :, seq_slice]`, or nothing where no dimension is cut."""
    places = {dim: text for dim, text in zip(dims, slices, strict=True) if dim is not None}
    if not places:
        return ""
    return f"[{', '.join(places.get(dim, ':') for dim in range(max(places) + 1))}]"
