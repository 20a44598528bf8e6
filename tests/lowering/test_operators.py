"""Every operator of the table, on its samples, in several stored orders of its operands."""

from __future__ import annotations

import itertools

import pytest
from lowering.compare import assert_lowers_right
from lowering.models import Sketch

from attncomp.ir.operators.base import Sample
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.types import Layout, ValueType
from attncomp.lowering.tables import FOLDING, RULES

CASES = [
    pytest.param(name, sample, id=f"{name}-{number}")
    for name, operator in sorted(OPERATORS.items())
    for number, sample in enumerate(operator.samples)
    if name not in {"input", "parameter", "region", "part"}
]


def orders(type_: ValueType) -> list[Layout]:
    """As written, the other way around, all packed in one dimension, and with dimensions of size 1."""
    names = type_.names
    plain = tuple((name,) for name in names)
    return [plain, plain[::-1], (names,), ((), *plain, ()), (*((name,) for name in names[:1]), names[1:])]


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_sample_lowers_right(name: str, sample: Sample) -> None:
    for order in range(5):
        sketch = Sketch(name)
        operands = []
        ranges = {}
        for place, type_ in enumerate(sample.operands):
            layout = orders(type_)[(order + place) % 5]
            attributes = {"name": f"x{place}", "layout": layout}
            operands.append(sketch.graph.add("input", (), attributes, type_, sketch.origin()))
            if place < len(sample.ranges):
                ranges[f"x{place}"] = sample.ranges[place]
        y = sketch.op(name, *operands, **sample.attributes)
        result = sketch.graph.type(y)
        sketch.returns(y=(y, " ".join(result.names)))
        bound = {
            symbol for operand in operands for size in sketch.graph.type(operand).axes for symbol in size.size.symbols()
        }
        if not all(axis.size.symbols() <= bound for axis in result.axes):
            continue
        assert_lowers_right(sketch.graph, ranges=ranges)


def test_every_operator_has_a_rule() -> None:
    missing = set(OPERATORS) - RULES.keys() - FOLDING.keys() - {"input", "parameter", "region", "part"}
    assert missing == set()
    assert not RULES.keys() & FOLDING.keys()


def test_every_operator_with_a_rule_is_tried() -> None:
    tried = {name for name, operator in OPERATORS.items() if operator.samples}
    assert set(itertools.chain(RULES, FOLDING)) - tried <= {"constant", "size", "arange", "linspace"}
