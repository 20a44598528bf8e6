"""Attention of the library against PyTorch's own, with its weights, through both backends, at two sizes each."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from references import generator
from references.compare import BACKENDS, results
from torch import nn
from torch.nn import functional

import attncomp

TOLERANCE = 1e-5
IMPORT = "from std.attention import MultiHeadAttention\n"
SELF = (
    IMPORT
    + """
model M{causal = false, groups = 0}(x: f32[batch, seq, embed = 32]) -> f32[batch, seq, embed] {
  layer attn = MultiHeadAttention{
    source: seq',
    width: embed,
    heads = 4,
    groups = groups,
    causal = causal,
  } as ""
  return attn(x, x[seq -> seq'])
}
"""
)
CROSS = (
    IMPORT
    + """
model M(
  x: f32[batch, seq, embed = 32],
  memory: f32[batch, source, width = 24],
  mask: bool[batch, seq, source] = none,
) -> f32[batch, seq, embed] {
  layer attn = MultiHeadAttention{heads = 4} as ""
  return attn(x, memory, mask)
}
"""
)


def weighted(module: attncomp.Module) -> dict[str, torch.Tensor]:
    """Loads the generator's weights, and returns them as tensors."""
    drawn = generator.weights({key: (info.shape, "f") for key, info in module.parameters.items()})
    module.load(drawn)
    return {key: torch.from_numpy(array) for key, array in drawn.items()}


def reference(weights: dict[str, torch.Tensor], width: int) -> nn.MultiheadAttention:
    """PyTorch's layer of 4 heads and width 32; it joins the projections where the memory is as wide as the query."""
    theirs = nn.MultiheadAttention(32, 4, batch_first=True, kdim=width, vdim=width)
    parts = [weights[f"{name}_proj.weight"] for name in "qkv"]
    state = {f"{name}_proj_weight": part for name, part in zip("qkv", parts, strict=True)}
    if width == 32:
        state = {"in_proj_weight": torch.cat(parts)}
    state["in_proj_bias"] = torch.cat([weights[f"{name}_proj.bias"] for name in "qkv"])
    state |= {key: weights[key] for key in ("out_proj.weight", "out_proj.bias")}
    theirs.load_state_dict(state)
    return theirs.eval()


def close(found: np.ndarray, wanted: torch.Tensor) -> bool:
    theirs = wanted.detach().numpy()
    return found.shape == theirs.shape and float(np.linalg.norm(found - theirs) / np.linalg.norm(theirs)) <= TOLERANCE


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("causal", [False, True])
def test_self_attention(backend: str, causal: bool) -> None:
    module = attncomp.compile(SELF, backend=backend, causal=causal)
    theirs = reference(weighted(module), 32)
    for batch, seq in ((2, 7), (1, 33)):
        x = generator.picture("x", batch, seq, 32)
        query = torch.from_numpy(x)
        hidden = torch.ones(seq, seq, dtype=torch.bool).triu(1) if causal else None
        wanted, _ = theirs(query, query, query, attn_mask=hidden, need_weights=False)
        assert close(results(module, (x,))[0], wanted)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("masked", [False, True])
def test_cross_attention(backend: str, masked: bool) -> None:
    module = attncomp.compile(CROSS, backend=backend, present=["mask"] if masked else [])
    theirs = reference(weighted(module), 24)
    for batch, seq, source in ((2, 5, 9), (3, 17, 4)):
        x, memory = generator.picture("x", batch, seq, 32), generator.picture("memory", batch, source, 24)
        mask = generator.tokens("mask", 2, batch, seq, source) == 1
        mask[:, :, 0] = True
        keys = torch.from_numpy(memory)
        hidden = torch.from_numpy(~mask).repeat_interleave(4, dim=0) if masked else None
        wanted, _ = theirs(torch.from_numpy(x), keys, keys, attn_mask=hidden, need_weights=False)
        assert close(results(module, (x, memory, mask) if masked else (x, memory))[0], wanted)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("groups", [1, 2])
def test_heads_that_share_keys_and_values(backend: str, groups: int) -> None:
    module = attncomp.compile(SELF, backend=backend, causal=True, groups=groups)
    weights = weighted(module)
    assert module.parameters["k_proj.weight"].shape == (8 * groups, 32)
    for batch, seq in ((2, 7), (1, 33)):
        x = generator.picture("x", batch, seq, 32)
        q, k, v = (
            functional.linear(torch.from_numpy(x), weights[f"{name}_proj.weight"], weights[f"{name}_proj.bias"])
            .unflatten(-1, (-1, 8))
            .transpose(1, 2)
            for name in "qkv"
        )
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        wanted = functional.linear(
            mixed.transpose(1, 2).flatten(2), weights["out_proj.weight"], weights["out_proj.bias"]
        )
        assert close(results(module, (x,))[0], wanted)


def test_groups_must_divide_the_heads() -> None:
    with pytest.raises(attncomp.CompileError, match="4 does not divide by 3"):
        attncomp.compile(SELF, groups=3)
