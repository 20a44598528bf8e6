"""`attnc` called as nobody should: always a message and an exit code, never a traceback, never half a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from attncomp.cli import main

TEXT = """model M{n = 1, act = relu, sizes = [4, 5], bias = true}(
  x: f32[batch, e = 4],
  mask: bool[batch] = none,
) -> (y: f32[batch, e], z: f32[batch]) {
  layer fc[n] = Linear{e -> e, bias = bias}
  for l in fc { x = act(l(x)) }
  y = if mask is none then x else where(mask, x, 0)
  return y * sizes[0], sum{e}(y)
}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a model, inputs and weights."""
    monkeypatch.chdir(tmp_path)
    Path("m.attn").write_text(TEXT)
    Path("bad.attn").write_text("model M(x: f32[b]) -> f32[b] {\n  return y\n}\n")
    Path("folder.attn").mkdir()
    np.savez("in.npz", x=np.ones((3, 4), np.float32))
    np.savez("text.npz", x=np.array([["a"] * 4]))
    np.savez("objects.npz", x=np.array([object()]))
    np.savez("weights.npz", **{"fc.0.weight": np.eye(4, dtype=np.float32)})


def attnc(*arguments: str) -> Result:
    """Runs a command. Fails where anything but an exit came out of it."""
    result = CliRunner().invoke(main, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in (0, 1, 2)
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("check", "Usage"),
        ("check folder.attn", "E052"),
        ("check nowhere.attn", "E052"),
        ("check /dev/zero", "E052"),
        ("fmt folder.attn", "E052"),
        ("compile m.attn -o folder.attn", "E090"),
        ("compile m.attn -o nowhere/out.py", "E090"),
        ("compile m.attn --backend cuda", "E090"),
        ("compile m.attn -m N", "E015"),
        ("compile m.attn --set n", "E090"),
        ("compile m.attn --set n=x", "E040"),
        ("compile m.attn --set n=1.5", "E040"),
        ("compile m.attn --set n=-1", "E040"),
        ("compile m.attn --set n=1000000", "E033"),
        ("compile m.attn --set nn=1", "E013"),
        ("compile m.attn --set act=nothing", "E012"),
        ("compile m.attn --set act=none", "E044"),
        ("compile m.attn --set bias=1", "E040"),
        ("compile m.attn --set sizes=7", "E043"),
        ("compile m.attn --set sizes=[]", "E034"),
        ("compile m.attn --set n=2 --set n=3", "E090"),
        ("compile m.attn --with x", "E010"),
        ("run m.attn --inputs in.npz -o o.npz", "E090"),
        ("run m.attn --inputs in.npz --init 0 -o -", "E090"),
        ("run m.attn --inputs in.npz --init 0 -o nowhere/o.npz", "E090"),
        ("run m.attn --inputs text.npz --init 0 -o o.npz", "E071"),
        ("run m.attn --inputs text.npz --init 0 -o o.npz --backend torch", "E071"),
        ("run m.attn --inputs objects.npz --init 0 -o o.npz", "E090"),
        ("run m.attn --inputs m.attn --init 0 -o o.npz", "E090"),
        ("run m.attn --inputs folder.attn --init 0 -o o.npz", "E090"),
        ("run m.attn --inputs in.npz --weights m.attn -o o.npz", "E072"),
        ("run m.attn --inputs in.npz --weights folder.attn -o o.npz", "E072"),
        ("run m.attn --inputs in.npz --init 0 --with mask -o o.npz", "E071"),
        ("inspect m.attn --stage nothing", "E090"),
        ("inspect m.attn --stage tree --format dot", "E090"),
        ("inspect bad.attn", "E010"),
        ("explain E999", "E090"),
        ("explain bad.attn", "E010"),
    ],
)
def test_a_wrong_call(arguments: str, code: str) -> None:
    result = attnc(*arguments.split())
    assert result.exit_code == (2 if code == "Usage" else 1)
    assert code in result.output
    assert not Path("o.npz").exists()


def test_each_weight_that_does_not_fit_has_a_line_of_its_own() -> None:
    Path("more.attn").write_text(TEXT.replace("n = 1", "n = 2"))
    result = attnc("run", "more.attn", "--inputs", "in.npz", "--weights", "weights.npz", "-o", "o.npz")
    lines = [line for line in result.output.splitlines() if line.startswith("error[E070]")]
    assert sorted(line.split()[-1] for line in lines) == ["fc.0.bias", "fc.1.bias", "fc.1.weight"]


def test_lists_are_set_from_the_command_line() -> None:
    for sizes, factor in (("[2, 3]", 2), ("[7]", 7)):
        result = attnc(
            "run",
            "m.attn",
            "--inputs",
            "in.npz",
            "--init",
            "0",
            "-o",
            "o.npz",
            "--set",
            f"sizes={sizes}",
            "--set",
            "n=0",
        )
        assert result.exit_code == 0, result.output
        with np.load("o.npz") as found:
            np.testing.assert_array_equal(found["y"], np.full((3, 4), factor))


@pytest.mark.parametrize("stage", ["tree", "built", "optimized", "lowered"])
def test_every_stage_is_inspected_as_json(stage: str) -> None:
    result = attnc("inspect", "m.attn", "--stage", stage, "--format", "json")
    assert result.exit_code == 0
    assert json.loads(result.output)["schema"].startswith("attncomp.")


def test_what_cannot_be_written_leaves_the_old_file() -> None:
    Path("out.py").write_text("old\n")
    assert attnc("compile", "bad.attn", "-o", "out.py").exit_code == 1
    assert Path("out.py").read_text() == "old\n"
    assert attnc("compile", "m.attn", "-o", "out.py").exit_code == 0
    assert "class M" in Path("out.py").read_text()
    assert not [path for path in Path().iterdir() if path.name.startswith(".")]
