"""Attention that no kernel takes, some queries at a time, so that its score is never whole."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

# How many bytes of scores are made at once, and how many pieces a compiled graph has.
PIECE_BYTES = 1 << 26
COMPILED_PIECES = 8


def by_queries(
    work: Callable[[int, int], Tensor], size: int, each: int, dim: int, *, random: bool = False
) -> Tensor:
    """`work(start, stop)` for pieces of the queries, joined along `dim`; see `pieces_of`."""
    return torch.cat(pieces_of(work, size, each, random), dim)


def all_by_queries(
    work: Callable[[int, int], tuple[Tensor, ...]],
    size: int,
    each: int,
    *dims: int,
    random: bool = False,
) -> tuple[Tensor, ...]:
    """Several results of `work(start, stop)`, each joined along its own dimension."""
    made = zip(*pieces_of(work, size, each, random), strict=True)
    return tuple(torch.cat(pieces, dim) for pieces, dim in zip(made, dims, strict=True))


def pieces_of(
    work: Callable[[int, int], Any], size: int, each: int, random: bool
) -> tuple[Any, ...]:
    """`work(start, stop)` for pieces of `size` queries, a query of which needs `each` bytes.

    What a piece makes inside is made again for its gradient instead of being kept (Chen et al.
    2016, "Training deep nets with sublinear memory cost"); `random` is whether it draws numbers,
    which are then drawn alike. A compiled graph has one piece or a fixed number, whatever the
    sizes; an exported one has one.
    """
    count = COMPILED_PIECES
    if torch.compiler.is_exporting() or size * each <= PIECE_BYTES:
        return (work(0, size),)
    if not torch.compiler.is_compiling():
        count = min(size, -(-size * each // PIECE_BYTES))
    ends = [size * place // count for place in range(count + 1)]
    if not torch.is_grad_enabled():
        return tuple(work(start, stop) for start, stop in pairwise(ends))
    return tuple(
        checkpoint(work, start, stop, use_reentrant=False, preserve_rng_state=random)
        for start, stop in pairwise(ends)
    )
