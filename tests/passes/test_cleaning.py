"""Common subexpressions and dead code."""

from __future__ import annotations

import math

from passes.sketch import Sketch, check_pass, operators, run

from attncomp.ir.types import DType
from attncomp.passes.eliminate_common_subexpressions import EliminateCommonSubexpressions
from attncomp.passes.eliminate_dead_code import EliminateDeadCode


def test_common_subexpressions_golden() -> None:
    s = Sketch()
    x, y = s.input("x", seq="seq", embed=4), s.input("y", seq="seq", embed=4)
    left = s.op("tanh", s.op("add", x, y))
    right = s.op("tanh", s.op("add", y, x), name="t")
    graph = s.returns(s.op("multiply", left, right), s.op("subtract", x, y), s.op("subtract", y, x))
    check_pass("common_subexpressions", EliminateCommonSubexpressions(), graph)


def test_dropout_and_batch_norm_are_never_one() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", channel=3)
    statistics = [s.parameter(key, channel=3) for key in ("mean", "weight", "bias")]
    positive = s.op("exp", s.parameter("variance", channel=3))
    mean, weight, bias = statistics
    twice = [
        s.op("batch_norm", x, mean, positive, weight, bias, axis="channel", epsilon=1e-5, momentum=0.1)
        for _ in range(2)
    ]
    dropped = [s.op("dropout", x, rate=0.5) for _ in range(2)]
    assert not run(EliminateCommonSubexpressions(), s.returns(*twice, *dropped)).changed


def test_numbers_that_only_look_equal_stay_apart() -> None:
    s = Sketch()
    x = s.input("x", seq=3)
    clamped = [s.op("clamp", x, low=low, high=1.0) for low in (0.0, -0.0)]
    numbers = [s.constant(0.0), s.constant(-0.0), s.constant(0, DType.I64)]
    assert not run(EliminateCommonSubexpressions(), s.returns(*clamped, *numbers)).changed


def test_not_a_number_is_one_constant() -> None:
    s = Sketch()
    graph = s.returns(s.constant(math.nan), s.constant(math.nan))
    assert run(EliminateCommonSubexpressions(), graph).changed
    assert operators(graph) == ["constant"]


def test_attributes_keep_operators_apart() -> None:
    s = Sketch()
    x = s.input("x", a=2, b=2)
    graph = s.returns(s.op("sum", x, axes=("a",)), s.op("sum", x, axes=("b",)), s.op("sum", x, axes=("a",)))
    assert run(EliminateCommonSubexpressions(), graph).changed
    assert operators(graph).count("sum") == 2


def test_a_name_survives_the_merge() -> None:
    s = Sketch()
    x = s.input("x", a=2)
    graph = s.returns(s.op("exp", x), s.op("exp", x, name="weights"))
    run(EliminateCommonSubexpressions(), graph)
    (exp,) = graph.nodes("exp")
    assert exp.name == "weights"


def test_dead_code_golden() -> None:
    s = Sketch()
    x = s.input("x", seq="seq", embed=4)
    s.input("mask", DType.BOOL, seq="seq")
    dead = s.op("multiply", x, s.parameter("scale", embed=4))
    s.op("exp", dead)
    check_pass("dead_code", EliminateDeadCode(), s.returns(s.op("relu", x)))


def test_a_live_parameter_and_a_result_that_is_an_input_stay() -> None:
    s = Sketch()
    x = s.input("x", embed=4)
    graph = s.returns(x, s.parameter("w", embed=4))
    assert not run(EliminateDeadCode(), graph).changed
    assert operators(graph) == ["input", "parameter"]
