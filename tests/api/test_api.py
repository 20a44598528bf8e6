from __future__ import annotations

import ast
import math
import subprocess
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import attncomp

SOURCE = """\
# Attention over the rows of x.
model Attend{factor = 1.0}(x: f32[batch, seq, embed = 4], mask: bool[batch, seq] = none)
    -> (y: f32[batch, seq, embed], total: f32[batch]) {
  layer keys = Linear{embed -> embed}
  score = x @{embed} keys(x)[seq -> seq'] / sqrt(|embed|)
  s = if mask is none then score else where(mask[seq -> seq'], score, -inf)
  y = factor * softmax{seq'}(s) @{seq'} x[seq -> seq']
  return y, sum{seq, embed}(y)
}
"""
WEIGHTS = {"keys.weight": np.eye(4, dtype=np.float32), "keys.bias": np.zeros(4, dtype=np.float32)}
BACKENDS = ["numpy", "torch"]


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)


def expected(x: np.ndarray) -> np.ndarray:
    scores = x @ x.swapaxes(1, 2) / 2
    powers = np.exp(scores)
    result: np.ndarray = powers / powers.sum(-1, keepdims=True) @ x
    return result


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_module_computes_its_model(backend: str, x: np.ndarray) -> None:
    module = attncomp.compile(SOURCE, backend=backend, weights=WEIGHTS)
    result = module(x)
    np.testing.assert_allclose(result.y.detach() if backend == "torch" else result.y, expected(x), atol=1e-6)
    np.testing.assert_allclose(
        result[1].detach() if backend == "torch" else result[1], result.y.sum((1, 2)).tolist(), 1e-5
    )
    assert np.array_equal(np.asarray(module(x=x)[0].tolist()), np.asarray(result[0].tolist()))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_path_options_and_an_optional_input(backend: str, x: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "attend.attn").write_text(SOURCE, encoding="utf-8")
    mask = np.array([[True, False, False]] * 2)
    for path in (tmp_path / "attend.attn", str(tmp_path / "attend.attn")):
        module = attncomp.compile(path, backend=backend, weights=WEIGHTS, present=["mask"], factor=2.0)
        y = np.asarray(module(mask=mask, x=x).y.tolist())
        np.testing.assert_allclose(y, 2 * np.repeat(x[:, :1], 3, axis=1), atol=1e-6)


def test_what_a_module_tells() -> None:
    module = attncomp.compile(SOURCE)
    assert isinstance(module, attncomp.Module)
    assert any(isinstance(node, ast.ClassDef) and node.name == "Attend" for node in ast.parse(module.source).body)
    assert module.graph.name == "Attend"
    assert [(remark.kind, remark.region) for remark in module.remarks if remark.region == "attention"] == [
        ("fused", "attention")
    ]
    assert module.parameters == {
        "keys.weight": attncomp.ParameterInfo((4, 4), "f32", module.parameters["keys.weight"].axes),
        "keys.bias": attncomp.ParameterInfo((4,), "f32", module.parameters["keys.bias"].axes),
    }
    assert module.parameters["keys.weight"].axes[1] == "embed"
    assert module.warnings == ()
    assert repr(module) == "<attncomp.Module Attend for numpy, 20 weights>"


def test_the_memory_plan_of_a_module() -> None:
    memory = attncomp.compile(SOURCE).memory
    assert memory.buffers and memory.weights.constant == 4 * (4 * 4 + 4)
    small, large = memory.peak(batch=2, seq=3), memory.peak(batch=2, seq=300)
    assert 0 < small.bound <= small.bytes < large.bytes
    assert memory.peak() == memory.peak(batch=256, seq=256)
    assert attncomp.compile(SOURCE, backend="torch").memory.buffers == ()


def test_packed_parameters_tell_their_axes() -> None:
    source = """\
model Split(x: f32[batch, embed = 6]) -> f32[batch, head, key] {
  axis head = 3, key = 2
  layer q = Linear{embed -> (head key)}
  return q(x)
}
"""
    assert attncomp.compile(source).parameters == {
        "q.weight": attncomp.ParameterInfo((6, 6), "f32", ("(head key)", "embed")),
        "q.bias": attncomp.ParameterInfo((6,), "f32", ("(head key)",)),
    }


def test_warnings_are_kept() -> None:
    source = "model M(x: f32[batch, c = 4]) -> f32[batch, c] {\n  layer fc = Linear{c -> c}\n  return x\n}\n"
    assert [warning.code for warning in attncomp.compile(source).warnings] == ["W001"]


def test_a_mistake_is_shown_with_its_line() -> None:
    with pytest.raises(attncomp.CompileError) as raised:
        attncomp.compile(SOURCE.replace("softmax", "sotfmax"))
    text = str(raised.value)
    assert "error[E012]" in text
    assert "<source>:7:" in text
    assert "  y = factor * sotfmax{seq'}(s) @{seq'} x[seq -> seq']" in text
    assert "did you mean `softmax`?" in text
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["E012"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"backend": "nunpy"}, "E090"),
        ({"model": "Atend"}, "E015"),
        ({"present": ["msk"]}, "E010"),
        ({"facotr": 2.0}, "E013"),
        ({"factor": True}, "E040"),
    ],
)
def test_arguments_that_do_not_fit(arguments: dict[str, object], code: str) -> None:
    with pytest.raises(attncomp.CompileError) as raised:
        attncomp.compile(SOURCE, **arguments)
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == [code]


def test_a_syntax_error_and_a_missing_file() -> None:
    for source, code in (("fn half(x = x\n", "E002"), ("absent.attn", "E052")):
        with pytest.raises(attncomp.CompileError) as raised:
            attncomp.compile(source)
        assert raised.value.diagnostics[0].code == code


def test_required_fusion() -> None:
    attncomp.compile(SOURCE, require_fusion=True)
    source = SOURCE.replace("softmax{seq'}(s)", "softmax{seq}(s)")
    attncomp.compile(source)
    with pytest.raises(attncomp.CompileError, match="E080"):
        attncomp.compile(source, require_fusion=True)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_weights_from_files(backend: str, suffix: str, x: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / f"weights.{suffix}"
    np.savez(path, **WEIGHTS) if suffix == "npz" else save_file(WEIGHTS, path)
    for given in (path, str(path)):
        y = attncomp.compile(SOURCE, backend=backend, weights=given)(x)[0]
        np.testing.assert_allclose(y.tolist(), expected(x), atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_that_is_wrong_with_weights_is_listed(backend: str) -> None:
    module = attncomp.compile(SOURCE, backend=backend)
    with pytest.raises(ValueError, match=r"^E070") as raised:
        module.load({"keys.weight": np.zeros((4, 3), np.float32), "keys.offset": np.zeros(4, np.float32)})
    for key in ("keys.weight", "keys.bias", "keys.offset"):
        assert key in str(raised.value)
    module.load({**WEIGHTS, "head": np.zeros(3, np.float32)}, strict=False)
    with pytest.raises(ValueError, match=r"^E070"):
        module.load({**WEIGHTS, "head": np.zeros(3, np.float32)})


@pytest.mark.parametrize("backend", BACKENDS)
def test_initial_weights_come_from_the_seed(backend: str, x: np.ndarray) -> None:
    module = attncomp.compile(SOURCE, backend=backend)
    first = module(x)[0].tolist()
    module.initialize(0)
    assert module(x)[0].tolist() == first
    module.initialize(1)
    assert module(x)[0].tolist() != first


def test_both_backends_start_from_the_same_numbers(x: np.ndarray) -> None:
    found = [np.asarray(attncomp.compile(SOURCE, backend=backend)(x).y.tolist()) for backend in BACKENDS]
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        ((), {}),
        (("x", "x"), {}),
        (("x",), {"x": "x"}),
        ((), {"y": "x"}),
        ((np.zeros((3, 4), np.float32),), {}),
        ((np.zeros((2, 3, 5), np.float32),), {}),
        ((np.zeros((2, 3, 4), np.int64),), {}),
    ],
)
def test_wrong_inputs(backend: str, inputs: tuple[object, ...], named: dict[str, object]) -> None:
    module = attncomp.compile(SOURCE, backend=backend, weights=WEIGHTS)
    good = np.zeros((2, 3, 4), np.float32)
    with pytest.raises((ValueError, TypeError), match=r"^E071"):
        module(*(good if isinstance(value, str) else value for value in inputs), **dict.fromkeys(named, good))


@pytest.mark.parametrize("backend", BACKENDS)
def test_numbers_of_another_width_are_taken(backend: str, x: np.ndarray) -> None:
    module = attncomp.compile(SOURCE, backend=backend, weights=WEIGHTS)
    y = module(x.astype(np.float64)).y
    assert str(y.dtype).endswith("float32")
    np.testing.assert_allclose(y.tolist(), expected(x), atol=1e-6)


def test_not_a_number_is_untouched(x: np.ndarray) -> None:
    x[0, 0, 0] = math.nan
    y = attncomp.compile(SOURCE, weights=WEIGHTS)(x).y
    assert np.isnan(y[0]).any()
    assert not np.isnan(y[1]).any()


def test_torch_modules_train_as_any_other(x: np.ndarray) -> None:
    import torch

    module = attncomp.compile(SOURCE, backend="torch", weights=WEIGHTS)
    assert isinstance(module.instance, torch.nn.Module)
    assert set(module.instance.state_dict()) == set(module.parameters)
    module(torch.from_numpy(x)).total.sum().backward()
    assert module.instance.keys.weight.grad.abs().sum() > 0


def test_a_traceback_shows_the_lines_of_the_emitted_module() -> None:
    module = attncomp.compile(SOURCE, weights=WEIGHTS)
    with pytest.raises(ValueError, match=r"^E071") as raised:
        module(np.zeros((2, 3, 5), np.float32))
    emitted = [
        frame for frame in traceback.extract_tb(raised.value.__traceback__) if "attncomp_emitted" in frame.filename
    ]
    assert emitted
    assert all(frame.line and frame.line in module.source for frame in emitted)


def test_saved_source_runs_alone(tmp_path: Path, x: np.ndarray) -> None:
    attncomp.compile(SOURCE).save(tmp_path / "attend.py")
    code = (
        "import sys, numpy as np, attend\n"
        "y = attend.Attend.initialize(0)(np.zeros((2, 3, 4), np.float32)).y\n"
        "assert 'attncomp' not in sys.modules\n"
        "print(y.shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "(2, 3, 4)\n"


def test_a_model_may_have_any_name(x: np.ndarray) -> None:
    for name in ("Any", "Parameter", "Array", "Mapping", "Group", "Tensor", "print", "Layer"):
        source = SOURCE.replace("model Attend", f"model {name}")
        for backend in BACKENDS:
            y = attncomp.compile(source, backend=backend, weights=WEIGHTS)(x)[0]
            np.testing.assert_allclose(y.tolist(), expected(x), atol=1e-6)


def test_the_package_lists_its_names() -> None:
    assert {"compile", "Module", "CompileError", "__version__"} <= set(dir(attncomp))
    with pytest.raises(AttributeError, match="nothing"):
        attncomp.nothing  # noqa: B018
