"""What a backend is."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from attncomp.lowering.program import Program


@runtime_checkable
class Backend(Protocol):
    """Writes programs as text. Found by the entry point group `attncomp.backends`."""

    @property
    def name(self) -> str:
        """The name on the command line: `numpy`, `torch`."""
        ...

    @property
    def excluded_passes(self) -> frozenset[str]:
        """Names of the graph passes that this backend does not want."""
        ...

    @property
    def in_pieces(self) -> bool:
        """Whether regions come a piece at a time: for a backend that manages its own memory."""
        ...

    @property
    def has_kernels(self) -> bool:
        """Whether it calls kernels for attention of the form `AttentionForm`; any other comes in pieces."""
        ...

    def emit(self, program: Program) -> str:
        """The text of a Python module that computes `program`."""
        ...
