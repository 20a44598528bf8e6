"""What a module keeps of its weights: the parameters and prepared arrays that its steps read, loop by loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from attncomp.emission.body import count_uses
from attncomp.emission.expressions import Expression
from attncomp.emission.text import Names, class_name
from attncomp.lowering.program import Loop, Parameter, Program, Region, Statement, Step, Value


@dataclass(frozen=True)
class Plan:
    """The weights of one scope: the program's, or those of an iteration of a loop.

    `kept` are the arrays that the steps read, with the attribute that holds each; `loops` the plans of the loops inside
    and the attribute of each. `prefixes` is empty for the program.
    """

    parameters: tuple[Parameter, ...]
    prepare: tuple[Step, ...]
    kept: tuple[tuple[Value, str], ...]
    loops: tuple[tuple[str, LoopPlan], ...]

    def texts(self, owner: str) -> dict[str, Expression]:
        """The expressions of the kept arrays, by the name of the value."""
        return {value.name: Expression(f"{owner}.{field}") for value, field in self.kept}

    def outside(self) -> tuple[Value, ...]:
        """What the preparation here and in the loops inside reads and does not make."""
        own = {parameter.value.name for parameter in self.parameters} | {step.result.name for step in self.prepare}
        found: dict[str, Value] = {}
        for step in self.prepare:
            found |= {operand.name: operand for operand in step.operands if isinstance(operand, Value)}
        for _, loop in self.loops:
            found |= {value.name: value for value in loop.plan.outside()}
        return tuple(value for name, value in found.items() if name not in own)


@dataclass(frozen=True)
class LoopPlan:
    """The weights of a loop, and the names of what the module defines for it."""

    loop: Loop
    plan: Plan
    class_name: str
    prepare_name: str
    prefixes_name: str
    parameters_name: str


def program_plan(program: Program, names: Names, reserved: Sequence[str], covers: Callable[[Region], bool]) -> Plan:
    """The plan of a program. `names` are the module's, `reserved` the attributes that the model's class has anyway."""
    results = [value for _, value in program.outputs]
    return _plan(program.parameters, program.prepare, program.steps, results, Names(reserved), names, covers)


def _plan(
    parameters: tuple[Parameter, ...],
    prepare: tuple[Step, ...],
    steps: tuple[Statement, ...],
    results: Sequence[Value],
    fields: Names,
    names: Names,
    covers: Callable[[Region], bool],
) -> Plan:
    read = count_uses(steps, results, covers)
    static = [parameter.value for parameter in parameters] + [step.result for step in prepare]
    kept = tuple((value, fields.claim(value.name)) for value in static if read[value.name])
    loops = tuple(
        (fields.claim(_plural(loop.name)), _loop_plan(loop, names, covers)) for loop in steps if isinstance(loop, Loop)
    )
    return Plan(parameters, prepare, kept, loops)


def _loop_plan(loop: Loop, names: Names, covers: Callable[[Region], bool]) -> LoopPlan:
    many = _plural(loop.name)
    one = many.removesuffix("s")
    title = names.claim(class_name(one, "Layer"))
    results = [end for _, _, end, _ in loop.carried]
    plan = _plan(loop.parameters, loop.prepare, loop.steps, results, Names({"Array"}), names, covers)
    return LoopPlan(
        loop,
        plan,
        title,
        names.claim(f"prepare_{one}"),
        names.claim(f"{one.upper()}_PREFIXES"),
        names.claim(f"{one.upper()}_PARAMETERS"),
    )


def _plural(name: str) -> str:
    """The name of the weights of all iterations of a loop."""
    return name if name.endswith("s") and not name.endswith("ss") else f"{name}s"


def loops_of(plan: Plan) -> Iterator[LoopPlan]:
    """The plans of all loops, inner ones first."""
    for _, loop in plan.loops:
        yield from loops_of(loop.plan)
        yield loop


def fields_of(plan: Plan) -> Mapping[int, str]:
    """The attribute that holds the iterations of each loop, by the loop's identity."""
    found: dict[int, str] = {}
    for field, loop in plan.loops:
        found[id(loop.loop)] = field
        found |= fields_of(loop.plan)
    return found
