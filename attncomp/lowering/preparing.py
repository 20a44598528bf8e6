"""Sets apart what depends on parameters and constants alone: it is computed once, when the weights are there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from attncomp.lowering.flow import reads, results
from attncomp.lowering.program import Loop, Statement, Step


def prepared(
    statements: Sequence[Statement], static: Collection[str], moving: Collection[str] = ()
) -> tuple[tuple[Step, ...], tuple[Statement, ...]]:
    """What to prepare, and the rest, in their order; within loops too.

    `static` are the names of values that depend on parameters and constants alone, were no layer in a loop; `moving`
    those that a loop changes in each iteration, and what depends on them.
    """
    changed = set(moving)
    first: list[Step] = []
    rest: list[Statement] = []
    for statement in statements:
        fixed = all(value.name in static for value in results(statement))
        if isinstance(statement, Step) and fixed and not any(value.name in changed for value in reads(statement)):
            first.append(statement)
            continue
        rest.append(_loop(statement, static, changed) if isinstance(statement, Loop) else statement)
        changed.update(value.name for value in results(statement))
    return tuple(first), tuple(rest)


def _loop(loop: Loop, static: Collection[str], moving: Collection[str]) -> Loop:
    starts = {start.name for _, start, _, _ in loop.carried}
    prepare, steps = prepared(loop.steps, static, starts.union(moving))
    return replace(loop, prepare=prepare, steps=steps)
