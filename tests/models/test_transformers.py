"""Transformers: encoders, decoders, grouped heads, shifted windows."""

from __future__ import annotations

import pytest
from models import reference_transformers as reference
from models.compare import BACKENDS, Case, Inputs, agrees, means
from models.draw import Random, lengths, numbers, one


def padded(random: Random, size: tuple[int, ...]) -> Inputs:
    return {"x": numbers(random, *size, 12), "keep": lengths(random, *size)}


def tokens(random: Random, size: tuple[int, ...]) -> Inputs:
    return {"tokens": random.integers(0, 23, size)}


def two_lengths(random: Random, size: tuple[int, ...]) -> Inputs:
    batch, target, source = size
    return {"x": numbers(random, batch, target, 8), "memory": numbers(random, batch, source, 8)}


def two_lengths_padded(random: Random, size: tuple[int, ...]) -> Inputs:
    batch, _, source = size
    return {**two_lengths(random, size), "alive": lengths(random, batch, source)}


CASES = (
    Case("transformer_encoder", reference.Encoder, padded, [(2, 7), (1, 1), (3, 10)]),
    Case("causal_decoder", reference.Language, tokens, [(2, 5), (1, 1), (3, 16)]),
    Case("cross_decoder", reference.Translate, two_lengths, [(2, 3, 5), (1, 1, 1), (3, 6, 2)]),
    Case("cross_decoder", reference.Translate, two_lengths_padded, [(2, 3, 5), (1, 1, 1)], ("alive",)),
    Case("grouped_query", reference.Llama, one("x", 16), [(2, 5), (1, 1), (0, 4), (3, 9)]),
    Case("shifted_window", reference.Swin, one("x", 6), [(2, 8, 8), (1, 8, 12), (0, 8, 8)]),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_graph_means_what_the_reference_computes(case: Case) -> None:
    means(case)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_module_computes_what_the_reference_does(case: Case, backend: str) -> None:
    agrees(case, backend)
