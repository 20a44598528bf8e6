"""The table of parameters in an emitted module."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attncomp.emission.expressions import call, tuple_text
from attncomp.emission.layout import INDENT, LINE_LENGTH, entry
from attncomp.emission.text import quoted
from attncomp.lowering.program import Parameter
from attncomp_numpy.dtypes import dtype_name
from attncomp_numpy.plan import LoopPlan, Plan, loops_of


def parameter_tables(plan: Plan) -> list[list[str]]:
    """Constants: for each loop its prefixes and parameters, and `PARAMETERS` with every key."""
    blocks = []
    for loop in loops_of(plan):
        blocks.append(_prefixes(loop.prefixes_name, loop.loop.prefixes))
        blocks.append(_table(loop.parameters_name, loop.plan))
    return [*blocks, _table("PARAMETERS", plan)]


def _prefixes(name: str, prefixes: tuple[str, ...]) -> list[str]:
    """The prefixes of a loop, by a range where they count."""
    counted = re.fullmatch(r"([\w.]*?)(\d+)([A-Za-z_.]*)", prefixes[0], re.ASCII)
    if counted and len(prefixes) > 1:
        before, start, after = counted[1], int(counted[2]), counted[3]
        if all(prefix == f"{before}{start + place}{after}" for place, prefix in enumerate(prefixes)):
            steps = f"{start}, {start + len(prefixes)}" if start else str(len(prefixes))
            return [f'{name} = tuple(f"{before}{{place}}{after}" for place in range({steps}))']
    return [f"{name} = (", *(f"{INDENT}{quoted(prefix)}," for prefix in prefixes), ")"]


def _table(name: str, plan: Plan) -> list[str]:
    if not plan.parameters and not plan.loops:
        return [f"{name}: dict[str, Parameter] = {{}}"]
    lines = [f"{name}: dict[str, Parameter] = {{"]
    for parameter in plan.parameters:
        lines += entry(f"{quoted(parameter.key)}: ", _parameter(parameter), 1)
    for _, loop in plan.loops:
        lines += _repeated(loop)
    return [*lines, "}"]


def _parameter(parameter: Parameter) -> str:
    shape = tuple_text(str(_constant(parameter, place)) for place in range(len(parameter.value.shape)))
    arguments = tuple_text(map(repr, parameter.initializer.arguments))
    texts = [shape, quoted(dtype_name(parameter.value.dtype)), quoted(parameter.initializer.kind)]
    return call("Parameter", *texts, *([arguments] if parameter.initializer.arguments else [])).text


def _constant(parameter: Parameter, place: int) -> int:
    size = parameter.value.shape[place].constant
    if size is None:
        raise ValueError(f"the size of parameter {parameter.key} is not known when compiling")
    return size


def _repeated(loop: LoopPlan) -> list[str]:
    parts = [
        "prefix + key: parameter",
        f"for prefix in {loop.prefixes_name}",
        f"for key, parameter in {loop.parameters_name}.items()",
    ]
    line = f"{INDENT}**{{{' '.join(parts)}}},"
    if len(line) <= LINE_LENGTH:
        return [line]
    return [f"{INDENT}**{{", *(f"{INDENT * 2}{part}" for part in parts), f"{INDENT}}},"]


def kept_lines(fields: Iterable[tuple[str, str]], opening: str, depth: int) -> list[str]:
    """A call with a keyword a line."""
    lines = [f"{INDENT * depth}{opening}("]
    for field, text in fields:
        lines += entry(f"{field}=", text, depth + 1)
    return [*lines, f"{INDENT * depth})"]
