"""The tree of parameters: keys, shapes and dtypes of the checkpoint, whatever the keys are called."""

from __future__ import annotations

import copy

import pytest
import torch
from attncomp_torch import backend
from attncomp_torch.names import RESERVED
from torch_backend.programs import encoder, model_of, program, step, value, weight

from attncomp.diagnostics.core import DiagnosticError
from attncomp.ir.graph import Initializer
from attncomp.ir.types import DType


def summing(*keys: str):
    """A program that adds up vectors of 2 stored under `keys`."""
    parameters = [weight(key, f"w{place}", [2]) for place, key in enumerate(keys)]
    x = value("x", ["batch", 2])
    steps, total = [], x
    for place, parameter in enumerate(parameters):
        result = value(f"t{place}", ["batch", 2])
        steps.append(step(result, "add", total, parameter.value))
        total = result
    return program([x], {"total": total}, steps, parameters, name="summing")


def test_keys_shapes_and_dtypes_are_those_of_the_checkpoint() -> None:
    state = model_of(encoder(layers=2)).state_dict()
    assert next(iter(state)) == "embeddings.word_embeddings.weight"
    assert state["encoder.layer.1.attention.self.query.weight"].shape == (8, 8)
    assert len(state) == 1 + 2 * 10
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}


@pytest.mark.parametrize(
    "keys",
    [
        ("class.for", "is"),
        ("a-b.c d", "é.ü", 'say "hi"', "it's", "back\\slash"),
        ("self.self", "x", "F", "torch", "nn.Tensor", "layer", "partial"),
        ("list.0", "list.1"),
        ("blocks.0.w", "blocks.1.w", "blocks.2.v"),
        ("blocks.1.w", "blocks.2.w"),
        ("blocks.00.w", "blocks.0.w"),
        ("blocks.1.w", "blocks.0.w"),
        ("blocks.0.w", "blocks.extra.w"),
        ("{x}", "%s", "a\nb", "\u202e", "a'''b", '""".x'),
        ("0.w", "1.w"),
    ],
)
def test_any_key_that_a_module_can_hold_works(keys: tuple[str, ...]) -> None:
    model = model_of(summing(*keys))
    assert set(model.state_dict()) == set(keys)
    x = torch.zeros(3, 2)
    expected = sum(parameter for parameter in model.parameters())
    assert torch.allclose(model(x), x + expected)
    assert set(copy.deepcopy(model).state_dict()) == set(keys)


@pytest.mark.parametrize(
    "key", ["forward", "a.type", "half.weight", "train", "_buffers", "a..b", ".a", "a.", "__class__.x"]
)
def test_a_key_that_a_module_cannot_hold_is_refused(key: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        backend.emit(summing("fine", key))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E061"
    assert key in diagnostic.message
    assert 'as "' in diagnostic.help


@pytest.mark.parametrize("keys", [("a", "a.b"), ("a.b", "a"), ("a", "a")])
def test_keys_that_exclude_each_other_are_refused(keys: tuple[str, str]) -> None:
    with pytest.raises(DiagnosticError, match="E061"):
        backend.emit(summing(*keys))


def test_every_wrong_key_is_reported() -> None:
    with pytest.raises(DiagnosticError) as caught:
        backend.emit(summing("forward", "fine", "type"))
    assert len(caught.value.diagnostics) == 2


def test_the_reserved_names_are_those_of_torch() -> None:
    has = {
        name
        for kind in (torch.nn.Module, torch.nn.ModuleList)
        for name in dir(kind())
        # Other libraries add methods to torch's classes once they are imported.
        if not name.startswith("_") and getattr(getattr(kind, name, None), "__module__", "torch").startswith("torch")
    }
    ours = {"load_weights", "reset_parameters"}
    assert has - RESERVED == set()
    assert ours <= RESERVED


def test_the_seed_decides_the_initial_weights() -> None:
    one = encoder(layers=1)
    torch.manual_seed(3)
    first = model_of(one).state_dict()
    torch.manual_seed(3)
    model = model_of(one)
    assert all(torch.equal(tensor, first[key]) for key, tensor in model.state_dict().items())
    model.reset_parameters()
    assert not torch.equal(model.embeddings.word_embeddings.weight, first["embeddings.word_embeddings.weight"])


@pytest.mark.parametrize(
    ("initializer", "shape", "low", "high", "deviation"),
    [
        (Initializer("zeros"), [50, 40], 0, 0, 0),
        (Initializer("ones"), [50, 40], 1, 1, 0),
        (Initializer("constant", (0.25,)), [50, 40], 0.25, 0.25, 0),
        (Initializer("uniform", (-0.5, 1.5)), [50, 40], -0.5, 1.5, 2 / 12**0.5),
        (Initializer("uniform", (-(40**-0.5), 40**-0.5)), [50, 40], -(40**-0.5), 40**-0.5, (40 * 3) ** -0.5),
        (Initializer("normal", (0.02,)), [50, 40], -0.2, 0.2, 0.02),
        (Initializer("trunc_normal", (0.02,)), [50, 40], -0.04, 0.04, 0.0176),
        (Initializer("xavier_uniform"), [50, 40], -((6 / 90) ** 0.5), (6 / 90) ** 0.5, (2 / 90) ** 0.5),
        (Initializer("xavier_uniform", (2.0,)), [3000], -2 * 0.001**0.5, 2 * 0.001**0.5, 2 * (0.001 / 3) ** 0.5),
        (Initializer("kaiming_uniform", (1.0,)), [3000], -(0.001**0.5), 0.001**0.5, (0.001 / 3) ** 0.5),
        (Initializer("kaiming_uniform"), [50, 40], -((6 / 40) ** 0.5), (6 / 40) ** 0.5, (2 / 40) ** 0.5),
    ],
)
def test_initialisers(initializer: Initializer, shape: list[int], low: float, high: float, deviation: float) -> None:
    torch.manual_seed(0)
    x, result = value("x", shape), value("y", shape)
    parameter = weight("w", "w", shape, initializer)
    filled = model_of(program([x], {"y": result}, [step(result, "add", x, parameter.value)], [parameter])).w
    assert low <= filled.min().item() and filled.max().item() <= high + 1e-7
    assert filled.std().item() == pytest.approx(deviation, rel=0.06)


def test_a_model_on_the_meta_device_gets_its_tensors_later() -> None:
    one = encoder(layers=2)
    real, meta = model_of(one), model_of(one, device="meta")
    assert all(parameter.is_meta for parameter in meta.parameters())
    meta.load_weights(real.state_dict())
    tokens, mask = torch.randint(0, 11, (2, 5)), torch.ones(2, 5, dtype=torch.bool)
    assert torch.equal(meta(tokens, mask), real(tokens, mask))
    assert all(parameter.requires_grad for parameter in meta.parameters())
    with torch.device("meta"):
        other = model_of(one)
    other.to_empty(device="cpu").reset_parameters()
    assert torch.isfinite(other(tokens, mask)).all()


def test_whole_numbers_and_statistics_are_buffers_of_their_dtype() -> None:
    x = value("x", ["batch", 2])
    table = weight("index", "index", [2], Initializer("zeros"), dtype=DType.I64)
    mean = weight("mean", "mean", [2], Initializer("zeros"), trainable=False)
    half = weight("half_scale", "half_scale", [2], dtype=DType.F16)
    moved, y = value("moved", ["batch", 2]), value("y", ["batch", 2])
    wide = value("wide", [2])
    steps = [
        step(moved, "add", x, mean.value),
        step(wide, "cast", half.value, dtype=DType.F32),
        step(y, "multiply", moved, wide),
    ]
    model = model_of(program([x], {"y": y}, steps, [table, mean, half]))
    assert dict(model.named_buffers()).keys() == {"index", "mean"}
    assert model.index.dtype is torch.int64
    assert [key for key, _ in model.named_parameters()] == ["half_scale"]
    assert model.half_scale.dtype is torch.float16
    assert model(torch.zeros(1, 2)).dtype is torch.float32
