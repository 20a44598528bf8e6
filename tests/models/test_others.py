"""Cells, patches, convolutions, norms, texts, and arithmetic in other types than f32."""

from __future__ import annotations

import numpy as np
import pytest
from models import reference_others as reference
from models.compare import BACKENDS, Case, Inputs, agrees, means
from models.draw import Random, lengths, numbers, one


def state_in(random: Random, size: tuple[int, ...]) -> Inputs:
    (batch,) = size
    return {"x": numbers(random, batch, 3, 4), "h": numbers(random, batch, 5), "c": numbers(random, batch, 5)}


def waves(random: Random, size: tuple[int, ...]) -> Inputs:
    batch, time, height, width = size
    return {"wave": numbers(random, batch, 4, time), "image": numbers(random, batch, 4, height, width)}


def texts(random: Random, size: tuple[int, ...]) -> Inputs:
    batch, seq, label = size
    return {
        "tokens": random.integers(0, 17, (batch, seq)),
        "mask": lengths(random, batch, seq).astype(np.int64),
        "labels": numbers(random, label, 6),
    }


def halves(random: Random, size: tuple[int, ...]) -> Inputs:
    batch, query, source = size
    drawn = {"q": query, "k": source, "v": source}
    return {name: numbers(random, batch, seq, 8).astype(np.float16) for name, seq in drawn.items()}


def whole_numbers(random: Random, size: tuple[int, ...]) -> Inputs:
    a, b = (random.integers(-9, 9, size) for _ in range(2))
    return {"a": a, "b": np.where(b == 0, 3, b), "small": random.integers(-3, 4, size).astype(np.int32)}


CASES = (
    Case("lstm", reference.Steps, state_in, [(2,), (1,), (0,), (5,)]),
    Case("vision_transformer", reference.ViT, one("image", 3, 12, 8), [(2,), (1,), (0,), (5,)]),
    Case("convolutions", reference.Convolutions, waves, [(2, 9, 7, 6), (1, 1, 3, 4), (3, 12, 8, 11)]),
    Case("transposed", reference.Upsample, one("x"), [(2, 3, 4, 5), (1, 3, 1, 1), (3, 3, 7, 2)]),
    Case("norms", reference.Norms, one("x"), [(2, 6, 5, 4), (1, 6, 1, 4), (3, 6, 8, 4)]),
    Case("sentences", reference.Sentences, texts, [(2, 7, 4), (1, 1, 1), (3, 12, 9)]),
    Case("half", reference.Half, halves, [(2, 3, 5), (1, 1, 1), (3, 7, 4)], tolerance=2e-3),
    Case("integers", reference.Integers, whole_numbers, [(20,), (1,), (0,)]),
    Case("selective_kernel", reference.Selective, one("x"), [(2, 4, 6, 5), (1, 4, 1, 1), (3, 4, 9, 8)]),
    Case("shared_layers", reference.Shared, one("x", 6), [(2, 5), (1, 1), (3, 0)]),
    Case("shared_layers", reference.Sparser, one("x", 6), [(2, 5)], options={"repeats": 1, "activation": "silu"}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_graph_means_what_the_reference_computes(case: Case) -> None:
    means(case)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_module_computes_what_the_reference_does(case: Case, backend: str) -> None:
    agrees(case, backend)
