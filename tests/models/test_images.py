"""Networks for images: gates, residual blocks, dilated convolutions, learned sampling."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from models import reference_images as reference
from models.compare import BACKENDS, MODELS, Case, agrees, means, same, state, weighted
from models.draw import one

import attncomp

CASES = (
    Case("inverted_residual", reference.InvertedResidual, one("x"), [(2, 4, 6, 5), (1, 4, 1, 1), (3, 4, 9, 8)]),
    Case("eca", reference.ECA, one("x"), [(2, 6, 4, 5), (1, 1, 1, 1), (3, 9, 7, 2)]),
    Case("cbam", reference.CBAM, one("x"), [(2, 6, 8, 5), (1, 6, 1, 1), (0, 6, 4, 4), (3, 6, 9, 10)]),
    Case("non_local", reference.Video, one("x"), [(2, 4, 3, 6, 5), (1, 4, 1, 2, 2), (1, 4, 2, 7, 9)]),
    Case("residual", reference.ResNet, one("image"), [(2, 3, 20, 17), (1, 3, 1, 1), (3, 3, 32, 32)], tolerance=5e-5),
    Case("aspp", reference.ASPP, one("x"), [(2, 6, 9, 7), (1, 6, 1, 1), (2, 6, 12, 13)]),
    Case("spatial_transformer", reference.SpatialTransformer, one("x"), [(2, 3, 9, 10), (1, 3, 6, 6), (3, 3, 14, 8)]),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_graph_means_what_the_reference_computes(case: Case) -> None:
    means(case)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_module_computes_what_the_reference_does(case: Case, backend: str) -> None:
    agrees(case, backend)


def test_a_step_of_training_is_that_of_the_reference() -> None:
    """Gradients, and the statistics of every BatchNorm, after a forward and a backward pass in training."""
    ours = attncomp.compile(MODELS / "residual.attn", backend="torch")
    theirs = weighted(reference.ResNet)
    ours.load(state(theirs))
    image = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 3, 20, 17)).astype(np.float32))
    for module in (ours.instance, theirs):
        module.train()
        module(image).square().sum().backward()
    found, wanted = state(ours.instance), state(theirs)
    assert set(found) == set(wanted)
    assert int(found["bn1.num_batches_tracked"]) == 1
    for key, array in wanted.items():
        same([found[key]], [array], 1e-5)
    gradients = {key: parameter.grad.numpy() for key, parameter in theirs.named_parameters()}
    assert set(gradients) == set(dict(ours.instance.named_parameters()))
    for key, parameter in ours.instance.named_parameters():
        scale = max(1.0, float(np.abs(gradients[key]).max()))
        same([parameter.grad.numpy() / scale], [gradients[key] / scale], 1e-5)
