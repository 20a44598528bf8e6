"""Steps as lines: what is inlined, what gets a line, and what is written where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from attncomp.emission.body import Body, Scope, count_uses
from attncomp.emission.expressions import Expression, binary, call, method
from attncomp.emission.rules import Application, RuleTable
from attncomp.emission.text import Names
from attncomp.ir.graph import Attribute
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.program import Operand, Place, Step, Value

SHAPE = (Size.symbol("batch"), Size.of(4))
AXES = (("batch",), ("head", "key"))


def value(name: str, *, named: bool = False) -> Value:
    return Value(name, DType.F32, SHAPE, AXES, named)


def placed(name: str, number: int, *, given: bool = False) -> Value:
    return replace(value(name), place=Place(number, given=given))


def copying(it: Application) -> Expression:
    """A function that writes where it is told."""
    return call("copy", it.operands[0], *([] if it.out is None else [it.out]))


def buffer(memory: str, stored: Value, shape: str) -> Expression:
    assert stored.place is not None
    return Expression(f"{memory}[{stored.place.number}]{shape}")


TABLE = RuleTable(
    {
        "add": lambda it: binary("+", *it.operands),
        "multiply": lambda it: binary("*", *it.operands),
        "square": lambda it: binary("*", it.operands[0], it.operands[0]),
        "exp": copying,
        "reshape": lambda it: method(it.operands[0], "reshape", it.shape_text("shape")),
        "view": lambda it: call("view", it.operands[0]),
    },
    repeats=frozenset({"square"}),
    buffer=buffer,
)

X, Y = value("x"), value("y")


def step(result: Value, operator: str, *operands: Operand, **attributes: Attribute) -> Step:
    return Step(result, operator, operands, attributes)


def written(steps: Sequence[Step], *results: Value, into: Sequence[str] = ()) -> list[str]:
    """The lines of a function of x and y, without their comments."""
    names = Names(["batch"])
    scope = Scope(TABLE, names, {"batch": "batch"}, {}, {}, results=into)
    for given in (X, Y):
        scope.define(given)
    body = Body(scope, count_uses(steps, results))
    for one in steps:
        body.step(one)
    body.finish(results)
    return [line.strip().split("  #")[0] for line in body.lines]


def test_a_value_with_one_reader_is_inlined_with_the_right_parentheses() -> None:
    a, b = value("a"), value("b")
    assert written([step(a, "add", X, Y), step(b, "multiply", a, X)], b) == ["return (x + y) * x"]


def test_a_value_with_two_readers_gets_a_line() -> None:
    a, b, c = value("a"), value("b"), value("c")
    steps = [step(a, "add", X, Y), step(b, "multiply", a, X), step(c, "multiply", b, a)]
    assert written(steps, c) == ["a = x + y", "return a * x * a"]


def test_a_name_of_the_author_gets_a_line() -> None:
    a, b = value("a", named=True), value("b")
    assert written([step(a, "add", X, Y), step(b, "multiply", a, X)], b) == ["a = x + y", "return a * x"]


def test_nothing_is_inlined_into_a_rule_that_repeats_it() -> None:
    a, b = value("a"), value("b")
    assert written([step(a, "add", X, Y), step(b, "square", a)], b) == ["a = x + y", "return a * a"]


def test_a_step_without_a_reader_is_left_out_with_what_it_alone_reads() -> None:
    a, b, c = value("a"), value("b"), value("c")
    assert written([step(a, "add", X, Y), step(b, "exp", a), step(c, "exp", X)], c) == ["return copy(x)"]


def test_lines_carry_the_shape() -> None:
    scope = Scope(TABLE, Names(), {}, {}, {})
    scope.define(X)
    body = Body(scope, {"x": 1, "a": 2})
    body.step(step(value("a"), "exp", X))
    assert body.lines == ["    a = copy(x)  # [batch, (head key)]"]


def test_a_line_holds_a_few_operations() -> None:
    chain = [value(f"a{place}") for place in range(9)]
    steps = [step(chain[0], "exp", X)]
    steps += [step(after, "add", before, Y) for before, after in pairwise(chain)]
    lines = written(steps, chain[-1])
    assert 1 < len(lines) < 9
    assert all(line.count("+") <= 5 for line in lines)


def test_a_value_with_a_place_is_written_there_on_a_line_of_its_own() -> None:
    a, b = placed("a", 3), value("b")
    assert written([step(a, "exp", X), step(b, "add", a, Y)], b) == ["a = copy(x, memory[3](batch, 4))", "return a + y"]


def test_a_step_writes_over_the_operand_that_lies_in_its_place() -> None:
    a, b, c = placed("a", 3), placed("b", 3), value("c")
    steps = [step(a, "exp", X), step(b, "exp", a), step(c, "add", b, Y)]
    assert written(steps, c) == ["a = copy(x, memory[3](batch, 4))", "b = copy(a, a)", "return b + y"]


def test_a_result_is_written_into_the_array_for_it() -> None:
    a, b = placed("a", 3), placed("b", 0, given=True)
    lines = written([step(a, "exp", X), step(b, "exp", a)], b, into=["out"])
    assert lines == ["a = copy(x, memory[3](batch, 4))", "b = copy(a, out)", "return b"]


def test_what_waits_is_written_before_what_it_reads_is_written_over() -> None:
    a, waits, b, c = placed("a", 3), value("waits"), placed("b", 3), value("c")
    steps = [step(a, "exp", X), step(waits, "add", a, X), step(b, "exp", Y), step(c, "multiply", b, waits)]
    first = "a = copy(x, memory[3](batch, 4))"
    assert written(steps, c) == [first, "waits = a + x", "b = copy(y, memory[3](batch, 4))", "return b * waits"]


def test_what_waits_for_another_place_still_waits() -> None:
    a, waits, b, c = placed("a", 3), value("waits"), placed("b", 4), value("c")
    steps = [step(a, "exp", X), step(waits, "add", a, X), step(b, "exp", Y), step(c, "multiply", b, waits)]
    first = "a = copy(x, memory[3](batch, 4))"
    assert written(steps, c) == [first, "b = copy(y, memory[4](batch, 4))", "return b * (a + x)"]


def test_results_that_are_inputs() -> None:
    assert written([], X) == ["return x"]
    assert written([], X, X, Y) == ["return x, x, y"]


@pytest.mark.parametrize("length", [30, 60, 85, 120])
def test_no_line_is_too_long_where_it_can_be_broken(length: int) -> None:
    a, b = value("a" * length), value("b" * length)
    lines = written([step(a, "add", X, Y), step(b, "exp", a)], b)
    assert max(map(len, lines)) <= max(96, length + 10)
