"""Softmax and attention in which a row that is masked out completely is 0, its gradient too."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def softmax(scores: Tensor, *dims: int) -> Tensor:
    """The softmax over `dims`; a row of -inf alone gives 0, and passes a gradient of 0."""
    if scores.numel() == 0:
        return scores
    peak = scores.detach().amax(dims, keepdim=True)
    masked_out = peak == -torch.inf
    if len(dims) == 1:
        return F.softmax(scores.masked_fill(masked_out, 0), dims[0]).masked_fill(masked_out, 0)
    powers = torch.exp(scores - peak.masked_fill(masked_out, 0))
    return powers / powers.sum(dims, keepdim=True).masked_fill(masked_out, 1)


def log_softmax(scores: Tensor, *dims: int) -> Tensor:
    """The logarithm of the softmax over `dims`; a row of -inf alone stays -inf."""
    if scores.numel() == 0:
        return scores
    peak = scores.detach().amax(dims, keepdim=True)
    masked_out = peak == -torch.inf
    shifted = scores - peak.masked_fill(masked_out, 0)
    return shifted - torch.exp(shifted).sum(dims, keepdim=True).masked_fill(masked_out, 1).log()


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    leading: tuple[int, ...],
    *,
    mask: Tensor | None = None,
    dropout: float = 0.0,
    scale: float = 1.0,
) -> Tensor:
    """softmax(scale * query @ key^T + mask) @ value, on [..., target or source, key or value].

    The leading dimensions broadcast to `leading`; a mask, of booleans or added to the scores,
    broadcasts against [..., target, source]. PyTorch's kernels take four dimensions, and give 0
    for a row that is masked out completely.
    """
    if mask is not None:
        packed = leading if mask.shape[:-3].numel() != 1 else leading[-1:]
        mask = batch_and_heads(mask, packed)
    result = F.scaled_dot_product_attention(
        batch_and_heads(query, leading),
        batch_and_heads(key, leading),
        batch_and_heads(value, leading),
        attn_mask=mask,
        dropout_p=dropout,
        scale=scale,
    )
    return result.reshape(leading + result.shape[-2:])


def batch_and_heads(x: Tensor, leading: tuple[int, ...]) -> Tensor:
    """`x` with its leading dimensions broadcast to `leading`, all but the last packed into one."""
    rows, columns = x.shape[-2:]
    if len(leading) < 2:
        heads = leading[-1] if leading else 1
        return x.reshape(x.shape[-3:]).expand(heads, rows, columns).unsqueeze(0)
    return x.expand(*leading, rows, columns).flatten(0, len(leading) - 2)
