"""Constants are computed when compiling, and nothing else changes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passes.sketch import Sketch, check_pass, operators, run

from attncomp.ir.graph import Graph, Literal
from attncomp.ir.literals import holds
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType
from attncomp.passes.fold_constants import FoldConstants


def folded(graph: Graph) -> bool:
    return run(FoldConstants(), graph).changed


def test_scale_of_a_known_size_golden() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", key=64)
    root = s.op("sqrt", s.op("cast", s.op("size", size=Size.of(64), dtype=DType.I64), dtype=DType.F32))
    y = s.op("add", s.op("divide", x, root), s.constant(0.0))
    check_pass("fold_scale", FoldConstants(), s.returns(s.op("multiply", s.constant(1.0), y, name="scaled")))


@pytest.mark.parametrize("dtype", [DType.F32, DType.F64, DType.I64, DType.I32, DType.BOOL])
def test_result_keeps_its_dtype(dtype: DType) -> None:
    s = Sketch()
    graph = s.returns(s.op("cast", s.constant(1.5), dtype=dtype))
    assert folded(graph)
    (node,) = graph.nodes("constant")
    assert node.type.dtype is dtype
    literal = node.attributes["value"]
    assert isinstance(literal, Literal)
    assert holds(literal, dtype)
    assert literal.array.item() == {"f": 1.5, "i": 1, "b": True}[literal.array.dtype.kind]


def test_symbolic_size_stays() -> None:
    s = Sketch()
    n = s.op("size", size=Size.symbol("seq"), dtype=DType.F32)
    x = s.input("x", seq="seq")
    assert not folded(s.returns(s.op("divide", x, s.op("sqrt", n))))


def test_positions_stay() -> None:
    s = Sketch()
    x = s.input("x", other="n")
    graph = s.returns(s.op("less", s.arange("seq", 3), s.arange("seq'", 3)), s.op("add", x, s.arange("other", "n")))
    assert not folded(graph)


@pytest.mark.parametrize(
    ("operator", "number", "left"),
    [
        ("add", 0.0, True),
        ("subtract", 0.0, False),
        ("multiply", 1.0, True),
        ("divide", 1.0, False),
        ("power", 1.0, False),
    ],
)
def test_neutral_numbers(operator: str, number: float, left: bool) -> None:
    s = Sketch()
    x = s.input("x", seq=3)
    graph = s.returns(s.op(operator, x, s.constant(number)))
    assert folded(graph)
    assert operators(graph) == ["input"]
    t = Sketch()
    assert folded(t.returns(t.op(operator, t.constant(number), t.input("x", seq=3)))) is left


@pytest.mark.parametrize(("operator", "number"), [("multiply", 0.0), ("divide", math.inf), ("power", 0.0)])
def test_what_is_not_neutral_for_nan_and_infinity_stays(operator: str, number: float) -> None:
    s = Sketch()
    assert not folded(s.returns(s.op(operator, s.input("x", seq=3), s.constant(number))))


def test_neutral_number_that_widens_the_value_stays() -> None:
    s = Sketch()
    integer = s.input("i", DType.I64, seq=3)
    narrow = s.input("x", seq=3)
    graph = s.returns(s.op("multiply", integer, s.constant(1.0)), s.op("add", narrow, s.constant(0.0, DType.F64)))
    assert not folded(graph)


def test_double_negation_and_identities() -> None:
    s = Sketch()
    x = s.input("x", seq=3)
    y = s.op("negate", s.op("negate", s.op("cast", x, dtype=DType.F32)))
    y = s.op("slice", s.op("rename", y, names=(("seq", "seq"),)), axis="seq", start=Size.of(0), stop=Size.of(3))
    y = s.op("dropout", y, rate=0.0)
    graph = s.returns(y)
    assert folded(graph)
    assert operators(graph) == ["input"]


def test_partial_slice_and_swapping_rename_stay() -> None:
    s = Sketch()
    x = s.input("x", a=3, b=3)
    swapped = s.rename(x, a="b", b="a")
    graph = s.returns(swapped, s.op("slice", x, axis="a", start=Size.of(0), stop=Size.of(2)))
    assert not folded(graph)


def test_where_with_a_known_condition() -> None:
    s = Sketch()
    x, y = s.input("x", seq=3), s.input("y", seq=3)
    yes, no = (s.op("less", s.constant(a), s.constant(b)) for a, b in ((1.0, 2.0), (2.0, 1.0)))
    graph = s.returns(s.op("where", yes, x, y), s.op("where", no, x, y))
    assert folded(graph)
    assert operators(graph) == ["input", "input"]
    assert [result.node for result in graph.results] == [x, y]


def position(s: Sketch, axis: str, size: int | str = "n") -> int:
    return s.arange(axis, size)


def whole(s: Sketch, number: int) -> int:
    return s.constant(number, DType.I64)


KNOWN_SIZES = ("a window as wide as the axis", "a distance that no two have", "behind a known end")
CONDITIONS: dict[str, tuple[bool, Callable[[Sketch], int]]] = {
    "not before the first": (True, lambda s: s.op("greater_equal", position(s, "a"), whole(s, 0))),
    "before the first": (False, lambda s: s.op("less", position(s, "a"), whole(s, 0))),
    "before the end": (
        True,
        lambda s: s.op("less", position(s, "a"), s.op("size", size=Size.symbol("n"), dtype=DType.I64)),
    ),
    "behind a known end": (True, lambda s: s.op("less", position(s, "a", 2), whole(s, 2))),
    "a window as wide as the axis": (
        True,
        lambda s: s.op(
            "less",
            s.op("abs", s.op("subtract", position(s, "a", 2), position(s, "b", 2))),
            whole(s, 2),
        ),
    ),
    "a distance that no two have": (
        True,
        lambda s: s.op("not_equal", s.op("subtract", position(s, "a", 2), position(s, "b", 2)), whole(s, -5)),
    ),
    "a remainder": (True, lambda s: s.op("less_equal", s.op("modulo", position(s, "a"), whole(s, 4)), whole(s, 3))),
    "both": (
        True,
        lambda s: s.op(
            "logical_and",
            s.op("greater", whole(s, 1), s.op("negate", position(s, "a"))),
            s.op("logical_not", s.op("less", s.rename(position(s, "c"), c="b"), whole(s, 0))),
        ),
    ),
    "either": (
        False,
        lambda s: s.op("logical_or", s.op("equal", position(s, "a"), whole(s, -1)), s.constant(False, DType.BOOL)),
    ),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_condition_that_positions_decide(name: str) -> None:
    truth, condition = CONDITIONS[name]
    s = Sketch()
    size: int | str = (
        2 if name in ("a window as wide as the axis", "a distance that no two have", "behind a known end") else "n"
    )
    x, y = s.input("x", a=size, b=size), s.input("y", a=size, b=size)
    graph = s.returns(s.op("where", condition(s), x, y))
    assert folded(graph)
    assert graph.results[0].node == (x if truth else y)
    assert operators(graph) == ["input", "input"]


def drawn_position(s: Sketch, data: st.DataObject, depth: int) -> int:
    """Arithmetic on positions and whole numbers."""
    operator = data.draw(st.sampled_from(("add", "subtract", "negate", "abs", "modulo", "leaf"))) if depth else "leaf"
    if operator == "leaf":
        kind = data.draw(st.sampled_from(("a", "b", "number")))
        return whole(s, data.draw(st.integers(-3, 3))) if kind == "number" else position(s, kind)
    operands = [drawn_position(s, data, depth - 1)]
    if operator == "modulo":
        operands.append(whole(s, data.draw(st.integers(1, 3))))
    elif operator in ("add", "subtract"):
        operands.append(drawn_position(s, data, depth - 1))
    return s.op(operator, *operands)


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_whatever_positions_decide_is_true(data: st.DataObject) -> None:
    s = Sketch()
    compared = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
    conditions = [
        s.op(data.draw(st.sampled_from(compared)), drawn_position(s, data, 2), drawn_position(s, data, 2)) for _ in "xy"
    ]
    condition = s.op(data.draw(st.sampled_from(("logical_and", "logical_or"))), *conditions)
    graph = s.returns(s.op("where", condition, s.input("x", a="n", b="n"), s.input("y", a="n", b="n")))
    folded(graph)
    assert not FoldConstants().run(graph).changed


def test_distance_to_itself_is_nothing() -> None:
    s = Sketch()
    a, i = position(s, "a"), s.input("i", DType.I64, a="n")
    graph = s.returns(s.op("add", i, s.op("subtract", a, a)), s.op("clamp", a, low=0.0, high=None))
    assert folded(graph)
    assert [result.node for result in graph.results] == [i, a]


def test_conditions_that_positions_leave_open_stay() -> None:
    s = Sketch()
    x, y = s.input("x", a="n", b="n"), s.input("y", a="n", b="n")
    a, b = position(s, "a"), position(s, "b")
    some = s.input("some", DType.I64, a="n")
    open_ = [
        s.op("less", a, b),
        s.op("greater", a, whole(s, 0)),
        s.op("less", a, whole(s, 5)),
        s.op("less", s.op("abs", s.op("subtract", a, b)), whole(s, 1)),
        s.op("less", s.op("modulo", a, some), whole(s, 9)),
        s.op("greater_equal", some, whole(s, 0)),
        s.op("less", s.op("cast", a, dtype=DType.F32), s.constant(-1.0)),
    ]
    graph = s.returns(*(s.op("where", condition, x, y) for condition in open_), s.op("clamp", a, low=1.0, high=None))
    assert not folded(graph)


def test_known_condition_that_broadcasts_stays() -> None:
    s = Sketch()
    condition = s.op("greater_equal", position(s, "other", 5), whole(s, 0))
    assert not folded(s.returns(s.op("where", condition, s.input("x", a=3), s.input("y", a=3))))


def test_clamp_of_numbers_with_an_infinite_limit_stays() -> None:
    s = Sketch()
    assert not folded(s.returns(s.op("clamp", s.input("x", a=3), low=0.0, high=math.inf)))


def test_where_that_broadcasts_stays() -> None:
    s = Sketch()
    x, y = s.input("x", seq=3), s.input("y", seq=3, embed=2)
    assert not folded(s.returns(s.op("where", s.constant(True, DType.BOOL), x, y)))


def test_infinity_and_nan_fold_to_what_they_are() -> None:
    s = Sketch()
    graph = s.returns(
        s.op("multiply", s.constant(math.inf), s.constant(0.0)), s.op("divide", s.constant(1.0), s.constant(0.0))
    )
    with np.errstate(all="raise"):
        assert folded(graph)
    nan, infinity = (node.attributes["value"] for node in graph.nodes("constant"))
    assert isinstance(nan, Literal)
    assert isinstance(infinity, Literal)
    assert math.isnan(float(nan.array))
    assert float(infinity.array) == math.inf


def test_large_results_stay_operators() -> None:
    s = Sketch()
    nine = s.op("stack", *(s.constant(float(n)) for n in range(9)), axis=Axis.of("i", 9))
    table = s.op("multiply", nine, s.rename(nine, i="j"))
    graph = s.returns(table)
    assert folded(graph)
    assert operators(graph).count("multiply") == 1
    assert operators(graph).count("stack") == 0
    assert FoldConstants(largest=81).run(graph).changed


def test_dropout_of_a_constant_stays() -> None:
    s = Sketch()
    assert not folded(s.returns(s.op("dropout", s.constant(1.0), rate=0.5)))


def test_second_run_changes_nothing() -> None:
    s = Sketch()
    graph = s.returns(s.op("multiply", s.input("x", seq=3), s.op("exp", s.constant(1.0))))
    assert folded(graph)
    assert not FoldConstants().run(graph).changed
