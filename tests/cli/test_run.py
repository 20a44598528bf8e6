from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

WEIGHTS = {"keys.weight": np.eye(4, dtype=np.float32), "keys.bias": np.zeros(4, dtype=np.float32)}


def softmax(x: np.ndarray) -> np.ndarray:
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@pytest.fixture(autouse=True)
def arrays(folder: Path) -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    np.savez("in.npz", x=x)
    np.savez("weights.npz", **WEIGHTS)
    save_file(WEIGHTS, "weights.safetensors")
    return x


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("weights", ["weights.npz", "weights.safetensors"])
def test_attention(attnc, arrays: np.ndarray, backend: str, weights: str) -> None:
    result = attnc("run", "good.attn", "--backend", backend, "--weights", weights, "--inputs", "in.npz", "-o", "o.npz")
    assert result.exit_code == 0, result.stderr
    assert "out: float32[2, 3, 4]" in result.stderr
    expected = softmax(arrays @ arrays.swapaxes(1, 2) / 2) @ arrays
    with np.load("o.npz") as found:
        assert found.files == ["out"]
        np.testing.assert_allclose(found["out"], expected, atol=1e-6)


def test_an_optional_input_is_taken_where_it_is_given(attnc, arrays: np.ndarray) -> None:
    np.savez("in.npz", x=arrays, mask=np.array([[True, False, False]] * 2))
    assert attnc("run", "good.attn", "--init", "1", "--inputs", "in.npz", "-o", "o.npz").exit_code == 0
    with np.load("o.npz") as found:
        np.testing.assert_allclose(found["out"], np.repeat(arrays[:, :1], 3, axis=1), atol=1e-6)


def test_initial_weights_come_from_the_seed(attnc) -> None:
    found = []
    for number, seed in enumerate(("1", "1", "2")):
        assert attnc("run", "good.attn", "--init", seed, "--inputs", "in.npz", "-o", f"{number}.npz").exit_code == 0
        with np.load(f"{number}.npz") as result:
            found.append(result["out"])
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_several_results_keep_their_names(attnc) -> None:
    source = "model M(x: f32[n]) -> (file: f32[n], total: f32[]) {\n  return 2 * x, sum{n}(x)\n}\n"
    Path("two.attn").write_text(source, encoding="utf-8")
    np.savez("in.npz", x=np.arange(3, dtype=np.float32))
    result = attnc("run", "two.attn", "--inputs", "in.npz", "-o", "o.npz")
    assert result.exit_code == 0, result.stderr
    with np.load("o.npz") as found:
        assert found["file"].tolist() == [0, 2, 4]
        assert found["total"].tolist() == 3


def test_extra_weights(attnc) -> None:
    np.savez("more.npz", **WEIGHTS, head=np.zeros(3, dtype=np.float32))
    command = ("run", "good.attn", "--weights", "more.npz", "--inputs", "in.npz", "-o", "o.npz")
    result = attnc(*command)
    assert (result.exit_code, "error[E070]" in result.stderr, "head" in result.stderr) == (1, True, True)
    assert attnc(*command, "--no-strict").exit_code == 0


def test_all_that_is_wrong_with_weights_is_listed(attnc) -> None:
    np.savez("wrong.npz", **{"keys.weight": np.zeros((3, 4), np.float32), "keys.offset": np.zeros(4, np.float32)})
    result = attnc("run", "good.attn", "--weights", "wrong.npz", "--inputs", "in.npz", "-o", "o.npz")
    assert result.exit_code == 1
    assert result.stderr.startswith("error[E070]")
    for key in ("keys.weight", "keys.bias", "keys.offset"):
        assert key in result.stderr
    assert not Path("o.npz").exists()


def test_both_backends_start_from_the_same_numbers(attnc) -> None:
    found = []
    for backend in ("numpy", "torch"):
        command = ("run", "good.attn", "--backend", backend, "--init", "7", "--inputs", "in.npz", "-o", "o.npz")
        assert attnc(*command).exit_code == 0
        with np.load("o.npz") as result:
            found.append(result["out"])
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    "x", [np.zeros((3, 4), np.float32), np.zeros((2, 3, 5), np.float32), np.zeros((2, 3, 4), np.int64)]
)
def test_wrong_inputs(attnc, backend: str, x: np.ndarray) -> None:
    np.savez("in.npz", x=x)
    result = attnc("run", "good.attn", "--backend", backend, "--init", "0", "--inputs", "in.npz", "-o", "o.npz")
    assert (result.exit_code, result.stderr.startswith("error[E071]")) == (1, True), result.stderr
    assert "`x`" in result.stderr


def test_names_of_inputs(attnc, arrays: np.ndarray) -> None:
    np.savez("in.npz", y=arrays, msk=arrays)
    result = attnc("run", "good.attn", "--init", "0", "--inputs", "in.npz", "-o", "o.npz")
    assert result.exit_code == 1
    assert "`in.npz` does not give the input `x`" in result.stderr
    assert "`in.npz` has `msk`, which is no input" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (("--inputs", "absent.npz"), "E090", "absent.npz"),
        (("--inputs", "."), "E090", "cannot read"),
        (("--inputs", "good.attn"), "E090", "no .npz file"),
        (("--inputs", "empty.npz"), "E090", "no .npz file"),
        (("--inputs", "pickled.npz"), "E090", "no .npz file"),
        (("--inputs", "one.npy"), "E090", "no .npz file"),
        (("--weights", "absent.npz"), "E072", "absent.npz"),
        (("--weights", "good.attn"), "E072", "good.attn"),
        (("--weights", "."), "E072", "cannot read"),
        (("-o", "-"), "E090", "no text"),
        (("-o", "absent/o.npz"), "E090", "no folder"),
        (("--backend", "jax"), "E090", "`jax`"),
    ],
)
def test_files_that_are_no_good(attnc, arguments: tuple[str, ...], code: str, part: str) -> None:
    Path("empty.npz").write_bytes(b"")
    np.save("one.npy", np.zeros(3))
    np.savez("pickled.npz", x=np.array([{}], dtype=object))
    defaults = {"--weights": "weights.npz", "--inputs": "in.npz", "-o": "o.npz"}
    command = {**defaults, **dict([arguments])}
    result = attnc("run", "good.attn", *(part for pair in command.items() for part in pair))
    assert result.exit_code == 1
    assert f"error[{code}]" in result.stderr
    assert part in result.stderr


def test_weights_must_be_asked_for(attnc) -> None:
    result = attnc("run", "good.attn", "--inputs", "in.npz", "-o", "o.npz")
    assert result.exit_code == 1
    assert "--weights FILE" in result.stderr and "--init SEED" in result.stderr
    both = ("--weights", "weights.npz", "--init", "0")
    assert attnc("run", "good.attn", *both, "--inputs", "in.npz", "-o", "o.npz").exit_code == 2
