"""What a module is called with: every input that does not fit is refused in words of the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy_backend.emitted import model_class
from numpy_backend.programs import BATCH, BOOL, F32, I64, SEQ, program, step, tower, value

from attncomp.ir.graph import Constraint
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.program import Program, Value

TOKENS = np.array([[1, 2, 3], [4, 5, 6]])
KEEP = np.ones((2, 3), bool)


@pytest.fixture(scope="module")
def model() -> Any:
    return model_class(tower()).initialize(3)


def same(dtype: DType, *shape: str | int | Size) -> Program:
    """A model that returns its input and one number more of it."""
    x, y = value("x", shape, dtype), value("y", shape, dtype)
    return program({"x": x}, {"y": y}, [step(y, "add", x, 1)])


@pytest.mark.parametrize(
    ("tokens", "keep", "message"),
    [
        (TOKENS[0], KEEP, "`tokens` has 1 dimensions [3], expected 2: [batch, seq]"),
        (TOKENS.astype(np.float32), KEEP, "`tokens` holds float32, expected whole numbers"),
        (TOKENS > 0, KEEP, "`tokens` holds bool, expected whole numbers"),
        (TOKENS, KEEP[:, :2], "`keep` has shape [2, 2] for [batch, seq]: `seq` is 2, expected 3"),
        (TOKENS, KEEP * 2, "`keep` holds int64, expected booleans, or 0 and 1"),
        (TOKENS, KEEP * 1.0, "`keep` holds float64, expected booleans, or 0 and 1"),
        (TOKENS.astype(np.uint64) + 2**63, KEEP, "`tokens` holds numbers too large for int64"),
    ],
)
def test_an_input_that_does_not_fit(model: Any, tokens: np.ndarray, keep: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match="E071") as caught:
        model(tokens, keep)
    assert type(caught.value).__name__ == "InputError"
    assert message in str(caught.value)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_whole_numbers_of_any_width(model: Any, dtype: type) -> None:
    np.testing.assert_array_equal(model(TOKENS.astype(dtype), KEEP.astype(dtype)), model(TOKENS, KEEP))


def test_inputs_by_name_and_lists(model: Any) -> None:
    found = model(keep=KEEP.tolist(), tokens=TOKENS.tolist())
    np.testing.assert_array_equal(found, model(TOKENS, KEEP))


def test_an_empty_batch(model: Any) -> None:
    assert model(TOKENS[:0], KEEP[:0]).shape == (0, 3, 8)


@pytest.mark.parametrize(
    ("dtype", "given", "expected"),
    [
        (F32, np.float64, np.float32),
        (F32, np.float16, np.float32),
        (DType.F16, np.float32, np.float16),
        (DType.F64, np.float32, np.float64),
        (DType.BF16, np.float32, np.float32),
        (DType.I32, np.int64, np.int32),
        (I64, np.int32, np.int64),
    ],
)
def test_results_have_the_declared_dtype(dtype: DType, given: type, expected: type) -> None:
    for shape in ((), ("n",)):
        found = model_class(same(dtype, *shape))({})(np.ones((4,) * len(shape), given))
        assert isinstance(found, np.ndarray)
        assert found.dtype == expected
        np.testing.assert_array_equal(found, np.full((4,) * len(shape), 2))


def test_inputs_are_never_overwritten() -> None:
    x, a, b = (value(name, ["n", 4]) for name in ("x", "a", "b"))
    one = program({"x": x}, {"b": b}, [step(a, "gelu", x, approximate="none"), step(b, "softmax", a, dims=(1,))])
    given = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    kept = given.copy()
    model_class(one)({})(given)
    np.testing.assert_array_equal(given, kept)


def split_rows(x: Value) -> Program:
    rows = BATCH.exactly(3)
    y = Value("y", F32, (rows, Size.of(3)), (("rows",), ("i",)))
    return program({"x": x}, {"y": y}, [step(y, "reshape", x, shape=y.shape)])


def test_a_size_that_does_not_divide() -> None:
    model = model_class(split_rows(value("x", ["batch"])))({})
    assert model(np.ones(6, np.float32)).shape == (2, 3)
    with pytest.raises(ValueError, match="batch is 7, which 3 = 3 does not divide"):
        model(np.ones(7, np.float32))


def test_a_constraint_names_both_sizes() -> None:
    x, y, z = value("x", ["batch"]), value("y", ["seq"]), value("z", ["batch"])
    one = program({"x": x, "y": y}, {"z": z}, [step(z, "add", x, y)], constraints=[Constraint(BATCH, 2 * SEQ - SEQ)])
    model = model_class(one)({})
    with pytest.raises(ValueError, match="batch is 3 and seq is 4: not the same"):
        model(np.ones(3, np.float32), np.ones(4, np.float32))


def test_several_outputs_are_a_named_tuple() -> None:
    x, low, high = value("x", ["n"]), value("low", [], F32), value("high", [], F32)
    reduce = {"dims": (0,), "keep": False}
    one = program(
        {"x": x}, {"low": low, "count": high}, [step(low, "min", x, **reduce), step(high, "max", x, **reduce)]
    )
    found = model_class(one)({})(np.array([3.0, 1.0, 2.0], np.float32))
    assert found.low == 1.0
    assert found[1] == 3.0
    assert type(found)._fields[0] == "low"


def test_booleans_are_taken_for_booleans() -> None:
    x, y = value("x", ["n"], BOOL), value("y", ["n"], BOOL)
    one = program({"x": x}, {"y": y}, [step(y, "logical_not", x)])
    np.testing.assert_array_equal(model_class(one)({})([0, 1, 1]), [True, False, False])
