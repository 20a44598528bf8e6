"""The order in which the result of a region is stored: that in which it is read, so that nothing moves it later."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from attncomp.lowering.flow import reads
from attncomp.lowering.program import Loop, Region, Statement, Step


def stored_orders(statements: Sequence[Statement], kept: Collection[str]) -> dict[str, tuple[int, ...]]:
    """The order in which a region's result lies best: that in which all that reads it wants its dimensions."""
    found: dict[str, tuple[int, ...]] = {}
    readers: dict[str, list[Statement]] = {}
    for statement in statements:
        for value in reads(statement):
            readers.setdefault(value.name, []).append(statement)
    for statement in statements:
        if isinstance(statement, Loop):
            found |= stored_orders(statement.steps, {end.name for _, _, end, _ in statement.carried})
        elif isinstance(statement, Region) and statement.pieces is not None:
            for value in statement.results:
                orders = {_order(reader) for reader in readers.get(value.name, ())}
                if len(orders) == 1 and () not in orders and value.name not in kept:
                    found[value.name] = orders.pop()
    return found


def _order(statement: Statement) -> tuple[int, ...]:
    if not isinstance(statement, Step) or statement.operator != "permute":
        return ()
    order = statement.attributes["order"]
    assert isinstance(order, tuple)
    return tuple(dim for dim in order if isinstance(dim, int))
