"""Regions with several results: one region makes them all, and `part` reads the further ones."""

from __future__ import annotations

from lowering.compare import assert_lowers_right
from lowering.sketch_regions import pooled_twice, weights_too

from attncomp.lowering.program import Region, Step, statements


def test_the_weights_of_an_attention_are_a_second_result_of_its_region() -> None:
    program = assert_lowers_right(weights_too())
    (region,) = (one for one in program.steps if isinstance(one, Region))
    assert [result.comment for result in region.results] == ["[seq, value]", "[seq, source]"]
    softmaxes = [one for one in statements(program.steps) if isinstance(one, Step) and one.operator == "softmax"]
    assert len(softmaxes) == 1


def test_a_result_that_a_later_step_reads_keeps_its_order_of_axes() -> None:
    program = assert_lowers_right(pooled_twice())
    (region,) = (one for one in program.steps if isinstance(one, Region))
    assert len(region.results) == 2
