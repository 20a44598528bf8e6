"""Weights files made to harm: nothing in them runs, nothing large is read, and each is refused with its reason."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import attncomp

TEXT = "model M(x: f32[b, e = 4]) -> f32[b, e] {\n  layer fc = Linear{e -> e}\n  return fc(x)\n}\n"
WEIGHT, BIAS = np.eye(4, dtype=np.float32), np.zeros(4, np.float32)
DATA = WEIGHT.tobytes() + BIAS.tobytes()
HEADER: dict[str, Any] = {
    "fc.weight": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]},
    "fc.bias": {"dtype": "F32", "shape": [4], "data_offsets": [64, 80]},
}


class Evil:
    """Would make a file named `ran` where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def safetensors(header: object, data: bytes = DATA, *, raw: bytes | None = None, length: int | None = None) -> bytes:
    """A safetensors file, or what claims to be one."""
    text = json.dumps(header).encode() if raw is None else raw
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def with_bias(**fields: object) -> bytes:
    """The sound file with other fields of `fc.bias`."""
    return safetensors({**HEADER, "fc.bias": {**HEADER["fc.bias"], **fields}})


def npy(shape: str, descr: str = "'<f4'", data: bytes = b"") -> bytes:
    """One array in NumPy's format, with the header as it is written."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def archive(**members: bytes) -> bytes:
    """An .npz file with `fc.weight` and these members; `_` stands for a dot."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("fc.weight.npy", npy("(4, 4)", data=WEIGHT.tobytes()))
        for name, data in members.items():
            file.writestr(name.replace("_", "."), data)
    return stream.getvalue()


HARMFUL = {
    "empty": b"",
    "short": b"\x01\x02\x03",
    "a pickle": pickle.dumps(Evil()),
    "a header of exabytes": safetensors(HEADER, length=2**63),
    "a header of terabytes": safetensors(HEADER, length=10**12),
    "no header": safetensors(HEADER, length=0),
    "no JSON": safetensors(None, raw=b"{not json"),
    "JSON without end": safetensors(None, raw=b"[" * 100_000),
    "a header that is a list": safetensors([1, 2]),
    "a header that is no text": safetensors(None, raw=b'{"\xff": 1}'),
    "a key twice": safetensors(None, raw=json.dumps(HEADER).encode()[:-1] + b', "fc.bias": {}}'),
    "truncated": safetensors(HEADER, DATA[:-8]),
    "bytes left over": safetensors(HEADER, DATA + b"more"),
    "overlapping": with_bias(data_offsets=[0, 16]),
    "offsets below zero": with_bias(data_offsets=[-16, 0]),
    "offsets in reverse": with_bias(data_offsets=[80, 64]),
    "offsets beyond the file": with_bias(data_offsets=[10**15, 10**15 + 16]),
    "offsets that are text": with_bias(data_offsets=["64", "80"]),
    "three offsets": with_bias(data_offsets=[64, 72, 80]),
    "a shape below zero": with_bias(shape=[-2, -2]),
    "a shape of yottabytes": with_bias(shape=[2**40, 2**40]),
    "an empty shape of yottabytes": with_bias(shape=[0, 2**62, 2**62], data_offsets=[64, 64]),
    "a hundred dimensions": with_bias(shape=[1] * 100 + [4]),
    "a shape of fractions": with_bias(shape=[4.0]),
    "a shape of truth": with_bias(shape=[True, 4]),
    "no shape": with_bias(shape=None),
    "an unknown dtype": with_bias(dtype="F33"),
    "a list as dtype": with_bias(dtype=["F32"]),
    "an entry that is a list": safetensors({**HEADER, "fc.bias": [1]}),
    "fields missing": safetensors({**HEADER, "fc.bias": {"dtype": "F32"}}),
    "objects in an archive": archive(fc_bias_npy=npy("(4,)", "'|O'", pickle.dumps([Evil()] * 4))),
    "a pickle in an archive": archive(fc_bias_npy=pickle.dumps(Evil())),
    "code as a shape": archive(fc_bias_npy=npy("__import__('os').system('touch ran')")),
    "an array of terabytes": archive(fc_bias_npy=npy("(1099511627776, 1099511627776)")),
    "an array shorter than its header": archive(fc_bias_npy=npy("(10000000000,)", data=bytes(100))),
    "an array of negative size": archive(fc_bias_npy=npy("(-4,)", data=bytes(16))),
    "a structured array": archive(fc_bias_npy=npy("(4,)", "[('a', '<f4')]", bytes(16))),
    "text in an array": archive(fc_bias_npy=npy("(4,)", "'<U4'", bytes(64))),
    "complex numbers": archive(fc_bias_npy=npy("(4,)", "'<c8'", bytes(32))),
    "a file that is no array": archive(fc_bias_npy=npy("(4,)", data=bytes(16)), readme_txt=b"read me"),
    "a path in an archive": archive(
        **{"fc_bias_npy": npy("(4,)", data=bytes(16)), "../../x_npy": npy("()", data=bytes(4))}
    ),
    "half an archive": archive(fc_bias_npy=npy("(4,)", data=bytes(16)))[:200],
    "keys for a terminal": safetensors(
        {**HEADER, "\x1b[31mred\n": {"dtype": "F32", "shape": [0], "data_offsets": [80, 80]}}
    ),
}


@pytest.fixture(scope="module")
def modules() -> dict[str, attncomp.Module]:
    """The model, for both backends."""
    return {backend: attncomp.compile(TEXT, backend=backend) for backend in ("numpy", "torch")}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("data", HARMFUL.values(), ids=list(HARMFUL))
def test_it_is_refused(
    modules: dict[str, attncomp.Module],
    data: bytes,
    backend: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights").write_bytes(data)
    with pytest.raises(ValueError, match=r"^E07[02]: ") as caught:
        modules[backend].load("weights")
    assert "\x1b" not in str(caught.value)
    assert os.listdir() == ["weights"]


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_an_archive_that_unpacks_without_measure_is_not_unpacked(
    modules: dict[str, attncomp.Module], backend: str, tmp_path: Path
) -> None:
    path = tmp_path / "bomb.npz"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file,
        file.open("bomb.npy", "w") as member,
    ):
        member.write(npy("(80000000,)"))
        for _ in range(320):
            member.write(bytes(1_000_000))
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"^E072: .*unpacks to"):
        modules[backend].load(path)
    assert time.monotonic() - start < 1


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    "data",
    [
        safetensors(HEADER),
        safetensors({**HEADER, "__metadata__": {"format": "pt"}}),
        archive(fc_bias_npy=npy("(4,)", data=bytes(16))),
    ],
    ids=["safetensors", "metadata", "npz"],
)
def test_sound_files_are_read(modules: dict[str, attncomp.Module], data: bytes, backend: str, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    path.write_bytes(data)
    modules[backend].load(path)
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    result = modules[backend](x)
    np.testing.assert_allclose(result.detach() if backend == "torch" else result, x)
