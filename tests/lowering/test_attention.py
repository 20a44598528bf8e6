"""Attention regions: the form that backends have kernels for, and the bodies that have none."""

from __future__ import annotations

import math

import pytest
from lowering.compare import assert_lowers_right
from lowering.models import attention_region

from attncomp.lowering.program import AttentionForm, Program, Region, Step


def the_region(program: Program) -> Region:
    (region,) = (one for one in program.steps if isinstance(one, Region))
    return region


def the_form(program: Program) -> AttentionForm:
    form = the_region(program).attention
    assert form is not None
    return form


@pytest.mark.parametrize("scale", ["after", "query", "none"])
@pytest.mark.parametrize("bias", [0, 1, 2])
@pytest.mark.parametrize("mask", ["", "keep", "drop", "causal"])
@pytest.mark.parametrize("grouped", [False, True])
def test_form_and_body_give_what_the_graph_says(scale: str, bias: int, mask: str, grouped: bool) -> None:
    graph = attention_region(scale=scale, bias=bias, mask=mask, grouped=grouped)
    program = assert_lowers_right(graph)
    assert_lowers_right(graph, forms=True)
    form = the_form(program)
    assert (form.bias is not None) == (bias > 0)
    assert (form.mask is not None) == bool(mask)
    if scale == "after":
        assert isinstance(form.scale, float) and math.isclose(form.scale, 0.5)


def test_queries_keys_and_values_are_laid_out_for_the_kernel() -> None:
    form = the_form(assert_lowers_right(attention_region(mask="keep")))
    assert form.query.comment == "[batch, head, seq, key]"
    assert form.key.comment == "[batch, head, seq', key]"
    assert form.value.comment == "[batch, head, seq', value]"
    assert form.mask is not None and form.mask.comment == "[batch, 1, 1, seq']"


def test_grouped_queries_share_keys_through_a_unit_dimension() -> None:
    form = the_form(assert_lowers_right(attention_region(grouped=True, mask="causal")))
    assert form.query.comment == "[batch, head, group, seq, key]"
    assert form.key.comment == "[batch, head, 1, seq', key]"


def test_moves_of_inputs_are_done_before_the_region() -> None:
    region = the_region(assert_lowers_right(attention_region(mask="keep", bias=1)))
    moved = [one for one in region.body if isinstance(one, Step) and one.operator in {"reshape", "permute"}]
    assert [one.result.comment for one in moved] == ["[batch, head, key, seq']"]


def test_a_mask_made_of_positions_stays_inside() -> None:
    region = the_region(assert_lowers_right(attention_region(mask="causal")))
    assert [one.operator for one in region.body if isinstance(one, Step)].count("arange") == 1
    assert len(region.inputs) == 3


def test_body_has_one_bias_and_one_mask() -> None:
    region = the_region(assert_lowers_right(attention_region(bias=2, mask="drop")))
    operators = [one.operator for one in region.body if isinstance(one, Step)]
    assert operators.count("add") == 2  # the two biases, and their sum with the scores
    assert operators.index("matmul") > operators.index("add")
    (where,) = (one for one in region.body if isinstance(one, Step) and one.operator == "where")
    form = region.attention
    assert form is not None and where.operands[0] == form.mask and where.operands[2] == float("-inf")


def test_a_bias_that_is_scaled_with_the_scores_is_scaled_before_them() -> None:
    graph = attention_region(twisted=True, bias=1)
    form = the_form(assert_lowers_right(graph))
    assert form.bias is not None and math.isclose(form.scale, 0.5)
    assert_lowers_right(graph, forms=True)


def test_inputs_are_what_the_body_reads() -> None:
    region = the_region(assert_lowers_right(attention_region(bias=2, mask="drop", grouped=True)))
    made = {one.result.name for one in region.body if isinstance(one, Step)}
    read = {operand for one in region.body if isinstance(one, Step) for operand in one.operands}
    outside = {value.name for value in read if hasattr(value, "name")} - made
    assert outside == {value.name for value in region.inputs}
