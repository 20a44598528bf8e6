"""An emitted PyTorch module as an ONNX file: `python -m attncomp.bench.export OUT.onnx`, the task on standard input.

In a process of its own, so that neither the memory nor the threads of the exporter are those of what is measured.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from pathlib import Path

from attncomp.bench.makers import input_names, tensors, torch_model
from attncomp.bench.task import Task


def main() -> None:
    """Exports the task's module; what goes wrong is the last line of the standard error."""
    import torch

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    question = json.load(sys.stdin)
    task = Task(Path(question["folder"]), question["threads"], question["options"])
    try:
        torch.onnx.export(
            torch_model(task),
            tuple(tensors(task)),
            sys.argv[1],
            dynamo=True,
            verbose=False,
            input_names=input_names(task),
        )
    except Exception as error:
        cause = error.__cause__ or error
        first = (str(cause).strip() or "no reason given").splitlines()[0]
        print(f"{type(cause).__name__}: {first}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
