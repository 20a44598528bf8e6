"""Emitted modules imported, and graphs run through the NumPy backend."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from attncomp_numpy import backend

from attncomp.emission.text import class_name
from attncomp.ir.graph import Graph
from attncomp.lowering.lower import lower
from attncomp.lowering.program import Program


def load(text: str) -> ModuleType:
    """Emitted text, imported from a file of its own."""
    name = f"emitted_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    path = Path(tempfile.mkdtemp()) / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def model_class(program: Program) -> Any:
    """The emitted class of a program."""
    return getattr(load(backend.emit(program)), class_name(program.name))


def run_graph(
    graph: Graph, inputs: Mapping[str, np.ndarray], parameters: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The results of a graph by name, as its emitted module computes them."""
    program = lower(graph)
    model = model_class(program)(parameters)
    found = model(*(inputs[one.name] for one in program.inputs))
    names = [name for name, _ in program.outputs]
    return dict(zip(names, found if len(names) > 1 else [found], strict=True))
