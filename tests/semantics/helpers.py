"""Elaborating a text, and running it through the float64 interpreter."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from attncomp.diagnostics.core import Diagnostic, DiagnosticError
from attncomp.ir.graph import Graph
from attncomp.ir.initialize import random_parameters
from attncomp.ir.interpret import interpret
from attncomp.ir.verify import verify
from attncomp.semantics.elaborate import elaborate
from attncomp.semantics.files import load_files
from attncomp.semantics.static import StaticValue


def graph_of(text: str, *, present: tuple[str, ...] = (), model: str | None = None, **options: StaticValue) -> Graph:
    """The verified graph of a model."""
    graph, _ = elaborate(load_files(text), model=model, options=options, present=frozenset(present))
    verify(graph)
    return graph


def run(
    text: str, inputs: Mapping[str, np.ndarray], *, present: tuple[str, ...] = (), seed: int = 0, **options: StaticValue
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Results and parameters of a model on inputs."""
    graph = graph_of(text, present=present, **options)
    parameters = random_parameters(graph, seed)
    return interpret(graph, inputs, parameters), parameters


def mistakes(text: str, **options: StaticValue) -> tuple[Diagnostic, ...]:
    """The diagnostics of a text that does not compile."""
    with pytest.raises(DiagnosticError) as caught:
        graph_of(text, **options)
    return caught.value.diagnostics


def codes(text: str, **options: StaticValue) -> list[str]:
    """Their codes, in order."""
    return [diagnostic.code for diagnostic in mistakes(text, **options)]


def at(diagnostic: Diagnostic, text: str) -> str:
    """The text under the caret of a diagnostic."""
    assert diagnostic.primary is not None
    span = diagnostic.primary.span
    assert span.line == span.end_line
    return text.split("\n")[span.line - 1][span.column - 1 : span.end_column - 1]
