"""`listing`: a backend that computes nothing; it writes a module that prints the lowered program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from attncomp.lowering.program import Loop, Operand, Program, Region, Statement, Value


@dataclass(frozen=True)
class ListingBackend:
    """Writes programs as a table of lines."""

    name: str = "listing"
    excluded_passes: frozenset[str] = frozenset()
    in_pieces = False
    has_kernels = False

    def emit(self, program: Program) -> str:
        """A module that prints the tuple `LINES`. What a model names stands in string literals alone."""
        lines = [f"program {program.name}", *_lines(program)]
        return "\n".join(
            (
                '"""A listing of a lowered program: run this file to read it."""',
                "",
                "LINES = (",
                *(f"    {line!a}," for line in lines),
                ")",
                "",
                'if __name__ == "__main__":',
                '    print("\\n".join(LINES))',
                "",
            )
        )


def _lines(program: Program) -> Iterator[str]:
    for taken in program.inputs:
        yield f"input {_declared(taken.value)}"
    for parameter in program.parameters:
        yield f"parameter {parameter.key}: {_declared(parameter.value)}"
    yield "prepare"
    yield from _statements(program.prepare, "  ")
    yield "run"
    yield from _statements(program.steps, "  ")
    for name, value in program.outputs:
        yield f"output {name} = {value.name}"


def _statements(body: Sequence[Statement], indent: str) -> Iterator[str]:
    for statement in body:
        if isinstance(statement, Region):
            operands = ", ".join(value.name for value in statement.inputs)
            made = ", ".join(_declared(result) for result in statement.results)
            yield f"{indent}{made} = {statement.kind} region of {operands}"
            yield from _statements(statement.body, indent + "  ")
        elif isinstance(statement, Loop):
            yield f"{indent}for each of {', '.join(statement.prefixes)}"
            for parameter in statement.parameters:
                yield f"{indent}  parameter {parameter.key}: {_declared(parameter.value)}"
            yield from _statements((*statement.prepare, *statement.steps), indent + "  ")
        else:
            operands = ", ".join(_text(operand) for operand in statement.operands)
            yield f"{indent}{_declared(statement.result)} = {statement.operator}({operands})"


def _declared(value: Value) -> str:
    return f"{value.name}: {value.dtype}{value.comment}"


def _text(operand: Operand) -> str:
    return operand.name if isinstance(operand, Value) else repr(operand)


backend = ListingBackend()
