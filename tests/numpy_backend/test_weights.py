"""Weights from arrays and files: what does not fit is listed at once, what is damaged is refused."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attncomp_numpy.runtime.activations import gelu
from attncomp_numpy.runtime.weights import WeightsError, read_weights
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy_backend.emitted import model_class
from numpy_backend.programs import F32, I64, program, step, tower, value, weight
from safetensors.numpy import save, save_file

from attncomp.ir.types import DType

TOKENS, KEEP = np.array([[1, 2, 3]]), np.ones((1, 3), bool)


@pytest.fixture(scope="module")
def kind() -> Any:
    return model_class(tower())


def arrays(seed: int = 0, dtype: type = np.float32) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = {"table.weight": (11, 8)}
    shapes |= {f"blocks.{place}.{side}.weight": (4, 8) for place in range(3) for side in ("left", "right")}
    return {key: random.normal(size=shape).astype(dtype) for key, shape in shapes.items()}


def reference(weights: dict[str, np.ndarray]) -> np.ndarray:
    """The model of `tower`, in plain NumPy."""
    x = weights["table.weight"].astype(np.float64)[TOKENS]
    for place in range(3):
        joined = np.concatenate([weights[f"blocks.{place}.{side}.weight"] for side in ("left", "right")])
        x = x + gelu(x @ joined.T.astype(np.float64))
    return x


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_of_any_width(kind: Any, dtype: type) -> None:
    found = kind(arrays(dtype=dtype))(TOKENS, KEEP)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference(arrays(dtype=dtype)), rtol=1e-4, atol=1e-5)


def test_everything_that_does_not_fit_is_listed(kind: Any) -> None:
    weights = arrays()
    weights["tabel.weight"] = weights.pop("table.weight")
    weights["blocks.1.left.weight"] = weights["blocks.1.left.weight"].T
    weights["blocks.2.left.weight"] = weights["blocks.2.left.weight"].astype(np.int64)
    weights["pooler.bias"] = np.zeros(3)
    with pytest.raises(ValueError, match="E070") as caught:
        kind(weights)
    assert type(caught.value).__name__ == "WeightsError"
    lines = str(caught.value).splitlines()[1:]
    assert [line.strip() for line in lines] == [
        "missing: table.weight (the weights have tabel.weight)",
        "unexpected: tabel.weight (did you mean table.weight?)",
        "unexpected: pooler.bias",
        "wrong shape: blocks.1.left.weight is [8, 4], expected [4, 8]",
        "wrong dtype: blocks.2.left.weight is int64, expected float32",
    ]


def test_other_keys_are_ignored_where_asked_for(kind: Any) -> None:
    weights = {**arrays(), "pooler.bias": np.zeros(3)}
    np.testing.assert_array_equal(kind(weights, strict=False)(TOKENS, KEEP), kind(arrays())(TOKENS, KEEP))
    weights.pop("table.weight")
    with pytest.raises(ValueError, match=r"missing: table.weight"):
        kind(weights, strict=False)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_files(kind: Any, dtype: type, tmp_path: Path) -> None:
    weights = arrays(dtype=dtype)
    expected = kind(weights)(TOKENS, KEEP)
    np.savez(tmp_path / "w.npz", **weights)
    np.savez_compressed(tmp_path / "c.npz", **weights)
    save_file(weights, tmp_path / "w.safetensors", metadata={"format": "np"})
    for name in ("w.npz", "c.npz", "w.safetensors"):
        np.testing.assert_array_equal(kind.load(tmp_path / name)(TOKENS, KEEP), expected)
        np.testing.assert_array_equal(kind.load(str(tmp_path / name))(TOKENS, KEEP), expected)


def test_bfloat16_and_whole_numbers_in_a_file(tmp_path: Path) -> None:
    x, table, y, z = value("x", ["n"]), weight("t", "t", [3]), value("y", ["n"]), value("z", ["n"])
    ids = weight("ids", "ids", [2], I64)
    picked = value("picked", [2])
    total = value("total", [])
    one = program(
        {"x": x},
        {"z": z},
        [
            step(picked, "take", table.value, ids.value),
            step(total, "sum", picked, dims=(0,), keep=False),
            step(y, "add", x, total),
            step(z, "multiply", y, 1.0),
        ],
        [table, ids],
    )
    halves = np.array([1.5, -2.0, 3.140625], np.float32)
    stored = (halves.view(np.uint32) >> 16).astype("<u2").tobytes() + np.array([2, 0], "<i4").tobytes()
    header = {
        "t": {"dtype": "BF16", "shape": [3], "data_offsets": [0, 6]},
        "ids": {"dtype": "I32", "shape": [2], "data_offsets": [6, 14]},
    }
    path = tmp_path / "w.safetensors"
    path.write_bytes(framed(header, stored))
    found = model_class(one).load(path)(np.zeros(1, np.float32))
    np.testing.assert_array_equal(found, np.array([4.640625], np.float32))


def framed(header: object, data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(**changes: object) -> dict[str, object]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


DAMAGED = {
    "nothing": b"",
    "short": b"\x01\x00",
    "a header longer than the file": (2**40).to_bytes(8, "little") + b"{}",
    "no table": framed([1, 2], b""),
    "no JSON": (5).to_bytes(8, "little") + b"{oops",
    "no UTF-8": (4).to_bytes(8, "little") + b"\xff\xfe{}",
    "nested deeply": (200_000).to_bytes(8, "little") + b"[" * 200_000,
    "an unknown dtype": framed({"t": entry(dtype="F4")}, bytes(8)),
    "a dtype that is a list": framed({"t": entry(dtype=["F32"])}, bytes(8)),
    "a negative size": framed({"t": entry(shape=[-2])}, bytes(8)),
    "a size that is a fraction": framed({"t": entry(shape=[2.0])}, bytes(8)),
    "a size that is true": framed({"t": entry(shape=[True, 2])}, bytes(8)),
    "a huge shape": framed({"t": entry(shape=[2**62, 2**62])}, bytes(8)),
    "a shape that is no list": framed({"t": entry(shape=2)}, bytes(8)),
    "offsets outside": framed({"t": entry(data_offsets=[8, 16])}, bytes(8)),
    "offsets the wrong way": framed({"t": entry(data_offsets=[8, 0])}, bytes(8)),
    "one offset": framed({"t": entry(data_offsets=[8])}, bytes(8)),
    "too few bytes": framed({"t": entry(data_offsets=[0, 4])}, bytes(4)),
    "overlapping": framed({"t": entry(), "u": entry(data_offsets=[4, 12])}, bytes(12)),
    "a gap": framed({"t": entry(), "u": entry(data_offsets=[12, 20])}, bytes(20)),
    "bytes left over": framed({"t": entry()}, bytes(9)),
    "no dtype": framed({"t": {"shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
    "a tensor that is a number": framed({"t": 3}, bytes(8)),
    "a key twice": framed("", b"").replace(b'""', b'{"t": 1, "t": 2}').replace(b"\x02", b"\x10", 1),
    "a pickle": pickle.dumps({"t": 1}),
    "an archive of something else": b"PK\x03\x04 and no more",
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_file_is_refused(kind: Any, what: str, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(DAMAGED[what])
    with pytest.raises(ValueError, match="E072: cannot read weights from") as caught:
        kind.load(path)
    assert type(caught.value).__name__ == "WeightsError"


class Spy:
    """An object whose unpickling is seen."""

    opened = False

    def __reduce__(self) -> tuple[object, tuple[()]]:
        return _spied, ()


def _spied() -> None:
    Spy.opened = True


def test_objects_are_never_unpickled(kind: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", **{"table.weight": np.array([Spy()], object)})
    with zipfile.ZipFile(tmp_path / "raw.npz", "w") as archive:
        archive.writestr("table.weight", pickle.dumps(Spy()))
    for name in ("objects.npz", "raw.npz"):
        with pytest.raises(ValueError, match="E072"):
            kind.load(tmp_path / name)
    assert not Spy.opened


def test_a_file_that_is_not_there(kind: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        kind.load(tmp_path / "none.safetensors")


def archived() -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **{"table.weight": arrays()["table.weight"]})
    return file.getvalue()


SOUND = {"safetensors": save(arrays()), "npz": archived()}


@pytest.mark.parametrize("kind_of_file", SOUND)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 700), st.binary(min_size=1, max_size=4), st.integers(0, 2000))
def test_a_changed_file_is_refused_or_read(
    kind_of_file: str, tmp_path: Path, place: int, change: bytes, end: int
) -> None:
    sound = SOUND[kind_of_file]
    path = tmp_path / "fuzzed"
    changed = sound[:place] + change + sound[place + len(change) :]
    path.write_bytes(changed[: max(end, len(changed) - 3)])
    try:
        found = read_weights(path)
    except WeightsError:
        return
    assert all(isinstance(array, np.ndarray) for array in found.values())


def test_parameters_are_listed_under_every_key() -> None:
    module = __import__("sys").modules[model_class(tower()).__module__]
    listed = {key: (one.shape, one.dtype) for key, one in module.PARAMETERS.items()}
    assert listed == {key: (array.shape, "float32") for key, array in arrays().items()}


def test_parameters_of_every_dtype_are_filled() -> None:
    for dtype, expected in (
        (DType.F16, np.float16),
        (DType.F64, np.float64),
        (F32, np.float32),
        (DType.BF16, np.float32),
    ):
        x, y, w = value("x", ["n"], dtype), value("y", ["n"], dtype), weight("w", "w", [1], dtype)
        one = program({"x": x}, {"y": y}, [step(y, "multiply", x, w.value)], [w])
        found = model_class(one).initialize(1)(np.ones(2, expected))
        assert found.dtype == expected
        assert np.all(found != 0)
