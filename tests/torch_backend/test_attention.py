"""Attention regions: PyTorch's kernel and the decomposition agree, and a row masked out completely is 0 in both."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from attncomp_torch import backend
from lowering.positional import run_program
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch_backend.programs import BOOL, attention_region, model_of, program, step, value

from attncomp.lowering.program import Program

SHAPES = {
    "batch and heads": ([2, 3, 5, 4], [2, 3, 6, 4], [2, 3, 6, 7]),
    "no leading": ([5, 4], [6, 4], [6, 7]),
    "one leading": ([3, 5, 4], [3, 6, 4], [3, 6, 4]),
    "windows": ([2, 2, 3, 2, 5, 4], [2, 2, 3, 2, 6, 4], [2, 2, 3, 2, 6, 4]),
    "grouped": ([2, 2, 3, 5, 4], [2, 2, 1, 6, 4], [2, 2, 1, 6, 4]),
    "shared keys": ([2, 3, 5, 4], [6, 4], [6, 4]),
}
MASKS = {"full": [2, 3, 5, 6], "of keys": [1, 1, 1, 6], "plain": [5, 6], "of windows": [2, 1, 3, 1, 5, 6]}
BIASES = {"of heads": [3, 5, 6], "plain": [5, 6]}


def attending(
    shapes: tuple[list[int], list[int], list[int]],
    mask: list[int] | None = None,
    bias: list[int] | None = None,
    *,
    known: bool = True,
    rate: float = 0.0,
    scale: float = 0.5,
) -> Program:
    query, key, values = (value(name, shape) for name, shape in zip(("query", "key", "value"), shapes, strict=True))
    inputs = [query, key, values]
    parts: dict[str, Any] = {}
    if bias is not None:
        parts["bias"] = value("bias", bias)
    if mask is not None:
        parts["mask"] = value("mask", mask, BOOL)
    result = value("attended", [*shapes[0][:-1], shapes[2][-1]])
    region = attention_region(result, *inputs, **parts, known=known, rate=rate, scale=scale)
    return program([*inputs, *parts.values()], {"attended": result}, [region])


def given(one: Program, kind: torch.dtype = torch.float32) -> list[torch.Tensor]:
    """Random inputs; the mask excludes the second row completely."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for entry in one.inputs:
        shape = [size.constant for size in entry.value.shape]
        if entry.value.dtype is BOOL:
            mask = torch.rand(shape, generator=generator) > 0.4
            if shape[-2] > 1:
                mask[..., 1, :] = False
            found.append(mask)
        else:
            found.append(torch.randn(shape, generator=generator, dtype=kind).requires_grad_())
    return found


CASES = [
    ("batch and heads", None, None),
    ("batch and heads", "full", None),
    ("batch and heads", "of keys", None),
    ("batch and heads", "plain", "of heads"),
    ("batch and heads", "full", "plain"),
    ("no leading", "plain", None),
    ("no leading", None, "plain"),
    ("one leading", "plain", "of heads"),
    ("windows", "of windows", None),
    ("windows", "plain", "plain"),
    ("grouped", "plain", None),
    ("shared keys", "plain", None),
]


@pytest.mark.parametrize(("shapes", "mask", "bias"), CASES)
def test_kernel_and_decomposition_agree(shapes: str, mask: str | None, bias: str | None) -> None:
    masks, biases = MASKS[mask] if mask else None, BIASES[bias] if bias else None
    fused, plain = (attending(SHAPES[shapes], masks, biases, known=known) for known in (True, False))
    assert "scaled_dot_product_attention" in backend.emit(fused)
    assert "scaled_dot_product_attention" not in backend.emit(plain)
    inputs = given(fused)
    arrays = {entry.name: one.detach().numpy() for entry, one in zip(fused.inputs, inputs, strict=True)}
    expected = run_program(plain, arrays, {})["attended"]
    gradients = []
    for one in (fused, plain):
        result = model_of(one)(*inputs)
        np.testing.assert_allclose(result.detach().numpy(), expected, rtol=1e-5, atol=1e-5)
        wanted = [one for one in inputs if one.requires_grad]
        gradients.append(torch.autograd.grad(result.square().sum(), wanted))
        if mask and mask != "of keys":
            assert result[..., 1, :].abs().max() == 0
    for left, right in zip(*gradients, strict=True):
        assert torch.isfinite(left).all() and torch.isfinite(right).all()
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kernel", [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shapes", ["no leading", "batch and heads", "windows", "grouped"])
def test_every_kernel_of_the_processor_gives_0_for_a_masked_row(
    kernel: SDPBackend, kind: torch.dtype, shapes: str
) -> None:
    query, key, values = SHAPES[shapes]
    one = attending((query, key, [*values[:-1], key[-1]]), MASKS["plain"])
    inputs = given(one, kind)
    with sdpa_kernel(kernel):
        result = model_of(one)(*inputs)
        result.sum().backward()
    assert result[..., 1, :].abs().max() == 0
    assert all(torch.isfinite(x.grad).all() for x in inputs[:3])
    assert inputs[0].grad is not None and inputs[0].grad[..., 1, :].abs().max() == 0


@pytest.mark.parametrize("known", [True, False])
def test_no_source_at_all(known: bool) -> None:
    one = attending(([2, 3, 5, 4], [2, 3, 0, 4], [2, 3, 0, 4]), [5, 0], known=known)
    result = model_of(one)(*given(one))
    assert result.shape == (2, 3, 5, 4)
    assert result.abs().max() == 0


@pytest.mark.parametrize("dims", [(2,), (1, 2), (0, 2)])
@pytest.mark.parametrize("operator", ["softmax", "log_softmax"])
def test_a_softmax_row_of_minus_infinity(operator: str, dims: tuple[int, ...]) -> None:
    x, y = value("x", [2, 3, 4]), value("y", [2, 3, 4])
    model = model_of(program([x], {"y": y}, [step(y, operator, x, dims=dims)]))
    scores = torch.randn(2, 3, 4, dtype=torch.float64)
    scores[0] = -torch.inf
    scores[:, :, 0] = -torch.inf
    scores.requires_grad_()
    result = model(scores)
    dead = (scores == -torch.inf).all(dims[0], keepdim=True) if len(dims) == 1 else None
    if operator == "softmax":
        assert torch.isfinite(result).all()
        assert result[0].abs().max() == 0 or dims == (0, 2)
        result.square().sum().backward()
        assert scores.grad is not None and torch.isfinite(scores.grad).all()
        assert scores.grad[:, :, 0].abs().max() == 0
    else:
        assert not result.isnan().any()
        assert (result[0] == -torch.inf).all()
    assert dead is None or dead.any()


def test_dropped_weights_only_in_training() -> None:
    one = attending(SHAPES["batch and heads"], rate=0.5)
    plain = attending(SHAPES["batch and heads"], rate=0.5, known=False)
    inputs = given(one)
    for program_ in (one, plain):
        model = model_of(program_)
        torch.manual_seed(0)
        first, second = model(*inputs), model(*inputs)
        assert not torch.equal(first, second)
        model.eval()
        assert torch.equal(model(*inputs), model(*inputs))
    torch.testing.assert_close(model_of(one).eval()(*inputs), model(*inputs))


def test_without_a_scale_the_scores_are_not_scaled() -> None:
    one = attending(SHAPES["batch and heads"], scale=1.0)
    inputs = given(one)
    query, key, values = inputs
    expected = torch.softmax(query @ key.mT, -1) @ values
    torch.testing.assert_close(model_of(one)(*inputs), expected)
