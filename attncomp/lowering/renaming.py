"""Replaces values throughout statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from attncomp.lowering.program import (
    AttentionForm,
    Buffer,
    Loop,
    Operand,
    Parameter,
    Pieces,
    Region,
    Statement,
    Step,
    Value,
)


class Renaming:
    """Puts other values in place of those with the names in `values`; others stay."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values = values

    def value(self, value: Value) -> Value:
        """What stands for `value`."""
        return self.values.get(value.name, value)

    def optional(self, value: Value | None) -> Value | None:
        """What stands for `value`, if it is one."""
        return None if value is None else self.value(value)

    def operand(self, operand: Operand) -> Operand:
        """What stands for an operand; a number stays."""
        return self.value(operand) if isinstance(operand, Value) else operand

    def statement(self, statement: Statement) -> Statement:
        """The statement on other values."""
        if isinstance(statement, Region):
            return self.region(statement)
        return self.loop(statement) if isinstance(statement, Loop) else self.step(statement)

    def step(self, step: Step) -> Step:
        """The step on other values."""
        return replace(step, result=self.value(step.result), operands=tuple(map(self.operand, step.operands)))

    def region(self, region: Region) -> Region:
        """The region on other values, body and form too."""
        return replace(
            region,
            results=tuple(map(self.value, region.results)),
            inputs=tuple(map(self.value, region.inputs)),
            body=tuple(map(self.statement, region.body)),
            attention=None if region.attention is None else self.form(region.attention),
            pieces=None if region.pieces is None else self.pieces(region.pieces),
        )

    def pieces(self, pieces: Pieces) -> Pieces:
        """The pieces of a region on other values."""
        return replace(
            pieces,
            cuts=tuple(replace(cut, start=self.optional(cut.start)) for cut in pieces.cuts),
            reads=None if pieces.reads is None else replace(pieces.reads, start=self.optional(pieces.reads.start)),
            given=tuple(map(self.value, pieces.given)),
            made=tuple(map(self.value, pieces.made)),
            buffers=tuple(map(self.buffer, pieces.buffers)),
        )

    def buffer(self, buffer: Buffer) -> Buffer:
        """The buffer with other values in it."""
        return replace(buffer, tenants=tuple(replace(one, value=self.value(one.value)) for one in buffer.tenants))

    def form(self, form: AttentionForm) -> AttentionForm:
        """The form on other values."""
        return replace(
            form,
            query=self.value(form.query),
            key=self.value(form.key),
            value=self.value(form.value),
            bias=self.optional(form.bias),
            mask=self.optional(form.mask),
        )

    def loop(self, loop: Loop) -> Loop:
        """The loop on other values, body too."""
        return replace(
            loop,
            parameters=tuple(map(self.parameter, loop.parameters)),
            prepare=tuple(map(self.step, loop.prepare)),
            carried=tuple(
                (self.value(before), self.value(start), self.value(end), self.value(after))
                for before, start, end, after in loop.carried
            ),
            captured=tuple(map(self.value, loop.captured)),
            steps=tuple(map(self.statement, loop.steps)),
        )

    def parameter(self, parameter: Parameter) -> Parameter:
        """The parameter under another value."""
        return replace(parameter, value=self.value(parameter.value))
