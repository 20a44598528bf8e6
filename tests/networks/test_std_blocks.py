"""Blocks of the library against PyTorch modules with the same keys, through both backends, at two sizes each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from references.generator import picture, weights
from torch import Tensor, nn
from torch.nn import functional

import attncomp

TOLERANCE = 1e-5


class Transformer(nn.Module):
    """The spatial transformer of PyTorch's tutorial, pooled to 3 by 3 so that other sizes than 28 by 28 fit."""

    def __init__(self) -> None:
        super().__init__()
        self.localization = nn.Sequential(
            nn.Conv2d(1, 8, 7), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(8, 10, 5), nn.MaxPool2d(2), nn.ReLU()
        )
        self.fc_loc = nn.Sequential(nn.Linear(90, 32), nn.ReLU(), nn.Linear(32, 6))

    def forward(self, x: Tensor) -> Tensor:
        seen = functional.adaptive_avg_pool2d(self.localization(x), 3)
        theta = self.fc_loc(seen.flatten(1)).view(-1, 2, 3)
        grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
        return functional.grid_sample(x, grid, align_corners=False)


class NonLocal(nn.Module):
    """An embedded Gaussian, as in Wang et al.'s figure 2."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        self.g, self.theta, self.phi = (nn.Conv2d(channels, inner, 1) for _ in range(3))
        self.W = nn.Sequential(nn.Conv2d(inner, channels, 1), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        theta, phi, g = (conv(x).flatten(2) for conv in (self.theta, self.phi, self.g))
        y = (theta.mT @ phi).softmax(-1) @ g.mT
        return x + self.W(y.mT.unflatten(2, x.shape[2:]))


class Pooled(nn.Sequential):
    def __init__(self, channels: int, features: int) -> None:
        super().__init__(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, features, 1, bias=False),
            nn.BatchNorm2d(features),
            nn.ReLU(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.interpolate(super().forward(x), size=x.shape[-2:], mode="bilinear", align_corners=False)


class ASPP(nn.Module):
    """As torchvision builds it."""

    def __init__(self, channels: int, features: int, rates: tuple[int, ...]) -> None:
        super().__init__()

        def branch(kernel: int, rate: int) -> nn.Sequential:
            padding = rate * (kernel // 2)
            conv = nn.Conv2d(channels, features, kernel, padding=padding, dilation=rate, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(features), nn.ReLU())

        far = [branch(3, rate) for rate in rates]
        self.convs = nn.ModuleList([branch(1, 1), *far, Pooled(channels, features)])
        project = nn.Conv2d(features * len(self.convs), features, 1, bias=False)
        self.project = nn.Sequential(project, nn.BatchNorm2d(features), nn.ReLU(), nn.Dropout(0.5))

    def forward(self, x: Tensor) -> Tensor:
        return self.project(torch.cat([conv(x) for conv in self.convs], 1))


class Cell(nn.LSTMCell):
    """The state as two inputs of their own."""

    def forward(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        return super().forward(x, (h, c))


@dataclass(frozen=True)
class Case:
    """A block, the module it must equal, and the shapes of the inputs at two sizes.

    `smooth` pictures do not jump from pixel to pixel: between the pixels of noise a coordinate's rounding shows.
    """

    name: str
    model: str
    reference: Callable[[], nn.Module]
    sizes: tuple[tuple[tuple[int, ...], ...], ...]
    smooth: bool = False


CASES = (
    Case(
        "transformer",
        """
        from std.spatial import SpatialTransformer

        model M(x: f32[batch, channel = 1, height, width]) -> f32[batch, channel, height, width] {
          layer read = SpatialTransformer as ""
          return read(x)
        }
        """,
        Transformer,
        (((3, 1, 28, 28),), ((1, 1, 41, 36),)),
        smooth=True,
    ),
    Case(
        "non_local",
        """
        from std.spatial import NonLocal

        model M(x: f32[batch, channel = 12, height, width]) -> f32[batch, channel, height, width] {
          layer look = NonLocal{reduction = 3} as ""
          return look(x)
        }
        """,
        lambda: NonLocal(12, 4),
        (((2, 12, 7, 9),), ((1, 12, 16, 5),)),
    ),
    Case(
        "aspp",
        """
        from std.spatial import ASPP

        model M(x: f32[batch, channel = 12, height, width]) -> f32[batch, out, height, width] {
          axis out = 8
          layer pyramid = ASPP{rates = [2, 4, 6], feature: out} as ""
          return pyramid(x)
        }
        """,
        lambda: ASPP(12, 8, (2, 4, 6)),
        (((2, 12, 9, 13),), ((1, 12, 20, 17),)),
    ),
    Case(
        "lstm_cell",
        """
        from std.recurrent import LSTMCell

        model M(
          x: f32[batch, feature = 10],
          h: f32[batch, hidden = 16],
          c: f32[batch, hidden],
        ) -> (h: f32[batch, hidden], c: f32[batch, hidden]) {
          layer cell = LSTMCell{input: feature} as ""
          return cell(x, h, c)
        }
        """,
        lambda: Cell(10, 16),
        (((4, 10), (4, 16), (4, 16)), ((1, 10), (1, 16), (1, 16))),
    ),
)


@cache
def _compiled(case: Case, backend: str) -> attncomp.Module:
    return attncomp.compile(case.model, backend=backend)


def _weights(module: attncomp.Module) -> dict[str, np.ndarray]:
    return weights({key: (info.shape, info.dtype[0]) for key, info in module.parameters.items()})


def _drawn(name: str, shape: tuple[int, ...], smooth: bool) -> np.ndarray:
    if not smooth:
        return picture(name, *shape)
    coarse = torch.from_numpy(picture(name, *shape[:2], 6, 6))
    return functional.interpolate(coarse, size=shape[2:], mode="bicubic").numpy()


def _arrays(result: Any) -> list[np.ndarray]:
    several = result if isinstance(result, tuple) else (result,)
    return [one.detach().numpy() if isinstance(one, Tensor) else np.asarray(one) for one in several]


def _distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """The relative error in norm."""
    assert found.shape == wanted.shape
    return float(np.linalg.norm(found.astype(np.float64) - wanted) / np.linalg.norm(wanted))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_keys_and_shapes_are_those_of_the_module(case: Case) -> None:
    state = case.reference().state_dict()
    found = _compiled(case, "numpy").parameters
    assert {key: info.shape for key, info in found.items()} == {key: tuple(one.shape) for key, one in state.items()}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_block_computes_what_the_module_does(case: Case, backend: str) -> None:
    module = _compiled(case, backend)
    filled = _weights(module)
    module.load(filled)
    reference = case.reference().eval()
    reference.load_state_dict({key: torch.from_numpy(value) for key, value in filled.items()})
    for shapes in case.sizes:
        inputs = [_drawn(f"{case.name} {number}", shape, case.smooth) for number, shape in enumerate(shapes)]
        with torch.no_grad():
            wanted = _arrays(reference(*(torch.from_numpy(array) for array in inputs)))
        given = inputs if backend == "numpy" else [torch.from_numpy(array) for array in inputs]
        found = _arrays(module(*given))
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert _distance(one, other) <= TOLERANCE


def test_non_local_attention_is_one_region() -> None:
    remarks = _compiled(CASES[1], "numpy").remarks
    assert [(remark.kind, remark.region) for remark in remarks] == [("fused", "attention")]
