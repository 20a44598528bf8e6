"""Gates in every spelling are the expected regions, and mean what they meant before; near misses say why."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from spellings.spelling import Spelling, bodies, names, spelling

import attncomp
from attncomp import pipeline
from attncomp.api import Module
from attncomp.emission.registry import find_backend
from attncomp.ir.graph import Graph
from attncomp.ir.interpret import interpret
from attncomp.ir.print import print_graph
from attncomp.ir.verify import verify
from attncomp.passes.find_gate_regions import FindGateRegions

NAMES = names("gates")
NOT_FUSED = names("gates_not_fused")
GATES = [pytest.param(spelling("gates", name), id=name) for name in NAMES]
MISSES = [pytest.param(spelling("gates_not_fused", name), id=name) for name in NOT_FUSED]


def parameters(one: Spelling, graph: Graph) -> dict[str, np.ndarray]:
    """A number for each parameter of a graph; a variance is positive, and a count a whole number."""
    drawn = one.parameters()
    made = {key: abs(array) + 0.1 if "running_var" in key else array for key, array in drawn.items()}
    typed = {key: array.astype(np.int64) if "num_batches" in key else array for key, array in made.items()}
    return {key: typed[key] for key in (str(node.attributes["key"]) for node in graph.nodes("parameter"))}


@cache
def meant(one: Spelling, call: int) -> dict[str, np.ndarray]:
    """What the graph before any pass computes."""
    return interpret(one.built.graph, one.inputs(call), parameters(one, one.built.graph))


def array(result: Any) -> np.ndarray:
    return np.asarray(result.detach() if isinstance(result, torch.Tensor) else result)


def compared(found: list[np.ndarray], wanted: list[np.ndarray], tolerance: float) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert np.isfinite(other).all()
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("one", GATES)
def test_the_expected_regions_and_no_near_miss(one: Spelling) -> None:
    count = int(one.first("expect").split()[0])
    graph = one.optimised.graph
    regions = bodies(graph, "gate")
    assert len(regions) == count
    remarks = [remark for remark in one.optimised.remarks if remark.region == "gate"]
    assert [remark.kind for remark in remarks] == ["fused"] * count
    for remark in remarks:
        assert remark.span is not None
        assert remark.saved is not None
        assert remark.saved.at(remark.saved.traffic, {}) > 0
    # Nothing of a gate stays outside of its region: no reduction, no function, no product with something reduced.
    outside = {node.operator for node in graph.nodes()}
    assert outside.isdisjoint({"mean", "max", "norm", "var", "sigmoid", "hardsigmoid", "tanh", "softmax", "exp"})


@pytest.mark.parametrize("one", [*GATES, *MISSES])
def test_the_passes_keep_every_result(one: Spelling) -> None:
    for call in (0, 1):
        inputs = one.inputs(call)
        before = meant(one, call)
        after = interpret(one.optimised.graph, inputs, parameters(one, one.optimised.graph))
        assert list(before) == list(after)
        compared(list(after.values()), list(before.values()), 1e-9)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("one", GATES)
def test_the_modules_compute_what_the_interpreter_does(one: Spelling, backend: str) -> None:
    compiled = Module(pipeline.complete(one.built, find_backend(backend)))
    compiled.load(parameters(one, compiled.graph))
    for call in (0, 1):
        inputs = one.inputs(call)
        wanted = list(meant(one, call).values())
        result = compiled(**inputs)
        found = [array(one) for one in (result if isinstance(result, tuple) else (result,))]
        half = any(one_.dtype == np.float16 for one_ in found)
        compared(found, wanted, float(one.first("tolerance", "2e-3" if half else "2e-5")))


@pytest.mark.parametrize("one", [*GATES, *MISSES])
def test_a_second_run_changes_nothing(one: Spelling) -> None:
    graph = one.optimised.graph
    before = print_graph(graph)
    again = FindGateRegions().run(graph)
    verify(graph)
    assert not again.changed
    assert print_graph(graph) == before


@pytest.mark.parametrize("one", MISSES)
def test_a_near_miss_says_which_condition_failed_and_where(one: Spelling) -> None:
    """`# remark:` is a part of the message, `# at:` the source that is pointed at, `# help:` a part of the edit."""
    said = [remark for remark in one.optimised.remarks if remark.region == "gate" and remark.kind != "fused"]
    assert len(bodies(one.optimised.graph, "gate")) == int(one.first("regions", "0"))
    (remark,) = said
    assert one.first("remark") in remark.message
    assert one.first("help") in remark.help
    assert remark.kind == one.first("kind", "missed")
    span = remark.span
    assert span is not None
    line = one.path.read_text(encoding="utf-8").splitlines()[span.line - 1]
    assert line[span.column - 1 : span.end_column - 1] == one.first("at")


@pytest.mark.parametrize("one", [param for param in MISSES if "edited" in param.values[0].said])  # type: ignore[union-attr]
def test_the_edit_that_a_near_miss_asks_for_makes_it_fuse(one: Spelling) -> None:
    """`# edited: old => new` is the edit, as the help says it."""
    text = one.path.read_text(encoding="utf-8")
    for edit in one.said["edited"]:
        old, new = (part.strip() for part in edit.split(" =>"))
        head, body = re.split(r"(?m)^(?=model|block)", text, maxsplit=1)
        assert old in body
        text = head + body.replace(old, new)
    remarks = [remark for remark in attncomp.compile(text).remarks if remark.region == "gate"]
    assert [remark.kind for remark in remarks] == ["fused"]


def test_an_ordinary_network_is_told_nothing_about_gates() -> None:
    """Shortcuts, recurrent gates, normalisations by hand, attention and conditioning are no gates, nor near misses."""
    for name in names("no_gates"):
        one = spelling("no_gates", name)
        assert [remark for remark in one.optimised.remarks if remark.region == "gate"] == [], name


def test_there_are_many_spellings() -> None:
    assert len(NAMES) >= 50
    assert len(NOT_FUSED) >= 10
