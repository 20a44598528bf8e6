"""The captioning step against PyTorch, with the keys of the implementation it follows, and the loop over it."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from references.generator import picture, tensor, tokens
from torch import Tensor, nn

import attncomp

FOLDER = Path(__file__).parents[2] / "examples" / "captioning"
MODEL = FOLDER / "step.attn"
FEATURES, HIDDEN, SCORE, WORD, VOCABULARY = 64, 256, 128, 128, 1000


class Decoder(nn.Module):
    """One step of `DecoderWithAttention`, github.com/sgrvinod/a-PyTorch-Tutorial-to-Image-Captioning."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {
                "encoder_att": nn.Linear(FEATURES, SCORE),
                "decoder_att": nn.Linear(HIDDEN, SCORE),
                "full_att": nn.Linear(SCORE, 1),
            }
        )
        self.embedding = nn.Embedding(VOCABULARY, WORD)
        self.decode_step = nn.LSTMCell(WORD + FEATURES, HIDDEN)
        self.init_h, self.init_c = nn.Linear(FEATURES, HIDDEN), nn.Linear(FEATURES, HIDDEN)
        self.f_beta, self.fc = nn.Linear(HIDDEN, FEATURES), nn.Linear(HIDDEN, VOCABULARY)

    def start(self, regions: Tensor) -> tuple[Tensor, ...]:
        mean = regions.mean(1)
        return self.init_h(mean), self.init_c(mean)

    def forward(self, regions: Tensor, word: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, ...]:
        both = self.attention["encoder_att"](regions) + self.attention["decoder_att"](h)[:, None]
        weights = self.attention["full_att"](both.relu())[..., 0].softmax(1)
        seen = (regions * weights[..., None]).sum(1) * self.f_beta(h).sigmoid()
        h, c = self.decode_step(torch.cat([self.embedding(word), seen], 1), (h, c))
        return self.fc(h), h, c, weights


@cache
def _decoder() -> Decoder:
    decoder = Decoder().eval()
    decoder.load_state_dict({key: torch.from_numpy(value) for key, value in _weights(decoder).items()})
    return decoder


def _weights(decoder: Decoder) -> dict[str, np.ndarray]:
    return {key: tensor(key, tuple(one.shape)) for key, one in decoder.state_dict().items()}


def _close(found: object, wanted: Tensor) -> None:
    one = found.detach().numpy() if isinstance(found, Tensor) else np.asarray(found)
    other = wanted.detach().numpy()
    assert one.shape == other.shape
    assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(other)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`examples/captioning/caption.py`, imported."""
    spec = importlib.util.spec_from_file_location("captioning_caption", FOLDER / "caption.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_the_two_models_have_the_keys_of_the_decoder() -> None:
    found = {
        key: info.shape
        for model in ("Start", "Step")
        for key, info in attncomp.compile(MODEL, model=model).parameters.items()
    }
    assert found == {key: tuple(one.shape) for key, one in Decoder().state_dict().items()}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_three_steps_agree_with_the_decoder_at_two_sizes(backend: str) -> None:
    decoder = _decoder()
    given = _weights(decoder)
    start, step = (
        attncomp.compile(MODEL, model=model, backend=backend, weights=given, strict=False)
        for model in ("Start", "Step")
    )
    for batch, region in ((2, 49), (1, 196)):
        regions = picture("captioning", batch, region, FEATURES)
        words = tokens("captioning", VOCABULARY, 3, batch)
        like = torch.from_numpy if backend == "torch" else np.asarray
        wanted = decoder.start(torch.from_numpy(regions))
        found = start(like(regions))
        for one, other in zip(found, wanted, strict=True):
            _close(one, other)
        state, expected = tuple(found), tuple(wanted)
        for word in words:
            found = step(like(regions), like(word), *state)
            wanted = decoder(torch.from_numpy(regions), torch.from_numpy(word), *expected)
            for one, other in zip(found, wanted, strict=True):
                _close(one, other)
            state, expected = (found.h, found.c), wanted[1:3]


def test_the_loop_looks_somewhere_at_each_step_and_the_look_moves(script: ModuleType) -> None:
    told = script.caption(script.load_sample_image("china.jpg"), steps=4, seed=0)
    assert told.weights.shape == (4, told.grid[0] * told.grid[1])
    np.testing.assert_allclose(told.weights.sum(1), 1, rtol=1e-5)
    assert ((told.words >= 0) & (told.words < VOCABULARY)).all()
    assert len(set(told.weights.argmax(1).tolist())) > 1


def test_the_script_prints_and_draws(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["caption.py", "--steps", "3", "--out", str(tmp_path / "looks.png")])
    script.main()
    assert "with weight" in capsys.readouterr().out
    assert (tmp_path / "looks.png").read_bytes().startswith(b"\x89PNG")
