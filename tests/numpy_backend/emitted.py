"""Emitted modules imported, and graphs run through the NumPy backend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from attncomp_numpy import backend
from emitted_text import load

from attncomp.emission.text import class_name
from attncomp.ir.graph import Graph
from attncomp.lowering.lower import lower
from attncomp.lowering.program import Program


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
