"""The parameters of a module: a tree of groups named by the segments of their keys."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from attncomp_torch.runtime.weights import load_weights


class Weight(NamedTuple):
    """A tensor of the checkpoint: its shape, what fills it at first, and whether it is trained."""

    shape: tuple[int, ...]
    fill: Callable[[Tensor], object]
    dtype: torch.dtype = torch.float32
    trainable: bool = True


class Group(nn.Module):
    """Parameters, buffers and smaller groups, by their names in the checkpoint."""

    def __init__(self, /, **members: Weight | nn.Module) -> None:
        super().__init__()
        self._weights = {
            name: member for name, member in members.items() if isinstance(member, Weight)
        }
        for name, member in members.items():
            if isinstance(member, nn.Module):
                self.register_module(name, member)
            elif member.trainable:
                self.register_parameter(
                    name, nn.Parameter(torch.empty(member.shape, dtype=member.dtype))
                )
            else:
                self.register_buffer(name, torch.empty(member.shape, dtype=member.dtype))

    def reset_parameters(self) -> None:
        """Fills every parameter and buffer anew; `torch.manual_seed` decides the numbers."""
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, Group):
                    for name, weight in module._weights.items():
                        weight.fill(getattr(module, name))

    def load_weights(
        self, source: str | os.PathLike[str] | Mapping[str, Any], strict: bool = True
    ) -> None:
        """Copies weights from tensors or arrays by key, or from an .npz or .safetensors file.

        Raises ValueError that lists all that is missing, unexpected (unless not `strict`) or of
        another shape.
        """
        load_weights(self, source, strict)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Members are known by the checkpoint's keys alone."""


def fan_in_uniform(fan_in: int) -> Callable[[Tensor], object]:
    """Fills uniformly within 1 / sqrt(fan_in), as PyTorch's own layers start."""
    return partial(nn.init.uniform_, a=-(fan_in**-0.5), b=fan_in**-0.5)
