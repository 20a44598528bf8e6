"""The compiler on one page: text, tree, graph, optimised graph, program, Python source.

Every function here is one stage; what it returns is what the next one takes. `compile_source` runs them all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from attncomp.diagnostics.core import Diagnostic
from attncomp.diagnostics.fusion import check_fusion
from attncomp.diagnostics.remarks import Remark
from attncomp.emission.backend import Backend
from attncomp.emission.registry import find_backend
from attncomp.ir.graph import Graph
from attncomp.ir.verify import verify
from attncomp.lowering import lower as lowering
from attncomp.lowering.kernel_remarks import kernel_remarks
from attncomp.lowering.program import Program
from attncomp.passes.base import Pass, PassRecord
from attncomp.passes.registry import pass_sequence
from attncomp.passes.runner import Observer, run_passes
from attncomp.semantics import check as checking
from attncomp.semantics import elaborate as elaboration
from attncomp.semantics.files import FileSet, load_files
from attncomp.semantics.static import StaticValue


@dataclass(frozen=True)
class Built:
    """A model as a graph, before any pass, with the warnings that the file earned."""

    graph: Graph
    files: FileSet
    warnings: tuple[Diagnostic, ...]


@dataclass(frozen=True)
class Optimised:
    """The graph after the passes, a record of each pass, and what they have to say about fusion."""

    graph: Graph
    records: tuple[PassRecord, ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class Compiled:
    """Everything that the compiler made of a model; `text` is the emitted module."""

    built: Built
    optimised: Optimised
    program: Program
    backend: Backend
    text: str

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What the passes say about fusion, then what a backend with kernels does about attention."""
        return self.optimised.remarks + lowered_remarks(self.program, self.backend)


def parse(source: str | Path) -> FileSet:
    """Reads a model file, or takes source text, and parses it with all that it imports.

    Raises DiagnosticError with every syntax and import error found.
    """
    return load_files(source)


def check(files: FileSet) -> tuple[Diagnostic, ...]:
    """Everything wrong with the models, blocks and functions of the root file: errors and warnings, no exception."""
    return checking.check(files)


def build(
    files: FileSet,
    *,
    model: str | None = None,
    options: Mapping[str, StaticValue] | None = None,
    present: Iterable[str] = (),
) -> Built:
    """Elaborates one model into a graph of operators on named axes.

    `options` set the model's static options, `present` names optional inputs that the module shall take. Raises
    DiagnosticError with every error found.
    """
    graph, warnings = elaboration.elaborate(files, model=model, options=options or {}, present=frozenset(present))
    verify(graph)
    return Built(graph, files, warnings)


def passes_for(backend: Backend | None = None) -> tuple[Pass, ...]:
    """The passes in their order, without those that the backend does not want."""
    return pass_sequence(backend.excluded_passes if backend else frozenset[str]())


def optimise(graph: Graph, backend: Backend | None = None, observe: Observer | None = None) -> Optimised:
    """Runs the passes of the backend in their order. `graph` itself is left alone.

    `observe` sees the graph after each pass, see `passes.runner.run_passes`.
    """
    optimised = graph.copy()
    records, remarks = run_passes(optimised, passes_for(backend), observe=observe)
    return Optimised(optimised, records, remarks)


def lower(graph: Graph, files: FileSet, backend: Backend) -> Program:
    """Chooses an order for every value, and pieces where the backend wants them, and makes a positional program."""
    return lowering.lower(graph, source=files.title, in_pieces=backend.in_pieces, by_queries=backend.has_kernels)


def lowered_remarks(program: Program, backend: Backend) -> tuple[Remark, ...]:
    """For a backend with kernels: which attention they do, and why they do not do the others."""
    return kernel_remarks(program) if backend.has_kernels else ()


def emit(program: Program, backend: Backend) -> str:
    """The text of a Python module."""
    return backend.emit(program)


def complete(built: Built, backend: Backend, *, require_fusion: bool = False) -> Compiled:
    """The stages from a graph to the text of a module.

    Raises DiagnosticError with an E080 for each near miss of a fusion, and each statement without a region, where the
    model's `fuse!` or `require_fusion` demand fusion.
    """
    optimised = optimise(built.graph, backend)
    check_fusion(built.graph.marks, optimised.remarks, everywhere=require_fusion)
    program = lower(optimised.graph, built.files, backend)
    return Compiled(built, optimised, program, backend, emit(program, backend))


def compile_source(
    source: str | Path,
    *,
    backend: str = "numpy",
    model: str | None = None,
    options: Mapping[str, StaticValue] | None = None,
    present: Iterable[str] = (),
) -> Compiled:
    """All stages, from a path or source text to the text of a module."""
    built = build(parse(source), model=model, options=options, present=present)
    return complete(built, find_backend(backend))
