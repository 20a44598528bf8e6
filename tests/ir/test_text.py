"""Graphs as text, and back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attncomp.diagnostics.core import Span
from attncomp.ir.attributes import ATTRIBUTE_KINDS
from attncomp.ir.build import Builder
from attncomp.ir.graph import Attribute, Constraint, Graph, Initializer, Literal, Origin
from attncomp.ir.operators.samples import real_value
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.print import print_graph
from attncomp.ir.read import read_graph
from attncomp.ir.sizes import Size
from attncomp.ir.text import Cursor, GraphTextError
from attncomp.ir.types import Axis, DType, ValueType
from attncomp.ir.verify import verify


def _sample_graph(name: str) -> Graph:
    """A graph of every sample of an operator."""
    graph = Graph(name)
    builder = Builder(graph)
    for number, sample in enumerate(OPERATORS[name].samples):
        operands = [builder.input(f"x{number}.{place}", type_) for place, type_ in enumerate(sample.operands)]
        builder.returns(f"y{number}", builder.add(name, operands, sample.attributes, name=f"made {number}"))
    return graph


def same(left: Graph, right: Graph) -> bool:
    """Whether two graphs are equal node by node, in their order."""
    numbers = {identity: place for place, identity in enumerate(left.order())}
    others = {identity: place for place, identity in enumerate(right.order())}
    if len(left) != len(right) or left.constraints != right.constraints or left.name != right.name:
        return False
    for one, other in zip(left.nodes(), right.nodes(), strict=True):
        operands = [numbers[operand] for operand in left.operands(one.identity)]
        if operands != [others[operand] for operand in right.operands(other.identity)]:
            return False
        if (one.operator, one.type, one.origin, one.name) != (other.operator, other.type, other.origin, other.name):
            return False
        if not _same_attributes(one.attributes, other.attributes):
            return False
    return [(r.name, numbers[r.node], r.layout) for r in left.results] == [
        (r.name, others[r.node], r.layout) for r in right.results
    ]


def _same_attributes(left: Mapping[str, Attribute], right: Mapping[str, Attribute]) -> bool:
    if set(left) != set(right):
        return False
    for name, value in left.items():
        other = right[name]
        if isinstance(value, Graph):
            if not isinstance(other, Graph) or not same(value, other):
                return False
        elif value != other:
            return False
    return True


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_a_graph_of_samples_reads_back_as_itself(name: str) -> None:
    graph = _sample_graph(name)
    verify(graph)
    text = print_graph(graph)
    back = read_graph(text)
    assert print_graph(back) == text
    assert same(graph, back)
    verify(back)


def _scores() -> Graph:
    graph = Graph("Scores")
    builder = Builder(graph)
    batch, seq = Axis("batch", Size.symbol("batch")), Axis("seq", Size.symbol("seq"))
    keys = Axis("seq'", Size.symbol("seq"))
    span = Span("models/a b.attn", 3, 5, 3, 20)
    x = builder.input("x", ValueType(DType.F32, (batch, seq, Axis.of("embed", 8))), (("batch",), (), ("seq", "embed")))
    weight = builder.parameter(
        "proj.weight",
        ValueType(DType.F32, (Axis.of("key", 4), Axis.of("embed", 8))),
        initializer=Initializer("uniform", (-0.125, 0.125)),
        origin=Origin(span, "attention"),
    )
    y = builder.contract(x, weight, ("embed",), name="scores")
    z = builder.contract(y, builder.rename(y, {"seq": "seq'"}), ("key",), origin=Origin(None, "attention.0"))
    half = builder.constant(0.5, DType.F32)
    builder.returns("out", builder.add("multiply", (z, half)), ((batch.name,), (seq.name, keys.name)))
    graph.require(Constraint(seq.size, Size.symbol("batch") * 4, span))
    graph.require(Constraint(seq.size, Size.of(512), None, "<="))
    return graph


SCORES = """graph "Scores" {
  %0 "x" = input {name = "x", layout = [batch, 1, (seq embed)]} : f32{batch=batch, seq=seq, embed=8}
  %1 = parameter {key = "proj.weight", layout = [key, embed], initializer = uniform(-0.125, 0.125), trainable = true} : f32{key=4, embed=8} @ "models/a b.attn":3:5-3:20 in "attention"
  %2 "scores" = contract(%0, %1) {axes = {embed}} : f32{batch=batch, seq=seq, key=4}
  %3 = rename(%2) {names = {seq -> seq'}} : f32{batch=batch, seq'=seq, key=4}
  %4 = contract(%2, %3) {axes = {key}} : f32{batch=batch, seq=seq, seq'=seq} in "attention.0"
  %5 = constant {value = f32 0.5} : f32{}
  %6 = multiply(%4, %5) : f32{batch=batch, seq=seq, seq'=seq}
  require seq == 4 * batch @ "models/a b.attn":3:5-3:20
  require seq <= 512
  return "out": %6 [batch, (seq seq')]
}"""  # noqa: E501


def test_the_text_is_this_one() -> None:
    graph = _scores()
    verify(graph)
    assert print_graph(graph) == SCORES
    assert same(graph, read_graph(SCORES))


def test_numbers_of_nodes_start_from_zero_after_a_removal() -> None:
    graph = Graph("G")
    builder = Builder(graph)
    builder.constant(1.0, DType.F32)
    x = builder.input("x", real_value(a=2))
    builder.returns("y", builder.add("exp", (x,)))
    graph.remove([0])
    text = print_graph(graph)
    assert '%0 "x" = input' in text and "%1 = exp(%0)" in text
    assert same(graph, read_graph(text))


def test_a_body_is_indented_below_its_region() -> None:
    lines = print_graph(_sample_graph("region")).splitlines()
    start = next(place for place, line in enumerate(lines) if "= region(" in line)
    assert lines[start].endswith('body = graph "attention" {')
    assert lines[start + 1].startswith('    %0 = input {name = "i0"')
    assert any(line.startswith("  }} : f32{") for line in lines)


NUMBERS = st.one_of(
    st.floats(width=32, allow_nan=True, allow_infinity=True), st.just(-0.0), st.just(float("nan")), st.just(-1e-45)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(NUMBERS, min_size=1, max_size=5), st.sampled_from(["f32", "f16", "f64"]))
def test_literals_read_back_to_the_bit(numbers: list[float], dtype: str) -> None:
    kind = {"f32": np.float32, "f16": np.float16, "f64": np.float64}[dtype]
    with np.errstate(over="ignore"):
        array = np.array(numbers, np.float64).astype(kind)
    array = np.where(np.isnan(array), np.copysign(kind("nan"), array), array).astype(kind)
    for literal in (Literal(array, ("a'",)), Literal(array[0].reshape(()))):
        text = ATTRIBUTE_KINDS["literal"].print(literal, 0)
        assert ATTRIBUTE_KINDS["literal"].read(Cursor(text)) == literal, text


@pytest.mark.parametrize(
    "array",
    [np.array([-(2**63), 2**63 - 1]), np.array([1, -1], np.int32), np.array([True, False]), np.zeros((0,), np.float32)],
)
def test_other_literals_read_back(array: np.ndarray) -> None:
    literal = Literal(array, ("a",))
    text = ATTRIBUTE_KINDS["literal"].print(literal, 0)
    assert ATTRIBUTE_KINDS["literal"].read(Cursor(text)) == literal


def test_an_infinity_made_by_arithmetic_reads_back() -> None:
    with np.errstate(all="ignore"):
        literal = Literal(np.array([np.float32("inf") - np.float32("inf"), -np.float32("inf")]), ("a",))
    text = ATTRIBUTE_KINDS["literal"].print(literal, 0)
    assert ATTRIBUTE_KINDS["literal"].read(Cursor(text)) == literal


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)


@settings(max_examples=100, deadline=None)
@given(TEXTS, TEXTS, TEXTS, st.integers(1, 99), st.floats(allow_nan=False))
def test_any_name_and_place_reads_back(name: str, file: str, axis: str, line: int, number: float) -> None:
    graph = Graph(name)
    builder = Builder(graph)
    type_ = ValueType(DType.F32, (Axis.of(axis, 2), Axis.of(axis + "'", 3)))
    origin = Origin(Span(file, line, 1, line + 1, 2), name)
    x = builder.input(name, type_, ((axis, axis + "'"), ()), origin)
    y = builder.add("clamp", (x,), {"low": number, "high": None}, origin, file)
    builder.returns(file, y)
    text = print_graph(graph)
    assert same(graph, read_graph(text))
    assert text.count("\n") == 4


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["add", "exp", "softmax", "rename", "contract", "mean"]), st.integers(0, 99)),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(OPERATIONS)
def test_generated_graphs_read_back(operations: list[tuple[str, int]]) -> None:
    graph = Graph("generated")
    builder = Builder(graph)
    batch = Axis("batch", Size.symbol("batch"))
    made = [builder.input("x", ValueType(DType.F32, (batch, Axis.of("seq", 4), Axis.of("embed", 3))))]
    for operator, choice in operations:
        x = made[choice % len(made)]
        names = graph.type(x).names
        axis = names[choice % len(names)] if names else None
        if operator == "add":
            made.append(builder.add("add", (x, made[(choice * 7) % len(made)])))
        elif operator == "exp":
            made.append(builder.add("exp", (x,)))
        elif axis is None:
            continue
        elif operator == "rename":
            made.append(builder.rename(x, {axis: f"{axis}{len(made)}"}))
        elif operator == "contract":
            made.append(builder.contract(x, x, (axis,)))
        else:
            made.append(builder.add(operator, (x,), {"axes": (axis,)}))
    builder.returns("out", made[-1])
    verify(graph)
    text = print_graph(graph)
    back = read_graph(text)
    assert same(graph, back)
    assert print_graph(back) == text


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "expected `graph`"),
        ('graph "G" {', 1, "expected a node"),
        ('graph "G" {\n  %1 = exp()\n}', 2, "the next one is %0"),
        ('graph "G" {\n  %0 = explode : f32{}\n}', 2, "no operator `explode`"),
        ('graph "G" {\n\n  %0 = exp(%4) : f32{}\n}', 3, "`%4` is no earlier node"),
        ('graph "G" {\n  %0 = size {size = 3, dtype = f33} : f32{}\n}', 2, "expected a dtype, found `f33`"),
        ('graph "G" {\n  %0 = size {sise = 3} : f32{}\n}', 2, "no attribute `sise`"),
        ('graph "G" {\n  %0 = size {size = 3, size = 3} : f32{}\n}', 2, "no attribute `size`"),
        ('graph "G" {\n  %0 = size {size = 3} f32{}\n}', 2, "expected `:`"),
        ('graph "G" {\n  %0 = size : f32{a=1, a=2}\n}', 2, "two axes with one name"),
        ('graph "G {\n}', 1, "a string is not closed"),
        ('graph "G\\q" {\n}', 1, "escape"),
        ('graph "G" {\n  ?\n}', 2, "unexpected character"),
        ('graph "G" {\n  return "y": %0 [a]\n}', 2, "no earlier node"),
        ('graph "G" {\n} more', 2, "after the graph"),
        ('graph "G" {\n  %0 = constant {value = f32{a=3} (1.0, 2.0)} : f32{a=3}\n}', 2, "2 elements do not fill"),
        ('graph "G" {\n  %0 = constant {value = i32 9999999999} : i32{}\n}', 2, "too large"),
    ],
)
def test_malformed_text_is_met_with_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(GraphTextError) as caught:
        read_graph(text)
    assert caught.value.line == line
    assert message in caught.value.message


def test_cutting_a_text_anywhere_is_an_error_with_a_line() -> None:
    text = print_graph(_sample_graph("region"))
    for end in range(0, len(text), 7):
        with pytest.raises(GraphTextError):
            read_graph(text[:end])


DUMP = """
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.build import Builder
from attncomp.ir.graph import Graph
from attncomp.ir.print import print_graph
for name, row in OPERATORS.items():
    graph = Graph(name)
    builder = Builder(graph)
    for number, sample in enumerate(row.samples):
        operands = [builder.input(f"x{number}{place}", type_) for place, type_ in enumerate(sample.operands)]
        builder.returns(f"y{number}", builder.add(name, operands, sample.attributes))
    print(print_graph(graph))
"""


def test_the_text_does_not_depend_on_the_hash_seed() -> None:
    outputs = [
        subprocess.run(
            [sys.executable, "-c", DUMP],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    ]
    assert outputs[0].count(b"graph ") > len(OPERATORS)
    assert outputs[0] == outputs[1] == outputs[2]
