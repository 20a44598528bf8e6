"""A compiled model against a PyTorch module written by hand, with that module's weights loaded by their keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import attncomp
from attncomp import pipeline
from attncomp.ir.graph import Graph
from attncomp.ir.interpret import interpret
from attncomp.semantics.static import StaticValue

MODELS = Path(__file__).parent
BACKENDS = ("numpy", "torch")

Inputs = Mapping[str, np.ndarray]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Inputs]


@dataclass(frozen=True)
class Case:
    """A model file, the module that it must agree with, and the sizes at which both are called.

    `draw` makes the inputs for one of `sizes`, in the order of the model, which is also that of the reference.
    """

    file: str
    reference: Callable[[], nn.Module]
    draw: Draw
    sizes: Sequence[tuple[int, ...]]
    present: tuple[str, ...] = ()
    options: Mapping[str, StaticValue] = field(default_factory=dict)
    tolerance: float = 2e-5

    @property
    def name(self) -> str:
        return "-".join([self.file, *self.present, *(f"{key}={value}" for key, value in self.options.items())])


def weighted(make: Callable[[], nn.Module]) -> nn.Module:
    """The reference, in inference, with every number of it drawn: biases and statistics too, which start at 0 or 1."""
    torch.manual_seed(0)
    module = make().eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                noise = torch.randn(tensor.shape, generator=generator) * 0.3
                tensor.copy_(noise + 1 if tensor.min() == 1 == tensor.max() else noise + tensor / 2)
        for name, tensor in module.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(tensor.abs() + 0.2)
    return module


@cache
def _reference(make: Callable[[], nn.Module]) -> nn.Module:
    return weighted(make)


def state(module: nn.Module) -> dict[str, np.ndarray]:
    """The state_dict as arrays."""
    return {key: tensor.detach().numpy().copy() for key, tensor in module.state_dict().items()}


def as_tuple(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


def arrays(result: Any) -> list[np.ndarray]:
    """What a module returns, one or several, as arrays of their own."""
    found = [
        one.detach().numpy().copy() if isinstance(one, torch.Tensor) else np.array(one) for one in as_tuple(result)
    ]
    return found


def expected(module: nn.Module, inputs: Inputs, *, double: bool = False) -> list[np.ndarray]:
    """What the reference says, in float32 or in float64."""
    tensors = [torch.from_numpy(array) for array in inputs.values()]
    if double:
        tensors = [tensor.double() if tensor.is_floating_point() else tensor for tensor in tensors]
    with torch.no_grad():
        return arrays(module(*tensors))


def same(found: Sequence[np.ndarray], wanted: Sequence[np.ndarray], tolerance: float, *, dtypes: bool = True) -> None:
    """Fails unless the results have the same shapes, types and, within rounding, numbers."""
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.shape == other.shape
        if dtypes:
            assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def sized_inputs(case: Case) -> list[Inputs]:
    return [case.draw(np.random.default_rng(number), size) for number, size in enumerate(case.sizes)]


def agrees(case: Case, backend: str) -> None:
    """One compiled module, called at all sizes of a case, the first of them again at the end."""
    reference = _reference(case.reference)
    module = attncomp.compile(
        MODELS / f"{case.file}.attn",
        backend=backend,
        weights=state(reference),
        present=case.present,
        **case.options,
    )
    drawn = sized_inputs(case)
    for inputs in [*drawn, drawn[0]]:
        same(arrays(module(**inputs)), expected(reference, inputs), case.tolerance)


@cache
def graph_of(file: str, present: tuple[str, ...], options: tuple[tuple[str, StaticValue], ...]) -> Graph:
    files = pipeline.parse(MODELS / f"{file}.attn")
    return pipeline.build(files, options=dict(options), present=present).graph


def means(case: Case) -> None:
    """The graph before any pass, interpreted in float64, against the reference in float64."""
    reference = _reference(case.reference)
    graph = graph_of(case.file, case.present, tuple(case.options.items()))
    parameters = state(reference)
    double = case.reference().eval().double()
    double.load_state_dict({key: torch.from_numpy(array) for key, array in parameters.items()})
    for inputs in sized_inputs(case):
        found = list(interpret(graph, inputs, parameters).values())
        same(found, expected(double, inputs, double=True), 1e-6, dtypes=False)
