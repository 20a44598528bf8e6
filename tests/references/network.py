"""What a reference is: another library's network, the inputs that it is called with, and what of its outputs is stored.

Imports no library of networks: a test reads a `Network` for its inputs, where that library is not installed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

DATA = Path(__file__).parent / "data"

Inputs = tuple[np.ndarray, ...]


def everything(output: np.ndarray) -> np.ndarray:
    return output


@dataclass(frozen=True)
class Network:
    """One file of `references/networks` holds one of these, named NETWORK.

    `make` builds the library's module (and imports the library inside), `calls` are its inputs, call by call, `run` is
    how the module is called (on tensors, to one tensor or several), and `kept` the part of an output that is stored.
    `unused` are the keys of the library's state_dict that take no part in the outputs, and that the model leaves out.
    """

    make: Callable[[], Any]
    calls: Sequence[Inputs]
    run: Callable[..., Any] = lambda module, *inputs: module(*inputs)
    kept: Callable[[np.ndarray], np.ndarray] = everything
    unused: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Stored:
    """What was stored: the shapes by key, and what is kept of the outputs, call by call."""

    shapes: Mapping[str, tuple[int, ...]]
    outputs: Sequence[Sequence[np.ndarray]]


def write(name: str, stored: Stored) -> Path:
    lines = [" ".join([key, *map(str, shape)]) for key, shape in stored.shapes.items()]
    arrays = {
        f"output_{call}_{place}": output
        for call, outputs in enumerate(stored.outputs)
        for place, output in enumerate(outputs)
    }
    path = DATA / f"{name}.npz"
    np.savez_compressed(path, allow_pickle=False, shapes=np.array(lines), **arrays)
    return path


def read(name: str) -> Stored:
    with np.load(DATA / f"{name}.npz", allow_pickle=False) as archive:
        shapes = {}
        for line in archive["shapes"]:
            key, *sizes = str(line).split(" ")
            shapes[key] = tuple(map(int, sizes))
        outputs: list[list[np.ndarray]] = []
        for label in archive.files:
            if label.startswith("output_"):
                call, place = map(int, label.split("_")[1:])
                outputs += [[] for _ in range(call + 1 - len(outputs))]
                assert place == len(outputs[call])
                outputs[call].append(archive[label])
    return Stored(shapes, outputs)
