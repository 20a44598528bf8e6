"""Steps as lines: what is inlined, what gets a line, and what may be overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from attncomp.emission.body import Body, Scope, count_uses
from attncomp.emission.expressions import Expression, binary, call, method
from attncomp.emission.rules import Application, RuleTable
from attncomp.emission.text import Names
from attncomp.ir.graph import Attribute
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.program import Operand, Step, Value

SHAPE = (Size.symbol("batch"), Size.of(4))
AXES = (("batch",), ("head", "key"))


def value(name: str, *, named: bool = False) -> Value:
    return Value(name, DType.F32, SHAPE, AXES, named)


def overwriting(it: Application) -> Expression:
    """A function that overwrites its operand where it may."""
    return call("over" if it.operands[0].fresh else "copy", it.operands[0], fresh=True)


TABLE = RuleTable(
    {
        "add": lambda it: binary("+", *it.operands, fresh=True),
        "multiply": lambda it: binary("*", *it.operands, fresh=True),
        "square": lambda it: binary("*", it.operands[0], it.operands[0], fresh=True),
        "exp": overwriting,
        "reshape": lambda it: method(it.operands[0], "reshape", it.shape_text("shape"), fresh=it.operands[0].fresh),
        "view": lambda it: call("view", it.operands[0]),
    },
    repeats=frozenset({"square"}),
)

X, Y = value("x"), value("y")


def step(result: Value, operator: str, *operands: Operand, **attributes: Attribute) -> Step:
    return Step(result, operator, operands, attributes)


def written(steps: Sequence[Step], *results: Value) -> list[str]:
    """The lines of a function of x and y, without their comments."""
    names = Names(["batch"])
    scope = Scope(TABLE, names, {"batch": "batch"}, {}, {})
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


def test_a_function_may_overwrite_a_new_array_that_nothing_else_reads() -> None:
    a, b, c = value("a"), value("b"), value("c")
    assert written([step(a, "add", X, Y), step(b, "exp", a)], b) == ["return over(x + y)"]
    named = value("a", named=True)
    assert written([step(named, "add", X, Y), step(b, "exp", named)], b) == ["a = x + y", "return over(a)"]
    twice = [step(a, "add", X, Y), step(b, "exp", a), step(c, "multiply", b, a)]
    assert written(twice, c) == ["a = x + y", "return copy(a) * a"]


def test_what_a_function_is_given_is_never_overwritten() -> None:
    a, b = value("a"), value("b")
    assert written([step(a, "view", X), step(b, "exp", a)], b) == ["return copy(view(x))"]
    assert written([step(a, "reshape", X, shape=SHAPE), step(b, "exp", a)], b) == ["return copy(x.reshape((batch, 4)))"]


def test_what_a_view_shares_is_not_overwritten() -> None:
    a, shared, b, c = value("a"), value("shared", named=True), value("b"), value("c")
    steps = [step(a, "add", X, Y), step(shared, "view", a), step(b, "exp", a), step(c, "multiply", b, shared)]
    assert written(steps, c) == ["a = x + y", "shared = view(a)", "return copy(a) * shared"]


def test_what_waits_is_written_before_its_operand_is_overwritten() -> None:
    a, waits, b, c = value("a"), value("waits"), value("b"), value("c")
    steps = [step(a, "add", X, Y), step(waits, "add", a, X), step(b, "exp", a), step(c, "multiply", b, waits)]
    assert written(steps, c) == ["a = x + y", "waits = a + x", "return over(a) * waits"]


def test_an_operand_read_twice_by_one_step_is_not_overwritten() -> None:
    a, b = value("a"), value("b")
    assert written([step(a, "add", X, Y), step(b, "square", a)], b) == ["a = x + y", "return a * a"]
    both = [step(a, "add", X, Y), step(b, "multiply", a, a)]
    assert written(both, b) == ["a = x + y", "return a * a"]


def test_results_that_are_inputs() -> None:
    assert written([], X) == ["return x"]
    assert written([], X, X, Y) == ["return x, x, y"]


@pytest.mark.parametrize("length", [30, 60, 85, 120])
def test_no_line_is_too_long_where_it_can_be_broken(length: int) -> None:
    a, b = value("a" * length), value("b" * length)
    lines = written([step(a, "add", X, Y), step(b, "exp", a)], b)
    assert max(map(len, lines)) <= max(96, length + 10)
