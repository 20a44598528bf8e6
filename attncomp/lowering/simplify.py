"""Small improvements of a list of statements once all of them are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from attncomp.ir.sizes import Size
from attncomp.lowering.flow import form_values, reads, without_unread
from attncomp.lowering.program import Region, Statement, Step, Value

REDUCTIONS = frozenset({"sum", "mean", "max", "min", "var", "norm"})


def simplify(statements: Sequence[Statement], outputs: Collection[str]) -> list[Statement]:
    """The statements that `outputs` need, with reductions that keep their dimensions where a reshape put them back."""
    return without_unread(keep_dimensions(without_unread(statements, outputs), outputs), outputs)


def keep_dimensions(statements: Sequence[Statement], outputs: Collection[str]) -> list[Statement]:
    """A reduction whose only reader puts unit dimensions where the reduced ones were, done as one step."""
    steps = {one.result.name: one for one in statements if isinstance(one, Step)}
    readers = Counter(value.name for one in statements for value in reads(one))
    readers.update(outputs)
    return [_kept(one, steps, readers) if isinstance(one, Step) else _inside(one) for one in statements]


def _inside(statement: Statement) -> Statement:
    if not isinstance(statement, Region):
        return statement
    wanted = {statement.result.name}
    if statement.attention is not None:
        wanted |= {value.name for value in form_values(statement.attention)}
    return replace(statement, body=tuple(simplify(statement.body, wanted)))


def _kept(step: Step, steps: dict[str, Step], readers: Counter[str]) -> Step:
    if step.operator != "reshape":
        return step
    (operand,) = step.operands
    reduction = steps.get(operand.name) if isinstance(operand, Value) else None
    if reduction is None or reduction.operator not in REDUCTIONS or readers[reduction.result.name] != 1:
        return step
    (reduced,) = reduction.operands
    dims = reduction.attributes["dims"]
    assert isinstance(reduced, Value) and isinstance(dims, tuple)
    shape = tuple(Size.of(1) if dim in dims else size for dim, size in enumerate(reduced.shape))
    if step.result.shape != shape:
        return step
    return replace(reduction, result=step.result, attributes={**reduction.attributes, "keep": True})
