"""Writes a region that is done a piece at a time: an array for each result, and a loop that fills them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from attncomp.emission.body import Body
from attncomp.emission.expressions import Argument, Expression, Precedence, call, tuple_text
from attncomp.emission.layout import INDENT, bracketed, fits, statement
from attncomp.emission.rules import Application
from attncomp.emission.sizes import size_expression
from attncomp.emission.text import identifier
from attncomp.lowering.program import Pieces, Region, Step, Value


def write_in_pieces(
    body: Body, region: Region, pieces: Pieces, name: str, arguments: Sequence[str], further: Sequence[str]
) -> None:
    """The loop that calls the function `name` on pieces of `arguments`, and on what else it needs.

    attended = np.empty((batch, seq, 12, 32), np.float32)
    for batch_slice, seq_slice in pieces((batch, seq), 4 * seq):
        attended[batch_slice, seq_slice] = attention(queries[batch_slice, seq_slice], keys[batch_slice])
    """
    scope = body.scope
    slices = [scope.slice_of(identifier(cut.axis)) for cut in pieces.cuts]
    for value in region.results:
        body.assign(value, _empty(body, region, value))
    sizes = tuple_text(size_expression(cut.size, scope.variable).text for cut in pieces.cuts)
    each = _each(body, region, pieces)
    targets = ", ".join(slices) if len(slices) > 1 else f"({slices[0]},)"
    body.lines += _loop_head(f"for {targets} in ", call(scope.use("pieces"), sizes, each), body.depth)
    read: list[Argument] = []
    for place, (argument, value) in enumerate(zip(arguments, region.inputs, strict=True)):
        dims = [cut.inputs[place] for cut in pieces.cuts]
        read.append(argument + _subscript(value, dims, slices))
    starts = [f"{text}.start" for text, cut in zip(slices, pieces.cuts, strict=True) if cut.start is not None]
    filled = [
        scope.texts[value.name].text + _subscript(value, [cut.results[place] for cut in pieces.cuts], slices)
        for place, value in enumerate(region.results)
    ]
    body.lines += statement(f"{', '.join(filled)} = ", call(name, *read, *starts, *further), body.depth + 1)


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


def _loop_head(prefix: str, iterable: Expression, depth: int) -> list[str]:
    line = f"{INDENT * depth}{prefix}{iterable.text}:"
    if fits(line):
        return [line]
    opening, _, inner = iterable.text.partition("(")
    return bracketed(f"{prefix}{opening}(", inner[:-1], depth, ":")


def _subscript(value: Value, dims: Sequence[int | None], slices: Sequence[str]) -> str:
    """`[batch_slice, :, seq_slice]`, or nothing where no dimension is cut."""
    places = {dim: text for dim, text in zip(dims, slices, strict=True) if dim is not None}
    if not places:
        return ""
    return f"[{', '.join(places.get(dim, ':') for dim in range(max(places) + 1))}]"
