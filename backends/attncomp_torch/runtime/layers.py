"""Layers that keep statistics of what they see."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def batch_norm(
    x: Tensor,
    mean: Tensor,
    variance: Tensor,
    weight: Tensor,
    bias: Tensor,
    training: bool,
    momentum: float,
    epsilon: float,
    batches_tracked: Tensor,
) -> Tensor:
    """Normalizes with the statistics of the batch, counted, in training; else the running ones."""
    if training:
        batches_tracked.add_(1)
    return F.batch_norm(x, mean, variance, weight, bias, training, momentum, epsilon)
