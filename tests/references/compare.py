"""Compiled examples against the stored outputs of other libraries' networks, with the same weights by key."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from references import generator
from references.network import Inputs, Network, Stored, read

import attncomp
from attncomp.semantics.static import StaticValue

EXAMPLES = Path(__file__).parents[2] / "examples"
BACKENDS = ("numpy", "torch")


@cache
def network(name: str) -> Network:
    found = import_module(f"references.networks.{name}").NETWORK
    assert isinstance(found, Network)
    return found


@cache
def stored(name: str) -> Stored:
    return read(name)


def compiled(name: str, backend: str, folder: Path = EXAMPLES, **options: StaticValue) -> attncomp.Module:
    """The example of that name, with the generator's weights loaded by its keys, which must be those of the library.

    A model that is no example is in another `folder`.
    """
    module = attncomp.compile(folder / f"{name}.attn", backend=backend, **options)
    assert {key: info.shape for key, info in module.parameters.items()} == stored(name).shapes
    module.load(generator.weights({key: (info.shape, info.dtype[0]) for key, info in module.parameters.items()}))
    return module


def results(module: attncomp.Module, inputs: Inputs) -> list[np.ndarray]:
    with torch.no_grad():
        result = module(*inputs)
    several = result if isinstance(result, tuple) else (result,)
    return [np.array(one.numpy() if isinstance(one, torch.Tensor) else one) for one in several]


def errors(name: str, module: attncomp.Module) -> list[float]:
    """Of each output of each call, the relative error in norm, on what is stored of it."""
    measured = []
    for inputs, theirs in zip(network(name).calls, stored(name).outputs, strict=True):
        for one, other in zip(results(module, inputs), theirs, strict=True):
            kept = network(name).kept(one)
            assert (kept.shape, kept.dtype) == (other.shape, other.dtype)
            measured.append(float(np.linalg.norm(kept - other) / np.linalg.norm(other)))
    return measured
