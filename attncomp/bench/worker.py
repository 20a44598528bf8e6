"""The process of a contestant: `python -m attncomp.bench.worker`, a JSON object a line, in and out.

    {"do": "make", "name": …, "maker": "package.module:function", "folder": …, "threads": …, "options": {…}}
    {"do": "run", "name": …, "output": "results.npz"}     → {"seconds": …, "peak": bytes or null}
    {"do": "time", "name": …, "calls": 5, "warm_up": true} → {"seconds": [… each call]}, after one more that is not told
    {"do": "profile", "folder": …, "threads": …, "options": {…}}         → a `Profile`
    {"do": "rates", "threads": …, "products": […], "functions": […]}     → `Rates`

A maker in a file is `/folder/file.py:function`. What goes wrong is answered by {"failure": a line}.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from attncomp.bench.blas import blas_kernel
from attncomp.bench.makers import MakingError, import_file
from attncomp.bench.memory import Watermark
from attncomp.bench.profile import profile_module
from attncomp.bench.rates import measure_rates
from attncomp.bench.task import Call, Task, write_arrays

_LONGEST = 300  # characters of a failure


def serve(questions: TextIO, answers: TextIO) -> None:
    """Answers questions until there are no more."""
    made: dict[str, Call] = {}
    for line in questions:
        question = json.loads(line)
        try:
            answer = _answer(question, made)
        except MakingError as error:
            answer = {"failure": str(error)}
        except MemoryError:
            answer = {"failure": "there is not enough memory"}
        except Exception as error:  # whatever a contestant raises is its result
            text = str(error).strip() or type(error).__name__
            known = text.startswith("E0")
            answer = {"failure": text if known else f"{type(error).__name__}: {' '.join(text.split())[:_LONGEST]}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answer(question: dict[str, Any], made: dict[str, Call]) -> dict[str, Any]:
    if question["do"] == "profile":
        return profile_module(_task(question)).as_json()
    if question["do"] == "rates":
        return measure_rates(question["threads"], question["products"], question["functions"]).as_json()
    name = question["name"]
    if question["do"] == "make":
        made[name] = _maker(question["maker"])(_task(question))
        return {"kernel": blas_kernel()}
    if question["do"] == "run":
        return _run(made[name], Path(question["output"]))
    if question["warm_up"]:
        made[name]()
    return {"seconds": [_seconds(made[name]) for _ in range(question["calls"])]}


def _task(question: dict[str, Any]) -> Task:
    return Task(Path(question["folder"]), question["threads"], question["options"])


def _maker(place: str) -> Any:
    module, function = place.rsplit(":", 1)
    return getattr(import_file(module) if module.endswith(".py") else importlib.import_module(module), function)


def _run(call: Call, output: Path) -> dict[str, Any]:
    """Two calls: the first makes what later ones keep, so that it belongs to the peak, and the second is timed."""
    watermark = Watermark()
    call()
    start = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - start
    peak = watermark.bytes()
    write_arrays(output, [_array(one) for one in (result if isinstance(result, (tuple, list)) else (result,))])
    return {"seconds": seconds, "peak": peak}


def _seconds(call: Call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _array(value: Any) -> np.ndarray:
    """A result as an array; bfloat16, which NumPy lacks, as float32."""
    if hasattr(value, "detach"):
        tensor = value.detach()
        return np.asarray(tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor)
    return np.asarray(value)


def main() -> None:
    """Answers on what was the standard output; whatever a library prints goes to the standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
