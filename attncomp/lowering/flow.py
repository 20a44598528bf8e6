"""What statements read and make."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from attncomp.lowering.program import AttentionForm, Loop, Region, Statement, Value


def reads(statement: Statement) -> Iterator[Value]:
    """The values from outside that a statement reads."""
    if isinstance(statement, Region):
        yield from statement.inputs
    elif isinstance(statement, Loop):
        yield from (before for before, *_ in statement.carried)
        yield from statement.captured
    else:
        yield from (operand for operand in statement.operands if isinstance(operand, Value))


def results(statement: Statement) -> tuple[Value, ...]:
    """The values that a statement makes for those after it."""
    if isinstance(statement, Loop):
        return tuple(after for *_, after in statement.carried)
    return statement.results if isinstance(statement, Region) else (statement.result,)


def outside(statements: Sequence[Statement]) -> tuple[Value, ...]:
    """The values that statements read and none of them makes, each once, in the order of their first use."""
    found: dict[str, Value] = {}
    made: set[str] = set()
    for statement in statements:
        for value in reads(statement):
            if value.name not in made:
                found.setdefault(value.name, value)
        made.update(value.name for value in results(statement))
    return tuple(found.values())


def form_values(form: AttentionForm) -> tuple[Value, ...]:
    """The values that an attention form speaks of."""
    return tuple(v for v in (form.query, form.key, form.value, form.bias, form.mask) if v is not None)


def without_unread(statements: Sequence[Statement], outputs: Collection[str]) -> list[Statement]:
    """The statements that `outputs`, names of values, depend on."""
    wanted, kept = set(outputs), []
    for statement in reversed(statements):
        if any(value.name in wanted for value in results(statement)):
            wanted.update(value.name for value in reads(statement))
            kept.append(statement)
    return kept[::-1]
