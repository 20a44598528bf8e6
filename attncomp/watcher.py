"""A second module of a model, beside the one that runs: its results are the attention weights and gates of a call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from attncomp import pipeline
from attncomp.emission.backend import Backend
from attncomp.emitted import Emitted
from attncomp.inspect.places import at_sizes
from attncomp.inspect.watch import Seen, watch
from attncomp.ir.interpret import bind_symbols
from attncomp.ir.literals import NUMPY_DTYPES
from attncomp.ir.operators.access import many
from attncomp.ir.operators.base import NamedArray


class Watcher:
    """Compiled once; a call takes the weights of the module that is watched."""

    def __init__(self, built: pipeline.Built, backend: Backend) -> None:
        self._graph, self._watched = watch(built.graph, backend)
        self._emitted: Emitted | None = None
        if self._watched:
            optimised = pipeline.optimise(self._graph, backend).graph
            program = pipeline.lower(optimised, built.files, backend)
            self._emitted = Emitted(program, optimised, backend.name, pipeline.emit(program, backend))

    def __call__(self, module: Emitted, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> dict[str, Seen]:
        """The values by name, with the weights that `module` has now. Raises what calling it raises."""
        given = {
            name: value.detach().cpu() if hasattr(value, "detach") else value
            for name, value in zip(module.input_names, module.bound(inputs, named), strict=True)
        }
        if self._emitted is None:
            return {}
        self._emitted.load(module.weights, strict=False)
        if hasattr(self._emitted.instance, "requires_grad_"):
            self._emitted.instance.requires_grad_(False)
        results = self._emitted(**given)
        arrays = [results] if len(self._watched) == 1 else list(results)
        shown = {name: _array(value) for name, value in given.items()}
        sizes = self._sizes(shown)
        named_inputs = self._named(shown)
        seen: dict[str, Seen] = {}
        for one, array in zip(self._watched, arrays, strict=True):
            places = {axis: at_sizes(place, sizes) for axis, place in one.places.items()}
            seen[one.name] = Seen(replace(one, places=places), _array(array), named_inputs)
        return seen

    def _sizes(self, arrays: Mapping[str, np.ndarray]) -> dict[str, int]:
        """What the symbols stand for; a module takes inputs of other widths too, so that only shapes count here."""
        stored = {str(node.attributes["name"]): NUMPY_DTYPES[node.type.dtype] for node in self._graph.nodes("input")}
        alike = {name: np.broadcast_to(np.zeros((), stored[name]), array.shape) for name, array in arrays.items()}
        return bind_symbols(self._graph, alike)

    def _named(self, arrays: Mapping[str, np.ndarray]) -> dict[str, NamedArray]:
        """Inputs with names for their dimensions; packed axes are one, `(head key)`, and a `1` is left out."""
        found: dict[str, NamedArray] = {}
        for node in self._graph.nodes("input"):
            name = str(node.attributes["name"])
            layout: Sequence[Sequence[str]] = many(node.attributes, "layout", tuple)
            axes = tuple(" ".join(group) if len(group) == 1 else f"({' '.join(group)})" for group in layout if group)
            sizes = [size for size, group in zip(arrays[name].shape, layout, strict=True) if group]
            found[name] = NamedArray(arrays[name].reshape(sizes), axes)
        return found


def _array(value: Any) -> np.ndarray:
    """An array of NumPy, which has no bfloat16."""
    if hasattr(value, "detach"):
        tensor = value.detach().cpu()
        value = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    return np.asarray(value)
