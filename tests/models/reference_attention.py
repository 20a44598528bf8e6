"""Attention with other scores than the scaled dot product, written as batched matrix products."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


def heads_of(x: Tensor, heads: int) -> Tensor:
    """[batch, seq, (head key)] to [batch, head, seq, key]."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def joined(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


def bare(source: int, target: int) -> nn.Linear:
    return nn.Linear(source, target, bias=False)


class Additive(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query_proj, self.source_proj = nn.Linear(6, 5), bare(4, 5)
        self.v = nn.Parameter(torch.randn(5))

    def score(self, q: Tensor, m: Tensor) -> Tensor:
        return (self.query_proj(q)[:, :, None] + self.source_proj(m)[:, None]).tanh() @ self.v


class Bahdanau(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attend, self.show = Additive(), Additive()

    def forward(self, q: Tensor, m: Tensor, keep: Tensor) -> tuple[Tensor, ...]:
        plain = self.attend.score(q, m).softmax(-1) @ m
        weights = self.show.score(q, m).masked_fill(~keep[:, None], -math.inf).softmax(-1)
        return plain, weights @ m, weights


class Cosine(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = bare(8, 24), nn.Linear(8, 8)
        self.logit_scale = nn.Parameter(torch.full((2, 1, 1), 2.3))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (heads_of(part, 2) for part in self.qkv(x).chunk(3, -1))
        scores = functional.normalize(q, dim=-1) @ functional.normalize(k, dim=-1).mT
        scores = scores * self.logit_scale.clamp(max=math.log(100.0)).exp()
        return self.proj(joined(scores.softmax(-1) @ v))


class Alibi(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        q, k, v = (heads_of(layer(x), 4) for layer in (self.query, self.key, self.value))
        place = torch.arange(x.shape[1])
        slopes = torch.tensor([0.25, 0.0625, 0.015625, 0.00390625])
        apart = place[:, None] - place
        scores = q @ k.mT / math.sqrt(2) - slopes[:, None, None] * apart
        seen = (apart >= 0) & keep[:, None, None]
        rows = scores.masked_fill(~seen, -math.inf).softmax(-1).nan_to_num(0)
        return joined(rows @ v)


class Local(nn.Module):
    def __init__(self, reach: int) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (bare(8, 8) for _ in range(4))
        self.reach = reach

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (heads_of(layer(x), 2) for layer in (self.q, self.k, self.v))
        scores = 5 * (q @ k.mT / 2 / 5).tanh()
        all_ = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool)
        seen = all_.tril() & all_.triu(1 - self.reach) if self.reach else all_.tril()
        return self.o(joined(scores.masked_fill(~seen, -math.inf).softmax(-1) @ v))


class Gemma(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Local(3), Local(0)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = x + layer(x)
        return 3 * (x / 3).tanh()


class LinearAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        q, k, v = (heads_of(layer(x), 2) for layer in (self.q_proj, self.k_proj, self.v_proj))
        weights = (functional.elu(q) + 1) @ (functional.elu(k) + 1).mT
        past = weights.tril()
        return tuple(joined(one / one.sum(-1, keepdim=True) @ v) for one in (weights, past))


class Shown(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)

    def forward(self, query: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        return self.attention(query, memory, memory)


class T5(nn.Module):
    """The buckets are those of transformers' `T5Attention._relative_position_bucket`."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v, self.o = (bare(8, 8) for _ in range(4))
        self.relative_attention_bias = nn.Embedding(8, 2)

    @staticmethod
    def bucket(apart: Tensor) -> Tensor:
        half, exact = 4, 2
        side = (apart > 0).long() * half
        apart = apart.abs()
        far = exact + (torch.log(apart.float() / exact) / math.log(20 / exact) * (half - exact)).long()
        return side + torch.where(apart < exact, apart, far.clamp(max=half - 1))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (heads_of(layer(x), 2) for layer in (self.q, self.k, self.v))
        place = torch.arange(x.shape[1])
        bias = self.relative_attention_bias(self.bucket(place - place[:, None])).permute(2, 0, 1)
        return self.o(joined((q @ k.mT + bias).softmax(-1) @ v))


class Flow(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.w_context, self.w_question, self.w_both = (nn.Parameter(torch.randn(5)) for _ in range(3))

    def forward(self, context: Tensor, question: Tensor) -> Tensor:
        scores = (context @ self.w_context)[:, :, None] + (question @ self.w_question)[:, None]
        scores = scores + (context * self.w_both) @ question.mT
        answered = scores.softmax(-1) @ question
        marked = (scores.amax(-1).softmax(-1)[:, None] @ context).expand_as(context)
        return torch.cat([context, answered, context * answered, context * marked], -1)
