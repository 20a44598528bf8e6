"""What a number was measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from attncomp.bench.crew import cores, environment, python

LIBRARIES = ("numpy", "torch", "onnxruntime", "transformers")


def describe(threads: int | None = None, libraries: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """The processor, the cores and how busy they are, the versions of Python and of libraries, and NumPy's BLAS."""
    told = {
        "processor": _processor(),
        "cores": str(cores()),
        "threads": str(threads or cores()),
        "load": load(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "libraries": ", ".join(f"{package} {_version(package)}" for package in libraries),
        "BLAS of NumPy": _kernel(threads),
    }
    return {name: text for name, text in told.items() if text}


def load() -> str:
    """The average number of processes that ran or waited, over 1, 5 and 15 minutes; empty where it is not told."""
    if not hasattr(os, "getloadavg"):
        return ""
    return ", ".join(f"{average:.1f}" for average in os.getloadavg())


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _kernel(threads: int | None) -> str:
    """Asked of a process with the environment of those that are measured: this one may have a slower kernel."""
    program = "from attncomp.bench.blas import blas_kernel; print(blas_kernel())"
    done = subprocess.run(
        [*python(), "-c", program], env=environment(threads), capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"
