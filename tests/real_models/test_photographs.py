"""Squeeze-and-excitation on the two photographs that scikit-learn ships, against PyTorch's own functions."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import attncomp

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`examples/se_photographs.py`, imported."""
    spec = importlib.util.spec_from_file_location("se_photographs", EXAMPLES / "se_photographs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _reference(images: np.ndarray, weights: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    x = torch.from_numpy(images).permute(0, 3, 1, 2)
    kept = {key: torch.from_numpy(value) for key, value in weights.items()}
    found = functional.relu(functional.conv2d(x, kept["filters.weight"], padding=1))
    hidden = functional.relu(functional.linear(found.mean((2, 3)), kept["se.fc1.weight"], kept["se.fc1.bias"]))
    gate = torch.sigmoid(functional.linear(hidden, kept["se.fc2.weight"], kept["se.fc2.bias"]))
    scaled = found * gate[:, :, None, None]
    return scaled.permute(0, 2, 3, 1).numpy(), found.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_both_photographs_at_once_and_cut_to_another_size(script: ModuleType, backend: str) -> None:
    images, names = script.photographs()
    assert names == ["china", "flower"]
    weights = script.gate_weights()
    module: Any = attncomp.compile(EXAMPLES / "se.attn", backend=backend, weights=weights)
    for given in (images, np.ascontiguousarray(images[:1, 50:250, 100:333])):
        scaled, found = (np.asarray(value.detach() if backend == "torch" else value) for value in module(image=given))
        expected_scaled, expected_found = _reference(given, weights)
        np.testing.assert_allclose(found, expected_found, atol=1e-5)
        np.testing.assert_allclose(scaled, expected_scaled, atol=1e-4)


def test_the_gate_is_one_region() -> None:
    module = attncomp.compile(EXAMPLES / "se.attn", backend="numpy")
    assert [(remark.kind, remark.region) for remark in module.remarks] == [("fused", "gate")]


def test_the_script_shows_a_gate_for_each_photograph(script: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    script.main()
    printed = capsys.readouterr().out
    assert "china" in printed and "flower" in printed
    assert printed.count("falling") == 2


def test_the_gate_follows_the_strongest_direction(script: ModuleType) -> None:
    images, _ = script.photographs()
    result = attncomp.compile(EXAMPLES / "se.attn", weights=script.gate_weights())(image=images)
    gate = script.gate_values(result.scaled, result.found)
    strength = result.found.mean(axis=(1, 2)).reshape(2, 4, 2).mean(axis=2)
    assert ((gate >= 0) & (gate <= 1)).all()
    for picture in range(2):
        assert gate[picture].reshape(4, 2).mean(axis=1).argmax() == strength[picture].argmax()
