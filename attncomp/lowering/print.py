"""A program as readable text: one line a step, with the axes of its result behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from attncomp.ir.graph import Attribute, Literal
from attncomp.lowering.program import Cut, Loop, Operand, Parameter, Program, Region, Statement, Step, Stretch, Value

_INDENT = "    "


def print_program(program: Program) -> str:
    """The text of a program, the same in every run; it ends with a newline."""
    return "\n".join(_program(program)) + "\n"


def _program(program: Program) -> Iterator[str]:
    given = ", ".join(one.value.name for one in program.inputs)
    returned = ", ".join(name for name, _ in program.outputs)
    yield f"program {program.name}({given}) -> {returned}"
    yield from _section("inputs", [_declared(one.value) for one in program.inputs])
    sizes = [f"{symbol} = {value.name}.shape[{dim}]" for symbol, (value, dim) in program.symbols.items()]
    yield from _section("sizes", [*sizes, *(str(one) for one in program.constraints)])
    yield from _section("parameters", _parameters(program.parameters))
    yield from _section("prepare", _body(program.prepare))
    yield from _section("steps", _body(program.steps))
    yield f"return {', '.join(f'{name} = {value.name}' for name, value in program.outputs)}"


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


def _body(statements: Sequence[Statement]) -> list[str]:
    return [line for statement in statements for line in _statement(statement)]


def _statement(statement: Statement) -> Iterator[str]:
    if isinstance(statement, Step):
        yield _step(statement)
    elif isinstance(statement, Region):
        yield from _region(statement)
    else:
        yield from _loop(statement)


def _step(step: Step) -> str:
    arguments = [*map(_operand, step.operands), *(f"{name}={_text(value)}" for name, value in step.attributes.items())]
    return f"{step.result.name} = {step.operator}({', '.join(arguments)})  # {step.result.comment}"


def _operand(operand: Operand) -> str:
    return operand.name if isinstance(operand, Value) else repr(operand)


def _text(attribute: Attribute) -> str:
    if isinstance(attribute, tuple):
        return f"({', '.join(map(_text, attribute))}{',' if len(attribute) == 1 else ''})"
    if isinstance(attribute, Literal):
        return f"{attribute.array.dtype}{attribute.array.tolist()}"
    return repr(attribute) if isinstance(attribute, str) else str(attribute)


def _region(region: Region) -> Iterator[str]:
    inputs = ", ".join(value.name for value in region.inputs)
    made = ", ".join(result.name for result in region.results)
    comment = ", ".join(result.comment for result in region.results)
    yield f"{made} = {region.kind} {region.name}({inputs}):  # {comment}"
    yield from (_INDENT + line for line in _body(region.body))
    if region.pieces is not None:
        each = " * ".join(map(str, (region.pieces.bytes, *region.pieces.each)))
        yield f"{_INDENT}pieces: {', '.join(map(_cut, region.pieces.cuts))}; {each} bytes each"
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


def _loop(loop: Loop) -> Iterator[str]:
    results = ", ".join(after.name for *_, after in loop.carried)
    starts = ", ".join(f"{start.name} = {before.name}" for before, start, _, _ in loop.carried)
    captured = ", ".join(value.name for value in loop.captured)
    yield f"{results} = loop {loop.name} x{len(loop.prefixes)}({starts}; {captured}):"
    yield f"{_INDENT}prefixes: {', '.join(loop.prefixes)}"
    for title, lines in (
        ("parameters", _parameters(loop.parameters)),
        ("prepare", _body(loop.prepare)),
        ("steps", _body(loop.steps)),
    ):
        yield from (_INDENT + line for line in _section(title, lines))
    yield f"{_INDENT}next {', '.join(end.name for _, _, end, _ in loop.carried)}"
