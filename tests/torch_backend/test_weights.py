"""Loading weights: tensors, arrays, .npz and .safetensors; every mistake at once, nothing executed."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch_backend.programs import encoder, model_of


@pytest.fixture(scope="module")
def model() -> Any:
    return model_of(encoder(layers=2))


def state_of(model: Any) -> dict[str, torch.Tensor]:
    return {key: torch.randn_like(tensor) for key, tensor in model.state_dict().items()}


def same(model: Any, state: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(tensor, state[key]) for key, tensor in model.state_dict().items())


def test_tensors_and_arrays(model: Any) -> None:
    state = state_of(model)
    model.load_weights(state)
    assert same(model, state)
    other = state_of(model)
    model.load_weights({key: tensor.numpy() for key, tensor in other.items()})
    assert same(model, other)


@pytest.mark.parametrize("compressed", [False, True])
def test_npz(model: Any, tmp_path: Path, compressed: bool) -> None:
    state = state_of(model)
    arrays = {key: tensor.numpy() for key, tensor in state.items()}
    key = "encoder.layer.0.attention.self.query.weight"
    arrays[key] = np.asfortranarray(arrays[key])
    (np.savez_compressed if compressed else np.savez)(tmp_path / "w.npz", **arrays)
    model.load_weights(tmp_path / "w.npz")
    assert same(model, state)


def test_safetensors(model: Any, tmp_path: Path) -> None:
    state = state_of(model)
    save_file(state, tmp_path / "w.safetensors", metadata={"format": "pt"})
    model.load_weights(str(tmp_path / "w.safetensors"))
    assert same(model, state)


def test_other_float_types_are_converted(model: Any, tmp_path: Path) -> None:
    state = {key: tensor.to(torch.bfloat16) for key, tensor in state_of(model).items()}
    save_file(state, tmp_path / "w.safetensors")
    model.load_weights(tmp_path / "w.safetensors")
    assert same(model, {key: tensor.float() for key, tensor in state.items()})
    assert model.embeddings.word_embeddings.weight.dtype is torch.float32


def test_everything_that_does_not_fit_is_listed_once(model: Any) -> None:
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    state = state_of(model)
    query = "encoder.layer.0.attention.self.query"
    state[f"{query}.wieght"] = state.pop(f"{query}.weight")
    del state["encoder.layer.1.attention.norm.bias"]
    state["embeddings.word_embeddings.weight"] = torch.zeros(12, 8)
    state["encoder.layer.1.attention.norm.weight"] = torch.zeros(8, dtype=torch.int64)
    with pytest.raises(ValueError, match="E070") as caught:
        model.load_weights(state)
    message = str(caught.value)
    assert f"missing: {query}.weight (the weights have {query}.wieght)" in message
    assert f"unexpected: {query}.wieght (did you mean {query}.weight?)" in message
    assert "missing: encoder.layer.1.attention.norm.bias" in message
    assert "embeddings.word_embeddings.weight is [12, 8], expected [11, 8]" in message
    assert "encoder.layer.1.attention.norm.weight is torch.int64" in message
    assert same(model, before)


def test_the_weights_of_another_model_are_refused_at_once(model: Any) -> None:
    other = {f"decoder.blocks.{place}.weight": torch.zeros(1) for place in range(3000)}
    with pytest.raises(ValueError, match="E070") as caught:
        model.load_weights(other)
    assert str(caught.value).count("\n") == 3000 + len(model.state_dict())


def test_other_keys_are_ignored_where_asked_for(model: Any) -> None:
    weights = {**model.state_dict(), "other": torch.zeros(1)}
    model.load_weights(weights, strict=False)
    weights["embeddings.word_embeddings.weight"] = torch.zeros(1)
    weights.popitem()
    removed = weights.pop("encoder.layer.0.attention.self.query.weight", None)
    assert removed is not None
    with pytest.raises(ValueError, match=r"(?s)missing: encoder.layer.0.*wrong shape") as caught:
        model.load_weights(weights, strict=False)
    assert "unexpected" not in str(caught.value)


class Explosive:
    def __reduce__(self) -> Any:
        return pytest.fail, ("unpickled",)


def zipped(tmp_path: Path, name: str, data: bytes) -> Path:
    path = tmp_path / "w.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, data)
    return path


def npy(descr: str = "'<f4'", shape: str = "(2,)", data: bytes = b"\0" * 8, order: str = "False") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


@pytest.mark.parametrize(
    "data",
    [
        npy(descr="'|O'", data=pickle.dumps(Explosive())),
        npy(descr="__import__('os').getcwd()"),
        npy(descr="[('a', '<f4')]"),
        npy(shape="(3,)"),
        npy(shape="(-2,)"),
        npy(shape="(2.0,)"),
        npy(shape="(10**12,)"),
        npy()[:9],
        b"junk",
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 60000) + b"(" * 60000,
    ],
)  # fmt: skip
def test_hostile_arrays_are_refused(model: Any, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ValueError, match="E072"):
        model.load_weights(zipped(tmp_path, "a.npy", data))


def test_a_pickled_checkpoint_is_refused(model: Any, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "w.pt")
    with pytest.raises(ValueError, match=r"E072.*not read"):
        model.load_weights(tmp_path / "w.pt")
    array = io.BytesIO()
    np.save(array, np.array([Explosive()], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="E072"):
        model.load_weights(zipped(tmp_path, "a.npy", array.getvalue()))


def tensors(header: Any, data: bytes = b"\0" * 8) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 7,
        struct.pack("<Q", 2**63) + b"{}",
        tensors(b"not json"),
        tensors(b"[]"),
        tensors(b'{"a": 1}'),
        tensors(b"{" * 100000),
        tensors(b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "a": 1}'),
        tensors({"a": entry(dtype="F4")}),
        tensors({"a": entry(shape=[3])}),
        tensors({"a": entry(shape=[-2])}),
        tensors({"a": entry(data_offsets=[0, 16])}),
        tensors({"a": entry(data_offsets=[4, 8], shape=[1])}),
        tensors({"a": entry(data_offsets=[8, 0])}),
        tensors({"a": entry(), "b": entry()}),
        tensors({"a": entry()}, b"\0" * 9),
        tensors({"a": {"dtype": "F32"}}),
    ],
)
def test_damaged_safetensors_are_refused(model: Any, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w.safetensors").write_bytes(data)
    with pytest.raises(ValueError, match="E072"):
        model.load_weights(tmp_path / "w.safetensors")
