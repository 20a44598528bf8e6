"""Gives every batch norm the number of batches that it has seen, inside of regions and layers too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from attncomp.lowering.program import Loop, Parameter, Program, Region, Statement, Step, Value

_MEAN, _COUNTER = "running_mean", "num_batches_tracked"

# By the name of a running mean, the counter beside it in the checkpoint.
_Counters = Mapping[str, Value]


def counted(program: Program) -> Program:
    """The program with the counter, where there is one, as the last operand of each `batch_norm`."""
    counting = _Counting(program)
    steps = counting.body(program.steps, _counters(program.parameters), [""])
    parameters = tuple(one for one in program.parameters if one.key not in counting.moved)
    return replace(program, parameters=parameters, steps=steps)


def _counters(parameters: Sequence[Parameter]) -> _Counters:
    values = {parameter.key: parameter.value for parameter in parameters}
    found = {}
    for key, mean in values.items():
        *group, last = key.split(".")
        counter = values.get(".".join((*group, _COUNTER)))
        if last == _MEAN and counter is not None:
            found[mean.name] = counter
    return found


class _Counting:
    """Rewrites statements. The counters of layers, which nothing read, are the program's: `moved` become theirs."""

    def __init__(self, program: Program) -> None:
        self._known = {one.key: one for one in program.parameters}
        self.moved: set[str] = set()

    def body(self, body: Sequence[Statement], counters: _Counters, prefixes: Sequence[str]) -> tuple[Statement, ...]:
        """Statements of layers under `prefixes`."""
        made: list[Statement] = []
        for statement in body:
            if isinstance(statement, Loop):
                made.append(self._loop(statement, counters, prefixes))
            elif isinstance(statement, Region):
                made.append(self._region(statement, counters, prefixes))
            else:
                made.append(_step(statement, counters))
        return tuple(made)

    def _region(self, region: Region, counters: _Counters, prefixes: Sequence[str]) -> Region:
        used = [counters[mean] for mean in _means(region.body) if mean in counters]
        new = (one for one in dict.fromkeys(used) if one not in region.inputs)
        return replace(region, inputs=(*region.inputs, *new), body=self.body(region.body, counters, prefixes))

    def _loop(self, loop: Loop, counters: _Counters, prefixes: Sequence[str]) -> Loop:
        every = [outer + inner for outer in prefixes for inner in loop.prefixes]
        parameters = list(loop.parameters)
        for mean in loop.parameters:
            *group, last = mean.key.split(".")
            key = ".".join((*group, _COUNTER))
            keys = [prefix + key for prefix in every]
            if last == _MEAN and all(one in self._known for one in keys):
                self.moved.update(keys)
                parameters.append(replace(self._known[keys[0]], key=key))
        here = {value.name: counters[value.name] for value in loop.captured if value.name in counters}
        captured = tuple(dict.fromkeys((*loop.captured, *here.values())))
        steps = self.body(loop.steps, {**here, **_counters(parameters)}, every)
        return replace(loop, parameters=tuple(parameters), captured=captured, steps=steps)


def _step(step: Step, counters: _Counters) -> Step:
    mean = step.operands[1] if step.operator == "batch_norm" else None
    counter = counters.get(mean.name) if isinstance(mean, Value) else None
    return step if counter is None else replace(step, operands=(*step.operands, counter))


def _means(body: Sequence[Statement]) -> list[str]:
    """The names of the running means that the batch norms of a region's body read."""
    found = []
    for step in body:
        if isinstance(step, Step) and step.operator == "batch_norm":
            mean = step.operands[1]
            found += [mean.name] if isinstance(mean, Value) else []
    return found
