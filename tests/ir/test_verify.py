"""Each way in which a graph can be broken is found."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import pytest

from attncomp.ir.build import Builder
from attncomp.ir.graph import Attribute, Constraint, Graph, Literal, Result
from attncomp.ir.operators.samples import real_value
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType
from attncomp.ir.verify import InvalidGraph, verify

BATCH = Axis("batch", Size.symbol("batch"))


def whole() -> Graph:
    """%0 input, %1 parameter, %2 their product, %3 its softmax, %4 a region."""
    graph = Graph("G")
    builder = Builder(graph)
    x = builder.input("x", ValueType(DType.F32, (BATCH, Axis.of("embed", 4))))
    w = builder.parameter("w", real_value(key=3, embed=4))
    y = builder.contract(x, w, ("embed",))
    z = builder.add("softmax", (y,), {"axes": ("key",)})
    gate = OPERATORS["region"].samples[1].attributes
    image = builder.input("image", OPERATORS["region"].samples[1].operands[0])
    builder.returns("z", z)
    builder.returns("gate", builder.add("region", (image,), gate))
    return graph


def _attributes(graph: Graph, identity: int, **changes: Attribute) -> None:
    graph.update(identity, attributes=MappingProxyType({**graph.node(identity).attributes, **changes}))


def _missing_attribute(graph: Graph) -> None:
    graph.update(3, attributes=MappingProxyType({}))


def _wrong_kind(graph: Graph) -> None:
    _attributes(graph, 3, axes="key")


def _extra_attribute(graph: Graph) -> None:
    _attributes(graph, 3, axis="key")


def _wrong_type(graph: Graph) -> None:
    graph.update(3, type=ValueType(DType.F16, graph.type(3).axes))


def _wrong_size(graph: Graph) -> None:
    graph.update(3, type=ValueType(DType.F32, (BATCH, Axis.of("key", 4))))


def _unknown_operator(graph: Graph) -> None:
    graph.update(3, operator="softmaxx")


def _operands_do_not_fit(graph: Graph) -> None:
    _attributes(graph, 2, axes=("key",))


def _cycle(graph: Graph) -> None:
    graph.set_operands(2, (3, 1))


def _missing_operand(graph: Graph) -> None:
    graph.set_operands(3, (99,))


def _too_few_operands(graph: Graph) -> None:
    graph.set_operands(2, (0,))


def _missing_result(graph: Graph) -> None:
    graph.results = (Result("z", 99, ()),)


def _layout_lacks_an_axis(graph: Graph) -> None:
    graph.results = (Result("z", 3, (("batch",),)),)


def _layout_has_an_axis_twice(graph: Graph) -> None:
    graph.results = (Result("z", 3, (("batch", "key"), ("key",))),)


def _input_layout(graph: Graph) -> None:
    _attributes(graph, 0, layout=(("batch",),))


def _two_results_of_one_name(graph: Graph) -> None:
    graph.results = (*graph.results, graph.results[0])


def _two_keys(graph: Graph) -> None:
    Builder(graph).parameter("w", real_value(a=1))


def _two_inputs(graph: Graph) -> None:
    Builder(graph).input("x", real_value(a=1))


def _unbound_symbol(graph: Graph) -> None:
    Builder(graph).arange(Axis("seq", Size.symbol("seq")))


def _unbound_constraint(graph: Graph) -> None:
    graph.require(Constraint(BATCH.size, Size.symbol("seq")))


def _input_with_operands(graph: Graph) -> None:
    graph.set_operands(4, (0,))


def _in_body(graph: Graph, change: Callable[[Graph], None]) -> None:
    region = next(graph.nodes("region"))
    body = region.attributes["body"]
    assert isinstance(body, Graph)
    changed = body.copy()
    change(changed)
    _attributes(graph, region.identity, body=changed)


def _broken_body(graph: Graph) -> None:
    _in_body(graph, lambda body: body.update(1, type=real_value(channel=9)))


def _body_of_other_inputs(graph: Graph) -> None:
    _in_body(graph, lambda body: Builder(body).input("i1", real_value()) and None)


def _body_without_result(graph: Graph) -> None:
    def clear(body: Graph) -> None:
        body.results = ()

    _in_body(graph, clear)


def _parameter_in_body(graph: Graph) -> None:
    _in_body(graph, lambda body: Builder(body).parameter("inner", real_value()) and None)


def _region_of_no_kind(graph: Graph) -> None:
    _attributes(graph, next(graph.nodes("region")).identity, kind="fast")


CORRUPTIONS: list[tuple[Callable[[Graph], None], str]] = [
    (_missing_attribute, "%3 softmax: the attribute `axes` is missing"),
    (_wrong_kind, "not of the kind `names`"),
    (_extra_attribute, "no attribute `axis`"),
    (_wrong_type, "its type is f16"),
    (_wrong_size, "the shape rule says"),
    (_unknown_operator, "no such operator"),
    (_operands_do_not_fit, "lacks the axis `key`"),
    (_cycle, "depends on itself"),
    (_missing_operand, "do not exist: %99"),
    (_too_few_operands, "takes 2 values"),
    (_missing_result, "%99, which does not exist"),
    (_layout_lacks_an_axis, "layout of the result `z`"),
    (_layout_has_an_axis_twice, "layout of the result `z`"),
    (_input_layout, "its layout does not hold"),
    (_two_results_of_one_name, "two results are called `z`"),
    (_two_keys, "two parameters are called `w`"),
    (_two_inputs, "two inputs are called `x`"),
    (_unbound_symbol, "no input binds `seq`"),
    (_unbound_constraint, "no input binds `seq`"),
    (_input_with_operands, "reads other nodes"),
    (_broken_body, "in its body %1 mean: its type is f32{channel=9}"),
    (_body_of_other_inputs, "inputs"),
    (_body_without_result, "has no result"),
    (_parameter_in_body, "a parameter stands inside a region"),
    (_region_of_no_kind, "no region of kind `fast`"),
]


def test_a_whole_graph_is_valid() -> None:
    verify(whole())


@pytest.mark.parametrize(("corrupt", "message"), CORRUPTIONS, ids=[case[0].__name__[1:] for case in CORRUPTIONS])
def test_a_broken_graph_is_found(corrupt: Callable[[Graph], None], message: str) -> None:
    graph = whole()
    corrupt(graph)
    with pytest.raises(InvalidGraph) as caught:
        verify(graph)
    assert any(message in problem for problem in caught.value.problems), caught.value.problems


def test_all_problems_are_listed() -> None:
    graph = whole()
    _wrong_type(graph)
    _two_keys(graph)
    _unbound_symbol(graph)
    with pytest.raises(InvalidGraph) as caught:
        verify(graph)
    assert len(caught.value.problems) >= 3


def test_sizes_that_a_constraint_equates_count_as_equal() -> None:
    graph = Graph("G")
    builder = Builder(graph)
    left = builder.input("a", ValueType(DType.F32, (Axis("seq", Size.symbol("s")),)))
    right = builder.input("b", ValueType(DType.F32, (Axis("seq", Size.symbol("t")),)))
    total = builder.add("add", (left, right))
    builder.returns("out", total)
    graph.set_operands(total, (right, left))
    with pytest.raises(InvalidGraph):
        verify(graph)
    graph.require(Constraint(Size.symbol("s"), Size.symbol("u")))
    graph.require(Constraint(Size.symbol("t"), Size.symbol("u")))
    builder.input("c", ValueType(DType.F32, (Axis("other", Size.symbol("u")),)))
    verify(graph)


def test_a_bound_equates_nothing() -> None:
    graph = whole()
    graph.update(3, type=ValueType(DType.F32, (Axis.of("batch", 7), Axis.of("key", 3))))
    graph.require(Constraint(BATCH.size, Size.of(7), None, "<="))
    with pytest.raises(InvalidGraph):
        verify(graph)
    graph.require(Constraint(BATCH.size, Size.of(7)))
    verify(graph)


def test_a_bf16_constant_is_held_as_f32() -> None:
    graph = Graph("G")
    builder = Builder(graph)
    builder.returns("out", builder.constant(1.5, DType.BF16))
    verify(graph)
    graph.update(0, attributes=MappingProxyType({"value": Literal(np.asarray(1.5, np.float64))}))
    with pytest.raises(InvalidGraph):
        verify(graph)
