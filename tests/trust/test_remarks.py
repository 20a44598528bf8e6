"""Every remark says what it is about: in words, with a place, with the edit that helps; and as data."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from trust.drafts import Drawn
from trust.graphs import graphs
from trust.hunting import examples

from attncomp.diagnostics.remarks import Remark, render_remarks
from attncomp.passes.registry import available_passes, pass_sequence
from attncomp.passes.runner import run_passes

PASSES = available_passes()
VAGUE = ("unknown", "None", "object at", "Node(", "frozenset", "()")


def check(remark: Remark) -> None:
    """A remark is whole, and its data survive a round trip."""
    assert remark.kind in ("fused", "missed", "note")
    assert remark.message
    assert remark.span is not None
    assert [word for word in VAGUE if word in remark.message] == []
    if remark.kind == "missed":
        assert remark.help
    if remark.kind == "fused":
        assert remark.lines
    data = remark.to_json()
    assert json.loads(json.dumps(data)) == data
    assert remark.message in render_remarks([remark], {})


@pytest.mark.parametrize("name", PASSES)
@examples(20)
@given(drawn=graphs())
def test_remarks_of_each_pass(name: str, drawn: Drawn) -> None:
    for remark in PASSES[name].run(drawn.graph).remarks:
        assert remark.pass_name == name
        check(remark)


@examples(60)
@given(drawn=graphs())
def test_remarks_of_the_whole_sequence(drawn: Drawn) -> None:
    regions = {"attention": 0, "gate": 0, "pointwise": 0}
    _, remarks = run_passes(drawn.graph, pass_sequence())
    for remark in remarks:
        check(remark)
        if remark.kind == "fused" and remark.region in regions:
            regions[remark.region] += 1
    found = [str(node.attributes["kind"]) for node in drawn.graph.nodes("region")]
    assert {kind: found.count(kind) for kind in regions} == regions
