"""Pointwise regions in many spellings: what is one pass over memory, what is not, and that it computes the same."""

from __future__ import annotations

import numpy as np
import pytest
from spellings.agreement import agrees
from spellings.spelling import Spelling, bodies, names, spelling

import attncomp
from attncomp.ir.interpret import interpret
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.verify import verify

FUSED = [pytest.param(spelling("pointwise", name), id=name) for name in names("pointwise")]
APART = [pytest.param(spelling("pointwise_not_fused", name), id=name) for name in names("pointwise_not_fused")]


def found(one: Spelling) -> list[str]:
    """The pointwise operators of each region, sorted: two orders may be the same graph."""
    return [
        " ".join(sorted(node.operator for node in body.nodes() if OPERATORS[node.operator].category == "pointwise"))
        for _, body in bodies(one.optimised.graph, "pointwise")
    ]


@pytest.mark.parametrize("one", FUSED)
def test_the_expected_regions(one: Spelling) -> None:
    assert found(one) == [" ".join(sorted(region.split())) for region in one.said["region"]]
    remarks = [remark for remark in one.optimised.remarks if remark.region == "pointwise"]
    assert [remark.kind for remark in remarks] == ["fused"] * len(found(one))
    for remark in remarks:
        assert remark.message.endswith("hang together: what lies between need not be stored")
        assert remark.lines
        assert remark.saved is not None
        assert remark.saved.at(remark.saved.traffic, {}) > 0


@pytest.mark.parametrize("one", APART)
def test_what_is_no_region(one: Spelling) -> None:
    assert found(one) == []
    assert [remark for remark in one.optimised.remarks if remark.region == "pointwise"] == []


@pytest.mark.parametrize("one", [*FUSED, *APART])
def test_the_passes_keep_every_result(one: Spelling) -> None:
    verify(one.optimised.graph)
    parameters = one.parameters()
    for call in (0, 1):
        before = interpret(one.built.graph, one.inputs(call), parameters)
        after = interpret(one.optimised.graph, one.inputs(call), parameters)
        for name, array in before.items():
            np.testing.assert_allclose(after[name], array, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("one", FUSED)
def test_the_modules_agree_with_the_interpreter(one: Spelling, backend: str) -> None:
    agrees(one, backend, lambda result: np.asarray(getattr(result, "detach", lambda: result)()))


def test_repeated_layers_are_one_loop() -> None:
    text = str(attncomp.compile(spelling("pointwise", "repeated").path, backend="numpy").source)
    assert text.count("def add_relu") == 1
    assert text.count("def tanh_multiply") == 1
