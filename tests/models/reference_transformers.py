"""Transformers as PyTorch has them, or as the published models are."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class Encoder(nn.TransformerEncoder):
    def __init__(self) -> None:
        layer = nn.TransformerEncoderLayer(12, 4, 20, 0.1, "gelu", batch_first=True, norm_first=True)
        super().__init__(layer, 2, nn.LayerNorm(12), enable_nested_tensor=False)

    def forward(self, x: Tensor, keep: Tensor) -> Tensor:
        return super().forward(x, src_key_padding_mask=~keep)


class CausalAttention(nn.Module):
    def __init__(self, embed: int, heads: int) -> None:
        super().__init__()
        self.c_attn = nn.Linear(embed, 3 * embed)
        self.c_proj = nn.Linear(embed, embed)
        self.heads = heads

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.c_attn(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.c_proj(y.transpose(1, 2).flatten(2))


class DecoderBlock(nn.Module):
    def __init__(self, embed: int, heads: int) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(embed), nn.LayerNorm(embed)
        self.attn = CausalAttention(embed, heads)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(embed, 4 * embed), "c_proj": nn.Linear(4 * embed, embed)})

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        hidden = functional.gelu(self.mlp["c_fc"](self.ln_2(x)), approximate="tanh")
        return x + self.mlp["c_proj"](hidden)


class Language(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(23, 8),
                "wpe": nn.Embedding(16, 8),
                "h": nn.ModuleList(DecoderBlock(8, 2) for _ in range(3)),
                "ln_f": nn.LayerNorm(8),
            }
        )

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        parts = self.transformer
        x = parts["wte"](tokens) + parts["wpe"](torch.arange(tokens.shape[1]))
        for block in parts["h"]:
            x = block(x)
        logits = parts["ln_f"](x) @ parts["wte"].weight.T
        return logits, logits[:, -1].argmax(-1)


class Translate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.TransformerDecoderLayer(8, 2, 24, batch_first=True) for _ in range(2))

    def forward(self, x: Tensor, memory: Tensor, alive: Tensor | None = None) -> Tensor:
        causal = nn.Transformer.generate_square_subsequent_mask(x.shape[1], dtype=x.dtype)
        padding = None if alive is None else torch.zeros(alive.shape, dtype=x.dtype).masked_fill(~alive, -math.inf)
        for layer in self.layers:
            x = layer(x, memory, tgt_mask=causal, memory_key_padding_mask=padding)
        return x


class LlamaAttention(nn.Module):
    """Heads of queries in pairs: 4 of queries, 2 of keys and values, 4 numbers each."""

    def __init__(self) -> None:
        super().__init__()
        self.q_proj, self.o_proj = (nn.Linear(16, 16, bias=False) for _ in range(2))
        self.k_proj, self.v_proj = (nn.Linear(16, 8, bias=False) for _ in range(2))

    @staticmethod
    def rotate(x: Tensor) -> Tensor:
        frequencies = 10000.0 ** -(torch.arange(2, dtype=x.dtype) / 2)
        angles = torch.outer(torch.arange(x.shape[-2], dtype=x.dtype), frequencies).repeat(1, 2)
        turned = torch.cat([-x[..., 2:], x[..., :2]], -1)
        return x * angles.cos() + turned * angles.sin()

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (proj(x).unflatten(-1, (-1, 4)).transpose(1, 2) for proj in (self.q_proj, self.k_proj, self.v_proj))
        q, k = self.rotate(q), self.rotate(k)
        k, v = k.repeat_interleave(2, 1), v.repeat_interleave(2, 1)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).flatten(2))


class LlamaLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = (nn.RMSNorm(16, 1e-5) for _ in range(2))
        self.self_attn = LlamaAttention()
        self.mlp = nn.ModuleDict(
            {
                "gate_proj": nn.Linear(16, 24, bias=False),
                "up_proj": nn.Linear(16, 24, bias=False),
                "down_proj": nn.Linear(24, 16, bias=False),
            }
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x))
        y = self.post_attention_layernorm(x)
        return x + self.mlp["down_proj"](functional.silu(self.mlp["gate_proj"](y)) * self.mlp["up_proj"](y))


class Llama(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(LlamaLayer() for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class WindowAttention(nn.Module):
    """As in the code of Swin, batch and windows in one dimension."""

    def __init__(self, embed: int, window: int, heads: int) -> None:
        super().__init__()
        self.window, self.heads = window, heads
        self.relative_position_bias_table = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads))
        self.qkv, self.proj = nn.Linear(embed, 3 * embed), nn.Linear(embed, embed)
        place = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")).flatten(1)
        apart = place[:, :, None] - place[:, None, :] + window - 1
        self.number = apart[0] * (2 * window - 1) + apart[1]

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = q @ k.mT / math.sqrt(q.shape[-1]) + self.relative_position_bias_table[self.number].permute(2, 0, 1)
        if mask is not None:
            per_image = scores.unflatten(0, (-1, mask.shape[0])) + mask[:, None]
            scores = per_image.flatten(0, 1)
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class SwinLayer(nn.Module):
    def __init__(self, embed: int, window: int, shift: int) -> None:
        super().__init__()
        self.window, self.shift = window, shift
        self.norm1, self.norm2 = nn.LayerNorm(embed), nn.LayerNorm(embed)
        self.attn = WindowAttention(embed, window, 2)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(embed, 2 * embed), "fc2": nn.Linear(2 * embed, embed)})

    def windows(self, x: Tensor) -> Tensor:
        b, h, w, c = x.shape
        n = self.window
        return x.view(b, h // n, n, w // n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, n * n, c)

    def mask(self, x: Tensor) -> Tensor:
        _, h, w, _ = x.shape
        regions = torch.zeros(1, h, w, 1)
        parts = (slice(0, -self.window), slice(-self.window, -self.shift), slice(-self.shift, None))
        for number, (rows, cols) in enumerate((rows, cols) for rows in parts for cols in parts):
            regions[:, rows, cols] = number
        flat = self.windows(regions).squeeze(-1)
        return torch.zeros(1, dtype=x.dtype).where(flat[:, :, None] == flat[:, None, :], -math.inf)

    def attend(self, x: Tensor) -> Tensor:
        b, h, w, c = x.shape
        n, shift = self.window, self.shift
        rolled = x.roll((-shift, -shift), (1, 2)) if shift else x
        y = self.attn(self.windows(rolled), self.mask(x) if shift else None)
        y = y.view(b, h // n, w // n, n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        return y.roll((shift, shift), (1, 2)) if shift else y

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(self.norm1(x))
        return x + self.mlp["fc2"](functional.gelu(self.mlp["fc1"](self.norm2(x))))


class Swin(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([SwinLayer(6, 4, 0), SwinLayer(6, 4, 2)])

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return x
