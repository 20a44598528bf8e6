"""Whole models, through no pass, each alone, and all, on both backends: the same numbers."""

from __future__ import annotations

import numpy as np
import pytest
from end_to_end.everywhere import BACKENDS, agree, drawn_parameters, emitted, results, rewritten
from models import test_attention, test_images, test_others, test_transformers
from models.compare import Case, graph_of

from attncomp.ir.interpret import interpret
from attncomp.passes.registry import pass_sequence

NAMES = (
    "transformer_encoder",
    "causal_decoder",
    "cross_decoder-alive",
    "grouped_query",
    "shifted_window",
    "additive",
    "cbam",
    "shared_layers",
)
CASES = {
    case.name: case for module in (test_attention, test_images, test_others, test_transformers) for case in module.CASES
}


@pytest.mark.parametrize("name", NAMES)
def test_no_pass_changes_a_result(name: str) -> None:
    case: Case = CASES[name]
    graph = graph_of(case.file, case.present, tuple(case.options.items()))
    inputs = case.draw(np.random.default_rng(0), case.sizes[0])
    parameters = drawn_parameters(graph)
    wanted = list(interpret(graph, inputs, parameters).values())
    modules: dict[str, str] = {}
    passes = pass_sequence()
    for chosen in [(), *((one,) for one in passes), passes]:
        what = ", ".join(one.name for one in chosen) or "no pass"
        changed = rewritten(graph, chosen)
        agree(list(interpret(changed, inputs, parameters).values()), wanted, 1e-9, what)
        for backend in BACKENDS:
            text, module = emitted(changed, backend)
            if modules.setdefault(text, what) == what:  # what no pass has touched runs once
                module.load(parameters, strict=True)
                agree(results(module, inputs), wanted, 2e-5, f"{what} on {backend}")
    assert len(modules) > len(BACKENDS)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["transformer_encoder", "causal_decoder", "cross_decoder-alive", "grouped_query"])
def test_loops_over_layers_compute_what_the_layers_do(name: str, backend: str) -> None:
    case = CASES[name]
    graph = rewritten(graph_of(case.file, case.present, tuple(case.options.items())))
    inputs = case.draw(np.random.default_rng(1), case.sizes[0])
    parameters = drawn_parameters(graph)
    (short, rolled), (long, flat) = (emitted(graph, backend, roll_loops=roll) for roll in (True, False))
    assert len(short) < len(long)
    for module in (rolled, flat):
        module.load(parameters, strict=True)
    agree(results(rolled, inputs), results(flat, inputs), 1e-6, backend)
