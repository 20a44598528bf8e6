"""Cells, patches, convolutions, norms, texts, and arithmetic in other types than f32."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class Steps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(4, 5)

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        every = []
        for step in x.unbind(1):
            h, c = self.cell(step, (h, c))
            every.append(h)
        return torch.stack(every, 1), h, c


class VisionAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).flatten(2))


class VisionLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(8, 1e-6), nn.LayerNorm(8, 1e-6)
        self.attn = VisionAttention()
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(8, 32), "fc2": nn.Linear(32, 8)})

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp["fc2"](functional.gelu(self.mlp["fc1"](self.norm2(x))))


class ViT(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, 8, 4, 4)})
        self.cls_token, self.pos_embed = nn.Parameter(torch.zeros(1, 1, 8)), nn.Parameter(torch.randn(1, 7, 8))
        self.blocks = nn.ModuleList(VisionLayer() for _ in range(2))
        self.norm, self.head = nn.LayerNorm(8, 1e-6), nn.Linear(8, 3)

    def forward(self, image: Tensor) -> Tensor:
        patches = self.patch_embed["proj"](image).flatten(2).mT
        x = torch.cat([self.cls_token.expand(len(image), -1, -1), patches], 1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.slow = nn.Conv1d(4, 6, 5, 2, 3, groups=2)
        self.each = nn.Conv2d(4, 8, (3, 2), (2, 1), dilation=(1, 3), groups=4)
        self.odd = nn.Conv2d(4, 6, (2, 3), (1, 2), bias=False)

    def forward(self, wave: Tensor, image: Tensor) -> tuple[Tensor, ...]:
        padded = functional.pad(image, (0, 2, 1, 0), value=0.5)
        return self.slow(wave), self.each(image), self.odd(padded)


class Upsample(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.twice = nn.ConvTranspose2d(3, 5, 3, 2, 1, 1)
        self.same = nn.ConvTranspose2d(3, 5, 5, 1, 2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.twice(x), self.same(x)


class Norms(nn.Module):
    """`layer` has a weight for every channel and column, and no row."""

    def __init__(self) -> None:
        super().__init__()
        self.group, self.layer, self.root = nn.GroupNorm(3, 6), nn.LayerNorm((6, 4), 1e-3), nn.RMSNorm(4, 1e-5)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        y = functional.layer_norm(x.movedim(1, -1), (6,)).movedim(-1, 1)
        unit = y / y.norm(dim=(2, 3), keepdim=True)
        layer = self.layer(x.transpose(1, 2)).transpose(1, 2)
        return self.group(x), layer, self.root(x), functional.group_norm(x, 1), unit


class Sentences(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words, self.places, self.norm = nn.Embedding(17, 6), nn.Embedding(12, 6), nn.LayerNorm(6)

    def forward(self, tokens: Tensor, mask: Tensor, labels: Tensor) -> tuple[Tensor, ...]:
        x = self.norm(self.words(tokens) + self.places(torch.arange(tokens.shape[1])))
        kept = mask[:, :, None].to(x.dtype)
        mean = (x * kept).sum(1) / kept.sum(1).clamp(min=1e-9)
        cosine = functional.cosine_similarity(mean[:, None], labels, dim=-1)
        return cosine, cosine.argmax(-1), (10 * cosine).log_softmax(-1)


class Half(nn.Module):
    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (x.unflatten(-1, (2, 4)).transpose(1, 2) for x in (q, k, v))
        weights = (q.float() @ k.float().mT / math.sqrt(4)).softmax(-1).to(v.dtype)
        return (weights @ v).transpose(1, 2).flatten(2)


class Integers(nn.Module):
    def forward(self, a: Tensor, b: Tensor, small: Tensor) -> tuple[Tensor, ...]:
        return (
            a // b,
            a % b,
            a**2 - b**3,
            a / b,
            small * 3 + a,
            (-small).clamp(2, 100) // 3 % 5,
            small * 0.5 + a,
            (a > b).sum(),
            a.argsort(stable=True).argsort(),
            (a > b) & (small != 0) | (b % 2 == 1),
        )


class Field(nn.Module):
    def __init__(self, rate: int) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(4, 4, 3, padding=rate, dilation=rate, bias=False), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x)).relu()


class Selective(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fields = nn.ModuleList([Field(1), Field(2)])
        self.fc, self.fcs = nn.Linear(4, 3), nn.Linear(3, 8)

    def forward(self, x: Tensor) -> Tensor:
        u = torch.stack([field(x) for field in self.fields], 1)
        weights = self.fcs(self.fc(u.sum(1).mean((2, 3))).relu()).view(-1, 2, 4).softmax(1)
        return (weights[..., None, None] * u).sum(1)


class HalfLayer(nn.Module):
    def __init__(self, ratio: int, first: bool) -> None:
        super().__init__()
        self.norm, self.up = nn.LayerNorm(6), nn.Linear(6, 6 * ratio)
        self.down = nn.Linear(6 * ratio, 6, bias=not first)
        self.first = first

    def forward(self, x: Tensor, activation: str) -> Tensor:
        def feed(y: Tensor) -> Tensor:
            hidden = self.up(y)
            return self.down(hidden.relu() ** 2 if activation == "squared" else getattr(functional, activation)(hidden))

        return x + feed(self.norm(x)) if self.first else self.norm(x + feed(x))


class Shared(nn.Module):
    def __init__(self, repeats: int = 3, activation: str = "gelu") -> None:
        super().__init__()
        self.repeats, self.activation = repeats, activation
        self.shared, self.own = HalfLayer(2, True), nn.ModuleList([HalfLayer(1, True), HalfLayer(2, False)])

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(self.repeats):
            x = self.shared(x, self.activation)
        for half in self.own:
            for step in (1, 2):
                x = x + half(x, "squared") / step
        return x


class Sparser(Shared):
    def __init__(self) -> None:
        super().__init__(1, "silu")
