"""What pieces of queries read: enough always, no more than the mask needs, and the same numbers come of it."""

from __future__ import annotations

import numpy as np
import pytest
from lowering.positional import run_program, stretch_of

from attncomp import pipeline
from attncomp.emission.registry import find_backend
from attncomp.ir.graph import Graph
from attncomp.ir.interpret import interpret
from attncomp.lowering.lower import lower
from attncomp.lowering.program import Pieces, Program, Region, statements

HEAD = """\
model Attention(
  q: f32[batch, head = 2, query, key = 4],
  k: f32[batch, head, source, key],
  v: f32[batch, head, source, value = 3],
  keep: bool[batch, source],
)"""
ATTENTION = (
    HEAD
    + """ -> f32[batch, head, query, value] {{
  i = arange{{query}}
  j = arange{{source}}
  return softmax{{source}}(where({mask}, q @{{key}} k / sqrt(|key|), -inf)) @{{source}} v
}}
"""
)
MASK = (
    HEAD
    + """ -> f32[batch, head, query, source] {{
  i = arange{{query}}
  j = arange{{source}}
  return where({mask}, 1.0 + 0.0 * (q @{{key}} k), 0.0)
}}
"""
)

# By mask: how many of 9 sources the pieces [0, 2), [2, 4), … of 9 queries read.
READ = {
    "i >= j": [2, 4, 6, 8, 9],
    "j <= i": [2, 4, 6, 8, 9],
    "i > j": [1, 3, 5, 7, 8],
    "not (j > i)": [2, 4, 6, 8, 9],
    "i - j >= 0 and i - j < 3": [2, 4, 4, 4, 3],
    "abs(i - j) <= 1": [3, 4, 4, 4, 2],
    "abs(j - i) < 2": [3, 4, 4, 4, 2],
    "not (abs(i - j) > 1)": [3, 4, 4, 4, 2],
    "j >= i": [9, 7, 5, 3, 1],
    "i == j": [2, 2, 2, 2, 1],
    "i // 2 == j // 2": [2, 2, 2, 2, 1],
    "i // 3 == j // 3": [3, 6, 3, 3, 3],
    "i // 3 - j // 3 >= 0 and i // 3 - j // 3 < 2": [3, 6, 6, 6, 6],
    "(i - j) // 2 == 0": [2, 3, 3, 3, 2],
    "abs(i - j) <= 2 and (i - j) % 2 == 0": [4, 6, 6, 5, 3],
    "(i - j >= 0 and i - j < 3) or j == 0": [2, 4, 6, 8, 9],
    "i >= j and keep": [2, 4, 6, 8, 9],
    "keep and abs(i - j) <= 1": [3, 4, 4, 4, 2],
    "j < 4": [4, 4, 4, 4, 4],
    "j < 4 and i >= j": [2, 4, 4, 4, 4],
    "maximum(i - j, j - i) <= 1": [3, 4, 4, 4, 2],
    "minimum(i - j, 5) >= 0": [2, 4, 6, 8, 9],
    "2 * j <= i": [1, 2, 3, 4, 5],
    "i * 2 >= j + 3": [1, 4, 8, 9, 9],
    "j <= i + |source| - |query|": [2, 4, 6, 8, 9],
    "j > i + 20": [1, 1, 1, 1, 1],
}  # fmt: skip
ALL = ["keep", "i >= j or keep", "i < 4", "not (i >= j and keep)", "i != j", "i * j <= 3", "j >= 0 - i"]
SIZES = [(9, 9), (5, 12), (12, 5), (1, 7), (7, 1)]


@pytest.mark.parametrize("mask", READ)
def test_a_piece_reads_what_its_mask_needs(mask: str) -> None:
    program, pieces = lowered(ATTENTION.format(mask=mask))
    assert pieces.reads is not None
    lengths = [part.stop - part.start for part in read_of(pieces, 9, 9)]
    assert lengths == READ[mask]
    assert_same(mask, program, pieces)


@pytest.mark.parametrize("mask", ALL)
def test_a_mask_that_leaves_every_source_to_some_piece_reads_them_all(mask: str) -> None:
    program, pieces = lowered(ATTENTION.format(mask=mask))
    assert pieces.reads is None
    assert_same(mask, program, pieces)


@pytest.mark.parametrize("seed", range(60))
def test_random_masks_of_positions(seed: int) -> None:
    mask = drawn_mask(np.random.default_rng(seed), 2)
    program, pieces = lowered(ATTENTION.format(mask=mask))
    assert_same(mask, program, pieces)


def test_most_random_masks_are_not_read_whole() -> None:
    masks = [drawn_mask(np.random.default_rng(seed), 2) for seed in range(20)]
    found = [lowered(ATTENTION.format(mask=mask))[1].reads for mask in masks]
    assert sum(one is not None for one in found) >= 5


HEADING = HEAD + " -> f32[batch, head, query, value] {\n  i = arange{query}\n  j = arange{source}\n"
SCORE = "  s = q @{key} k / sqrt(|key|)\n"
BODIES = {
    "added": "  return softmax{source}(s + where(i >= j, 0.0, -inf)) @{source} v\n}",
    "twice": "  return softmax{source}(where(i >= j, where(keep, s, -inf), -inf)) @{source} v\n}",
    "scaled behind": "  return softmax{source}(where(i >= j, s, -inf) * 0.5) @{source} v\n}",
    "weighed": "  return (softmax{source}(where(i >= j, s, -inf)) * sigmoid(s)) @{source} v\n}",
}
WHOLE = {
    "finite": "  return softmax{source}(where(i >= j, s, -1e9)) @{source} v\n}",
    "capped behind": "  return softmax{source}(tanh(where(i >= j, s, -inf))) @{source} v\n}",
    "mask of the weights": "  return where(i >= j, softmax{source}(s), 0.0) @{source} v\n}",
}


@pytest.mark.parametrize(("lines", "restricted"), [*((one, True) for one in BODIES), *((one, False) for one in WHOLE)])
def test_scores_that_a_mask_reaches_in_other_ways(lines: str, restricted: bool) -> None:
    text = HEADING + SCORE + {**BODIES, **WHOLE}[lines]
    program, pieces = lowered(text)
    assert (pieces.reads is not None) == restricted
    for queries, sources in SIZES:
        inputs = drawn_inputs(queries, sources)
        wanted = interpret(built(text), inputs, {})
        found = run_program(program, {one.name: inputs[one.name] for one in program.inputs}, {})
        np.testing.assert_allclose(found["out"], wanted["out"], rtol=1e-9, atol=1e-9)


# --- the models of these tests ------------------------------------------------------------------------------


def lowered(text: str) -> tuple[Program, Pieces]:
    """The program of a model for NumPy, and the pieces of its region."""
    backend = find_backend("numpy")
    graph = pipeline.optimise(built(text), backend).graph
    program = lower(graph, in_pieces=True)
    (region,) = (one for one in statements(program.steps) if isinstance(one, Region))
    assert region.pieces is not None
    return program, region.pieces


def built(text: str) -> Graph:
    return pipeline.build(pipeline.parse(text)).graph


def read_of(pieces: Pieces, queries: int, sources: int) -> list[slice]:
    """What each piece of two queries reads."""
    assert pieces.reads is not None
    sizes = {"query": queries, "source": sources, "batch": 2}
    parts = [slice(start, min(start + 2, queries)) for start in range(0, queries, 2)]
    return [stretch_of(pieces.reads, {"query": part}, sizes) for part in parts]


def drawn_inputs(queries: int, sources: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(queries * 100 + sources)
    return {
        "q": random.normal(size=(2, 2, queries, 4)),
        "k": random.normal(size=(2, 2, sources, 4)),
        "v": random.normal(size=(2, 2, sources, 3)),
        "keep": random.random((2, sources)) > 0.3,
    }


def assert_same(mask: str, program: Program, pieces: Pieces) -> None:
    """Fails unless the program gives what the model says, and no piece leaves out a source that one of it sees."""
    model, masked = built(ATTENTION.format(mask=mask)), built(MASK.format(mask=mask))
    for queries, sources in SIZES:
        inputs = drawn_inputs(queries, sources)
        given = {one.name: inputs[one.name] for one in program.inputs}
        wanted = interpret(model, inputs, {})
        for name, array in run_program(program, given, {}).items():
            np.testing.assert_allclose(array, wanted[name], rtol=1e-9, atol=1e-9)
        seen = interpret(masked, inputs, {})["out"] > 0
        if pieces.reads is not None:
            for number, part in enumerate(read_of(pieces, queries, sources)):
                left = np.delete(seen[:, :, 2 * number : 2 * number + 2], part, axis=3)
                assert not left.any(), f"{part} of piece {number} of {queries} x {sources}"


def drawn_mask(random: np.random.Generator, depth: int) -> str:
    """The text of a mask of positions."""
    kind = random.integers(0, 10) if depth else 9
    if kind < 4:
        word = random.choice(["and", "and", "or"])
        return f"({drawn_mask(random, depth - 1)} {word} {drawn_mask(random, depth - 1)})"
    if kind == 4:
        return f"(not {drawn_mask(random, depth - 1)})"
    if kind == 5:
        return "keep"
    compared = random.choice(["<", "<=", ">", ">=", "==", "!="], p=[0.22, 0.22, 0.22, 0.22, 0.1, 0.02])
    return f"({drawn_number(random, 2)} {compared} {drawn_number(random, 1)})"


def drawn_number(random: np.random.Generator, depth: int) -> str:
    """The text of a whole number made of positions."""
    if not depth:
        return str(random.choice(["i", "j", "i", "j", str(random.integers(0, 7))]))
    left, right = drawn_number(random, depth - 1), drawn_number(random, depth - 1)
    some = str(random.integers(1, 5))
    forms = [
        f"({left} + {right})", f"({left} - {right})", f"({left} - {right})", f"abs({left} - {right})",
        f"({left} * {some})", f"({left} // {some})", f"({left} % {some})", f"maximum({left}, {right})",
        f"minimum({left}, {right})", f"(0 - {left})", left,
    ]  # fmt: skip
    return str(random.choice(forms))
