"""Reads weights from tensors, `.npz` or `.safetensors`; nothing is unpickled."""

from __future__ import annotations

import ast
import difflib
import io
import json
import math
import mmap
import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

NPY_DTYPES = {
    "<f2": torch.float16,
    "<f4": torch.float32,
    "<f8": torch.float64,
    "<i2": torch.int16,
    "<i4": torch.int32,
    "<i8": torch.int64,
    "|i1": torch.int8,
    "|u1": torch.uint8,
    "|b1": torch.bool,
}

SAFETENSORS_DTYPES = {
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def load_weights(
    module: nn.Module, source: str | os.PathLike[str] | Mapping[str, Any], strict: bool
) -> None:
    """Copies tensors into a module by key. Raises ValueError with everything that does not fit."""
    if isinstance(source, Mapping):
        found = {key: torch.as_tensor(value) for key, value in source.items()}
    else:
        found = read_weights(source)
    expected = cast("dict[str, Tensor]", module.state_dict())
    problems = mismatches(expected, found, strict)
    if problems:
        raise ValueError(
            f"E070: the weights do not fit {type(module).__name__}:\n  " + listed(problems)
        )
    state = {key: found[key].to(tensor.dtype) for key, tensor in expected.items() if key in found}
    on_meta = any(tensor.is_meta for tensor in expected.values())
    if on_meta:
        state = {key: tensor.clone() for key, tensor in state.items()}
    module.load_state_dict(state, strict=False, assign=on_meta)


def mismatches(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor], strict: bool
) -> list[str]:
    """A line for each key that is missing, unexpected (if `strict`), misshaped or no number."""
    missing = [key for key in expected if key not in found]
    unexpected = [key for key in found if key not in expected]
    problems = []
    for key in missing:
        near = nearest_key(key, unexpected, len(missing))
        problems.append(f"missing: {key}" + (f" (the weights have {near})" if near else ""))
    for key in unexpected if strict else []:
        near = nearest_key(key, missing, len(unexpected))
        problems.append(f"unexpected: {key}" + (f" (did you mean {near}?)" if near else ""))
    for key, tensor in expected.items():
        other = found.get(key)
        if other is not None and other.shape != tensor.shape:
            problems.append(
                f"wrong shape: {key} is {list(other.shape)}, expected {list(tensor.shape)}"
            )
        elif other is not None and other.is_floating_point() != tensor.is_floating_point():
            problems.append(f"wrong dtype: {key} is {other.dtype}, expected {tensor.dtype}")
    return problems


def nearest_key(key: str, candidates: list[str], asked: int) -> str | None:
    """The key most like `key`; none where so many are asked for that it is another model."""
    if asked * len(candidates) > 10_000:
        return None
    return next(iter(difflib.get_close_matches(key, candidates, n=1, cutoff=0.7)), None)


def listed(problems: list[str]) -> str:
    """A line for each problem; what a terminal would act on is escaped."""
    return "\n  ".join(line if line.isprintable() else ascii(line)[1:-1] for line in problems)


def read_weights(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of an `.npz` or a `.safetensors` file, told apart by their first bytes.

    Raises ValueError where the file is neither or is damaged.
    """
    with open(path, "rb") as file:
        start = file.read(4)
    try:
        return read_npz(path) if start == b"PK\x03\x04" else read_safetensors(path)
    except (
        ValueError,
        TypeError,
        KeyError,
        SyntaxError,
        MemoryError,
        OverflowError,
        RuntimeError,
        struct.error,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = listed([str(error)])
        raise ValueError(f"E072: cannot read weights from {os.fspath(path)}: {reason}") from error


def read_npz(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The arrays of a NumPy archive, those of objects refused.

    Raises ValueError for an archive that unpacks to far more than it is, before it is unpacked.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        unpacked = sum(member.file_size for member in members)
        if unpacked > 100 * os.path.getsize(path) + 256_000_000:
            raise ValueError(f"it unpacks to {unpacked} bytes, more than 100 times its size")
        foreign = [member.filename for member in members if not member.filename.endswith(".npy")]
        if foreign:
            raise ValueError(f"{foreign[0]} is not a NumPy array; a pickled checkpoint is not read")
        tensors = {
            member.filename.removesuffix(".npy"): read_npy(archive.read(member), member.filename)
            for member in members
        }
    if len(tensors) != len(members):
        raise ValueError("a key is stated twice")
    return tensors


def read_npy(data: bytes, name: str) -> Tensor:
    """One array in NumPy's format, versions 1 to 3."""
    stream = io.BytesIO(data)
    if stream.read(6) != b"\x93NUMPY":
        raise ValueError(f"{name} is not a NumPy array")
    version = stream.read(2)[0]
    length = (
        struct.unpack("<H", stream.read(2))[0]
        if version == 1
        else struct.unpack("<I", stream.read(4))[0]
    )
    if length > 10_000:
        raise ValueError(f"{name} has a header of {length} bytes")
    header = ast.literal_eval(
        stream.read(length).decode("latin-1" if version < 3 else "utf-8").strip()
    )
    dtype = NPY_DTYPES.get(header["descr"]) if isinstance(header["descr"], str) else None
    if dtype is None:
        raise ValueError(f"{name} has the dtype {header['descr']!r}, which is not read")
    shape = checked_shape(header["shape"], name)
    order = shape[::-1] if header["fortran_order"] else shape
    tensor = view_of(bytearray(stream.read()), dtype, order, name)
    return tensor.permute(*range(len(shape))[::-1]) if header["fortran_order"] else tensor


def read_safetensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a safetensors file, mapped into memory; every offset is checked."""
    size = os.path.getsize(path)
    if size < 8:
        raise ValueError("the file is too short for a safetensors header")
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(size - 8, 100_000_000):
        raise ValueError(
            f"a header of {length} bytes does not fit the file; neither .npz nor .safetensors"
        )
    header = json.loads(data[8 : 8 + length].decode("utf-8"), object_pairs_hook=without_duplicates)
    if not isinstance(header, dict):
        raise ValueError("the header is not a table")
    header.pop("__metadata__", None)
    for key, entry in header.items():
        check_entry(key, entry)
    tensors = {}
    covered = 0
    for key, entry in sorted(header.items(), key=lambda item: tuple(item[1]["data_offsets"])):
        begin, end = entry["data_offsets"]
        if begin != covered or end < begin or 8 + length + end > size:
            raise ValueError(f"the bytes of {key} overlap, leave a gap or lie outside the file")
        covered = end
        tensors[key] = view_of(
            memoryview(data)[8 + length + begin : 8 + length + end],
            SAFETENSORS_DTYPES[entry["dtype"]],
            tuple(entry["shape"]),
            key,
        )
    if 8 + length + covered != size:
        raise ValueError("bytes are left over after the last tensor")
    return tensors


def check_entry(key: str, entry: Any) -> None:
    """Refuses an entry of a safetensors header that is not a dtype, a shape and two offsets."""
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{key} needs dtype, shape and data_offsets")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SAFETENSORS_DTYPES:
        raise ValueError(f"{key} has the dtype {dtype!r}, which is not read")
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or any(type(n) is not int or n < 0 for n in numbers):
            raise ValueError(f"{key} has the shape {shape!r} and data_offsets {offsets!r}")
    if len(offsets) != 2 or len(shape) > 32:
        raise ValueError(f"{key} has the shape {shape!r} and data_offsets {offsets!r}")


def without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON table, refused where it states a key twice."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is stated twice")
    return table


def checked_shape(shape: Any, name: str) -> tuple[int, ...]:
    """A shape from a file as a tuple of whole numbers."""
    numbers = tuple(shape)
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError(f"{name} has the shape {shape!r}")
    return numbers


def view_of(
    data: bytearray | memoryview, dtype: torch.dtype, shape: tuple[int, ...], name: str
) -> Tensor:
    """A tensor on the bytes of `data`, which must be as many as the shape needs."""
    count = math.prod(shape)
    if count * dtype.itemsize != len(data):
        raise ValueError(f"{name} holds {len(data)} bytes, which is not {list(shape)} of {dtype}")
    if count == 0:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(data, dtype=dtype).reshape(shape)
