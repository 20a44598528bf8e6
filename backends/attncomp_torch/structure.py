"""Operators that move, cut and join, in torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncomp.emission.expressions import Expression, attribute, call, method, slice_text, subscript, tuple_text
from attncomp.emission.rules import Application, Rule
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp_torch.pointwise import literal, result_dtype


def size_texts(apply: Application, name: str) -> list[str]:
    """An attribute that is a tuple of sizes."""
    return [apply.size(size) for size in apply.sizes(name)]


def _shaped(name: str) -> Rule:
    return lambda apply: method(apply.operands[0], name, *(size_texts(apply, "shape") or ["()"]))


def _permute(apply: Application) -> Expression:
    order = apply.integers("order")
    moved = [dim for dim, source in enumerate(order) if dim != source]
    if len(moved) != 2:
        return method(apply.operands[0], "permute", *map(str, order))
    if moved == [len(order) - 2, len(order) - 1]:
        return attribute(apply.operands[0], "mT")
    return method(apply.operands[0], "transpose", *map(str, moved))


def _index(apply: Application) -> Expression:
    return subscript(apply.operands[0], [":"] * apply.integer("dim") + [apply.size_text("position")])


def _slice(apply: Application) -> Expression:
    dim, start, stop = apply.integer("dim"), apply.attribute("start"), apply.attribute("stop")
    from_the_start = isinstance(start, int | Size) and Size.of(start).constant == 0
    to_the_end = isinstance(stop, int | Size) and Size.of(stop) == apply.value(0).shape[dim]
    first = "" if from_the_start else apply.size_text("start")
    last = "" if to_the_end else apply.size_text("stop")
    return subscript(apply.operands[0], [":"] * dim + [slice_text(first, last)])


def _join(name: str) -> Rule:
    def write(apply: Application) -> Expression:
        dim = apply.integer("dim")
        return call(name, tuple_text(apply.operands), dim=str(dim) if dim else None)

    return write


def _pad(apply: Application) -> Expression:
    value = apply.real("value")
    if not result_dtype(apply).is_float and value.is_integer():
        value = int(value)
    padding = padding_text(size_texts(apply, "before"), size_texts(apply, "after"))
    return call("F.pad", apply.operands[0], padding, value=literal(value) if value else None)


def padding_text(before: Sequence[str], after: Sequence[str]) -> str:
    """The padding as `F.pad` has it: the last dimension first; those in front that get none are left out."""
    pairs = list(zip(before, after, strict=True))
    while len(pairs) > 1 and pairs[0] == ("0", "0"):
        pairs.pop(0)
    return tuple_text([side for pair in reversed(pairs) for side in pair])


def _roll(apply: Application) -> Expression:
    return method(apply.operands[0], "roll", apply.size_text("shift"), str(apply.integer("dim")))


def _flip(apply: Application) -> Expression:
    return method(apply.operands[0], "flip", str(apply.integer("dim")))


def _cumsum(apply: Application) -> Expression:
    # A running sum of i32 would be i64.
    dtype = "torch.int32" if result_dtype(apply) is DType.I32 else None
    return method(apply.operands[0], "cumsum", str(apply.integer("dim")), dtype=dtype)


def _take(apply: Application) -> Expression:
    table, *positions = apply.operands
    if len(positions) == 1 and apply.rank == 2 and apply.value(0).dtype.is_float:
        return call("F.embedding", positions[0], table)
    return subscript(table, positions)


RULES: Mapping[str, Rule] = {
    "reshape": _shaped("reshape"),
    "broadcast": _shaped("expand"),
    "permute": _permute,
    "index": _index,
    "slice": _slice,
    "concat": _join("torch.cat"),
    "stack": _join("torch.stack"),
    "pad": _pad,
    "roll": _roll,
    "flip": _flip,
    "cumsum": _cumsum,
    "take": _take,
}
