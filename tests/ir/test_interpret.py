"""Running graphs: orders of storage, symbols, constraints, regions, parameters."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from attncomp.diagnostics.core import DiagnosticError
from attncomp.ir.build import Builder
from attncomp.ir.graph import Constraint, Graph, Initializer
from attncomp.ir.initialize import INITIALIZERS, generator, initial, random_parameters
from attncomp.ir.interpret import evaluate, interpret
from attncomp.ir.operators.samples import draw, real_value
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType
from attncomp.ir.verify import verify

BATCH, SEQ = Size.symbol("batch"), Size.symbol("seq")


def linear() -> Graph:
    """x [seq, 1, batch, embed] times w [key, embed], as [batch, (seq key)]."""
    graph = Graph("Linear")
    builder = Builder(graph)
    x = builder.input(
        "x",
        ValueType(DType.F32, (Axis("batch", BATCH), Axis("seq", SEQ), Axis.of("embed", 4))),
        (("seq",), (), ("batch",), ("embed",)),
    )
    w = builder.parameter("w", real_value(key=3, embed=4), initializer=Initializer("normal", (0.5,)))
    builder.returns("y", builder.contract(x, w, ("embed",)), (("batch",), ("seq", "key")))
    return graph


def failures(graph: Graph, inputs: dict[str, np.ndarray], parameters: dict[str, np.ndarray]) -> list[tuple[str, str]]:
    with pytest.raises(DiagnosticError) as caught:
        interpret(graph, inputs, parameters)
    return [(diagnostic.code, diagnostic.message) for diagnostic in caught.value.diagnostics]


def test_inputs_and_results_have_their_declared_orders() -> None:
    graph = linear()
    verify(graph)
    x = np.random.default_rng(0).normal(size=(5, 1, 2, 4)).astype(np.float32)
    w = random_parameters(graph, 0)["w"]
    assert w.dtype == np.float32 and w.shape == (3, 4)
    y = interpret(graph, {"x": x}, {"w": w})["y"]
    assert y.dtype == np.float64
    expected = np.einsum("sbe,ke->bsk", x[:, 0].astype(np.float64), w.astype(np.float64)).reshape(2, 15)
    np.testing.assert_allclose(y, expected, rtol=1e-12)


def test_what_does_not_fit_is_said_all_at_once() -> None:
    graph = linear()
    x, w = np.zeros((5, 1, 2, 4), np.float32), np.zeros((3, 4), np.float32)
    assert failures(graph, {}, {"w": w}) == [("E071", "input `x` is missing")]
    unknown = failures(graph, {"x": x, "z": x}, {"w": w})
    assert unknown == [("E071", "there is no input `z`")]
    (rank,) = failures(graph, {"x": x[0]}, {"w": w})
    assert rank == ("E071", "input `x` has 3 dimensions, not the 4 of [seq, 1, batch, embed]")
    (size,) = failures(graph, {"x": np.zeros((5, 1, 2, 3), np.float32)}, {"w": w})
    assert size == ("E071", "input `x` has size 3 in dimension 3 of [seq, 1, batch, embed], where 4 is needed")
    (dtype,) = failures(graph, {"x": x.astype(np.int64)}, {"w": w})
    assert dtype == ("E071", "input `x` holds int64, where f32 is needed")
    weights = failures(graph, {"x": x}, {"v": w})
    assert weights == [("E070", "parameter `w` is missing"), ("E070", "there is no parameter `v`")]
    (shape,) = failures(graph, {"x": x}, {"w": w.T})
    assert shape[0] == "E070" and "size 4 in dimension 0 of [key, embed], where 3 is needed" in shape[1]


def test_a_symbol_binds_once_and_in_packed_dimensions() -> None:
    graph = Graph("G")
    builder = Builder(graph)
    packed = ValueType(DType.F32, (Axis("row", SEQ), Axis.of("i", 3)))
    x = builder.input("x", packed, (("row", "i"),))
    y = builder.input("y", ValueType(DType.F32, (Axis("row", SEQ),)))
    builder.returns("out", builder.add("add", (x, y)), (("i",), ("row",)))
    out = interpret(graph, {"x": np.arange(6.0), "y": np.array([10.0, 20.0])}, {})["out"]
    assert out.tolist() == [[10.0, 23.0], [11.0, 24.0], [12.0, 25.0]]
    (other,) = failures(graph, {"x": np.arange(6.0), "y": np.arange(3.0)}, {})
    assert other == ("E071", "input `y` has size 3 in dimension 0 of [row], where seq = 2 is needed")
    ragged = failures(graph, {"x": np.arange(7.0), "y": np.arange(2.0)}, {})
    assert [code for code, _ in ragged] == ["E071"]


def test_constraints_are_checked_at_each_call() -> None:
    graph = linear()
    graph.require(Constraint(SEQ, BATCH * 2))
    w = np.ones((3, 4))
    assert interpret(graph, {"x": np.ones((4, 1, 2, 4))}, {"w": w})["y"].shape == (2, 12)
    (broken,) = failures(graph, {"x": np.ones((5, 1, 2, 4))}, {"w": w})
    assert broken == ("E030", "the model needs seq == 2 * batch, and these are 5 and 4")


def test_a_size_may_be_bounded_by_another() -> None:
    graph = linear()
    graph.require(Constraint(SEQ, BATCH * 2, None, "<="))
    assert interpret(graph, {"x": np.ones((3, 1, 2, 4))}, {"w": np.ones((3, 4))})["y"].shape == (2, 9)
    (broken,) = failures(graph, {"x": np.ones((5, 1, 2, 4))}, {"w": np.ones((3, 4))})
    assert broken == ("E030", "the model needs seq <= 2 * batch, and these are 5 and 4")


def test_symbols_reach_sizes_and_positions() -> None:
    graph = Graph("G")
    builder = Builder(graph)
    x = builder.input("x", ValueType(DType.F32, (Axis("seq", SEQ),)))
    last = builder.add("index", (x,), {"axis": "seq", "position": SEQ - 1})
    places = builder.add("cast", (builder.arange(Axis("seq", SEQ)),), {"dtype": DType.F32})
    count = builder.add("size", (), {"size": SEQ * 2, "dtype": DType.F32})
    total = builder.add("add", (builder.add("multiply", (places, last)), count))
    builder.returns("out", total)
    verify(graph)
    assert interpret(graph, {"x": np.array([1.0, 2.0, 3.0])}, {})["out"].tolist() == [6.0, 9.0, 12.0]


def test_a_region_is_its_body() -> None:
    for sample in OPERATORS["region"].samples:
        operands = draw(sample, 2)
        graph = Graph("G")
        builder = Builder(graph)
        inputs = [builder.input(f"x{place}", type_) for place, type_ in enumerate(sample.operands)]
        builder.returns("out", builder.add("region", inputs, sample.attributes))
        verify(graph)
        body = sample.attributes["body"]
        assert isinstance(body, Graph)
        given = {f"i{place}": operand.array for place, operand in enumerate(operands)}
        expected = interpret(body, given, {})["out"]
        found = interpret(graph, {f"x{place}": operand.array for place, operand in enumerate(operands)}, {})["out"]
        np.testing.assert_array_equal(found, expected)


def test_a_body_reads_the_symbols_of_its_graph() -> None:
    body = Graph("pointwise")
    inner = Builder(body)
    x = inner.input("i0", ValueType(DType.F32, (Axis("seq", SEQ),)))
    inner.returns("out", inner.add("add", (x, inner.add("size", (), {"size": BATCH, "dtype": DType.F32}))))
    graph = Graph("G")
    builder = Builder(graph)
    y = builder.input("y", ValueType(DType.F32, (Axis("batch", BATCH), Axis("seq", SEQ))))
    summed = builder.add("sum", (y,), {"axes": ("batch",)})
    builder.returns("out", builder.add("region", (summed,), {"kind": "pointwise", "body": body}))
    verify(graph)
    assert interpret(graph, {"y": np.ones((3, 2))}, {})["out"].tolist() == [6.0, 6.0]


def test_one_operator_alone() -> None:
    value = evaluate("arange", [], {"axis": Axis("seq", SEQ + 1)}, {"seq": 2})
    assert value.array.tolist() == [0, 1, 2] and value.axes == ("seq",)
    with pytest.raises(KeyError):
        evaluate("arange", [], {"axis": Axis("seq", SEQ)})


# --- parameters -----------------------------------------------------------------------------------------------


def _parameters(*kinds: tuple[str, Initializer]) -> Graph:
    graph = Graph("G")
    for key, initializer in kinds:
        Builder(graph).parameter(key, real_value(out=64, into=100), initializer=initializer)
    return graph


def test_a_parameter_depends_on_the_seed_and_its_key_alone() -> None:
    normal = Initializer("normal", (1.0,))
    one = random_parameters(_parameters(("a", normal), ("b", normal)), 7)
    two = random_parameters(_parameters(("b", normal), ("c", normal), ("a", normal)), 7)
    np.testing.assert_array_equal(one["a"], two["a"])
    np.testing.assert_array_equal(one["b"], two["b"])
    assert not np.array_equal(one["a"], one["b"])
    assert not np.array_equal(one["a"], random_parameters(_parameters(("a", normal)), 8)["a"])


def test_parameters_do_not_depend_on_the_hash_seed() -> None:
    code = "from attncomp.ir.initialize import generator;print(generator(3, 'layer.0.weight').normal(size=4).tolist())"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "5")
    }
    assert outputs == {f"{generator(3, 'layer.0.weight').normal(size=4).tolist()}\n".encode()}


@pytest.mark.parametrize(
    ("kind", "arguments", "low", "high", "deviation"),
    [
        ("zeros", (), 0.0, 0.0, 0.0),
        ("ones", (), 1.0, 1.0, 0.0),
        ("constant", (2.5,), 2.5, 2.5, 0.0),
        ("uniform", (-0.5, 1.5), -0.5, 1.5, 2 / 12**0.5),
        ("normal", (0.02,), -0.2, 0.2, 0.02),
        ("trunc_normal", (0.02,), -0.04, 0.04, 0.0176),
        ("xavier_uniform", (), -((6 / 164) ** 0.5), (6 / 164) ** 0.5, (2 / 164) ** 0.5),
        ("kaiming_uniform", (5**0.5,), -0.1, 0.1, 0.2 / 12**0.5),
    ],
)
def test_initializers_have_their_bounds_and_spread(
    kind: str, arguments: tuple[float, ...], low: float, high: float, deviation: float
) -> None:
    array = initial(Initializer(kind, arguments), (64, 100), generator(0, "w"))
    assert array.shape == (64, 100)
    assert low <= array.min() and array.max() <= high
    assert array.std() == pytest.approx(deviation, rel=0.05, abs=1e-12)


def test_the_kinds_of_initializers_are_those_of_the_language() -> None:
    from attncomp.semantics import declarations

    assert set(INITIALIZERS) == set(declarations.INITIALIZERS)


def test_too_large_parameters_are_refused_before_any_is_made() -> None:
    graph = Graph("G")
    Builder(graph).parameter("small", real_value(a=8))
    Builder(graph).parameter("huge", real_value(a=2**20, b=2**20))
    with pytest.raises(DiagnosticError) as caught:
        random_parameters(graph, 0)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E033" and "`huge`" in diagnostic.message


def test_integer_parameters_keep_their_dtype() -> None:
    graph = Graph("G")
    Builder(graph).parameter("num_batches_tracked", ValueType(DType.I64, ()))
    assert random_parameters(graph, 0)["num_batches_tracked"].dtype == np.int64
