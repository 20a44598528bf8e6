"""Which arguments attention regions hand to PyTorch's kernel, and that the numbers are those of the interpreter."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import attncomp
from attncomp.ir.interpret import interpret
from attncomp.pipeline import build, parse

HEAD = """
model Attend(
  q: f32[batch, head = 4, query, key = 8],
  k: f32[batch, head, source, key],
  v: f32[batch, head, source, value],
  keep: bool[batch, source],
  near: bool[query, source],
  bias: f32[head, query, source],
  t: f32[head],
  g: f32[batch, head, source],
) -> f32[batch, head, query, value] {
  s = q @{key} k / sqrt(|key|)
  far: {query, source} = arange{query} - arange{source}
  return BODY
}
"""
KEPT = "softmax{source}(where(MASK, s, -inf)) @{source} v"
CAUSAL = [
    "arange{query} >= arange{source}",
    "arange{source} <= arange{query}",
    "arange{query} > arange{source} - 1",
    "not (arange{source} > arange{query})",
    "not (arange{query} < arange{source})",
    "far >= 0",
    "far + 1 > 0",
    "0 - far < 1",
    "2 * arange{query} + 1 >= 2 * arange{source}",
]
OTHERS = [
    "arange{query} > arange{source}",
    "arange{query} + 1 >= arange{source}",
    "arange{query} <= arange{source}",
    "2 * arange{query} >= arange{source}",
    "far >= 0 and far < 2",
]
WRITTEN = {
    "plain": ("softmax{source}(s) @{source} v", []),
    "masks": ("softmax{source}(where(keep, where(near, s, -inf), -inf)) @{source} v", ["attn_mask"]),
    "bias and mask": ("softmax{source}(where(keep, s + bias, -inf)) @{source} v", ["attn_mask"]),
    "less a bias": ("softmax{source}(s - bias) @{source} v", ["attn_mask"]),
    "bias behind a mask": ("softmax{source}(where(keep, s, -inf) + bias) @{source} v", ["attn_mask"]),
    "scaled with its bias": ("softmax{source}(2 * (s + bias)) @{source} v", ["attn_mask"]),
    "temperature of heads": ("softmax{source}(s * t) @{source} v", []),
    "temperature and bias": ("softmax{source}((s + bias) / (1 + t * t)) @{source} v", ["attn_mask"]),
    "temperature of sources": ("softmax{source}(s * g) @{source} v", []),
    "weights with a factor": ("(softmax{source}(s) * g) @{source} v", []),
    "weights with a number": ("(0.5 * softmax{source}(s)) @{source} v", []),
    "causal with a bias": ("softmax{source}(where(far >= 0, s + bias, -inf)) @{source} v", ["attn_mask"]),
    "negative": ("softmax{source}(0 - s) @{source} v", []),
}


def agreeing(text: str, **sizes: int) -> str:
    """The call of the kernel in the module of a model, whose numbers and gradients are those of its decomposition."""
    graph = build(parse(text)).graph
    module = attncomp.compile(text, backend="torch")
    for call in range(2):
        random = np.random.default_rng(call)
        inputs: dict[str, np.ndarray] = {}
        for node in graph.nodes("input"):
            known = {"batch": 2, "query": 5 + call, "source": 6 - call, "value": 3, **sizes}
            shape = [
                axis.size.evaluate({name: known.get(name, 4) for name in axis.size.symbols()})
                for axis in node.type.axes
            ]
            drawn = random.normal(size=shape)
            inputs[str(node.attributes["name"])] = (
                drawn > -0.4 if str(node.type.dtype) == "bool" else drawn.astype(np.float32)
            )
        wanted = next(iter(interpret(graph, inputs, {}).values()))
        np.testing.assert_allclose(module(**inputs).numpy(), wanted, rtol=2e-5, atol=2e-5)
    (found,) = re.findall(r"F\.scaled_dot_product_attention\(.*?\n(?= {8}\w)", module.source, re.DOTALL) or [""]
    return str(found)


@pytest.mark.parametrize("mask", CAUSAL)
def test_a_causal_mask_in_any_spelling_is_no_array(mask: str) -> None:
    found = agreeing(HEAD.replace("BODY", KEPT.replace("MASK", mask)))
    assert "is_causal=True" in found and "attn_mask" not in found


@pytest.mark.parametrize("mask", OTHERS)
def test_another_mask_of_positions_is_one(mask: str) -> None:
    found = agreeing(HEAD.replace("BODY", KEPT.replace("MASK", mask)))
    assert "is_causal" not in found and "attn_mask=" in found


@pytest.mark.parametrize("name", WRITTEN)
def test_what_has_a_place_in_the_kernel_is_put_there(name: str) -> None:
    body, arguments = WRITTEN[name]
    found = agreeing(HEAD.replace("BODY", body))
    assert found.startswith("F.scaled_dot_product_attention(")
    assert [word for word in ("attn_mask", "is_causal", "enable_gqa") if f"{word}=" in found] == arguments


@pytest.mark.parametrize(
    ("mask", "arguments"),
    [("arange{query} >= arange{source}", ["is_causal", "enable_gqa"]), ("keep", ["attn_mask"])],
)
def test_heads_share_keys(mask: str, arguments: list[str]) -> None:
    text = """
model Grouped(
  q: f32[batch, head = 2, mate = 3, query, key = 8],
  k: f32[batch, head, source, key],
  v: f32[batch, head, source, value],
  keep: bool[batch, source],
) -> f32[batch, head, mate, query, value] {
  return softmax{source}(where(MASK, q @{key} k / sqrt(|key|), -inf)) @{source} v
}
"""
    found = agreeing(text.replace("MASK", mask))
    words = [word for word in ("attn_mask", "is_causal", "enable_gqa") if f"{word}=" in found]
    assert words == arguments


def test_a_mask_is_not_repeated_for_what_it_lacks() -> None:
    """The bias of heads and the mask of windows are joined for every window and head, and not for every example."""
    text = """
model Windows(
  q: f32[batch, window = 4, head = 2, i, key = 8],
  k: f32[batch, window, head, j, key],
  v: f32[batch, window, head, j, value],
  near: bool[window, i, j],
  bias: f32[head, i, j],
) -> f32[batch, window, head, i, value] {
  return softmax{j}(where(near, q @{key} k + bias, -inf)) @{j} v
}
"""
    agreeing(text)
    source = attncomp.compile(text, backend="torch").source
    assert ".reshape(1, 8, i, j)" in source and ".expand(" not in source


def test_keys_that_lie_the_other_way_are_copied_for_the_kernel() -> None:
    text = """
model Turned(
  q: f32[batch, head = 2, query, key = 8],
  k: f32[batch, head, key, source],
  v: f32[batch, head, value, source],
) -> f32[batch, head, query, value] {
  return softmax{source}(q @{key} k) @{source} v
}
"""
    found = agreeing(text)
    assert found
    source = attncomp.compile(text, backend="torch").source
    assert source.count(".contiguous()") == 2


def test_a_causal_attention_without_sources() -> None:
    module = attncomp.compile(HEAD.replace("BODY", KEPT.replace("MASK", "far >= 0")), backend="torch")
    empty = torch.zeros(2, 4, 0, 8)
    result = module(
        torch.ones(2, 4, 3, 8), empty, empty[..., :3], torch.ones(2, 0) > 0, torch.ones(3, 0) > 0,
        torch.zeros(4, 3, 0), torch.ones(4), torch.ones(2, 4, 0),
    )  # fmt: skip
    assert result.shape == (2, 4, 3, 3) and result.abs().max() == 0


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (KEPT.replace("MASK", "far >= 0"), "an attention kernel does it, with its causal mask by name"),
        (WRITTEN["bias and mask"][0], "an attention kernel does it, with a bias that holds its mask"),
        ("softmax{source}(tanh(s)) @{source} v", "no attention kernel does it, because its score goes through `tanh`"),
        ("softmax{source}(s * bias) @{source} v", "because each pair of its score has a factor of its own"),
        ("softmax{source}(where(keep, s, -1e9)) @{source} v", "gives the excluded pairs a score other than -inf"),
        ("relu(softmax{source}(s)) @{source} v", "because its weights go through `relu`"),
    ],
)
def test_a_note_says_what_a_kernel_does_and_why_not(body: str, said: str) -> None:
    text = HEAD.replace("BODY", body)
    (note,) = (one for one in attncomp.compile(text, backend="torch").remarks if one.kind == "note")
    assert said in note.message and note.span is not None
    instead = "some queries at a time" if "no attention kernel" in note.message else "does it"
    assert instead in note.message
    assert not any("kernel" in one.message for one in attncomp.compile(text).remarks)
