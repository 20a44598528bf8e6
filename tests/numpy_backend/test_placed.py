"""Every operator that writes its result where it is told does so: in a buffer, or in the array that a caller gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pytest
from lowering.compare import random_arrays
from numpy_backend.emitted import model_class
from numpy_backend.programs import program, step, value
from numpy_backend.samples import ARRAY_DTYPES, SAMPLES, graph_of

from attncomp.ir.interpret import interpret
from attncomp.ir.operators.base import Sample
from attncomp.ir.types import DType
from attncomp.lowering import buffers
from attncomp.lowering.lower import lower
from attncomp.lowering.program import Place, Program, Step, statements

# No graph has these as operators: lowering makes them of others.
MADE_BY_LOWERING = {"linear", "powers"}


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "LARGE", 1)


def placed(lowered: Program) -> Iterator[str]:
    """The operators of a program that have a place for their result."""
    for one in statements(lowered.steps):
        if isinstance(one, Step) and one.result.place is not None:
            yield one.operator


def spoiled(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """An array whose numbers no operator gives."""
    return np.full(shape, np.nan if dtype.kind == "f" else 77 if dtype.kind == "i" else True, dtype)


def fill(lowered: Program, inputs: Mapping[str, np.ndarray], expected: np.ndarray, dtype: np.dtype) -> None:
    """Calls a module twice with `out` full of other numbers: each time it holds the result, and the inputs are kept."""
    model = model_class(lowered)({})
    kept = {name: array.copy() for name, array in inputs.items()}
    for _ in range(2):
        out = spoiled(expected.shape, dtype)
        assert model(*(inputs[one.name] for one in lowered.inputs), out=out) is out
        np.testing.assert_allclose(out.astype(np.float64), expected, rtol=1e-5, atol=1e-5)
    for name, array in kept.items():
        np.testing.assert_array_equal(array, inputs[name])


@pytest.mark.parametrize(
    ("name", "sample"), [pytest.param(name, sample, id=f"{name}-{number}") for name, number, sample in SAMPLES]
)
@pytest.mark.parametrize("reverse", [False, True])
def test_a_sample_is_written_into_out(name: str, sample: Sample, reverse: bool) -> None:
    graph, ranges = graph_of(name, sample, DType.F32, reverse=reverse)
    inputs, _ = random_arrays(graph, 1, ranges)
    given = {
        str(node.attributes["name"]): inputs[str(node.attributes["name"])].astype(ARRAY_DTYPES[node.type.dtype])
        for node in graph.nodes("input")
    }
    expected = np.asarray(interpret(graph, inputs, {})["y"])
    dtype = np.dtype(ARRAY_DTYPES[graph.type(graph.results[0].node).dtype])
    fill(lower(graph, in_pieces=True), given, expected, dtype)


def test_what_lowering_makes_is_written_into_out() -> None:
    x, weight = value("x", ["batch", 4]), value("weight", [3, 4])
    numbers = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    matrix = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    powers = np.exp(numbers - numbers.max(1, keepdims=True))
    y, z = (replace(value("y", ["batch", size]), place=Place(0, given=True)) for size in (3, 4))
    product = program({"x": x, "weight": weight}, {"y": y}, [step(y, "linear", x, weight)])
    fill(product, {"x": numbers, "weight": matrix}, numbers @ matrix.T, np.dtype(np.float32))
    row = program({"x": x}, {"y": z}, [step(z, "powers", x, dims=(1,))])
    fill(row, {"x": numbers}, powers, np.dtype(np.float32))


def test_every_operator_with_places_is_among_the_samples() -> None:
    seen: set[str] = set()
    for name, _, sample in SAMPLES:
        graph, _ = graph_of(name, sample, DType.F32, reverse=False)
        seen |= set(placed(lower(graph, in_pieces=True)))
    assert buffers.PLACED - seen == MADE_BY_LOWERING
