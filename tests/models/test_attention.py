"""Attention with other scores: additive, cosine, biased, capped, linear, in both directions."""

from __future__ import annotations

import pytest
from models import reference_attention as reference
from models.compare import BACKENDS, Case, Inputs, agrees, means
from models.draw import Random, lengths, numbers, one


def bahdanau(random: Random, size: tuple[int, ...]) -> Inputs:
    batch, query, source = size
    return {
        "q": numbers(random, batch, query, 6),
        "m": numbers(random, batch, source, 4),
        "keep": lengths(random, batch, source),
    }


def with_gaps(random: Random, size: tuple[int, ...]) -> Inputs:
    """Any position may be left out: also the first, so that rows have nothing left."""
    keep = random.random(size) > 0.4
    keep[:1, 0] = False
    return {"x": numbers(random, *size, 8), "keep": keep}


def two(first: str, second: str, embed: int) -> object:
    def draw(random: Random, size: tuple[int, ...]) -> Inputs:
        batch, left, right = size
        return {first: numbers(random, batch, left, embed), second: numbers(random, batch, right, embed)}

    return draw


SEQUENCES = ((2, 6), (1, 1), (0, 5), (3, 11))
CASES = (
    Case("additive", reference.Bahdanau, bahdanau, [(2, 3, 5), (1, 1, 1), (3, 7, 4)]),
    Case("cosine", reference.Cosine, one("x", 8), SEQUENCES),
    Case("alibi", reference.Alibi, with_gaps, SEQUENCES),
    Case("softcap", reference.Gemma, one("x", 8), SEQUENCES),
    Case("linear_attention", reference.LinearAttention, one("x", 8), SEQUENCES),
    Case("weights_returned", reference.Shown, two("query", "memory", 6), [(2, 3, 5), (1, 1, 1), (3, 7, 4)]),
    Case("relative_buckets", reference.T5, one("x", 8), [(2, 7), (1, 1), (1, 30)]),
    Case("flow", reference.Flow, two("context", "question", 5), [(2, 6, 3), (1, 1, 1), (3, 4, 7)]),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_graph_means_what_the_reference_computes(case: Case) -> None:
    means(case)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_module_computes_what_the_reference_does(case: Case, backend: str) -> None:
    agrees(case, backend)
