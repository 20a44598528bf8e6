"""Copies that a program makes before its memory is planned: for reshapes that are no views, for results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from attncomp.lowering.emitter import Emitter, Hint
from attncomp.lowering.lifetimes import Lifetimes, is_view
from attncomp.lowering.program import Loop, Region, Statement, Step, Value


def with_copies(
    statements: Iterable[Statement], emitter: Emitter, orders: Mapping[str, tuple[int, ...]]
) -> list[Statement]:
    """The statements with a step of its own for every reshape that has to copy.

    An input is taken to lie in C order, so that a reshape of it copies nothing; else NumPy copies it.
    """
    found: list[Statement] = []
    lifetimes = Lifetimes(orders)
    lifetimes.take(tuple(statements), (), ())
    copies = {
        step.result.name
        for _, step in lifetimes.steps.values()
        if step.operator == "reshape"
        and not is_view(step, lifetimes.lying)
        and any(one.name in lifetimes.lying for one in step.operands if isinstance(one, Value))
    }
    for statement in statements:
        found += _copied(statement, copies, emitter)
    return found


def _copied(statement: Statement, copies: set[str], emitter: Emitter) -> list[Statement]:
    if isinstance(statement, Region):
        return [replace(statement, body=tuple(_copied_body(statement.body, copies, emitter)))]
    if isinstance(statement, Loop):
        return [replace(statement, steps=tuple(_copied_body(statement.steps, copies, emitter)))]
    if statement.result.name not in copies:
        return [statement]
    (operand,) = (one for one in statement.operands if isinstance(one, Value))
    hint = emitter.shared.hints[operand.name]
    copy = emitter.value(operand.dtype, operand.axes, operand.shape, Hint(f"{hint.text}_copy"))
    return [
        Step(copy, "copy", (operand,), {}, statement.origin),
        replace(statement, operands=(copy,)),
    ]


def _copied_body(body: Iterable[Statement], copies: set[str], emitter: Emitter) -> list[Statement]:
    return [new for statement in body for new in _copied(statement, copies, emitter)]


def own_results(
    statements: Sequence[Statement], given: Sequence[Value], outputs: Sequence[Value], emitter: Emitter
) -> tuple[tuple[Statement, ...], list[Value]]:
    """The statements with copies of results that would share the memory of an input, a weight or another result."""
    lifetimes = Lifetimes()
    lifetimes.take(statements, given, ())
    taken = {value.name for value in given}
    added, results = list[Statement](), list[Value]()
    for value in outputs:
        root = _origin(lifetimes, value)
        result = value
        if root in taken:
            result = emitter.value(value.dtype, value.axes, value.shape, emitter.shared.hints[value.name])
            added.append(Step(result, "copy", (value,)))
        taken.add(root)
        results.append(result)
    return (*statements, *added), results


def _origin(lifetimes: Lifetimes, value: Value) -> str:
    """The name of the value whose memory a value shares, or may share: a reshape of an input may be a view of it."""
    root = lifetimes.root(value)
    _, step = lifetimes.steps.get(root, (0, None))
    if step is None or step.operator != "reshape":
        return root
    (operand,) = (one for one in step.operands if isinstance(one, Value))
    return _origin(lifetimes, operand)
