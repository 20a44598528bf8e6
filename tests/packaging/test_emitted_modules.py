"""Emitted modules stand alone: they run where attncomp is not, and import one library each."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import attncomp

MODEL = Path(__file__).parents[2] / "examples" / "minilm.attn"
OPTIONS = {"layers": 2, "heads": 2, "width": 16, "hidden": 24, "vocabulary": 50, "positions": 12}
TOLERANCE = 1e-5

# Runs an emitted module on files in the current folder. What is blocked cannot be imported even where it is installed.
PROGRAM = """
import sys
{block}
import numpy as np
import emitted
weights, inputs = "weights.{format}", np.load("inputs.npz")
{call}
"""
BLOCK = """
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
"""
NUMPY_CALL = """
model = emitted.MiniLM.load(weights)
np.save("output.npy", model(inputs["tokens"], inputs["mask"]))
"""
TORCH_CALL = """
import torch
model = emitted.MiniLM()
model.load_weights(weights)
with torch.no_grad():
    result = model.eval()(torch.from_numpy(inputs["tokens"]), torch.from_numpy(inputs["mask"]))
np.save("output.npy", result.numpy())
"""
OURS = (
    *("attncomp", "attncomp_grammar", "attncomp_numpy", "attncomp_torch"),
    *("networkx", "lark", "click", "rich", "safetensors"),
)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with inputs, weights in both formats, both emitted modules, and what attncomp itself makes of them."""
    folder = tmp_path_factory.mktemp("emitted")
    generator = np.random.default_rng(3)
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    inputs = {"tokens": generator.integers(0, 50, (2, 5)), "mask": mask}
    np.savez(folder / "inputs.npz", **inputs)
    module = attncomp.compile(MODEL, backend="numpy", **OPTIONS)
    weights = {
        key: generator.normal(0, 0.3, information.shape).astype(np.float32)
        for key, information in module.parameters.items()
    }
    save_file(weights, folder / "weights.safetensors")
    np.savez(folder / "weights.npz", **weights)
    module.load(weights)
    np.save(folder / "expected.npy", module(**inputs))
    for backend in ("numpy", "torch"):
        attncomp.compile(MODEL, backend=backend, **OPTIONS).save(folder / f"{backend}.py")
    return folder


def _program(work: Path, folder: Path, backend: str, **parts: str) -> str:
    for name in ("inputs.npz", "weights.npz", "weights.safetensors"):
        (folder / name).symlink_to(work / name)
    (folder / "emitted.py").symlink_to(work / f"{backend}.py")
    return PROGRAM.format(**parts)


def _difference(work: Path, folder: Path) -> float:
    return float(np.abs(np.load(folder / "output.npy") - np.load(work / "expected.npy")).max())


@pytest.mark.parametrize("weights", ["npz", "safetensors"])
def test_a_numpy_module_runs_where_there_is_numpy_alone(bare, work: Path, tmp_path: Path, weights: str) -> None:
    code = _program(work, tmp_path, "numpy", block="", format=weights, call=NUMPY_CALL)
    bare.run("python", "-c", code, cwd=tmp_path)
    assert _difference(work, tmp_path) <= TOLERANCE


@pytest.mark.parametrize("weights", ["npz", "safetensors"])
def test_a_torch_module_runs_without_attncomp(work: Path, tmp_path: Path, weights: str) -> None:
    block = BLOCK.format(names=OURS)
    code = _program(work, tmp_path, "torch", block=block, format=weights, call=TORCH_CALL)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert _difference(work, tmp_path) <= TOLERANCE


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_module_imports_one_library(work: Path, backend: str) -> None:
    imported = set()
    for node in ast.walk(ast.parse((work / f"{backend}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {backend}


def test_both_emitted_files_are_the_same_in_every_run(work: Path, tmp_path: Path) -> None:
    code = (
        "import sys, json, attncomp\n"
        "module = attncomp.compile(sys.argv[1], backend=sys.argv[2], **json.loads(sys.argv[3]))\n"
        "module.save(sys.argv[4])"
    )
    for backend in ("numpy", "torch"):
        for seed in ("1", "2"):
            output = tmp_path / f"{backend}{seed}.py"
            command = [sys.executable, "-c", code, str(MODEL), backend, json.dumps(OPTIONS), str(output)]
            subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed})
            assert output.read_text(encoding="utf-8") == (work / f"{backend}.py").read_text(encoding="utf-8")
