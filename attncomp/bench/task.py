"""What a contestant is given: arrays in a folder, so that every process reads the same ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

Arrays = Mapping[str, np.ndarray]
# One call on inputs that are ready; its result is an array, a tensor, or several.
Call = Callable[[], Any]

_KINDS = ("inputs", "weights")


@dataclass(frozen=True)
class Task:
    """The inputs and weights in `folder`, the number of threads to use, and what the maker alone understands."""

    folder: Path
    threads: int
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def inputs(self) -> dict[str, np.ndarray]:
        """The inputs by name, in the order of the model."""
        return _read(self.folder, "inputs")

    def weights(self) -> dict[str, np.ndarray]:
        """The weights by key, read anew: whoever makes a model of them need not keep them."""
        return _read(self.folder, "weights")


def write_task(folder: Path, inputs: Arrays, weights: Arrays) -> None:
    """Writes the arrays that `Task` reads. Names may be any text: they are kept apart from the arrays."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, arrays in zip(_KINDS, (inputs, weights), strict=True):
        write_arrays(folder / f"{kind}.npz", list(arrays.values()))
        (folder / f"{kind}.json").write_text(json.dumps(list(arrays)), encoding="utf-8")


def write_arrays(path: Path, arrays: list[np.ndarray]) -> None:
    """Arrays in their order."""
    np.savez(path, *arrays, allow_pickle=False)


def read_arrays(path: Path) -> list[np.ndarray]:
    """What `write_arrays` wrote, without pickle."""
    with np.load(path, allow_pickle=False) as archive:
        return [archive[f"arr_{position}"] for position in range(len(archive.files))]


def _read(folder: Path, kind: str) -> dict[str, np.ndarray]:
    names = json.loads((folder / f"{kind}.json").read_text(encoding="utf-8"))
    return dict(zip(names, read_arrays(folder / f"{kind}.npz"), strict=True))
