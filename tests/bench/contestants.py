"""Contestants of known behaviour, for the tests of the timing core."""

from __future__ import annotations

import os
import time

import numpy as np

from attncomp.bench.makers import MakingError
from attncomp.bench.task import Call, Task


def twice(task: Task) -> Call:
    x, wait = task.inputs["x"], task.options.get("wait", 0.0)

    def call() -> np.ndarray:
        time.sleep(wait)
        return 2 * x

    return call


def three_times(task: Task) -> Call:
    return lambda: 3 * task.inputs["x"]


def hungry(task: Task) -> Call:
    """Touches as many bytes as it is told to, in arrays that it gives back, and then some that it keeps."""
    kept: list[np.ndarray] = []

    def call() -> np.ndarray:
        np.ones(task.options["given_back"], np.uint8)
        if not kept:
            kept.append(np.ones(task.options["kept"], np.uint8))
        return 2 * task.inputs["x"]

    return call


def impossible(task: Task) -> Call:
    raise MakingError("there is no such thing")


def raising(task: Task) -> Call:
    def call() -> object:
        raise ValueError("E071: `x` is wrong\nin two lines")

    return call


def dying(task: Task) -> Call:
    def call() -> object:
        print("farewell")  # what is printed is no answer
        os._exit(7)

    return call


def told(task: Task) -> Call:
    """What the process was told about threads and kernels."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else task.threads
    numbers = [task.threads, count, int(os.environ["OMP_NUM_THREADS"]), "OPENBLAS_CORETYPE" in os.environ]
    return lambda: np.array(numbers)


def same(task: Task) -> Call:
    return lambda: task.inputs["x"]
