"""A lowered program as readable text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attncomp.ir.graph import Attribute, Graph, Initializer, Literal
from attncomp.lowering.program import Loop, Operand, Parameter, Program, Region, Statement, Step, Value


def program_to_text(program: Program) -> str:
    """The inputs, parameters, steps and outputs of a program, one a line; loops and regions are indented."""
    lines = [f"program {program.name}", "", "inputs"]
    lines += [f"  {_declared(item.value)}" for item in program.inputs]
    if program.symbols:
        lines += ["", "sizes bound at each call"]
        lines += [
            f"  {name} = size of {value.name}, dim {dimension}" for name, (value, dimension) in program.symbols.items()
        ]
    for constraint in program.constraints:
        lines.append(f"  {constraint.left} == {constraint.right}")
    lines += _section("parameters", (_parameter(parameter) for parameter in program.parameters))
    lines += _section("prepare", _body(program.prepare))
    lines += _section("steps", _body(program.steps))
    lines += ["", "outputs"]
    lines += [f"  {name or 'result'}: {_declared(value)}" for name, value in program.outputs]
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Iterator[str]) -> list[str]:
    found = [f"  {line}" for line in lines]
    return ["", title, *found] if found else []


def _declared(value: Value) -> str:
    """`x: f32[batch, 384]  # [batch, embed]`."""
    return f"{value.name}: {value.dtype}[{', '.join(map(str, value.shape))}]  # {value.comment}"


def _parameter(parameter: Parameter) -> str:
    value = parameter.value
    start = f" ~ {_attribute(parameter.initializer)}" if parameter.trainable else ", not trained"
    return f'{value.name} = "{parameter.key}": {value.dtype}[{", ".join(map(str, value.shape))}]{start}'


def _body(body: tuple[Statement, ...] | tuple[Step, ...]) -> Iterator[str]:
    for statement in body:
        match statement:
            case Step():
                arguments = [*map(_operand, statement.operands), *_arguments(statement.attributes)]
                result = statement.result
                shape = ", ".join(map(str, result.shape))
                yield (
                    f"{result.name}: {result.dtype}[{shape}] = {statement.operator}({', '.join(arguments)})"
                    f"  # {result.comment}"
                )
            case Region():
                inputs = ", ".join(value.name for value in statement.inputs)
                known = "" if statement.attention is None else ", a form that backends have a kernel for"
                yield f"{statement.kind} region {statement.name}({inputs}) -> {statement.result.name}{known}:"
                yield from (f"  {line}" for line in _body(statement.body))
            case Loop():
                yield f"for {statement.name} in {', '.join(statement.prefixes)}:"
                for before, start, end, after in statement.carried:
                    yield f"  carries {before.name} -> {start.name}, {end.name} -> {after.name}"
                yield from (f"  parameter {_parameter(parameter)}" for parameter in statement.parameters)
                yield from (f"  prepare {line}" for line in _body(statement.prepare))
                yield from (f"  {line}" for line in _body(statement.steps))


def _operand(operand: Operand) -> str:
    return operand.name if isinstance(operand, Value) else repr(operand)


def _arguments(attributes: Mapping[str, Attribute]) -> Iterator[str]:
    for name in sorted(attributes):
        yield f"{name}={_attribute(attributes[name])}"


def _attribute(value: Attribute) -> str:
    match value:
        case Literal():
            return str(value.array.item()) if value.array.ndim == 0 else f"array of {list(value.array.shape)}"
        case Initializer():
            return value.kind + (f"({', '.join(map(repr, value.arguments))})" if value.arguments else "")
        case Graph():
            return "graph"
        case tuple():
            return "(" + ", ".join(map(_attribute, value)) + ("," if len(value) == 1 else "") + ")"
        case _:
            return str(value)
