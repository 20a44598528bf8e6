"""Constants are computed when compiling, and nothing else changes."""

from __future__ import annotations

import math

import numpy as np
import pytest
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
