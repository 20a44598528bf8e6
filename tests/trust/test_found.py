"""Graphs that drawing has found, reduced to what matters."""

from __future__ import annotations

from passes.sketch import Sketch, run

from attncomp.ir.sizes import Size
from attncomp.passes.find_gate_regions import FindGateRegions


def test_a_gate_whose_value_is_made_of_two_smaller_ones_keeps_it() -> None:
    """The value is read elsewhere too; the wider application that makes it has no value of all axes to read."""
    s = Sketch()
    x = s.op("tanh", s.op("multiply", s.input("row", seq="seq"), s.input("column", unit=3)))
    y = s.op("add", s.op("tanh", s.op("sum", x, axes=("seq",))), x)
    graph = s.returns(s.op("sum", s.op("sin", y), axes=("seq",)), s.op("roll", y, axis="unit", shift=Size.of(1)))
    run(FindGateRegions(), graph)
