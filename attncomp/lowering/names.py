"""Identifiers: the model's own names where there are some, else what the operator makes, unique in each scope."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from attncomp.lowering.emitter import Hint
from attncomp.lowering.flow import results
from attncomp.lowering.program import Loop, Parameter, Program, Region, Statement, Step, Value
from attncomp.lowering.renaming import Renaming

RESERVED = frozenset(
    {*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "np", "numpy", "torch", "nn", "math", "self"}
)

# Which operand of a layer's operator is its weight: what the layer makes is called as the weight is.
_WEIGHT = {"linear": 1, "convolution": 1, "normalize": 1, "batch_norm": 3, "take": 0}

# How many layers the name of their joined weights spells out.
_JOINED = 4

_REGION_RESULTS = {"attention": "attended", "gate": "gated"}


def identifier(text: str) -> str:
    """`text` as a Python identifier; a twin `a'` is `a_twin`."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text.replace("'", "_twin")).strip("_")
    if not name:
        return "value"
    return f"_{name}" if name[0].isdigit() else name


def snake_case(text: str) -> str:
    """`LayerNorm` as `layer_norm`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()


def name_program(program: Program, hints: Mapping[str, Hint]) -> Program:
    """The program with final names. `hints` says what its values, by their provisional names, might be called."""
    reserved = RESERVED | {identifier(symbol) for symbol in program.symbols}
    namer = _Namer(hints, reserved)
    scope = _Scope(reserved)
    for one in program.inputs:
        namer.give(scope, one.value, identifier(one.name), named=True)
    namer.parameters(scope, program.parameters)
    namer.body(scope, (*program.prepare, *program.steps), {value.name: name for name, value in program.outputs})
    renaming = Renaming(namer.final)
    return replace(
        program,
        inputs=tuple(replace(one, value=renaming.value(one.value)) for one in program.inputs),
        outputs=tuple((name, renaming.value(value)) for name, value in program.outputs),
        parameters=tuple(map(renaming.parameter, program.parameters)),
        prepare=tuple(map(renaming.step, program.prepare)),
        steps=tuple(namer.named(renaming.statement(one), one) for one in program.steps),
        symbols={symbol: (renaming.value(value), dim) for symbol, (value, dim) in program.symbols.items()},
        buffers=tuple(map(renaming.buffer, program.buffers)),
    )


class _Scope:
    """The names taken in a scope and around it."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = set(taken)

    def free(self, name: str) -> str:
        """`name`, numbered where it is taken; a word of Python's gets an underscore."""
        name = f"{name}_" if name in RESERVED else name
        number, found = 1, name
        while found in self.taken:
            number += 1
            found = f"{name}_{number}"
        self.taken.add(found)
        return found


class _Namer:
    """Names everything once.

    A region's body shares the scope around it, unless it is done in pieces; a loop sees its captured values alone.
    """

    def __init__(self, hints: Mapping[str, Hint], reserved: frozenset[str]) -> None:
        self.hints = hints
        self.reserved = reserved
        self.final: dict[str, Value] = {}
        self.stems: dict[str, str] = {}
        self.authored: set[str] = set()
        self.titles: dict[int, str] = {}

    def give(self, scope: _Scope, value: Value, text: str, *, named: bool, stem: str = "") -> None:
        axes = tuple(tuple(axis.strip() for axis in group) for group in value.axes)
        self.final[value.name] = replace(value, name=scope.free(text), axes=axes, named=named)
        self.stems[value.name] = stem or text
        if named:
            self.authored.add(text)

    def parameters(self, scope: _Scope, parameters: Sequence[Parameter]) -> None:
        for parameter, text in zip(parameters, _short_keys([one.key for one in parameters]), strict=True):
            self.give(scope, parameter.value, text, named=True)

    def body(self, scope: _Scope, statements: Sequence[Statement], outputs: Mapping[str, str]) -> None:
        """Names what the statements make, then what lies inside of them."""
        for statement in statements:
            if all(value.name in self.final for value in results(statement)):
                continue
            if isinstance(statement, Loop):
                self.titles[id(statement)] = scope.free(identifier(statement.name))
                for before, _, end, after in statement.carried:
                    hint = self.hints[end.name]
                    text = outputs.get(after.name) or (hint.text if hint.named else self.stems[before.name])
                    self.give(scope, after, identifier(text), named=hint.named)
            elif isinstance(statement, Region):
                self.titles[id(statement)] = scope.free(identifier(statement.name))
                for result in statement.results:
                    hint = self.hints[result.name]
                    first = result is statement.results[0]
                    role = _REGION_RESULTS.get(statement.kind, hint.text) if first else hint.text
                    text = hint.text if hint.named else outputs.get(result.name, role)
                    self.give(scope, result, identifier(text), named=hint.named)
            else:
                self.step(scope, statement, outputs)
        for statement in statements:
            if isinstance(statement, Loop):
                self.loop(statement)
            elif isinstance(statement, Region):
                self.region(scope, statement)

    def region(self, scope: _Scope, region: Region) -> None:
        if region.pieces is None:
            self.body(scope, region.body, {})
            return
        given = zip(region.pieces.given, region.inputs, strict=True)
        pieces = [(piece, whole) for piece, whole in given if piece.name != whole.name]
        cut = {piece.name for piece, _ in pieces}
        seen = {self.final[value.name].name for value in region.pieces.given if value.name not in cut}
        scope = _Scope(self.reserved | seen)
        for piece, whole in (*pieces, *zip(region.pieces.made, region.results, strict=True)):
            self.give(scope, piece, self.final[whole.name].name, named=self.final[whole.name].named)
        for start in region.pieces.starts:
            self.give(scope, start, identifier(self.hints[start.name].text), named=False)
        self.body(scope, region.body, {})

    def loop(self, loop: Loop) -> None:
        scope = _Scope(self.reserved | {self.final[value.name].name for value in loop.captured})
        for before, start, _, _ in loop.carried:
            self.give(scope, start, self.stems[before.name], named=False)
        self.parameters(scope, loop.parameters)
        self.body(scope, (*loop.prepare, *loop.steps), {})

    def step(self, scope: _Scope, step: Step, outputs: Mapping[str, str]) -> None:
        hint = self.hints[step.result.name]
        output = outputs.get(step.result.name)
        if hint.named or output is not None:
            self.give(scope, step.result, identifier(hint.text if hint.named else str(output)), named=hint.named)
        elif step.operator in {"reshape", "permute"}:
            (operand,) = step.operands
            assert isinstance(operand, Value)
            stem = self.stems[operand.name]
            has_role = hint.text != step.operator and stem not in self.authored
            text = hint.text if has_role else f"{stem}_{identifier(_moved(step, operand))}"
            self.give(scope, step.result, text, named=False, stem=text if has_role else stem)
        else:
            self.give(scope, step.result, self.layer(step) or self.joined(step) or identifier(hint.text), named=False)

    def joined(self, step: Step) -> str:
        """`query_key_value_weight` for the weights of several layers, put together; else nothing."""
        stems = [self.stems[operand.name] for operand in step.operands if isinstance(operand, Value)]
        ending = stems[0].rpartition("_")[2] if stems else ""
        if step.operator not in ("stack", "concat") or ending not in ("weight", "bias") or len(stems) > _JOINED:
            return ""
        layers = [stem.removesuffix(f"_{ending}") for stem in stems]
        return "_".join([*layers, ending]) if all(stem.endswith(f"_{ending}") for stem in stems) else ""

    def layer(self, step: Step) -> str:
        """The name of the layer whose weight a step reads: `query` for `query_weight`; else nothing."""
        place = _WEIGHT.get(step.operator, len(step.operands))
        weight = step.operands[place] if place < len(step.operands) else None
        stem = self.stems[weight.name] if isinstance(weight, Value) else ""
        return stem.removesuffix("_weight") if stem.endswith("_weight") else ""

    def named(self, statement: Statement, old: Statement) -> Statement:
        """A statement, already on final values, with the final names of loops and regions in it."""
        if isinstance(statement, Loop) and isinstance(old, Loop):
            steps = tuple(self.named(new, one) for new, one in zip(statement.steps, old.steps, strict=True))
            return replace(statement, name=self.titles[id(old)], steps=steps)
        if isinstance(statement, Region):
            return replace(statement, name=self.titles[id(old)])
        return statement


def _moved(step: Step, operand: Value) -> str:
    """What a reshape or a permutation did, as the end of a name."""
    before, after = len(operand.shape), len(step.result.shape)
    if step.operator == "permute":
        order = step.attributes["order"]
        assert isinstance(order, tuple)
        if order == (*range(before - 2), before - 1, before - 2):
            return "transposed"
        first = next(dim for dim, old in enumerate(order) if dim != old)
        group = step.result.axes[first]
        return f"by_{group[0]}" if group else "permuted"
    if sum(size.constant != 1 for size in operand.shape) == sum(size.constant != 1 for size in step.result.shape):
        return "aligned"
    return "split" if after > before else "packed"


def _short_keys(keys: Collection[str]) -> list[str]:
    """For each key an identifier of its last parts, of two at least, and of as many as tell it apart."""
    parts = [key.split(".") for key in keys]
    length = [2] * len(parts)
    while True:
        names = [snake_case(identifier("_".join(part[-count:]))) for part, count in zip(parts, length, strict=True)]
        users: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            users.setdefault(name, []).append(place)
        longer = [place for places in users.values() if len(places) > 1 for place in places]
        longer = [place for place in longer if length[place] < len(parts[place])]
        if not longer:
            return names
        for place in longer:
            length[place] += 1
