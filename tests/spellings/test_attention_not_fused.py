"""What is no attention region says why, points at the operator, and its edit makes it one."""

from __future__ import annotations

import re

import numpy as np
import pytest
from spellings.spelling import Spelling, bodies, names, spelling

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.interpret import interpret

MODELS = [pytest.param(spelling("attention_not_fused", name), id=name) for name in names("attention_not_fused")]
FIXED = [pytest.param(spelling("attention_fixed", name), id=name) for name in names("attention_fixed")]


def the_remark(one: Spelling) -> Remark:
    (remark,) = [remark for remark in one.optimised.remarks if remark.region == "attention"]
    return remark


def pointed_at(one: Spelling, remark: Remark) -> str:
    """The text of the source that a remark points at."""
    span = remark.span
    assert span is not None
    lines = one.path.read_text(encoding="utf-8").splitlines()
    assert span.line == span.end_line
    return lines[span.line - 1][span.column - 1 : span.end_column - 1]


@pytest.mark.parametrize("one", MODELS)
def test_one_remark_names_the_condition_the_place_and_the_edit(one: Spelling) -> None:
    assert bodies(one.optimised.graph, "attention") == []
    remark = the_remark(one)
    assert remark.kind == ("note" if "note" in one.said else "missed")
    assert one.first("note" if "note" in one.said else "missed") in remark.message
    assert pointed_at(one, remark) == one.first("at")
    assert one.first("help") in remark.help
    assert remark.help or remark.kind == "note"


@pytest.mark.parametrize("one", MODELS)
def test_remarks_speak_the_language_of_the_model(one: Spelling) -> None:
    for remark in one.optimised.remarks:
        assert not re.search(r"unknown|%\d|node \d|frozenset|None", remark.message + remark.help)


@pytest.mark.parametrize("one", MODELS)
def test_a_miss_keeps_the_results(one: Spelling) -> None:
    same(one, one)


@pytest.mark.parametrize("one", FIXED)
def test_the_edit_of_the_remark_makes_it_one_region(one: Spelling) -> None:
    assert len(bodies(one.optimised.graph, "attention")) == 1
    (remark,) = [remark for remark in one.optimised.remarks if remark.region == "attention"]
    assert remark.kind == "fused"
    assert ("the weights are stored" in remark.message) == ("stored" in one.said)


@pytest.mark.parametrize("one", [one for one in FIXED if "means" in one.values[0].said])
def test_an_edit_that_only_moves_things_keeps_the_results(one: Spelling) -> None:
    same(spelling("attention_not_fused", one.path.stem), one)


def test_edits_are_shown_for_many() -> None:
    assert len(FIXED) >= 12
    assert {one.values[0].path.stem for one in FIXED} <= set(names("attention_not_fused"))


def same(one: Spelling, other: Spelling) -> None:
    """Fails unless the first as built and the second as optimised compute the same."""
    parameters = one.parameters()
    for call in (0, 1):
        inputs = one.inputs(call)
        before = interpret(one.built.graph, inputs, parameters)
        after = interpret(other.optimised.graph, inputs, parameters)
        for name, array in before.items():
            np.testing.assert_allclose(after[name], array, rtol=1e-8, atol=1e-11)
