"""Emitted modules stand alone: they run where attncomp is not, and import one library each."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import attncomp

ROOT = Path(__file__).parents[2]
OPTIONS = {"layers": 2, "heads": 2, "width": 16, "hidden": 24, "vocabulary": 50, "positions": 12}
BLOCKED = ("attncomp", "attncomp_grammar", "attncomp_numpy", "attncomp_torch", "networkx", "lark", "click", "rich")


@pytest.fixture(scope="module")
def inputs() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(3)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    return {"tokens": generator.integers(0, 50, (2, 5)), "mask": mask}


def _compile(backend: str, weights: dict[str, np.ndarray] | None = None) -> attncomp.Module:
    return attncomp.compile(ROOT / "examples" / "minilm.attn", backend=backend, weights=weights, **OPTIONS)


def _weights() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(4)
    parameters = _compile("numpy").parameters
    return {key: generator.normal(0, 0.3, shape).astype(np.float32) for key, shape in _shapes(parameters).items()}


def _shapes(parameters: dict[str, object]) -> dict[str, tuple[int, ...]]:
    return {key: tuple(getattr(value, "shape", value)) for key, value in parameters.items()}


def _imports(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found - set(sys.stdlib_module_names)


@pytest.mark.parametrize(("backend", "library"), [("numpy", "numpy"), ("torch", "torch")])
def test_a_module_imports_one_library(backend: str, library: str) -> None:
    assert _imports(_compile(backend).source) == {library}
