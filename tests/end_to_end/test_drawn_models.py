"""Any drawn model computes the same in the interpreter and in both modules."""

from __future__ import annotations

import numpy as np
from end_to_end.drawn_models import Drawn, inputs_for, models
from end_to_end.everywhere import BACKENDS, agree, drawn_parameters, emitted, results, rewritten
from hypothesis import HealthCheck, assume, given, settings

from attncomp import pipeline
from attncomp.diagnostics.core import DiagnosticError, Severity
from attncomp.ir.graph import Graph
from attncomp.ir.interpret import interpret


def graph_of(drawn: Drawn) -> Graph:
    """The graph; a softmax over what queries and keys share is the one mistake that is drawn."""
    try:
        return pipeline.build(pipeline.parse(drawn.text), options=drawn.options, present=drawn.present).graph
    except DiagnosticError as error:
        mistakes = {one.code for one in error.diagnostics if one.severity is Severity.ERROR}
        assume(mistakes != {"E020"})
        raise


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(models())
def test_the_interpreter_and_the_modules_agree(drawn: Drawn) -> None:
    graph = graph_of(drawn)
    optimised = rewritten(graph)
    parameters = drawn_parameters(graph)
    modules = {backend: emitted(optimised, backend)[1] for backend in BACKENDS}
    for module in modules.values():
        module.load(parameters, strict=False)  # what no result depends on is gone
    for seed, sizes in enumerate([{"batch": 2, "seq": 5}, {"batch": 1, "seq": 3}, {"batch": 0, "seq": 4}]):
        inputs = inputs_for(graph, sizes, seed)
        wanted = list(interpret(graph, inputs, parameters).values())
        assert all(np.isfinite(array).all() for array in wanted)
        for backend, module in modules.items():
            agree(results(module, inputs), wanted, 1e-4, f"{backend} at {sizes}")
