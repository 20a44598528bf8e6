from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

Attnc = Callable[..., Result]

QUICK = ("good.attn", "--size", "seq=5", "--with", "mask", "--repeats", "1", "--threads", "1")


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    find = importlib.util.find_spec

    def found(name: str, package: str | None = None) -> Any:
        return None if name in packages else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", found)


def test_both_modules_side_by_side(attnc: Attnc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    result = attnc("bench", *QUICK, "--peers", "torch", "-o", "out.json")
    assert result.exit_code == 0, result.output
    for words in ("NumPy module", "PyTorch module", "Attend at batch = 1, seq = 5", "spread", "kernel", "load"):
        assert words in result.output
    told = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert told["sizes"] == {"batch": 1, "seq": 5}
    assert told["machine"]["threads"] == "1"
    assert [one["name"] for one in told["contestants"]] == ["NumPy module", "PyTorch module"]
    for one in told["contestants"]:
        assert one["failure"] is None
        assert one["median"] > 0 and one["peak_bytes"] >= 0
    assert 0 <= told["contestants"][1]["difference"] < 1e-5


def test_the_numpy_module_alone(attnc: Attnc) -> None:
    result = attnc("bench", *QUICK, "--peers", "none")
    assert result.exit_code == 0, result.output
    assert "NumPy module" in result.output and "PyTorch" not in result.output


def test_a_profile_says_where_the_time_goes(attnc: Attnc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    result = attnc("bench", *QUICK, "--peers", "none", "--profile", "-o", "out.json")
    assert result.exit_code == 0, result.output
    for words in ("bound by: ", "exponentials", "FLOP", "the least that NumPy could take", "on 1 thread:"):
        assert words in result.output
    cause = json.loads(Path("out.json").read_text(encoding="utf-8"))["cause"]
    assert cause["bound_by"] in " ".join(result.output.split())
    assert {part["kind"] for part in cause["profile"]["parts"]} >= {"products", "functions"}


def test_unknown_peers_are_told_at_once(attnc: Attnc) -> None:
    result = attnc("bench", *QUICK, "--peers", "tarch,tensorflow")
    assert result.exit_code == 1
    assert "error[E090]: there is no peer `tarch`" in result.stderr
    assert "did you mean `torch`?" in result.stderr
    assert "there is no peer `tensorflow`" in result.stderr


def test_a_peer_that_is_not_installed(attnc: Attnc, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "onnx", "onnxruntime")
    result = attnc("bench", *QUICK, "--peers", "torch,onnxruntime")
    assert result.exit_code == 1
    assert "error[E090]: the peer `onnxruntime` needs onnx," in result.stderr
    assert "pip install onnx" in result.stderr


def test_nothing_to_compare_with(attnc: Attnc, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "torch")
    result = attnc("bench", *QUICK)
    assert result.exit_code == 1
    assert "error[E090]: there is no peer to compare with" in result.stderr
    assert "--peers none" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--size", "sec=5"), "the model binds no size `sec`"),
        (("--size", "seq=-5"), "the size `seq` is a whole number"),
        (("--size", "seq"), "is not of the form name=value"),
        (("--set", "factor=2", "--set", "factor=3"), "is set twice"),
        (("-o", "nowhere/out.json"), "there is no folder"),
    ],
)
def test_mistakes_of_the_command_line(attnc: Attnc, arguments: tuple[str, ...], message: str) -> None:
    result = attnc("bench", "good.attn", *arguments, "--peers", "none")
    assert result.exit_code == 1
    assert "error[E090]" in result.stderr and message in result.stderr


def test_sizes_that_the_model_does_not_take(attnc: Attnc) -> None:
    Path("odd.attn").write_text(
        "model Odd(x: f32[seq], y: f32[place]) -> f32[seq] { return x + y[place -> seq] }\n", encoding="utf-8"
    )
    result = attnc("bench", "odd.attn", "--peers", "none", "--size", "seq=3", "--size", "place=4")
    assert result.exit_code == 1
    assert "error[E071]" in result.stderr
    assert "seq=3, place=4" in result.stderr


def test_a_model_with_a_mistake(attnc: Attnc) -> None:
    result = attnc("bench", "bad.attn", "--peers", "none")
    assert result.exit_code == 1
    assert "did you mean `sigmoid`?" in result.stderr
