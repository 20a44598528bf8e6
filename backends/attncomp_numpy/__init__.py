"""The NumPy backend: a program as a module that imports NumPy alone."""

from __future__ import annotations

from attncomp.lowering.program import Program
from attncomp_numpy.module import module_text


class NumpyBackend:
    """Writes NumPy modules."""

    name = "numpy"
    excluded_passes: frozenset[str] = frozenset()
    in_pieces = True
    has_kernels = False

    def emit(self, program: Program) -> str:
        """The text of a module that computes `program`."""
        return module_text(program)


backend = NumpyBackend()
