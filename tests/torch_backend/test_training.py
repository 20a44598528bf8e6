"""Emitted modules as torch knows modules: compiled, exported, copied, trained, in other dtypes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch_backend.programs import BOOL, I64, encoder, model_of, program, sizes, step, value, weight

import attncomp
from attncomp.ir.graph import Initializer
from attncomp.lowering.program import Loop, Parameter, Program, Region

LONG, TRUTH = torch.int64, torch.bool


def tokens_and_mask(batch: int = 3, seq: int = 6) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(batch * 100 + seq)
    tokens = torch.randint(0, 11, (batch, seq), generator=generator)
    mask = torch.rand(batch, seq, generator=generator) > 0.3
    mask[:, 0] = True
    return tokens, mask


def normalized_gate() -> Program:
    """x * sigmoid(linear(mean(batch_norm(convolution(x))))), the gate as a region."""
    x = value("x", ["batch", 2, "height", "width"])
    conv, names = weight("conv.weight", "conv_weight", [2, 2, 3, 3]), ["running_mean", "running_var", "weight", "bias"]
    kinds = ["zeros", "ones", "ones", "zeros"]
    norm = [
        weight(f"norm.{name}", name, [2], Initializer(kind), trainable=not name.startswith("running"))
        for name, kind in zip(names, kinds, strict=True)
    ]
    counter = weight("norm.num_batches_tracked", "counter", [], Initializer("zeros"), dtype=I64, trainable=False)
    gate_weight = weight("gate.weight", "gate_weight", [2, 2])
    shape = ["batch", 2, "height", "width"]
    convolved, normal, gated = (value(name, shape, named=True) for name in ("convolved", "normal", "gated"))
    pooled, hidden = value("pooled", ["batch", 2]), value("hidden", ["batch", 2])
    opened, spread = value("opened", ["batch", 2]), value("spread", ["batch", 2, 1, 1])
    dropped = value("dropped", ["batch", 2])
    attributes = {"stride": (1, 1), "dilation": (1, 1), "before": sizes(1, 1), "after": sizes(1, 1), "groups": 1}
    region = Region((gated,), "gate", "gate", (normal, gate_weight.value), (
        step(pooled, "mean", normal, dims=(2, 3), keep=False),
        step(dropped, "dropout", pooled, rate=0.25),
        step(hidden, "linear", dropped, gate_weight.value),
        step(opened, "sigmoid", hidden),
        step(spread, "reshape", opened, shape=spread.shape),
        step(gated, "multiply", normal, spread),
    ))  # fmt: skip
    return program(
        [x],
        {"gated": gated, "pooled": normal},
        [
            step(convolved, "convolution", x, conv.value, **attributes),
            step(normal, "batch_norm", convolved, *(one.value for one in norm), epsilon=1e-5, momentum=0.1),
            region,
        ],
        [conv, *norm, counter, gate_weight],
        name="gated",
    )


def test_compiled_as_one_graph_for_every_size() -> None:
    model = model_of(encoder(layers=2)).eval()
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="eager", dynamic=True)
    for batch, seq in ((3, 6), (2, 9), (5, 4)):
        inputs = tokens_and_mask(batch, seq)
        torch.testing.assert_close(compiled(*inputs), model(*inputs))
    with pytest.raises(ValueError, match="E071"):
        model(torch.zeros(2, 3, dtype=torch.int64), torch.ones(2, 4, dtype=torch.bool))


def test_compiled_training_with_statistics_and_dropout() -> None:
    model = model_of(normalized_gate())
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    gated, _ = compiled(torch.randn(4, 2, 5, 6))
    gated.square().mean().backward()
    assert model.norm.num_batches_tracked == 1
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_exported_with_dynamic_sizes() -> None:
    model = model_of(encoder(layers=2)).eval()
    batch, seq = torch.export.Dim("batch", min=1, max=64), torch.export.Dim("seq", min=2, max=64)
    shapes = {"tokens": {0: batch, 1: seq}, "mask": {0: batch, 1: seq}}
    exported = torch.export.export(model, tokens_and_mask(), dynamic_shapes=shapes).module()
    for size in ((3, 6), (2, 9)):
        inputs = tokens_and_mask(*size)
        torch.testing.assert_close(exported(*inputs), model(*inputs))


def test_a_step_of_training_lowers_the_loss() -> None:
    torch.manual_seed(0)
    model = model_of(encoder(layers=2, rate=0.1))
    inputs = tokens_and_mask(8, 6)
    wanted = torch.randn(8, 8)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    losses = []
    for _ in range(25):
        loss = (model(*inputs) - wanted).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert losses[-1] < 0.8 * losses[0]


def test_copied_pickled_and_restored() -> None:
    model = model_of(encoder(layers=2)).eval()
    inputs = tokens_and_mask()
    expected = model(*inputs)
    other = copy.deepcopy(model)
    assert torch.equal(other(*inputs), expected)
    other.reset_parameters()
    assert not torch.equal(other(*inputs), expected) and torch.equal(model(*inputs), expected)
    other.load_state_dict(model.state_dict())
    assert torch.equal(other(*inputs), expected)
    assert torch.equal(pickle.loads(pickle.dumps(model))(*inputs), expected)


def test_batch_norm_keeps_statistics_as_torch_does() -> None:
    model = model_of(normalized_gate())
    layer = torch.nn.BatchNorm2d(2)
    x = torch.randn(4, 2, 5, 6)
    for _ in range(2):
        convolved = torch.nn.functional.conv2d(x, model.conv.weight, padding=1)
        _, normal = model(x)
        torch.testing.assert_close(normal, layer(convolved))
    for name, tensor in layer.state_dict().items():
        torch.testing.assert_close(model.state_dict()[f"norm.{name}"], tensor)
    model.eval()
    layer.eval()
    first, second = model(x), model(x)
    torch.testing.assert_close(first.pooled, layer(torch.nn.functional.conv2d(x, model.conv.weight, padding=1)))
    assert torch.equal(first.gated, second.gated)
    assert model.norm.num_batches_tracked == 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((torch.zeros(2, 3), torch.ones(2, 3, dtype=TRUTH)), TypeError, "`tokens` has dtype torch.float32"),
        ((torch.zeros(2, dtype=LONG), torch.ones(2, 3, dtype=TRUTH)), ValueError, r"expected \[batch, seq\]"),
        ((torch.zeros(2, 3, dtype=LONG), torch.ones(2, 4, dtype=TRUTH)), ValueError, "size 4 for `seq`, expected 3"),
        ((torch.zeros(2, 3, dtype=LONG), torch.ones(3, 3, dtype=TRUTH)), ValueError, "size 3 for `batch`, expected 2"),
        ((torch.zeros(2, 3, dtype=LONG), [[True] * 3] * 2), TypeError, "`mask` is a list"),
    ],
)
def test_wrong_inputs_are_told_by_axis_name(arguments: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        model_of(encoder(layers=1))(*arguments)


def test_two_lists_of_layers_slices_and_layers_apart() -> None:
    """Loops over a whole list, a part of one, and groups that are no list, one inside the other."""
    start, inner, end, after = (value(name, ["batch", 2]) for name in ("start", "inner", "end", "after"))
    shift = Parameter("shift", value("shift", [2]), Initializer("normal", (1.0,)))
    scale = Parameter("scale", value("scale", [2]), Initializer("ones"))
    x0, x1, x2 = (value(f"x{place}", ["batch", 2]) for place in range(3))
    once = value("once", ["batch", 2])
    nested = Loop("inner", ("part.0.", "part.1."), (shift,), (), ((inner, start, once, end),), (),
                  (step(once, "add", start, shift.value),))  # fmt: skip
    outer_start = value("outer_start", ["batch", 2])
    loops = [
        Loop("outer", ("block.0.", "block.1.", "block.2."), (scale,), (),
             ((x0, outer_start, end, x1),), (), (step(inner, "multiply", outer_start, scale.value), nested)),
        Loop("some", ("other.1.", "other.2."), (shift,), (), ((x1, start, once, x2),), (),
             (step(once, "add", start, shift.value),)),
        Loop("apart", ("left.", "right."), (shift,), (), ((x2, start, once, after),), (),
             (step(once, "add", start, shift.value),)),
    ]  # fmt: skip
    first = weight("other.0.shift", "first", [2])
    model = model_of(program([x0], {"after": after}, loops, [first], name="many"))
    state = model.state_dict()
    assert len(state) == 3 + 6 + 3 + 2
    x = torch.randn(4, 2)
    expected = x
    for block in range(3):
        expected = expected * state[f"block.{block}.scale"]
        expected = expected + state[f"block.{block}.part.0.shift"] + state[f"block.{block}.part.1.shift"]
    for key in ("other.1", "other.2", "left", "right"):
        expected = expected + state[f"{key}.shift"]
    torch.testing.assert_close(model(x), expected)


def test_hostile_names_stay_names() -> None:
    x, y = value("x", ["batch", 2]), value("y", ["batch", 2])
    mask = value("torch", ["batch", 1], BOOL)
    steps = [step(y, "where", mask, x, 0.0)]
    model = model_of(program([x, mask], {"y": y, "count": x, 'a"""b\\': y}, steps, name='tiny"""x'))
    result = model(torch.ones(2, 2), torch.tensor([[True], [False]]))
    assert result[0].tolist() == [[1, 1], [0, 0]]
    assert result._fields == ("y", "count_2", "a___b")


INSIDE = """
block Gate{ratio = 2}(x: {channel, height, width}) -> {channel, height, width} {
  axis hidden = |channel| / ratio
  layer fc1 = Linear{channel -> hidden}
  layer norm = BatchNorm{hidden}
  layer fc2 = Linear{hidden -> channel}
  return x * sigmoid(fc2(relu(norm(fc1(mean{height, width}(x))))))
}

model Gated(x: f32[batch, channel = 4, height, width]) -> f32[batch, channel, height, width] {
  layer first = Gate{ratio = 4}
  layer blocks[3] = Gate
  x = first(x)
  for b in blocks { x = b(x) }
  return x
}
"""


def test_a_batch_norm_inside_a_region_keeps_statistics_as_torch_does() -> None:
    module = attncomp.compile(INSIDE, backend="torch")
    assert "region" in module.source
    model, x = module.instance.train(), torch.randn(5, 4, 3, 3)
    layers = {f"blocks.{place}": torch.nn.BatchNorm1d(2) for place in range(3)}
    layers = {"first": torch.nn.BatchNorm1d(1), **layers}
    for _ in range(2):
        hidden = x
        for name, layer in layers.items():
            gate = model.get_submodule(name)
            inner = torch.relu(layer(_linear(gate.fc1, hidden.mean((2, 3)))))
            hidden = hidden * torch.sigmoid(_linear(gate.fc2, inner))[:, :, None, None]
        torch.testing.assert_close(model(x), hidden)
    for name, layer in layers.items():
        for key in ("running_mean", "running_var", "num_batches_tracked"):
            torch.testing.assert_close(model.state_dict()[f"{name}.norm.{key}"], layer.state_dict()[key])
    model.eval()
    assert torch.equal(model(x), model(x)) and model.first.norm.num_batches_tracked == 2


def _linear(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.linear(x, layer.weight, layer.bias)
