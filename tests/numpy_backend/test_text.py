"""Emitted text: formatted, typed, the same in every run, harmless whatever names it holds, in need of NumPy alone."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attncomp_numpy import backend
from attncomp_numpy.module import RUNTIME
from emitted_text import load
from golden import check_golden
from numpy_backend.emitted import model_class
from numpy_backend.programs import I64, program, step, tower, value, weight
from numpy_backend.test_loops import nested
from numpy_backend.test_models import CAUSAL, EXAMPLES, SMALL, WINDOWS

from attncomp import pipeline
from attncomp.emission.backend import Backend
from attncomp.emission.registry import find_backend
from attncomp.emission.text import class_name
from attncomp.ir.graph import Literal
from attncomp.lowering.program import Program

HOSTILE = (
    "self",
    "np",
    "class",
    "len",
    "Array",
    "PARAMETERS",
    "softmax",
    "load",
    "arrays",
    "_",
    "é",
    "Ω x",
    "1st",
    '"""',
    "'); import os; os.abort(); ('",
    "a\nimport os\nos.abort()",
    "\\",
    "{self}",
    "\u202e",
    "# type: ignore",
)


def hostile() -> Program:
    """A model whose name, file, inputs, outputs and parameters are all called what breaks careless text."""
    inputs = {name: value(f"v{place}", ["batch", 3]) for place, name in enumerate(HOSTILE)}
    parameters = [weight(name, name if name.isidentifier() else f"w{n}", [3]) for n, name in enumerate(HOSTILE)]
    steps, outputs = [], {}
    for place, ((name, x), parameter) in enumerate(zip(inputs.items(), parameters, strict=True)):
        weights = value(f"weights{place}", ["batch", 3])
        total = value(f"total{place}", ["batch", 3])
        steps += [step(weights, "softmax", x, dims=(1,)), step(total, "add", weights, parameter.value)]
        outputs[name] = total
    return program(inputs, outputs, steps, parameters, name='class """', source="a\n'''.attn")


def long_lines() -> Program:
    """Names so long that hardly a line fits."""
    long = "an_exceptionally_long_name_that_a_generous_author_has_chosen"
    names = [f"{long}_{place}" for place in range(6)]
    a, b, c, d, e, f = (value(name, ["batch", 4], named=True) for name in names)
    w = weight("x." * 50, f"{long}_w", [4])
    constant = value("constant", [4])
    literal = Literal(np.linspace(0, 1, 4).astype(np.float32), ("a0",))
    steps = [
        step(b, "add", a, w.value),
        step(c, "multiply", b, a),
        step(constant, "constant", value=literal),
        step(d, "normalize", c, w.value, constant, dims=(1,), epsilon=1e-5, center=True),
        step(e, "where", value("seen", ["batch", 4]), c, d),
        step(f, "concat", e, d, c, dim=0),
    ]
    seen = step(value("seen", ["batch", 4]), "greater", d, c)
    return program({names[0]: a}, {names[5]: f}, [*steps[:4], seen, *steps[4:]], [w], name="Long")


def compiled(source: str | Path, **options: Any) -> Program:
    return pipeline.compile_source(source, backend="numpy", options=options).program


PROGRAMS = {
    "tower": tower(),
    "odd_prefixes": tower(["a.", 'b".', "{place}."]),
    "nested": nested(),
    "hostile": hostile(),
    "long": long_lines(),
    "minilm": compiled(EXAMPLES / "minilm.attn", **SMALL),
    "se": compiled(EXAMPLES / "se.attn"),
    "windows": compiled(WINDOWS),
    "causal": compiled(CAUSAL),
}
TEXTS = {name: backend.emit(one) for name, one in PROGRAMS.items()}


def run(*command: str, cwd: Path | None = None, hash_seed: str = "0") -> str:
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, cwd=cwd, env=environment, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_formatted_and_typed(tmp_path: Path) -> None:
    for name, text in TEXTS.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    run("-m", "ruff", "format", "--diff", "--isolated", "--line-length", "100", str(tmp_path))
    run("-m", "ruff", "check", "--isolated", "--select", "F,I,W,UP,B", "--line-length", "100", str(tmp_path))
    run("-m", "mypy", "--strict", *sorted(map(str, tmp_path.glob("*.py"))), cwd=tmp_path)


def test_a_whole_runtime_is_typed_and_formatted_as_it_is_pasted(tmp_path: Path) -> None:
    folder = Path(backend.emit.__code__.co_filename).parent / "runtime"
    run("-m", "ruff", "format", "--diff", "--isolated", "--line-length", "100", str(folder))


@pytest.mark.parametrize("name", ["minilm", "tower"])
def test_a_model_reads_like_code(name: str) -> None:
    text = TEXTS[name]
    own = text[text.index("Array = ") : text.index("def widened")]
    check_golden(Path(__file__).parent / "golden" / f"{name}.py.txt", own)


ALONE = """
import sys
sys.path.append(sys.argv[1])
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in {"numpy", "emitted", *sys.stdlib_module_names}:
            raise ImportError(name + " is blocked")
sys.meta_path.insert(0, Blocked())
import numpy as np
sys.path.insert(0, ".")
import emitted
model = emitted.Tower.initialize(2)
np.save("output.npy", model(np.array([[1, 2]]), np.array([[True, False]])))
"""


def test_a_module_runs_where_there_is_numpy_alone(tmp_path: Path) -> None:
    (tmp_path / "emitted.py").write_text(TEXTS["tower"], encoding="utf-8")
    run("-I", "-S", "-c", ALONE, str(Path(np.__file__).parents[1]), cwd=tmp_path)
    expected = load(TEXTS["tower"]).Tower.initialize(2)([[1, 2]], [[True, False]])
    np.testing.assert_array_equal(np.load(tmp_path / "output.npy"), expected)
    assert not expected[0, 1].any()
    assert expected[0, 0].all()


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_a_module_imports_numpy_alone(name: str) -> None:
    imported = set()
    for node in ast.walk(ast.parse(TEXTS[name])):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"numpy"}


def test_the_same_text_under_another_hash_seed() -> None:
    code = "from numpy_backend.test_text import TEXTS; print(TEXTS)"
    here = str(Path(__file__).parents[1])
    texts = {run("-c", f"import sys; sys.path.insert(0, {here!r}); {code}", hash_seed=seed) for seed in ("1", "2")}
    assert texts == {f"{TEXTS}\n"}


def test_hostile_names_do_no_harm() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)
    weights = {name: np.full(3, place, np.float32) for place, name in enumerate(HOSTILE)}
    found = model_class(PROGRAMS["hostile"])(weights)(*[x] * len(HOSTILE))
    assert len(found) == len(HOSTILE)
    exact = np.exp(x) / np.exp(x).sum(1, keepdims=True)
    for place, array in enumerate(found):
        np.testing.assert_allclose(array, exact + place, rtol=1e-5)


def test_hostile_names_are_never_code() -> None:
    tree = ast.parse(TEXTS["hostile"])
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "abort" not in names
    assert not any(isinstance(node, ast.Attribute) and node.attr == "abort" for node in ast.walk(tree))
    assert "\u202e" not in TEXTS["hostile"]


def test_odd_prefixes_reach_the_right_weights() -> None:
    kind = model_class(PROGRAMS["odd_prefixes"])
    keys = list(sys.modules[kind.__module__].PARAMETERS)
    assert 'b".left.weight' in keys
    assert "{place}.right.weight" in keys


def test_a_long_name_computes() -> None:
    x = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    found = model_class(PROGRAMS["long"]).initialize(0)(x)
    assert found.shape == (6, 4)


def test_names_of_a_model_win_over_those_of_the_runtime_it_does_not_use() -> None:
    x, y = value("windows", ["n"]), value("erf", ["n"], named=True)
    z = value("z", ["n"])
    text = backend.emit(program({"windows": x}, {"z": z}, [step(y, "exp", x), step(z, "negate", y)]))
    assert "def __call__(self, windows: ArrayLike, *, out" in text
    assert "erf = np.exp(windows)" in text


def test_runtime_functions_come_with_what_they_need() -> None:
    names = {one.name for one in RUNTIME.needed(["gelu"])}
    assert {"gelu", "gelu_into", "fraction", "erf_double", "polynomial", "in_chunks", "CHUNK", "Array"} <= names
    assert "convolution" not in names


def test_a_large_constant_is_packed() -> None:
    x, table, y = value("x", ["n"], I64), value("table", [100]), value("y", ["n"])
    literal = Literal(np.arange(100, dtype=np.float32) / 7, ("a0",))
    one = program({"x": x}, {"y": y}, [step(table, "constant", value=literal), step(y, "take", table, x)])
    assert max(map(len, backend.emit(one).splitlines())) < 700
    np.testing.assert_array_equal(model_class(one)({})([99, 7]), np.array([99 / 7, 1], np.float32))


def test_the_backend_is_found_by_its_entry_point() -> None:
    found = find_backend("numpy")
    assert isinstance(found, Backend)
    assert found.name == "numpy"
    assert class_name("minilm") == "Minilm"
