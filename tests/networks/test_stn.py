"""The spatial transformer that straightens digits: its stored weights, on both backends, and the training script."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch.nn import functional

import attncomp

FOLDER = Path(__file__).parents[2] / "examples" / "stn_digits"
MODEL = FOLDER / "stn.attn"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`examples/stn_digits/train.py`, imported."""
    spec = importlib.util.spec_from_file_location("stn_digits_train", FOLDER / "train.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("model", ["Plain", "Transformer"])
def test_the_stored_weights_have_the_stored_accuracy_on_both_backends(script: ModuleType, model: str) -> None:
    told = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    canvases = script.canvases_of(script.split_digits()[1])
    weights = FOLDER / script.WEIGHTS[model]
    numpy_module = attncomp.compile(MODEL, model=model, weights=weights)
    torch_module = attncomp.compile(MODEL, model=model, weights=weights, backend="torch")
    found = script.scores_of(numpy_module(canvases.pictures.numpy()))
    with torch.no_grad():
        other = script.scores_of(torch_module(canvases.pictures)).numpy()
    # Another version of PyTorch may round a canvas otherwise: two of the two thousand.
    assert script.accuracy(found.argmax(-1), canvases.labels) == pytest.approx(told[model]["test_accuracy"], abs=1e-3)
    assert (found.argmax(-1) == other.argmax(-1)).all()
    np.testing.assert_allclose(found, other, rtol=1e-3, atol=1e-3)


def test_the_transformer_wins_clearly() -> None:
    told = json.loads((FOLDER / "results.json").read_text(encoding="utf-8"))
    assert told["Transformer"]["test_accuracy"] > 0.9
    assert told["Plain"]["test_accuracy"] < 0.6
    assert told["Transformer"]["seconds"] + told["Plain"]["seconds"] < 300
    assert all(told[model]["same_predictions_in_numpy"] == 1 for model in ("Plain", "Transformer"))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_an_untrained_transformer_changes_nothing(script: ModuleType, backend: str) -> None:
    module = attncomp.compile(MODEL, model="Transformer", backend=backend)
    module.initialize(0)
    pictures = script.canvases_of(script.split_digits()[1]).pictures[:3]
    result = module(pictures if backend == "torch" else pictures.numpy())
    straight = result.straight.detach().numpy() if backend == "torch" else result.straight
    np.testing.assert_allclose(straight, pictures.numpy(), atol=1e-5)


def test_the_transformer_reads_where_pytorch_would(script: ModuleType) -> None:
    """The localisation network, the grid and the sampler, written in PyTorch, with the trained weights."""
    module = attncomp.compile(MODEL, model="Transformer", weights=FOLDER / "weights.safetensors", backend="torch")
    kept = module.instance.state_dict()
    pictures = script.canvases_of(script.split_digits()[1]).pictures[:64]
    y = pictures
    for conv in ("conv1", "conv2"):
        weight, bias = kept[f"localise.{conv}.weight"], kept[f"localise.{conv}.bias"]
        y = functional.conv2d(y, weight, bias, stride=2, padding=2).relu()
    y = functional.max_pool2d(y, 2).flatten(1)
    y = functional.linear(y, kept["localise.fc.weight"], kept["localise.fc.bias"]).relu()
    theta = (y @ kept["localise.theta.weight"].T).view(-1, 2, 3) + kept["localise.theta.bias"] + torch.eye(3)[:2]
    grid = functional.affine_grid(theta, list(pictures.shape), align_corners=False)
    with torch.no_grad():
        found = module(pictures).straight
    wanted = functional.grid_sample(pictures, grid, align_corners=False)
    assert float((found - wanted).norm() / wanted.norm()) <= 1e-5


def test_training_learns_and_writes_what_it_says(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["train.py", "--epochs", "3", "--out", str(tmp_path)])
    threads = torch.get_num_threads()
    try:
        script.main()
    finally:
        torch.set_num_threads(threads)
    assert "Transformer" in capsys.readouterr().out
    told = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert told["epochs"] == 3
    assert told["Transformer"]["same_predictions_in_numpy"] == 1
    canvases = script.canvases_of(script.split_digits()[1])
    for model, file in script.WEIGHTS.items():
        module = attncomp.compile(MODEL, model=model)
        losses = []
        for fill in (module.initialize, lambda file=file, module=module: module.load(tmp_path / file)):
            fill()
            scores = torch.from_numpy(script.scores_of(module(canvases.pictures.numpy())))
            losses.append(float(functional.cross_entropy(scores, canvases.labels)))
        assert losses[1] < losses[0] - 0.01
    assert {path.name for path in tmp_path.iterdir()} == {
        "plain.safetensors",
        "weights.safetensors",
        "results.json",
        "straightened.png",
    }
