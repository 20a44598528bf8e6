"""Small improvements of a list of statements once all of them are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from attncomp.ir.sizes import Size
from attncomp.ir.types import Layout
from attncomp.lowering.flow import form_values, reads, without_unread
from attncomp.lowering.pointwise import POINTWISE
from attncomp.lowering.program import Region, Statement, Step, Value, inside
from attncomp.lowering.renaming import Renaming

REDUCTIONS = frozenset({"sum", "mean", "max", "min", "var", "norm"})


def simplify(statements: Sequence[Statement], outputs: Collection[str]) -> list[Statement]:
    """The statements that `outputs` need, with reductions that keep their dimensions where a reshape put them back."""
    return without_unread(keep_dimensions(without_unread(statements, outputs), outputs), outputs)


def keep_dimensions(statements: Sequence[Statement], outputs: Collection[str]) -> list[Statement]:
    """Without the reshapes that put unit dimensions where the reduced ones were: the reduction keeps them instead.

    Between a reduction and its reshape may lie pointwise steps on numbers, such as `maximum(sum, 1e-9)`.
    """
    steps = {one.result.name: one for one in statements if isinstance(one, Step)}
    readers = Counter(value.name for one in statements for value in reads(one))
    readers.update(outputs)
    kept: dict[str, Value] = {}
    for step in steps.values():
        if step.operator == "reshape" and step.result.name not in outputs:
            chain = _from_reduction(step, steps, readers)
            if chain and _is_back(step, chain[-1]):
                layout = _reduced(chain[-1]).axes
                kept.update((one.result.name, _as(one.result, step.result.shape, layout)) for one in chain)
                kept[step.result.name] = kept[chain[0].result.name]
    renaming = Renaming(kept)
    return [_kept(renaming.statement(one), kept) for one in statements if not _is_gone(one, kept)]


def _from_reduction(reshape: Step, steps: Mapping[str, Step], readers: Mapping[str, int]) -> list[Step]:
    """The steps from the operand of a reshape back to a reduction, each read once; none where there is no such way."""
    chain: list[Step] = []
    (operand,) = (one for one in reshape.operands if isinstance(one, Value))
    while True:
        step = steps.get(operand.name)
        if step is None or readers[operand.name] != 1:
            return []
        chain.append(step)
        if step.operator in REDUCTIONS:
            return chain
        arrays = [one for one in step.operands if isinstance(one, Value)]
        if step.operator not in POINTWISE or len(arrays) != 1:
            return []
        (operand,) = arrays


def _reduced(reduction: Step) -> Value:
    (operand,) = (one for one in reduction.operands if isinstance(one, Value))
    return operand


def _is_back(reshape: Step, reduction: Step) -> bool:
    """Whether a reshape gives the shape that the reduction would have with its dimensions kept."""
    dims = reduction.attributes["dims"]
    assert isinstance(dims, tuple)
    shape = tuple(Size.of(1) if dim in dims else size for dim, size in enumerate(_reduced(reduction).shape))
    return reshape.result.shape == shape


def _as(value: Value, shape: tuple[Size, ...], layout: Layout) -> Value:
    """`value` with the dimensions of `shape`; those of size 1 hold no axes."""
    axes = tuple(() if size.constant == 1 else group for size, group in zip(shape, layout, strict=True))
    return replace(value, shape=shape, axes=axes)


def _is_gone(statement: Statement, kept: Mapping[str, Value]) -> bool:
    """Whether a statement is a reshape that is needed no longer."""
    return isinstance(statement, Step) and statement.operator == "reshape" and statement.result.name in kept


def _kept(statement: Statement, kept: Mapping[str, Value]) -> Statement:
    if isinstance(statement, Step) and statement.operator in REDUCTIONS and statement.result.name in kept:
        return replace(statement, attributes={**statement.attributes, "keep": True})
    return _inside(statement)


def _inside(statement: Statement) -> Statement:
    if not isinstance(statement, Region):
        return statement
    wanted = {value.name for value in inside(statement)[1]}
    if statement.attention is not None:
        wanted |= {value.name for value in form_values(statement.attention)}
    return replace(statement, body=tuple(simplify(statement.body, wanted)))
