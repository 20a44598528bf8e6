"""GPT-2 small against transformers', whose logits and greedy continuations are stored in `tests/references`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from references import generator
from references.compare import BACKENDS, EXAMPLES, network, results, stored
from references.networks.gpt2 import WRITTEN, thinned
from safetensors.numpy import save_file

import attncomp

MODEL = EXAMPLES / "gpt2.attn"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gpt2_generate", EXAMPLES / "gpt2_generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return generator.weights({key: (shape, "f") for key, shape in stored("gpt2").shapes.items()})


@pytest.mark.parametrize("backend", BACKENDS)
def test_logits_and_likeliest_words_are_those_of_transformers(backend: str, weights: dict[str, np.ndarray]) -> None:
    """The continuation is read in one call: no word sees those behind it, so each is what greedy steps would write."""
    module = attncomp.compile(MODEL, backend=backend, model="GPT2", weights=weights)
    assert {key: info.shape for key, info in module.parameters.items()} == stored("gpt2").shapes
    for (prompt,), (logits, written) in zip(network("gpt2").calls, stored("gpt2").outputs, strict=True):
        length = prompt.shape[1]
        assert np.array_equal(written[:, :length], prompt)
        assert written.shape[1] == length + WRITTEN
        (found,) = results(module, (written[:, :-1],))
        kept = thinned(found[:, :length])
        assert (kept.shape, kept.dtype) == (logits.shape, logits.dtype)
        assert np.linalg.norm(kept - logits) / np.linalg.norm(logits) <= 1e-4
        assert found[:, length - 1 :].argmax(-1).tolist() == written[:, length:].tolist()
    fused = [remark.region for remark in module.remarks if remark.kind == "fused"]
    assert fused.count("attention") == 12


def test_the_script_writes_the_words_that_transformers_writes(
    weights: dict[str, np.ndarray], script: ModuleType
) -> None:
    """From the words before the last change of mind, which are not those that a repetition would write."""
    module = attncomp.compile(MODEL, backend="numpy", model="Next", weights=weights)
    written = stored("gpt2").outputs[1][1]
    change = int(np.flatnonzero(np.diff(written[0]))[-1])
    words = np.stack(list(script.greedy(module, written[:, :change], 3)), axis=1)
    assert len(set(words[0].tolist())) == 2
    assert words.tolist() == written[:, change : change + 3].tolist()


def test_reads_a_published_file_and_one_that_transformers_saved(script: ModuleType, tmp_path: Path) -> None:
    options = {"depth": 2, "heads": 2, "width": 8, "vocabulary": 11, "positions": 16}
    module = attncomp.compile(MODEL, model="GPT2", **options)
    drawn = generator.weights({key: (info.shape, "f") for key, info in module.parameters.items()})
    mask = np.tril(np.ones((1, 1, 16, 16), np.float32))
    published = {key.removeprefix(script.PREFIX): array for key, array in drawn.items()} | {"h.0.attn.bias": mask}
    saved = drawn | {"lm_head.weight": drawn["transformer.wte.weight"].copy()}
    words = np.array([[1, 2, 3]])
    module.load(drawn)
    expected = module(words).copy()
    for name, content in (("published", published), ("saved", saved)):
        save_file(content, tmp_path / name)
        module.initialize()
        assert not np.allclose(module(words), expected)
        module.load(script.checkpoint(tmp_path / name))
        assert np.array_equal(module(words), expected)
