"""Softmax in which a row that is masked out completely is 0, its gradient too."""

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
