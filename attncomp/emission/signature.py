"""What a model takes and returns, and what must hold of its sizes: the parts of a class that backends share."""

from __future__ import annotations

from collections.abc import Iterator

from attncomp.emission.body import Scope
from attncomp.emission.expressions import call, tuple_text
from attncomp.emission.functions import docstring
from attncomp.emission.layout import INDENT, statement
from attncomp.emission.sizes import CHECKS, exact_quotients, size_expression
from attncomp.emission.text import Names, plain, quoted
from attncomp.ir.sizes import Size
from attncomp.lowering.program import Program, Value


def summary(program: Program) -> str:
    """The sentence that a model's class begins with."""
    return f"The model {plain(program.name)}."


def types_text(program: Program) -> str:
    """A sentence with the types of the inputs and the outputs."""
    takes = ", ".join(_typed(one.name, one.value) for one in program.inputs)
    gives = ", ".join(_typed(name, value) for name, value in program.outputs)
    return f"Takes {takes}; returns {gives}." if takes else f"Returns {gives}."


def output_class(program: Program, name: str, array: str) -> list[str]:
    """A named tuple of the outputs, annotated `array`; none for a single output."""
    if len(program.outputs) == 1:
        return []
    names = Names({"count", "index", array})
    fields = [f"{INDENT}{names.claim(output)}: {array}" for output, _ in program.outputs]
    return [f"class {name}(NamedTuple):", *docstring(f"What {plain(program.name)} returns."), "", *fields]


def axes_text(value: Value) -> str:
    """The axes of each dimension as a tuple of strings."""
    return tuple_text(quoted(" ".join(group) or "1") for group in value.axes)


def size_text(size: Size, scope: Scope) -> str:
    """A size in the variables of a scope."""
    return size_expression(size, scope.variable).text


def size_checks(program: Program, scope: Scope, depth: int = 2) -> Iterator[str]:
    """Calls that refuse sizes that do not divide or break a constraint of the program."""
    for quotient in exact_quotients(program):
        yield from _comparison("check_divides", scope, quotient.numerator, quotient.divisor, depth)
    for constraint in program.constraints:
        yield from _comparison(CHECKS[constraint.relation], scope, constraint.left, constraint.right, depth)


def _typed(name: str, value: Value) -> str:
    return f"{plain(name)}: {value.dtype}{plain(value.comment)}"


def _comparison(name: str, scope: Scope, left: Size, right: Size, depth: int) -> list[str]:
    arguments = [text for size in (left, right) for text in (quoted(str(size)), size_text(size, scope))]
    return statement("", call(scope.use(name), *arguments), depth)
