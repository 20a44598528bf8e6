"""The Python API: a model file to a module that can be called.

module = attncomp.compile("model.attn", backend="numpy", weights="weights.safetensors", heads=8)
y = module(tokens=t, mask=m)
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attncomp import pipeline
from attncomp.diagnostics.core import Diagnostic, DiagnosticError
from attncomp.diagnostics.remarks import Remark
from attncomp.diagnostics.render import render
from attncomp.emission.registry import find_backend
from attncomp.emitted import Emitted
from attncomp.inspect.watch import Seen
from attncomp.ir.graph import Graph
from attncomp.lowering.peak import MemoryPlan, memory_plan
from attncomp.semantics.static import StaticValue
from attncomp.watcher import Watcher

if TYPE_CHECKING:
    from attncomp.inspect.notebook import Shown
    from attncomp.inspect.pictures import Picture

Weights = Mapping[str, Any] | str | os.PathLike[str]


class CompileError(DiagnosticError):
    """A model that cannot be compiled: every diagnostic, shown with the lines of the source that it points at."""

    def __init__(self, diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> None:
        super().__init__(diagnostics)
        self.sources = dict(sources)

    def __str__(self) -> str:
        return "\n" + render(self.diagnostics, self.sources)


@dataclass(frozen=True)
class ParameterInfo:
    """What a parameter is in a checkpoint: its shape, dtype (`f32`), and the axes of each dimension (`(head key)`)."""

    shape: tuple[int, ...]
    dtype: str
    axes: tuple[str, ...]


class Module:
    """A compiled model. Calling it runs it, on arrays in the order that the model declares.

    `source` is the text of the emitted module, `graph` the optimised graph, `remarks` what the passes say about fusion,
    `warnings` the diagnostics that the file earned, `parameters` the checkpoint's keys with what each is.
    """

    def __init__(self, compiled: pipeline.Compiled) -> None:
        self.source: str = compiled.text
        self.graph: Graph = compiled.optimised.graph
        self.remarks: tuple[Remark, ...] = compiled.remarks
        self.warnings: tuple[Diagnostic, ...] = compiled.built.warnings
        self.parameters: Mapping[str, ParameterInfo] = _parameters(self.graph)
        self.backend: str = compiled.backend.name
        self._compiled = compiled
        self._watcher: Watcher | None = None
        self._emitted = Emitted(compiled.program, self.graph, compiled.backend.name, compiled.text)

    def __call__(self, /, *inputs: Any, **named: Any) -> Any:
        """The result for these inputs, by position or by name; a named tuple where the model has several results.

        A parameter that was never loaded has its initial value. With NumPy, `out` is the array that the result is
        written into and that is returned: of its shape and dtype, with any strides; for several results a tuple of
        arrays, None where one shall be new. It is called `out_2` where an input has that name. Raises ValueError or
        TypeError that begins with E071 for an input of the wrong rank, size or dtype, or an `out` that does not fit.
        """
        return self._emitted(*inputs, **named)

    def watch(self, /, *inputs: Any, **named: Any) -> dict[str, Seen]:
        """The attention weights and gates of a call on these inputs, by layer path, in the order they are made.

        Weights are those that the module has now; dropout and the statistics of batches are as at inference. Nothing
        of this is fused, so that it takes the memory that fusing spares. `attncomp.draw` makes pictures of it. Raises
        what calling the module raises.
        """
        if self._watcher is None:
            self._watcher = Watcher(self._compiled.built, self._compiled.backend)
        return self._watcher(self._emitted, inputs, named)

    def __repr__(self) -> str:
        numbers = sum(math.prod(info.shape) for info in self.parameters.values())
        return f"<attncomp.Module {self.graph.name} for {self.backend}, {numbers:,} weights>"

    def _repr_html_(self) -> str:
        """What a notebook shows: inputs, results, parameters, regions, a table by layer, and the graph as a picture."""
        from attncomp.inspect.notebook import graph_to_html

        return graph_to_html(self.graph, (("backend", self.backend),))

    @property
    def instance(self) -> Any:
        """The object of the emitted module that does the work; for torch an `nn.Module`, to be trained as any other.

        It starts in inference mode: `instance.train()` turns dropout and the statistics of batches on.
        """
        return self._emitted.instance

    @property
    def threads(self) -> int | None:
        """How many threads a call runs on; None, as at first, leaves it to the backend: NumPy's BLAS has a number.

        Raises ValueError for a number below 1, and for PyTorch, whose threads belong to the process.
        """
        return self._emitted.threads

    @threads.setter
    def threads(self, count: int | None) -> None:
        self._emitted.threads = count

    @property
    def memory(self) -> MemoryPlan:
        """The memory plan of a call: its buffers, with what lies in each, and what results and weights add.

        `module.memory.peak(batch=1, seq=128)` has the bytes of all buffers at these sizes, and a lower bound. PyTorch
        manages its own memory: for it there are no buffers.
        """
        return memory_plan(self._compiled.program)

    def load(self, weights: Weights, strict: bool = True) -> None:
        """Loads weights by key: a mapping of arrays, or a path to safetensors or to `.npz` without pickle.

        Without `strict`, keys that the model does not have are ignored. Raises ValueError that begins with E070, with
        all that does not fit, or with E072 where a file cannot be read; FileNotFoundError where there is none.
        """
        self._emitted.load(weights, strict)

    def initialize(self, seed: int = 0) -> None:
        """Fills the parameters by their initializers: the same numbers for a seed, whatever the backend."""
        self._emitted.initialize(seed)

    def release(self) -> None:
        """Gives back the memory that calls have left behind for those to come, if the backend keeps any."""
        self._emitted.release()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the source of the module to a file that runs without attncomp."""
        Path(path).write_text(self.source, encoding="utf-8")


def compile(
    source: str | Path,
    *,
    backend: str = "numpy",
    model: str | None = None,
    weights: Weights | None = None,
    present: Iterable[str] = (),
    strict: bool = True,
    require_fusion: bool = False,
    **options: StaticValue,
) -> Module:
    """Compiles a model to a module that can be called.

    `source` is a path, or the text of a model file (anything with a line break or a brace); `model` is its name where
    the file has several; `present` names optional inputs that the module shall take; `options` are the model's.
    `strict` is for `weights`, see `Module.load`; `require_fusion` makes each near miss of a fusion an error.

    Raises CompileError with everything that is wrong with the model, and what `Module.load` raises.
    """
    sources: dict[str, str] = {}
    try:
        chosen = find_backend(backend)
        files = pipeline.parse(source)
        sources.update(files.sources)
        asked = (present,) if isinstance(present, str) else present
        built = pipeline.build(files, model=model, options=options, present=asked)
        compiled = pipeline.complete(built, chosen, require_fusion=require_fusion)
    except DiagnosticError as error:
        raise CompileError(error.diagnostics, {**sources, **getattr(error, "sources", {})}) from None
    module = Module(compiled)
    if weights is not None:
        module.load(weights, strict)
    return module


def draw(
    seen: Mapping[str, Seen] | Iterable[Seen], words: Mapping[str, Sequence[str]] | None = None
) -> tuple[Picture, ...]:
    """A picture, as PNG, of each value that `Module.watch` has seen: heads side by side, over the image if it has one.

    `words` names the positions along axes of the inputs, such as `{"seq": ["[CLS]", "a", …]}`. A picture has a
    `file_name` and its bytes `png`, and shows itself in a notebook. Raises DiagnosticError E090 where matplotlib is not
    installed.
    """
    from attncomp.inspect import pictures

    return pictures.draw(seen.values() if isinstance(seen, Mapping) else seen, words)


def show(graph: Graph) -> Shown:
    """What a notebook shows of a graph, such as `Module.graph`, where it is the last line of a cell."""
    from attncomp.inspect.notebook import Shown

    return Shown(graph)


def _parameters(graph: Graph) -> dict[str, ParameterInfo]:
    found = {}
    for node in graph.nodes("parameter"):
        layout = node.attributes["layout"]
        assert isinstance(layout, tuple)
        sizes = {axis.name: axis.size.constant or 0 for axis in node.type.axes}
        groups = [[str(name) for name in group] for group in layout if isinstance(group, tuple)]
        shape = tuple(math.prod([sizes[name] for name in group]) for group in groups)
        axes = tuple(
            " ".join(group) if len(group) == 1 else f"({' '.join(group)})" if group else "1" for group in groups
        )
        found[str(node.attributes["key"])] = ParameterInfo(shape, str(node.type.dtype), axes)
    return found
