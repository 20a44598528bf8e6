"""The PyTorch backend: a program as an nn.Module. Importing this does not import torch."""

from __future__ import annotations

from dataclasses import dataclass

from attncomp.emission.backend import Backend
from attncomp.lowering.program import Program
from attncomp_torch.arranging import arranged
from attncomp_torch.counting import counted
from attncomp_torch.module import module_text


@dataclass(frozen=True)
class TorchBackend:
    """Writes a module that imports torch alone, with parameters under the checkpoint's own keys."""

    name: str = "torch"
    # Parameters stay the checkpoint's own and trainable: to concatenate them at each call costs more than the one
    # product of merged projections saves, and a batch norm within a weight would not train. Pointwise operators are
    # fused by torch.compile, and by nobody without it.
    excluded_passes: frozenset[str] = frozenset({"merge-projections", "fold-batch-norm", "find-pointwise-regions"})

    in_pieces: bool = False
    has_kernels: bool = True

    def emit(self, program: Program) -> str:
        """The text of the module. Raises DiagnosticError (E061) for a key that torch.nn.Module cannot hold."""
        return module_text(arranged(counted(program)))


backend: Backend = TorchBackend()
