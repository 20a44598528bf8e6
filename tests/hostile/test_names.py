"""Names that mean something in the emitted code, given to models, inputs, axes, values and keys: the modules work."""

from __future__ import annotations

import numpy as np
import pytest
from hostile.everywhere import run_everywhere

import attncomp
from attncomp.diagnostics.core import DiagnosticError

X = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)

# Words of Python, of NumPy and PyTorch, of the runtime that is copied into the modules, and of their own structure.
NAMES = [
    "np",
    "torch",
    "nn",
    "F",
    "self",
    "cls",
    "lambda",
    "class",
    "None_",
    "__class__",
    "_",
    "Module",
    "Layer",
    "Array",
    "Tensor",
    "Parameter",
    "WeightsError",
    "dataclass",
    "NamedTuple",
    "forward",
    "load",
    "weights",
    "result",
    "inputs",
    "linear",
    "softmax",
    "Linear",
    "normalize",
    "check_divides",
    "read_weights",
    "len",
    "range",
    "math",
    "print",
    "batch",
    "annotations",
    "buffers",
    "O",
    "l",
]


def everything_called(name: str) -> str:
    """A model in which everything that has a name has this one; keys of PyTorch's own are avoided."""
    return f"""model {name}({name}: f32[{name}, ss, ee = 4]) -> ({name}: f32[{name}, ss, ee], other: f32[{name}]) {{
      layer fc_ = Linear{{ee -> ee}} as "part.{name.strip("_") or "x"}_"
      param scale_: [ee]
      {name} = softmax{{ss}}(fc_({name}) * scale_) + {name}
      return {name}, sum{{ss, ee}}({name}) + |{name}|
    }}
    """


@pytest.mark.parametrize("name", NAMES)
def test_everything_has_the_same_name(name: str) -> None:
    (y, total), weights = run_everywhere(everything_called(name), {name: X})
    (weight,) = (value for key, value in weights.items() if key.endswith("weight"))
    (bias,) = (value for key, value in weights.items() if key.endswith("bias"))
    score = np.exp((X @ weight.T + bias) * weights["scale_"])
    np.testing.assert_allclose(y, score / score.sum(1, keepdims=True) + X, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(total, y.sum((1, 2)) + 2, rtol=1e-4)


@pytest.mark.parametrize("name", ["forward", "train", "state_dict", "weight", "0", "class", "layers", "_x", "a-b"])
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_key_is_taken_as_it_is_or_refused(backend: str, name: str) -> None:
    text = f'model M(x: f32[e = 4]) -> f32[e] {{\n  layer fc = Linear{{e -> e}} as "{name}"\n  return fc(x)\n}}\n'
    try:
        module = attncomp.compile(text, backend=backend)
    except DiagnosticError as error:
        assert backend == "torch"
        assert {diagnostic.code for diagnostic in error.diagnostics} == {"E061"}
        assert name not in ("weight", "0", "class", "a-b")
        return
    assert sorted(module.parameters) == [f"{name}.bias", f"{name}.weight"]
    weights = {f"{name}.weight": np.eye(4, dtype=np.float32), f"{name}.bias": np.ones(4, np.float32)}
    module.load(weights)
    result = module(X[0, 0])
    np.testing.assert_allclose(result.detach() if backend == "torch" else result, X[0, 0] + 1, rtol=1e-6)
