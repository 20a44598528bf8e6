"""Numbers of 16, 32 and 64 bits: what a model declares, what it is given, and what it computes with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from emitted_text import load
from lowering.models import Sketch
from numpy_backend.emitted import run_graph
from safetensors import numpy as safetensors

import attncomp
from attncomp import pipeline
from attncomp.ir.graph import Graph
from attncomp.ir.initialize import random_parameters
from attncomp.ir.interpret import interpret
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType

EXAMPLES = Path(__file__).parents[2] / "examples"
# One rounding of a result of float16 is 2^-11 of it; a softmax or a gate rounds between, too.
HALF = 2.0**-10

ATTENTION = """
model Attend(
  q: @[batch, head, seq, key],
  k: @[batch, head, source, key],
  v: @[batch, head, source, key],
) -> @[batch, head, seq, key] {
  s = where(arange{seq} >= arange{source}, 0.35 * (q @@{key} k), -inf)
  return softmax{source}(s) @@{source} v
}
"""
GATE = """
from std.gates import SE
model Gate(x: @[batch, channel = 64, height, width]) -> @[batch, channel, height, width] {
  layer se = SE
  return cast{@}(se(x))
}
"""
CONVOLUTION = """
model Convolve(x: @[batch, channel = 5, height, width]) -> @[batch, out, height, width] {
  axis out = 6
  layer conv = Conv{channel -> out, height: 3, width: 3, padding = 1}
  layer norm = BatchNorm{out}
  return cast{@}(relu(norm(conv(x))))
}
"""
NORMALISATION = """
model Normalise(x: @[batch, seq, width = 33]) -> @[batch, seq, width] {
  layer norm = LayerNorm{width}
  layer project = Linear{width -> width}
  return cast{@}(softmax{width}(gelu(project(norm(x)))))
}
"""
SUMS = """
model Sums(x: @[batch, seq]) -> (
  total: @[batch], average: @[batch], spread: @[batch], length: @[batch], running: @[batch, seq],
  shares: @[batch, seq], together: @[batch],
) {
  return sum{seq}(x), mean{seq}(x), var{seq}(x), norm{seq}(x), cumsum{seq}(x), softmax{seq}(x), x @@{seq} x
}
"""
MODELS = [
    (ATTENTION, ((2, 3, 9, 8), (2, 3, 14, 8), (2, 3, 14, 8))),
    (GATE, ((2, 64, 7, 5),)),
    (CONVOLUTION, ((2, 5, 7, 6),)),
    (NORMALISATION, ((2, 7, 33),)),
    (SUMS, ((3, 20011),)),
]


def written(text: str, dtype: str) -> str:
    """The text of a model with `dtype` where it has @; @@ is a product."""
    return text.replace("@@", "\0").replace("@", dtype).replace("\0", "@")


@pytest.mark.parametrize(("text", "shapes"), MODELS, ids=["attention", "gate", "convolution", "norm", "sums"])
@pytest.mark.parametrize(
    ("dtype", "arrays", "tolerance"), [("f16", np.float16, HALF), ("bf16", np.float32, 2e-5), ("f32", np.float32, 2e-5)]
)
def test_models_of_every_declared_dtype(
    text: str, shapes: Sequence[tuple[int, ...]], dtype: str, arrays: type, tolerance: float
) -> None:
    """As the interpreter in float64; 20011 numbers of 16 bits are added up in 32."""
    source = written(text, dtype)
    compiled = pipeline.compile_source(source, backend="numpy")
    graph = compiled.built.graph
    parameters = dict(random_parameters(graph, 0))
    module = attncomp.compile(source)
    module.load(parameters)
    random = np.random.default_rng(0)
    given = [(random.normal(size=shape) / 4 + 0.02).astype(arrays) for shape in shapes]
    names = [str(node.attributes["name"]) for node in graph.nodes("input")]
    expected = interpret(graph, dict(zip(names, given, strict=True)), parameters)
    for threads in (1, 2):
        module.threads = threads
        found = module(*given)
        results = found if len(graph.results) > 1 else (found,)
        for result, array in zip(graph.results, results, strict=True):
            assert array.dtype == arrays
            largest = np.abs(expected[result.name]).max()
            np.testing.assert_allclose(
                array.astype(np.float64),
                expected[result.name],
                rtol=tolerance,
                atol=tolerance * 1e-1 * largest,
                err_msg=result.name,
            )


@pytest.mark.parametrize(("dtype", "arrays"), [(DType.F64, np.float64), (DType.F16, np.float16)])
def test_graphs_keep_the_precision_of_their_dtype(dtype: DType, arrays: type) -> None:
    """No text declares f64; graphs that are read or built have it."""
    sketch = Sketch("Wide")
    axes = tuple(Axis(name, Size.of(size)) for name, size in (("row", 7), ("key", 33)))
    layout = (("row",), ("key",))
    x = sketch.graph.add("input", (), {"name": "x", "layout": layout}, ValueType(dtype, axes), sketch.origin())
    y = sketch.op("normalize", sketch.op("gelu", x, approximate="none"), axes=("key",), epsilon=1e-5, center=True)
    z = sketch.op("softmax", sketch.op("subtract", y, sketch.op("mean", y, axes=("row",))), axes=("key",))
    sketch.returns(y=(z, "row key"))
    graph: Graph = sketch.graph
    given = {"x": np.random.default_rng(0).normal(size=(7, 33)).astype(arrays)}
    found = run_graph(graph, given, {})["y"]
    assert found.dtype == arrays
    tolerance = 1e-12 if dtype is DType.F64 else 2 * HALF
    np.testing.assert_allclose(found.astype(np.float64), interpret(graph, given, {})["y"], rtol=tolerance, atol=1e-7)


def test_inputs_of_other_widths_are_cast_and_other_kinds_refused() -> None:
    module = attncomp.compile(written(ATTENTION, "f32"))
    random = np.random.default_rng(0)
    given = [random.normal(size=shape).astype(ml_dtypes.bfloat16) for shape in MODELS[0][1]]
    expected = module(*(array.astype(np.float32) for array in given))
    assert expected.dtype == np.float32
    for other in (np.float64, ml_dtypes.bfloat16):
        found = module(*(array.astype(other) for array in given))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)
    with pytest.raises(ValueError, match="E071: `q` holds int64, expected floating-point numbers"):
        module(given[0].astype(np.int64), *given[1:])
    with pytest.raises(ValueError, match=r"E071: `k` holds \|V2, expected floating-point numbers"):
        module(given[0], given[1].view("V2"), given[2])


LINEAR = """
model Project(x: f32[batch, width = 8]) -> f32[batch, wide] {
  axis wide = 5
  layer project = Linear{width -> wide}
  return project(x)
}
"""


@pytest.mark.parametrize("stored", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_weights_of_any_width(stored: type, tmp_path: Path) -> None:
    """Float16 and bfloat16 become float32 without loss; float64 is rounded once."""
    random = np.random.default_rng(0)
    shapes = {"project.weight": (5, 8), "project.bias": (5,)}
    weights = {key: random.normal(size=shape).astype(stored) for key, shape in shapes.items()}
    x = random.normal(size=(3, 8)).astype(np.float32)
    module = attncomp.compile(LINEAR)
    module.load({key: array.astype(np.float32) for key, array in weights.items()})
    expected = module(x)
    safetensors.save_file(weights, tmp_path / "weights.safetensors")
    for given in (weights, tmp_path / "weights.safetensors"):
        module.load(given)
        found = module(x)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, expected)


# The places of an image's resampled rows, one number a row, and the matrices of Winograd, a few numbers before they are
# rounded once: in float64 so that they are exact.
EXACT = {("neighbours", "at"), ("<genexpr>", "matrix")}


def wide_numbers(call: Callable[..., Any], file: str, given: Sequence[np.ndarray]) -> dict[tuple[str, str], Any]:
    """The variables and results of the functions of `file` that held float64 during a call."""
    found: dict[tuple[str, str], Any] = {}

    def look(frame: FrameType, event: str, argument: Any) -> Any:
        for name, value in {**frame.f_locals, "return": argument}.items():
            if isinstance(value, np.ndarray | np.floating) and value.dtype == np.float64:
                found[frame.f_code.co_name, name] = value.shape
        return look

    before = sys.gettrace()
    sys.settrace(lambda frame, *_: look if frame.f_code.co_filename == file else None)
    try:
        call(*given)
    finally:
        sys.settrace(before)
    return found


IMAGE, TOKENS = (1, 3, 64, 64), np.array([[1, 2, 3]])
SMALL = {"layers": 2, "heads": 2, "width": 8, "hidden": 12, "vocabulary": 20, "positions": 9}


@pytest.mark.parametrize(
    ("path", "model", "options", "given"),
    [
        ("minilm", None, SMALL, (TOKENS, np.ones((1, 3), np.int64))),
        ("se", None, {}, ((2, 6, 5, 3),)),
        ("stn_digits/stn", "Transformer", {}, ((3, 1, 32, 32),)),
        ("deeplabv3_resnet50", None, {}, ((1, 3, 33, 47),)),
        ("mobilenetv3_large", None, {}, (IMAGE,)),
        ("resnet50_cbam", None, {}, (IMAGE,)),
        ("vit_small_patch16_224", None, {}, ((1, 3, 224, 224),)),
        ("swin_tiny", None, {}, ((1, 3, 224, 224),)),
    ],
)
def test_no_float64_in_models_of_float32(path: str, model: str | None, options: dict[str, Any], given: Any) -> None:
    emitted = load(attncomp.compile(EXAMPLES / f"{path}.attn", model=model, **options).source)
    kind = next(one for one in vars(emitted).values() if hasattr(one, "initialize"))
    random = np.random.default_rng(0)
    arrays = [one if isinstance(one, np.ndarray) else random.normal(size=one).astype(np.float32) for one in given]
    instance = kind.initialize(0, threads=1)
    assert emitted.__file__ is not None
    found = wide_numbers(instance.__call__, emitted.__file__, arrays)
    assert {place: shape for place, shape in found.items() if place not in EXACT} == {}


def test_float64_in_a_module_is_noticed() -> None:
    def widen(x: np.ndarray) -> np.ndarray:
        return x * np.float64(2)

    assert wide_numbers(widen, __file__, [np.ones(3, np.float32)]) == {("widen", "return"): (3,)}
