"""Small graphs for the tests of the passes, written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from golden import check_golden

from attncomp.diagnostics.core import Span
from attncomp.ir.build import Builder
from attncomp.ir.graph import Attribute, Graph, Initializer, Node, Origin, Result
from attncomp.ir.interpret import run_nodes
from attncomp.ir.operators.base import NamedArray
from attncomp.ir.print import print_graph
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType
from attncomp.ir.verify import verify
from attncomp.passes.base import Pass, PassResult

GOLDEN = Path(__file__).parent / "golden"
SYMBOLS = {"batch": 2, "seq": 3, "query": 2, "source": 4, "n": 2}


class Sketch:
    """A graph under construction; sizes are numbers or the names of symbols, and every node has a line of its own."""

    def __init__(self, name: str = "sketch") -> None:
        self.graph = Graph(name)
        self.builder = Builder(self.graph)
        self.line = 0

    def origin(self) -> Origin:
        self.line += 1
        return Origin(Span("sketch.attn", self.line, 1, self.line, 2), "layers.0")

    def leaf(self, operator: str, label: str, dtype: DType, sizes: dict[str, int | str]) -> int:
        axes = tuple(Axis(n, Size.symbol(s) if isinstance(s, str) else Size.of(s)) for n, s in sizes.items())
        attributes: dict[str, Attribute] = {"layout": tuple((axis.name,) for axis in axes)}
        if operator == "input":
            attributes["name"] = label
        else:
            attributes |= {"key": label, "initializer": Initializer("uniform", (-1.0, 1.0)), "trainable": True}
        return self.graph.add(operator, (), attributes, ValueType(dtype, axes), self.origin())

    def input(self, label: str, dtype: DType = DType.F32, **sizes: int | str) -> int:
        return self.leaf("input", label, dtype, sizes)

    def parameter(self, label: str, **sizes: int | str) -> int:
        return self.leaf("parameter", label, DType.F32, sizes)

    def constant(self, value: float | int | bool, dtype: DType = DType.F32) -> int:
        return self.builder.constant(value, dtype, origin=self.origin())

    def op(self, operator: str, *operands: int, name: str = "", **attributes: Attribute) -> int:
        return self.builder.add(operator, operands, attributes, origin=self.origin(), name=name)

    def rename(self, value: int, **names: str) -> int:
        return self.op("rename", value, names=tuple(names.items()))

    def arange(self, axis: str, size: int | str) -> int:
        return self.op("arange", axis=Axis(axis, Size.symbol(size) if isinstance(size, str) else Size.of(size)))

    def returns(self, *values: int) -> Graph:
        self.graph.results = tuple(
            Result(f"y{number}", value, tuple((name,) for name in self.graph.type(value).names))
            for number, value in enumerate(values)
        )
        return self.graph

    def names(self, value: int) -> tuple[str, ...]:
        return self.graph.type(value).names


def text(graph: Graph) -> str:
    return print_graph(graph)


def operators(graph: Graph) -> list[str]:
    """The operators of a graph, by name."""
    return sorted(node.operator for node in graph.nodes())


def evaluate_all(graph: Graph) -> list[NamedArray]:
    """Every result by the reference interpreter, on numbers that depend on the name of an input or parameter alone."""
    given = {node.identity: _numbers(node) for node in graph.nodes() if node.operator in ("input", "parameter")}
    values = run_nodes(graph, given, SYMBOLS)
    return [values[result.node] for result in graph.results]


def _numbers(node: Node) -> NamedArray:
    label = str(node.attributes["name" if node.operator == "input" else "key"])
    shape = [axis.size.evaluate(SYMBOLS) for axis in node.type.axes]
    random = np.random.default_rng(list(label.encode()))
    if node.type.dtype is DType.BOOL:
        array = random.random(shape) < 0.6
    elif node.type.dtype.is_integer:
        array = random.integers(0, 3, shape)
    else:
        array = random.uniform(-2, 2, shape)
    return NamedArray(np.asarray(array), node.type.names)


def same_values(found: Sequence[NamedArray], expected: Sequence[NamedArray]) -> None:
    """Fails unless the results are equal up to rounding, by axis name."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert set(one.axes) == set(other.axes)
        np.testing.assert_allclose(one.ordered(other.axes), other.array, rtol=1e-6, atol=1e-9)


def run(pass_: Pass, graph: Graph) -> PassResult:
    """Runs a pass alone: the graph is still whole, keeps its results and their types, and says truly if it changed."""
    before, expected = text(graph), evaluate_all(graph)
    types = [graph.type(result.node) for result in graph.results]
    result = pass_.run(graph)
    verify(graph)
    assert result.changed == (text(graph) != before)
    assert all(graph.type(r.node).same_as(t) for r, t in zip(graph.results, types, strict=True))
    same_values(evaluate_all(graph), expected)
    return result


def check_pass(name: str, pass_: Pass, graph: Graph) -> None:
    """Runs a pass alone and compares the graph before and after, and the remarks, with a golden file."""
    before = text(graph)
    result = run(pass_, graph)
    remarks = "".join(f"{remark.title()}\n" for remark in result.remarks)
    check_golden(GOLDEN / f"{name}.txt", f"{before}\n--- {pass_.name}\n{text(graph)}\n{remarks}")
