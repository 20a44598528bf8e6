"""`attnc run … --show weights`: pictures beside the results."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

PNG = b"\x89PNG\r\n"


@pytest.fixture(autouse=True)
def arrays(folder: Path) -> None:
    np.savez(folder / "in.npz", x=np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32))


def run(attnc, *arguments: str, file: str = "good.attn"):
    return attnc("run", file, "--init", "1", "--inputs", "in.npz", "-o", "out.npz", *arguments)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_pictures_go_beside_the_output(attnc, backend: str) -> None:
    result = run(attnc, "--show", "weights", "--backend", backend)
    assert result.exit_code == 0, result.output
    assert "wrote 1 picture to out.pictures" in result.stderr
    (picture,) = Path("out.pictures").iterdir()
    assert picture.name == "00-weights.png"
    assert picture.read_bytes().startswith(PNG)
    assert Path("out.npz").exists()


def test_pictures_go_where_they_are_sent_and_replace_those_there(attnc) -> None:
    Path("some/where").mkdir(parents=True)
    Path("some/where/00-weights.png").write_bytes(b"old")
    Path("some/where/mine.txt").write_text("kept")
    assert run(attnc, "--show", "attention", "--pictures", "some/where").exit_code == 0
    assert Path("some/where/00-weights.png").read_bytes().startswith(PNG)
    assert sorted(path.name for path in Path("some/where").iterdir()) == ["00-weights.png", "mine.txt"]
    assert not Path("out.pictures").exists()


def test_the_results_are_the_same_with_and_without(attnc) -> None:
    assert run(attnc).exit_code == 0
    plain = Path("out.npz").read_bytes()
    assert run(attnc, "--show", "weights").exit_code == 0
    assert Path("out.npz").read_bytes() == plain


def test_nothing_of_that_kind(attnc) -> None:
    result = run(attnc, "--show", "gates")
    assert result.exit_code == 0
    assert "the model has no gate to show" in result.stderr
    assert not Path("out.pictures").exists()


def test_an_unknown_thing_to_show(attnc) -> None:
    result = run(attnc, "--show", "wieghts")
    assert result.exit_code == 1
    assert "E090" in result.stderr and "`weights`, `attention` and `gates`" in result.stderr
    assert "did you mean `weights`?" in result.stderr
    assert not Path("out.npz").exists()


def test_a_folder_without_anything_to_show_is_a_mistake(attnc) -> None:
    result = run(attnc, "--pictures", "some")
    assert result.exit_code == 2
    assert "--show" in result.stderr


def test_a_folder_that_is_a_file(attnc) -> None:
    Path("taken").write_text("a file")
    result = run(attnc, "--show", "weights", "--pictures", "taken")
    assert result.exit_code == 1 and "is no folder" in result.stderr
    assert Path("taken").read_text() == "a file"
    below = run(attnc, "--show", "weights", "--pictures", "taken/below")
    assert below.exit_code == 1 and "cannot make the folder" in below.stderr


def test_an_output_that_is_no_file_has_no_place_beside_it(attnc) -> None:
    result = attnc("run", "good.attn", "--init", "1", "--inputs", "in.npz", "-o", os.devnull, "--show", "weights")
    assert result.exit_code == 1 and "--pictures DIR" in result.stderr
    assert not Path(f"{os.devnull}.pictures").exists()


def test_without_matplotlib_nothing_is_run(attnc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run(attnc, "--show", "weights")
    assert result.exit_code == 1
    assert "E090" in result.stderr and "attncomp[draw]" in result.stderr
    assert not Path("out.npz").exists()


def test_a_picture_is_named_after_its_layer(attnc) -> None:
    Path("paths.attn").write_text(
        """\
block Soft(x: {seq, embed}) -> {seq, embed} {
  y = x[seq -> seq']
  w' = softmax{seq'}(x @{embed} y)
  return w' @{seq'} y
}

model Paths(x: f32[batch, seq, embed = 4]) -> f32[batch, seq, embed] {
  layer soft[2] = Soft as "encoder.layer"
  for s in soft { x = s(x) }
  return x
}
""",
        encoding="utf-8",
    )
    result = run(attnc, "--show", "weights", file="paths.attn")
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in Path("out.pictures").iterdir())
    assert names == ["00-encoder.layer.0.w.png", "01-encoder.layer.1.w.png"]
