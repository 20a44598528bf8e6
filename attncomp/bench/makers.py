"""What makes a contestant of an emitted module, inside of the process where it is measured.

A maker takes a `Task` and returns the call that is timed. Only libraries that the contestant needs are imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from attncomp.bench.crew import python
from attncomp.bench.task import Arrays, Call, Task

if TYPE_CHECKING:
    from torch import Tensor, nn


class MakingError(Exception):
    """A contestant that cannot be made here; the message says why, in a line."""


def numpy_module(task: Task) -> Call:
    """The class of an emitted NumPy module: options `file`, `class`.

    Weights that a pass has done away with are left out; a missing one is an error.
    """
    model = numpy_model(import_file(task.options["file"]), task, task.weights())
    inputs = list(task.inputs.values())
    return lambda: model(*inputs)


def numpy_model(module: ModuleType, task: Task, weights: Arrays) -> Any:
    """A model of the class that the option `class` names, with weights, on as many threads as the task has."""
    model_class = getattr(module, task.options["class"])
    taken = inspect.signature(model_class).parameters
    return model_class(weights, strict=False, **({"threads": task.threads} if "threads" in taken else {}))


def torch_module(task: Task) -> Call:
    """The class of an emitted PyTorch module, in eager mode: options `file`, `class`, `dtypes` of the inputs."""
    import torch

    model, inputs = torch_model(task), tensors(task)

    def call() -> Any:
        with torch.inference_mode():
            return model(*inputs)

    return call


def torch_compiled(task: Task) -> Call:
    """The same under torch.compile, called once, since it compiles in its first call."""
    import torch

    model, inputs = torch.compile(torch_model(task)), tensors(task)

    def call() -> Any:
        with torch.inference_mode():
            return model(*inputs)

    call()
    return call


def onnx_runtime(task: Task) -> Call:
    """The same, exported to ONNX by a process of its own and run by ONNX Runtime. Raises MakingError."""
    onnxruntime: Any = importlib.import_module("onnxruntime")  # it has no types
    exported = task.folder / "exported.onnx"
    question = {"folder": str(task.folder), "threads": task.threads, "options": dict(task.options)}
    command = [*python(), "-m", "attncomp.bench.export", str(exported)]
    done = subprocess.run(command, input=json.dumps(question), capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
        raise MakingError(f"the export to ONNX failed: {lines[-1]}")
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = task.threads
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(exported), settings, providers=["CPUExecutionProvider"])
    given = dict(zip(input_names(task), task.inputs.values(), strict=True))
    inputs = {one.name: given[one.name] for one in session.get_inputs()}
    return lambda: session.run(None, inputs)


def input_names(task: Task) -> list[str]:
    """What the inputs are called in an exported file."""
    return [f"input_{position}" for position in range(len(task.inputs))]


def import_file(path: str) -> ModuleType:
    """The module of a file, known to `sys.modules` by the file's name alone."""
    name = Path(path).stem
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise MakingError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def tensors(task: Task) -> list[Tensor]:
    """The inputs as tensors, of the dtypes that the option `dtypes` names where it is there."""
    import torch

    torch.set_num_threads(task.threads)
    found = [torch.from_numpy(array) for array in task.inputs.values()]
    dtypes = task.options.get("dtypes")
    if dtypes is None:
        return found
    return [tensor.to(getattr(torch, dtype)) for tensor, dtype in zip(found, dtypes, strict=True)]


def torch_model(task: Task) -> nn.Module:
    """The class of an emitted PyTorch module with the weights of the task, for inference."""
    model: nn.Module = getattr(import_file(task.options["file"]), task.options["class"])().eval()
    weights = task.weights()
    if weights:
        load: Any = model.load_weights
        load(weights, strict=False)
    return model
