"""What a number was measured on."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# Set by some hosts: for old OpenBLAS builds, with which a current NumPy is slower, and against compiled Python files,
# without which every process compiles each module anew. An installed package has them.
_SLOWING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE")
_KERNEL = """
import numpy, threadpoolctl
for library in threadpoolctl.threadpool_info():
    if library["user_api"] == "blas":
        kernel = library.get("architecture", "unknown kernel")
        print(library["internal_api"], library["version"], kernel, library["num_threads"], "threads")
"""


def environment() -> Mapping[str, str]:
    """The environment that measured processes run in: this one, without what slows NumPy or the start of Python."""
    return {**{name: value for name, value in os.environ.items() if name not in _SLOWING}, "HF_HUB_OFFLINE": "1"}


def describe() -> dict[str, str]:
    """The processor, the cores, the versions of Python and of the libraries, and the BLAS kernel that NumPy uses."""
    packages = ("numpy", "torch", "transformers")
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "libraries": ", ".join(f"{package} {_version(package)}" for package in packages),
        "BLAS of NumPy": _kernel(),
    }


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


def _kernel() -> str:
    done = subprocess.run(
        [sys.executable, "-c", _KERNEL], env=environment(), capture_output=True, text=True, check=False
    )
    return done.stdout.strip().replace("\n", "; ") or "unknown (threadpoolctl is absent)"
