"""Which BLAS NumPy calls, and which of its kernels runs: OpenBLAS chooses one for the processor, or is told to."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_MAPS = Path("/proc/self/maps")
# The builds of OpenBLAS: that of NumPy's own wheels, with and without 64-bit indices, and those of systems.
_AFFIXES = (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", ""))


def blas_kernel() -> str:
    """Such as `OpenBLAS 0.3.31, kernel Haswell, 2 threads`, or what NumPy was built with where it is another one."""
    for path in _libraries():
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        for affixes in _AFFIXES:
            core = _function(library, "get_corename", affixes, ctypes.c_char_p)
            config = _function(library, "get_config", affixes, ctypes.c_char_p)
            threads = _function(library, "get_num_threads", affixes, ctypes.c_int)
            if core is not None and config is not None and threads is not None:
                version = " ".join(config().decode("ascii", "replace").split()[:2])
                return f"{version}, kernel {core().decode('ascii', 'replace')}, {threads()} threads"
    return _built_with()


def _libraries() -> Iterator[Path]:
    """The files of OpenBLAS that this process has loaded, or that lie beside NumPy."""
    found: dict[Path, None] = {}
    if _MAPS.exists():
        for line in _MAPS.read_text(encoding="utf-8", errors="replace").splitlines():
            path = Path(line.split(maxsplit=5)[-1])
            if "openblas" in path.name:
                found[path] = None
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        if folder.is_dir():
            found.update((path, None) for path in sorted(folder.iterdir()) if "openblas" in path.name)
    return iter(found)


def _function(library: ctypes.CDLL, name: str, affixes: tuple[str, str], result: Any) -> Any:
    prefix, suffix = affixes
    function = getattr(library, f"{prefix}openblas_{name}{suffix}", None)
    if function is not None:
        function.argtypes, function.restype = (), result
    return function


def _built_with() -> str:
    configuration: Any = np.show_config(mode="dicts")
    blas = configuration.get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'unknown')} {blas.get('version', '')}".strip() + ", kernel unknown"
