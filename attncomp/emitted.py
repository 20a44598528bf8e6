"""Emitted modules in memory: the text imported, its model made, weights put in, inputs handed over."""

from __future__ import annotations

import hashlib
import linecache
import os
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np

from attncomp.emission.text import Names, class_name
from attncomp.ir.graph import Graph
from attncomp.ir.initialize import random_parameters
from attncomp.ir.types import DType
from attncomp.lowering.program import Program

# What the class of a model has and no other class of a module: NumPy's is called, PyTorch's is an `nn.Module`.
_CALLED = ("__call__", "forward")

_TORCH_NAMES = {
    DType.F64: "float64",
    DType.F32: "float32",
    DType.F16: "float16",
    DType.BF16: "bfloat16",
    DType.I64: "int64",
    DType.I32: "int32",
}


def import_text(text: str, name: str) -> ModuleType:
    """The module of a text. It is known to `sys.modules` and `linecache`, so that tracebacks show its lines.

    The same text gives the same module.
    """
    unique = f"attncomp_emitted_{name}_{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    known = sys.modules.get(unique)
    if known is not None:
        return known
    filename = f"<{unique}>"
    module = ModuleType(unique)
    module.__file__ = filename
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    sys.modules[unique] = module
    try:
        exec(compile(text, filename, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[unique]
        raise
    return module


class Emitted:
    """The model of an emitted module: made when its weights are known, initialised at its first call otherwise."""

    def __init__(self, program: Program, graph: Graph, backend: str, text: str) -> None:
        self._program, self._graph, self._backend, self._text = program, graph, backend, text
        self._threads: int | None = None
        self._model: Any = None
        self._loaded: Mapping[str, Any] | str | os.PathLike[str] = {}

    @property
    def instance(self) -> Any:
        """The object of the model's class, with weights. Raises TypeError for a backend whose modules have no model."""
        if self._model is None:
            self.initialize(0)
        return self._model

    @property
    def threads(self) -> int | None:
        """How many threads a call runs on; None leaves it to the backend."""
        return self._threads

    @threads.setter
    def threads(self, count: int | None) -> None:
        if count is not None and count < 1:
            raise ValueError(f"a call runs on one thread at least, not on {count}")
        if count is not None and self._backend == "torch":
            raise ValueError("PyTorch's threads are the process's own: `torch.set_num_threads`")
        self._threads = count
        if self._model is not None and self._backend != "torch":
            self._model.threads = count

    @property
    def weights(self) -> Mapping[str, Any] | str | os.PathLike[str]:
        """The weights by key, as a module that trains has them now, or as they were handed in."""
        instance = self.instance
        return dict(instance.state_dict()) if hasattr(instance, "state_dict") else self._loaded

    @property
    def input_names(self) -> list[str]:
        """The names of the inputs, in the order of the model."""
        return [one.name for one in self._program.inputs]

    @property
    def _out(self) -> str:
        """What the arrays for results are called."""
        return Names(self.input_names).claim("out")

    def load(self, weights: Mapping[str, Any] | str | os.PathLike[str], strict: bool) -> None:
        """Puts weights in by key; see `attncomp.Module.load`."""
        if self._backend == "torch":
            # A new model computes what NumPy's does: its dropout and statistics wait for `instance.train()`.
            model = self._model if self._model is not None else self._model_class()().eval()
            model.load_weights(weights, strict=strict)
            self._model = model
        elif isinstance(weights, Mapping):
            self._model = self._model_class()(weights, strict=strict)
            self._loaded = weights
        else:
            self._model = self._model_class().load(weights, strict=strict)
            self._loaded = weights
        self.threads = self._threads

    def initialize(self, seed: int) -> None:
        """Fills the parameters by their initializers: the same numbers for a seed, whatever the backend."""
        self.load(random_parameters(self._graph, seed), strict=True)

    def __call__(self, /, *inputs: Any, **named: Any) -> Any:
        """The results. Raises TypeError (E071) where an input is missing, unknown or given twice.

        NumPy's take arrays to write them into, as `out`, or `out_2` where an input has that name.
        """
        results = {name: named[name] for name in (self._out,) if name in named}
        given = self.bound(inputs, {name: value for name, value in named.items() if name not in results})
        if results and self._backend != "numpy":
            raise TypeError(f"E071: a module for {self._backend} makes its results itself, and takes no `{self._out}`")
        if self._backend == "torch":
            inputs_of = zip(given, self._program.inputs, strict=True)
            given = [_tensor(value, one.value.dtype, one.name) for value, one in inputs_of]
        return self.instance(*given, **results)

    def release(self) -> None:
        """Gives back the memory that calls have left behind, if the backend keeps any."""
        if self._model is not None and self._backend == "numpy":
            self._model.release()

    def _model_class(self) -> Any:
        module = import_text(self._text, f"{self._backend}_{class_name(self._program.name)}")
        for found in vars(module).values():
            if (
                isinstance(found, type)
                and not issubclass(found, tuple)
                and found.__module__ == module.__name__
                and not set(_CALLED).isdisjoint(vars(found))
            ):
                return found
        raise TypeError(f"a module of the backend `{self._backend}` has no model that can be called")

    def bound(self, inputs: tuple[Any, ...], named: Mapping[str, Any]) -> list[Any]:
        """The inputs in the order of the model. Raises TypeError (E071), see `__call__`."""
        names = self.input_names
        shown = ", ".join(names)
        if len(inputs) > len(names):
            raise TypeError(
                f"E071: {len(inputs)} inputs are given, and {self._program.name} takes {len(names)}: {shown}"
            )
        given = dict(zip(names, inputs, strict=False))
        for name, value in named.items():
            if name not in names:
                raise TypeError(f"E071: {self._program.name} has no input `{name}`; it takes {shown or 'none'}")
            if name in given:
                raise TypeError(f"E071: the input `{name}` is given twice")
            given[name] = value
        missing = [name for name in names if name not in given]
        if missing:
            raise TypeError(f"E071: {self._program.name} needs {', '.join(f'`{name}`' for name in missing)} too")
        return [given[name] for name in names]


def _tensor(value: Any, dtype: DType, name: str) -> Any:
    """A tensor as it is; anything else as one, in the width that is asked for where it is that kind of number.

    Raises TypeError (E071) for what is no array of numbers.
    """
    import torch

    if isinstance(value, torch.Tensor):
        return value
    array = np.asarray(value)
    if array.dtype.kind not in "fiubc":
        raise TypeError(f"E071: `{name}` holds {array.dtype}, which are no numbers")
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    same_kind = array.dtype.kind == "f" if dtype.is_float else dtype.is_integer and array.dtype.kind in "iu"
    tensor = torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    return tensor.to(getattr(torch, _TORCH_NAMES[dtype])) if same_kind else tensor
