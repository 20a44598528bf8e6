"""The processes that contestants live in, as seen from the one that asks them."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from types import TracebackType
from typing import Any

# Set by some hosts: for old OpenBLAS builds, with which a current NumPy is slower, and against compiled Python files,
# without which every process compiles each module anew.
_SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class WorkerError(Exception):
    """What a contestant's process answered, or that it ended."""


def environment(threads: int | None = None) -> dict[str, str]:
    """The environment that measured processes run in: this one, without what slows NumPy or the start of Python.

    With `threads`, libraries that read it from there use as many.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _SLOWING}
    counts = {} if threads is None else dict.fromkeys(_THREADS, str(threads))
    return {**kept, **counts, "HF_HUB_OFFLINE": "1"}


def python() -> list[str]:
    """The interpreter, which shall not take a file of the current folder for a library."""
    return [sys.executable, "-P"]


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Worker:
    """A process that makes contestants and calls them."""

    def __init__(self, threads: int) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        self._process = subprocess.Popen(
            [*python(), "-m", "attncomp.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment(threads),
            text=True,
            encoding="utf-8",
        )
        # A pool that counts cores by itself finds as many as it may use.
        if hasattr(os, "sched_setaffinity") and threads < cores():
            os.sched_setaffinity(self._process.pid, sorted(os.sched_getaffinity(0))[:threads])

    def ask(self, do: str, name: str = "", **details: Any) -> Mapping[str, Any]:
        """The answer to a question, see `worker`. Raises WorkerError where it is a failure."""
        self.send(do, name, **details)
        return self.answer()

    def send(self, do: str, name: str = "", **details: Any) -> None:
        """Asks and does not wait: the answer, also that there is no process any more, is had from `answer`."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(json.dumps({"do": do, "name": name, **details}) + "\n")
            self._process.stdin.flush()

    def answer(self) -> Mapping[str, Any]:
        """The answer to the first question that has none yet. Raises WorkerError where it is a failure."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(self._last_words())
        answer: Mapping[str, Any] = json.loads(line)
        if "failure" in answer:
            raise WorkerError(answer["failure"])
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def _last_words(self) -> str:
        status = self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return f"its process {how}" + (f": {lines[-1]}" if lines else "")


class Crew:
    """Workers by contestant: one each, or one for all where only results matter, since starting them takes seconds."""

    def __init__(self, threads: int, *, shared: bool = False) -> None:
        self.threads = threads
        self._shared = Worker(threads) if shared else None
        self._own: list[Worker] = []

    def worker(self) -> Worker:
        """The worker of the next contestant."""
        if self._shared is not None:
            return self._shared
        self._own.append(Worker(self.threads))
        return self._own[-1]

    def dismiss(self) -> None:
        """Ends the workers of their own."""
        while self._own:
            self._own.pop().close()

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.dismiss()
        if self._shared is not None:
            self._shared.close()
