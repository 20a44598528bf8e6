"""A program as readable text: one line a step, with the axes of its result behind it, and where that lies.

`→ buffer 2` is a buffer of the memory plan, `→ own buffer 2` one of the thread that does a piece, `over x` a step that
writes over its operand, `→ result` the array for a result. A view lies where its operand does; what else has no arrow
is made anew, for it is small or NumPy makes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from attncomp.ir.graph import Attribute, Literal
from attncomp.lowering.print_memory import (
    Function,
    loop_place_text,
    memory_lines,
    memory_title,
    place_text,
    step_place_text,
    thread_lines,
)
from attncomp.lowering.program import Cut, Loop, Operand, Parameter, Program, Region, Statement, Step, Stretch, Value

_INDENT = "    "


def print_program(program: Program, sizes: Mapping[str, int] = MappingProxyType({})) -> str:
    """The text of a program, the same in every run; it ends with a newline.

    Memory is counted at `sizes`, 256 for a symbol that is not there.
    """
    return "\n".join(_program(program, sizes)) + "\n"


def _program(program: Program, sizes: Mapping[str, int]) -> Iterator[str]:
    given = ", ".join(one.value.name for one in program.inputs)
    returned = [name for name, _ in program.outputs]
    yield f"program {program.name}({given}) -> {', '.join(returned)}"
    yield from _section("inputs", [_declared(one.value) for one in program.inputs])
    bound = [f"{symbol} = {value.name}.shape[{dim}]" for symbol, (value, dim) in program.symbols.items()]
    yield from _section("sizes", [*bound, *(str(one) for one in program.constraints)])
    yield from _section("parameters", _parameters(program.parameters))
    yield from _section("prepare", _body(program.prepare, Function()))
    yield from _section("steps", _body(program.steps, Function(returned)))
    yield f"return {', '.join(f'{name} = {value.name}' for name, value in program.outputs)}"
    if program.buffers:
        yield from _section(memory_title(program, sizes), [*memory_lines(program, sizes)])


def _section(title: str, lines: Sequence[str]) -> Iterator[str]:
    if lines:
        yield f"{title}:"
        yield from (_INDENT + line for line in lines)


def _parameters(parameters: Sequence[Parameter]) -> list[str]:
    return [f'{_declared(one.value)} from "{one.key}"' for one in parameters]


def _declared(value: Value) -> str:
    return f"{value.name}: {_type(value)}"


def _type(value: Value) -> str:
    """`f32[batch, seq, 384] [batch, seq, (head key)]`."""
    return f"{value.dtype}[{', '.join(map(str, value.shape))}]  # {value.comment}"


def _body(statements: Sequence[Statement], function: Function) -> list[str]:
    """The lines of a body, of a function."""
    return [line for statement in statements for line in _statement(statement, function)]


def _statement(statement: Statement, function: Function) -> Iterator[str]:
    if isinstance(statement, Step):
        yield _step(statement, function)
    elif isinstance(statement, Region):
        yield from _region(statement, function)
    else:
        yield from _loop(statement, function)


def _step(step: Step, function: Function) -> str:
    arguments = [*map(_operand, step.operands), *(f"{name}={_text(value)}" for name, value in step.attributes.items())]
    comment = f"{step.result.comment}{step_place_text(step, function)}"
    return f"{step.result.name} = {step.operator}({', '.join(arguments)})  # {comment}"


def _operand(operand: Operand) -> str:
    return operand.name if isinstance(operand, Value) else repr(operand)


def _text(attribute: Attribute) -> str:
    if isinstance(attribute, tuple):
        return f"({', '.join(map(_text, attribute))}{',' if len(attribute) == 1 else ''})"
    if isinstance(attribute, Literal):
        return f"{attribute.array.dtype}{attribute.array.tolist()}"
    return repr(attribute) if isinstance(attribute, str) else str(attribute)


def _region(region: Region, function: Function) -> Iterator[str]:
    inputs = ", ".join(value.name for value in region.inputs)
    made = ", ".join(result.name for result in region.results)
    comment = ", ".join(f"{result.comment}{place_text(result, function)}" for result in region.results)
    own = function if region.pieces is None else Function([result.name for result in region.results], piece=True)
    yield f"{made} = {region.kind} {region.name}({inputs}):  # {comment}"
    yield from (_INDENT + line for line in _body(region.body, own))
    if region.pieces is not None:
        each = " * ".join(map(str, (region.pieces.bytes, *region.pieces.each)))
        yield f"{_INDENT}pieces: {', '.join(map(_cut, region.pieces.cuts))}; {each} bytes each"
        yield from (_INDENT + line for line in thread_lines(region))
        if region.pieces.reads is not None:
            yield f"{_INDENT}reads: {_stretch(region.pieces.reads)}"
    form = region.attention
    if form is not None:
        parts: Mapping[str, Value | None] = {
            "query": form.query, "key": form.key, "value": form.value, "bias": form.bias, "mask": form.mask,
        }  # fmt: skip
        told = [f"{name}={value.name}" for name, value in parts.items() if value is not None]
        told += [] if form.scale == 1 else [f"scale={form.scale}"]
        told += [f"dropout={form.dropout}"] if form.dropout else []
        told += ["causal"] if form.causal else []
        yield f"{_INDENT}form: {', '.join(told)}"


def _cut(cut: Cut) -> str:
    start = "" if cut.start is None else f" from {cut.start.name}"
    most = "" if cut.most is None else f", {cut.most} at most"
    return f"{cut.axis}={cut.size} by {cut.symbol}{start}{most}"


def _stretch(stretch: Stretch) -> str:
    start = "" if stretch.start is None else f" from {stretch.start.name}"
    low, high = stretch.interval.low, stretch.interval.high
    ends = f"{'' if low is None else low} .. {'' if high is None else high}"
    return f"{stretch.axis}={stretch.size} at {ends}, by {stretch.symbol}{start}"


def _loop(loop: Loop, function: Function) -> Iterator[str]:
    results = ", ".join(after.name for *_, after in loop.carried)
    starts = ", ".join(f"{start.name} = {before.name}" for before, start, _, _ in loop.carried)
    captured = ", ".join(value.name for value in loop.captured)
    yield f"{results} = loop {loop.name} x{len(loop.prefixes)}({starts}; {captured}):{loop_place_text(loop)}"
    yield f"{_INDENT}prefixes: {', '.join(loop.prefixes)}"
    for title, lines in (
        ("parameters", _parameters(loop.parameters)),
        ("prepare", _body(loop.prepare, Function())),
        ("steps", _body(loop.steps, function)),
    ):
        yield from (_INDENT + line for line in _section(title, lines))
    yield f"{_INDENT}next {', '.join(end.name for _, _, end, _ in loop.carried)}"
