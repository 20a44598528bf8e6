"""A model that is measured: its emitted modules, and the arrays that all contestants are given."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from attncomp import pipeline
from attncomp.bench.contest import Contestant
from attncomp.bench.draw import draw_inputs, draw_weights, sizes_of
from attncomp.bench.task import write_task
from attncomp.emission.backend import Backend
from attncomp.emission.registry import find_backend
from attncomp.emission.text import class_name
from attncomp.ir.types import DType

_MAKERS = "attncomp.bench.makers"
_TORCH_NAMES = {
    DType.F32: "float32",
    DType.F16: "float16",
    DType.BF16: "bfloat16",
    DType.F64: "float64",
    DType.I64: "int64",
    DType.I32: "int32",
    DType.BOOL: "bool",
}


@dataclass(frozen=True)
class Kind:
    """A way to run a model: the backend whose module is run, what makes it, and the packages that it needs."""

    name: str
    title: str
    maker: str
    backend: str
    packages: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that are not installed."""
        return tuple(package for package in self.packages if importlib.util.find_spec(package) is None)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("numpy", "NumPy module", "numpy_module", "numpy"),
        Kind("torch", "PyTorch module", "torch_module", "torch", ("torch",)),
        Kind("torch-compile", "torch.compile", "torch_compiled", "torch", ("torch",)),
        Kind(
            "onnxruntime",
            "ONNX Runtime",
            "onnx_runtime",
            "torch",
            ("torch", "onnx", "onnxscript", "onnxruntime"),
        ),
    )
}


class Subject:
    """One model at one set of sizes, in a folder. Arrays are drawn from the seed, modules emitted when asked for."""

    def __init__(self, built: pipeline.Built, sizes: Mapping[str, int], seed: int, folder: Path) -> None:
        """Raises DiagnosticError where the arrays are too large, see `draw`."""
        self.built = built
        self.sizes = sizes_of(built.graph, sizes)
        self.folder = folder
        self.inputs = draw_inputs(built.graph, self.sizes, seed)
        weights = draw_weights(built.graph, seed)
        self.weight_bytes = sum(array.nbytes for array in weights.values())
        write_task(folder, self.inputs, weights)
        self._modules: dict[str, Path] = {}

    def contestant(self, kind: str, name: str = "", *, compared: bool = True, note: str = "") -> Contestant:
        """The model run in one of `KINDS`. Raises DiagnosticError where it does not compile for the backend."""
        chosen = KINDS[kind]
        inputs = self.built.graph.nodes("input")
        options = {
            "file": str(self._module(chosen.backend)),
            "class": class_name(self.built.graph.name),
            "dtypes": [_TORCH_NAMES[node.type.dtype] for node in inputs],
        }
        maker = f"{_MAKERS}:{chosen.maker}"
        return Contestant(name or chosen.title, maker, self.folder, options, compared, note)

    def _module(self, backend: str) -> Path:
        if backend not in self._modules:
            found: Backend = find_backend(backend)
            path = self.folder / f"{backend}_module.py"
            path.write_text(pipeline.complete(self.built, found).text, encoding="utf-8")
            self._modules[backend] = path
        return self._modules[backend]
