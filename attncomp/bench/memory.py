"""How much memory a stretch of work takes: the high-water mark of this process above where it stood before."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


class Watermark:
    """The high-water mark of resident memory since this was made, as bytes above what was resident then.

    Linux can set its mark back; elsewhere the mark is that of the whole process, so that work which stays below an
    earlier peak counts as nothing.
    """

    def __init__(self) -> None:
        gc.collect()
        _return_freed_memory()
        with contextlib.suppress(OSError):
            _RESET.write_text("5", encoding="ascii")  # sets VmHWM to VmRSS, see proc_pid_clear_refs(5)
        self._before = _kilobytes("VmRSS") if _STATUS.exists() else _highest()

    def bytes(self) -> int | None:
        """The bytes so far, None where the system does not tell."""
        highest = _kilobytes("VmHWM") if _STATUS.exists() else _highest()
        return None if highest is None or self._before is None else max(highest - self._before, 0)


def _return_freed_memory() -> None:
    """Gives what the C library keeps of freed memory back, or a peak in it would not be seen."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _kilobytes(entry: str) -> int | None:
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{entry}:"):
            return int(line.split()[1]) * 1024
    return None


def _highest() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
