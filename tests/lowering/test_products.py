"""Which steps a product, a normalization and what surrounds them become."""

from __future__ import annotations

from collections import Counter

import pytest
from lowering.compare import assert_lowers_right
from lowering.models import Sketch

from attncomp.diagnostics.core import DiagnosticError
from attncomp.ir.graph import Graph
from attncomp.ir.types import Axis, DType
from attncomp.lowering.lower import lower
from attncomp.lowering.program import Program, Step


def operators(program: Program) -> list[str]:
    return [one.operator for one in program.steps if isinstance(one, Step)]


def projection(stored: str, x: str = "batch seq embed") -> Graph:
    sketch = Sketch()
    given = sketch.input("x", x, batch="batch", seq="seq", embed=6)
    weight = sketch.parameter("weight", stored, head=2, key=4, embed=6)
    bias = sketch.parameter("bias", "(head key)", head=2, key=4)
    y = sketch.op("add", sketch.contract(given, weight, "embed"), bias)
    return sketch.returns(y=(y, "batch seq (head key)"))


def test_a_checkpoint_in_torch_order_is_one_linear_step() -> None:
    program = assert_lowers_right(projection("(head key) embed"))
    assert operators(program) == ["linear"]
    assert program.prepare == ()


@pytest.mark.parametrize("stored", ["embed (head key)", "head key embed", "embed head key", "head embed key"])
def test_other_orders_are_prepared_when_weights_are_loaded(stored: str) -> None:
    program = assert_lowers_right(projection(stored))
    assert operators(program)[0] == "linear"
    assert 1 <= len(program.prepare) <= 3


def test_channels_in_front_are_moved_once() -> None:
    program = assert_lowers_right(projection("(head key) embed", x="batch embed seq"))
    assert operators(program) == ["permute", "linear"]


def test_a_bias_that_something_else_reads_too_stays_a_step() -> None:
    sketch = Sketch()
    x = sketch.input("x", "batch embed", batch="batch", embed=6)
    weight = sketch.parameter("weight", "out embed", out=3, embed=6)
    bias = sketch.parameter("bias", "out", out=3)
    product = sketch.contract(x, weight, "embed")
    y = sketch.op("multiply", sketch.op("add", product, bias), product)
    program = assert_lowers_right(sketch.returns(y=(y, "batch out")))
    assert operators(program) == ["linear", "add", "multiply"]


def test_a_bias_after_a_rename_is_folded_in() -> None:
    sketch = Sketch()
    x = sketch.input("x", "batch embed", batch="batch", embed=6)
    weight = sketch.parameter("weight", "embed' embed", embed=6, **{"embed'": 6})
    bias = sketch.parameter("bias", "embed", embed=6)
    y = sketch.op("rename", sketch.contract(x, weight, "embed"), names=(("embed'", "embed"),))
    program = assert_lowers_right(sketch.returns(y=(sketch.op("add", y, bias), "batch embed")))
    assert operators(program) == ["linear"]


@pytest.mark.parametrize(("left", "right"), [("batch", "batch"), ("", "batch"), ("", ""), ("batch head", "head batch")])
@pytest.mark.parametrize(("rows", "columns"), [("m", "n"), ("m", ""), ("", "n"), ("", ""), ("m p", "n"), ("m", "n o")])
def test_products_of_two_inputs(left: str, right: str, rows: str, columns: str) -> None:
    sizes = {"batch": "batch", "head": 2, "m": "m", "n": "n", "p": 2, "o": 3, "k": 4, "l": 2}
    for a, b in ((f"{left} {rows} k l", f"{right} {columns} k l"), (f"k {rows} l {left}", f"l {right} k {columns}")):
        sketch = Sketch()
        x = sketch.input("x", a, **{name: sizes[name] for name in a.split()})
        y = sketch.input("y", b, **{name: sizes[name] for name in b.split()})
        z = sketch.contract(x, y, "k", "l")
        program = assert_lowers_right(sketch.returns(z=(z, " ".join(sketch.graph.type(z).names))))
        assert "matmul" in operators(program) or (not rows and not columns) or "sum" in operators(program)


def test_a_contraction_over_nothing_is_a_product_of_elements() -> None:
    sketch = Sketch()
    x = sketch.input("x", "n", n="n")
    y = sketch.input("y", "m", m="m")
    z = sketch.contract(x, y)
    program = assert_lowers_right(sketch.returns(z=(z, "n m")))
    assert "matmul" not in operators(program) and "multiply" in operators(program)


def test_a_weighted_sum_of_scores_is_taken_with_the_targets_first() -> None:
    sketch = Sketch()
    v = sketch.input("v", "batch seq value", batch="batch", seq="seq", value=3)
    s = sketch.input("s", "batch target seq", batch="batch", target="n", seq="seq")
    y = sketch.contract(v, sketch.op("softmax", s, axes=("seq",)), "seq")
    program = assert_lowers_right(sketch.returns(y=(y, "batch target value")))
    assert operators(program) == ["softmax", "matmul"]


def test_layer_norm_is_one_step() -> None:
    sketch = Sketch()
    x = sketch.input("x", "batch seq (head key)", batch="batch", seq="seq", head=2, key=3)
    weight, bias = (sketch.parameter(name, "(head key)", head=2, key=3) for name in ("weight", "bias"))
    y = sketch.op("normalize", x, axes=("head", "key"), epsilon=1e-5, center=True)
    y = sketch.op("add", sketch.op("multiply", y, weight), bias)
    program = assert_lowers_right(sketch.returns(y=(y, "batch seq (head key)")))
    assert operators(program) == ["normalize"]


def test_a_scale_alone_is_folded_too() -> None:
    sketch = Sketch()
    x = sketch.input("x", "batch embed", batch="batch", embed=6)
    weight = sketch.parameter("weight", "embed", embed=6)
    y = sketch.op("multiply", weight, sketch.op("normalize", x, axes=("embed",), epsilon=1e-6, center=False))
    program = assert_lowers_right(sketch.returns(y=(y, "batch embed")))
    assert operators(program) == ["normalize"]


def test_statistics_that_are_put_back_keep_their_dimension() -> None:
    sketch = Sketch()
    x = sketch.input("x", "batch seq embed", batch="batch", seq="seq", embed=6)
    y = sketch.op("subtract", x, sketch.op("mean", x, axes=("seq",)))
    program = assert_lowers_right(sketch.returns(y=(y, "batch seq embed")))
    assert operators(program) == ["mean", "subtract"]
    assert program.steps[0].attributes["keep"] is True  # type: ignore[union-attr]


def test_a_bounded_sum_keeps_its_dimension_too() -> None:
    sketch = Sketch()
    x = sketch.input("x", "batch seq embed", batch="batch", seq="seq", embed=6)
    total = sketch.op("maximum", sketch.op("norm", x, axes=("embed",)), sketch.number(1e-9))
    program = assert_lowers_right(sketch.returns(y=(sketch.op("divide", x, total), "batch seq embed")))
    assert operators(program) == ["norm", "maximum", "divide"]


def test_a_sum_that_is_read_without_its_dimension_too_is_taken_once() -> None:
    sketch = Sketch()
    x = sketch.input("x", "batch embed", batch="batch", embed=6)
    total = sketch.op("sum", x, axes=("embed",))
    y = sketch.op("divide", x, total)
    program = assert_lowers_right(sketch.returns(y=(y, "batch embed"), total=(total, "batch")))
    assert Counter(operators(program)) == Counter(["sum", "reshape", "divide"])


def test_the_first_places_of_a_table_are_a_slice() -> None:
    sketch = Sketch()
    x = sketch.input("x", "batch seq embed", batch="batch", seq="n", embed=4)
    table = sketch.parameter("table", "position embed", position=9, embed=4)
    places = sketch.op("arange", axis=Axis("seq", sketch.graph.type(x).size("seq")))
    y = sketch.op("add", x, sketch.op("gather", table, places, axes=("position",)))
    program = assert_lowers_right(sketch.returns(y=(y, "batch seq embed")))
    assert operators(program) == ["slice", "add"]


def test_windows_of_an_image_go_there_and_back_in_one_move_each() -> None:
    sketch = Sketch()
    x = sketch.input("x", "batch height width embed", batch="batch", height=4, width=6, embed=3)
    parts = sketch.op("split", x, axis="height", into=(Axis.of("rows", 2), Axis.of("i", 2)))
    parts = sketch.op("split", parts, axis="width", into=(Axis.of("cols", 3), Axis.of("j", 2)))
    keys = sketch.op("rename", parts, names=(("i", "i'"), ("j", "j'")))
    w = sketch.op("softmax", sketch.contract(parts, keys, "embed"), axes=("i'", "j'"))
    y = sketch.contract(w, keys, "i'", "j'")
    y = sketch.op("merge", y, axes=("rows", "i"), into=Axis.of("height", 4))
    y = sketch.op("merge", y, axes=("cols", "j"), into=Axis.of("width", 6))
    program = assert_lowers_right(sketch.returns(y=(sketch.op("add", x, y), "batch height width embed")))
    counts = Counter(operators(program))
    assert counts["permute"] == 3  # into windows, keys turned, and back
    assert counts["reshape"] <= 5
    assert counts["matmul"] == 2


def test_merging_axes_under_the_name_of_one_of_them() -> None:
    sketch = Sketch()
    x = sketch.input("x", "seq batch part", batch="batch", seq="seq", part=2)
    y = sketch.op("merge", x, axes=("seq", "part"), into=Axis("seq", sketch.graph.type(x).size("seq") * 2))
    y = sketch.op("add", sketch.op("relu", y), sketch.op("sum", y, axes=("seq",)))
    assert_lowers_right(sketch.returns(y=(y, "batch seq")))


def test_embedding_is_one_step() -> None:
    sketch = Sketch()
    ids = sketch.input("ids", "batch seq", DType.I64, batch="batch", seq="seq")
    table = sketch.parameter("table", "vocab embed", vocab=9, embed=4)
    program = lower(sketch.returns(y=(sketch.op("gather", table, ids, axes=("vocab",)), "batch seq embed")))
    assert operators(program) == ["take"]


def test_integers_and_floats_meet_in_the_result_dtype() -> None:
    sketch = Sketch()
    ids = sketch.input("ids", "seq", DType.I64, seq="seq")
    x = sketch.input("x", "seq", seq="seq")
    program = assert_lowers_right(sketch.returns(y=(sketch.op("multiply", ids, x), "seq")))
    assert operators(program) == ["cast", "multiply"]


def test_a_symbol_that_no_input_binds_is_a_diagnostic() -> None:
    sketch = Sketch()
    x = sketch.input("x", "(n m)", n="n", m="m")
    with pytest.raises(DiagnosticError) as caught:
        lower(sketch.returns(y=(x, "n m")))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E035"
    assert "`m`" in diagnostic.message or "`n`" in diagnostic.message


def test_names_are_python_identifiers_and_unique() -> None:
    sketch = Sketch()
    x = sketch.input("lambda", "seq", seq="seq")
    other = sketch.input("np", "seq", seq="seq")
    a = sketch.op("add", x, other, name="x'")
    b = sketch.op("relu", a, name="x_twin")
    c = sketch.op("exp", b, name="print")
    program = assert_lowers_right(sketch.returns(y=(c, "seq"), z=(b, "seq")))
    names = [one.value.name for one in program.inputs] + [one.result.name for one in program.steps]  # type: ignore[union-attr]
    assert names == ["lambda_", "np_", "x_twin", "x_twin_2", "print_"]
    assert all(one.result.named for one in program.steps)  # type: ignore[union-attr]
