"""The same mathematics in other words is the same region: attention in one, a gate in one, whatever the spelling."""

from __future__ import annotations

from hypothesis import given
from trust import values
from trust.attention_programs import attentions
from trust.gate_programs import gates
from trust.hunting import examples
from trust.words import Program

from attncomp import pipeline
from attncomp.diagnostics.remarks import missed
from attncomp.ir.graph import Graph

SIZES = {"batch": 2, "seq": 3, "source": 4}


def built(text: str) -> Graph:
    return pipeline.build(pipeline.parse(text)).graph


def check(program: Program, kind: str) -> None:
    """One region of this kind, no near miss, and the numbers of the plain words."""
    graph = built(program.text)
    inputs, parameters = values.given(graph, SIZES)
    plain = values.computed(built(program.plain), inputs, parameters)
    values.agree(plain, values.computed(graph, inputs, parameters), 1e-6, lenient=program.handwritten)
    optimised = pipeline.optimise(graph)
    found = [node.attributes["kind"] for node in optimised.graph.nodes("region")]
    assert found.count(kind) == 1, [remark.message for remark in optimised.remarks]
    assert missed(optimised.remarks) == ()
    values.agree(values.computed(optimised.graph, inputs, parameters), plain, 1e-6, lenient=False)


@examples(80)
@given(attentions())
def test_attention(program: Program) -> None:
    check(program, "attention")


@examples(50)
@given(gates())
def test_gates(program: Program) -> None:
    check(program, "gate")
