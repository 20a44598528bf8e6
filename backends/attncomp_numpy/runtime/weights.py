"""Parameters of an emitted module: what they must be, how they are read, how they are filled."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import os
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from attncomp_numpy.runtime.arrays import Array, known


class Parameter(NamedTuple):
    """A tensor of the checkpoint: its shape, its dtype, and what fills it without a checkpoint."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    initializer: str = "zeros"
    arguments: tuple[float, ...] = ()


class WeightsError(ValueError):
    """Weights that do not fit the model, or that cannot be read."""


def checked_weights(
    parameters: Mapping[str, Parameter], weights: Mapping[str, Any], strict: bool
) -> dict[str, Array]:
    """The arrays of `parameters`, in their dtypes.

    Raises WeightsError that lists every key that is missing, unexpected (if `strict`), of another
    shape or of another kind of number.
    """
    missing = [key for key in parameters if key not in weights]
    unexpected = [key for key in weights if key not in parameters]
    problems = []
    for key in missing:
        near = nearest_key(key, unexpected, len(missing))
        problems.append(f"missing: {key}" + (f" (the weights have {near})" if near else ""))
    for key in unexpected if strict else []:
        near = nearest_key(key, missing, len(unexpected))
        problems.append(f"unexpected: {key}" + (f" (did you mean {near}?)" if near else ""))
    arrays = {}
    for key, parameter in parameters.items():
        if key not in weights:
            continue
        array, dtype = known(np.asarray(weights[key])), np.dtype(parameter.dtype)
        if array.shape != parameter.shape:
            shapes = f"{list(array.shape)}, expected {list(parameter.shape)}"
            problems.append(f"wrong shape: {key} is {shapes}")
        elif (array.dtype.kind == "f") != (dtype.kind == "f") or array.dtype.kind not in "fiub":
            problems.append(f"wrong dtype: {key} is {array.dtype}, expected {dtype}")
        else:
            arrays[key] = np.ascontiguousarray(array, dtype).reshape(parameter.shape)
    if problems:
        raise WeightsError("E070: the weights do not fit the model:\n  " + listed(problems))
    return arrays


def nearest_key(key: str, candidates: list[str], asked: int) -> str | None:
    """The key most like `key`; none where so many are asked for that it is another model."""
    if asked * len(candidates) > 10_000:
        return None
    return next(iter(difflib.get_close_matches(key, candidates, n=1, cutoff=0.7)), None)


def listed(problems: list[str]) -> str:
    """A line for each problem; what a terminal would act on is escaped."""
    return "\n  ".join(line if line.isprintable() else ascii(line)[1:-1] for line in problems)


def initial_weights(parameters: Mapping[str, Parameter], seed: int) -> dict[str, Array]:
    """Every parameter filled by its initializer, with numbers that `seed` and its key decide."""
    return {key: filled(key, parameter, seed) for key, parameter in parameters.items()}


def filled(key: str, parameter: Parameter, seed: int) -> Array:
    """One parameter filled by its initializer. Raises WeightsError for a kind that is unknown."""
    shape, arguments = parameter.shape, parameter.arguments
    digest = int.from_bytes(hashlib.sha256(key.encode()).digest(), "little")
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, digest])))
    numbers: NDArray[np.float64]
    match parameter.initializer:
        case "zeros":
            numbers = np.zeros(shape)
        case "ones":
            numbers = np.ones(shape)
        case "constant":
            numbers = np.full(shape, arguments[0])
        case "uniform":
            numbers = random.uniform(arguments[0], arguments[1], shape)
        case "normal":
            numbers = random.normal(0.0, arguments[0], shape)
        case "trunc_normal":
            drawn = random.standard_normal(shape)
            while (np.abs(drawn) > 2.0).any():
                drawn = np.where(np.abs(drawn) > 2.0, random.standard_normal(shape), drawn)
            numbers = drawn * arguments[0]
        case "xavier_uniform":
            gain = arguments[0] if arguments else 1.0
            bound = gain * math.sqrt(6.0 / sum(fans(shape)))
            numbers = random.uniform(-bound, bound, shape)
        case "kaiming_uniform":
            slope = arguments[0] if arguments else 0.0
            bound = math.sqrt(2.0 / (1.0 + slope**2)) * math.sqrt(3.0 / fans(shape)[0])
            numbers = random.uniform(-bound, bound, shape)
        case kind:
            raise WeightsError(f"E070: {key} has the unknown initializer {kind}")
    return np.asarray(numbers).astype(parameter.dtype)


def fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """How many inputs and outputs a weight [out, in, kernel...] connects."""
    if len(shape) < 2:
        return max(1, math.prod(shape)), max(1, math.prod(shape))
    area = math.prod(shape[2:])
    return max(1, shape[1] * area), max(1, shape[0] * area)


SAFETENSORS_DTYPES = {
    "F16": "<f2",
    "BF16": "<u2",
    "F32": "<f4",
    "F64": "<f8",
    "I8": "|i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "U8": "|u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "BOOL": "|b1",
}


# What readers of files raise for files that are not what they say.
UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    MemoryError,
    OverflowError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_weights(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The tensors of an `.npz` or a `.safetensors` file, told apart by their first bytes.

    Nothing is unpickled. Raises WeightsError where the file is neither or is damaged, OSError where
    it cannot be opened.
    """
    with open(path, "rb") as file:
        start = file.read(4)
    try:
        return read_npz(path) if start == b"PK\x03\x04" else read_safetensors(path)
    except UNREADABLE as error:
        reason = listed([str(error)])
        raise WeightsError(f"E072: cannot read weights from {os.fspath(path)}: {reason}") from error


def read_npz(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The arrays of a NumPy archive, each as large as its header says, those of objects refused.

    Raises ValueError for an archive that unpacks to far more than it is, before it is unpacked.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        unpacked = sum(member.file_size for member in members)
        if unpacked > 100 * os.path.getsize(path) + 256_000_000:
            raise ValueError(f"it unpacks to {unpacked} bytes, more than 100 times its size")
        arrays = {
            member.filename.removesuffix(".npy"): read_npy(archive, member) for member in members
        }
    if len(arrays) != len(members):
        raise ValueError("a key is stated twice")
    return arrays


def read_npy(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """One array in NumPy's format. Raises ValueError unless the file is as long as it says."""
    with archive.open(member) as file:
        if not member.filename.endswith(".npy") or file.read(6) != b"\x93NUMPY":
            raise ValueError(f"{member.filename} is not a NumPy array")
        version = file.read(2)[0]
        header = np.lib.format.read_array_header_1_0 if version == 1 else None
        shape, _, dtype = (header or np.lib.format.read_array_header_2_0)(file)
        if dtype.hasobject:
            raise ValueError(f"{member.filename} holds objects, which are not read")
        if file.tell() + math.prod(shape) * dtype.itemsize != member.file_size:
            raise ValueError(f"{member.filename} is not as long as {list(shape)} of {dtype} is")
        file.seek(0)
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
    return array


def read_safetensors(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The tensors of a safetensors file, mapped into memory; bfloat16 as float32.

    Raises ValueError unless the header is sound: known dtypes, and tensors that fill the file, one
    after the other, with as many bytes as their shapes need.
    """
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, 100_000_000):
            raise ValueError("neither .npz nor .safetensors: the header does not fit the file")
        header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=unique_keys)
    if not isinstance(header, dict):
        raise ValueError("the header is not a table")
    entries = [tensor_entry(key, item) for key, item in header.items() if key != "__metadata__"]
    entries.sort(key=lambda entry: (entry.begin, entry.end))
    data: NDArray[np.uint8] = np.zeros(0, np.uint8)
    if size > 8 + length:
        data = np.memmap(path, np.uint8, mode="r", offset=8 + length)
    covered = 0
    for entry in entries:
        if entry.begin != covered or entry.end > len(data):
            raise ValueError(f"the bytes of {entry.key} overlap, leave a gap or are not there")
        covered = entry.end
    if covered != len(data):
        raise ValueError("bytes are left over after the last tensor")
    return {entry.key: tensor_array(entry, data) for entry in entries}


class TensorEntry(NamedTuple):
    """A tensor in the header of a safetensors file."""

    key: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def tensor_entry(key: str, item: Any) -> TensorEntry:
    """One entry of a safetensors header. Raises ValueError unless it is sound in itself."""
    if not isinstance(item, dict) or set(item) != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{key} needs dtype, shape and data_offsets")
    dtype, shape, offsets = item["dtype"], item["shape"], item["data_offsets"]
    if not isinstance(dtype, str) or dtype not in SAFETENSORS_DTYPES:
        raise ValueError(f"{key} has the dtype {dtype!r}, which is not read")
    for numbers in (shape, offsets):
        if not isinstance(numbers, list) or any(type(n) is not int or n < 0 for n in numbers):
            raise ValueError(f"{key} has shape {shape!r} and data_offsets {offsets!r}")
    if len(offsets) != 2 or len(shape) > 32:
        raise ValueError(f"{key} has shape {shape!r} and data_offsets {offsets!r}")
    needed = math.prod(shape) * np.dtype(SAFETENSORS_DTYPES[dtype]).itemsize
    if offsets[1] - offsets[0] != needed:
        raise ValueError(f"{key} holds {offsets[1] - offsets[0]} bytes, {shape} needs {needed}")
    return TensorEntry(key, dtype, tuple(shape), offsets[0], offsets[1])


def tensor_array(entry: TensorEntry, data: NDArray[np.uint8]) -> Array:
    """A tensor as a view of the bytes of a file; what is not aligned, and bfloat16, is copied."""
    raw = data[entry.begin : entry.end]
    dtype = np.dtype(SAFETENSORS_DTYPES[entry.dtype])
    if raw.ctypes.data % dtype.alignment:
        raw = raw.copy()
    array: Array = raw.view(dtype).reshape(entry.shape)
    if entry.dtype == "BF16":
        array = (array.astype(np.uint32) << np.uint32(16)).view(np.float32)
    elif entry.dtype == "BOOL":
        array = raw.reshape(entry.shape) != 0
    return array


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON table. Raises ValueError where it states a key twice."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a key is stated twice")
    return table
