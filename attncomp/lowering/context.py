"""What a lowering rule sees: the graph, where its values lie by now, and the steps of the scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from attncomp.ir.folding import Fold, plan_folds, static_nodes
from attncomp.ir.graph import Attribute, Graph, Node
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, Layout
from attncomp.lowering.constants import literal_of
from attncomp.lowering.emitter import Emitter
from attncomp.lowering.layout import Laid, separate
from attncomp.lowering.program import Operand, Value

Kind = TypeVar("Kind")


class Context:
    """The lowering of one graph (a model's, or a region's body) into one scope."""

    def __init__(self, graph: Graph, emitter: Emitter, inputs: Mapping[str, Laid]) -> None:
        """`inputs` says where the graph's inputs lie, by name."""
        self.graph = graph
        self.emitter = emitter
        self.inputs = inputs
        self.laid: dict[int, Laid] = {}
        self.results: dict[int, tuple[Laid, ...]] = {}  # all results of each region
        inputs_of_parameters = [node.identity for node in graph.nodes("input") if self._input_is_static(node)]
        self.static = static_nodes(graph, inputs_of_parameters)
        self.folds: Mapping[int, Fold] = plan_folds(graph, self.static)
        self.folded = frozenset(identity for fold in self.folds.values() for identity in fold.absorbed)

    def _input_is_static(self, node: Node) -> bool:
        laid = self.inputs.get(str(node.attributes["name"]))
        return laid is not None and self.emitter.is_static(laid.value)

    # --- reading ------------------------------------------------------------------------------------------------

    def read(self, identity: int) -> Laid:
        """A value with every axis in a dimension."""
        laid = self.emitter.collapse(self.laid[identity])
        self.laid[identity] = laid
        return laid

    def array(self, identity: int) -> Laid:
        """As `read`; a number becomes a step of its own."""
        laid = self.read(identity)
        if isinstance(laid.value, Value):
            return laid
        return Laid(self.number(laid.value, self.graph.type(identity).dtype))

    def apart(self, identity: int, axes: Sequence[str]) -> Laid:
        """A value with a dimension for each of `axes` alone."""
        laid = self.array(identity)
        layout = laid.layout
        for axis in axes:
            layout = separate(layout, axis)
        return self.emitter.relayout(laid, layout)

    # --- writing ------------------------------------------------------------------------------------------------

    def emit(
        self,
        operator: str,
        operands: Sequence[Operand],
        attributes: Mapping[str, Attribute],
        dtype: DType,
        layout: Layout,
        sizes: Mapping[str, Size],
        hint: str = "",
    ) -> Laid:
        """The result of a step, laid as `layout`."""
        known = {axis: sizes[axis] for group in layout for axis in group}
        shape = Laid(0, layout, known).shape(layout)
        return Laid(self.emitter.emit(operator, operands, attributes, dtype, layout, shape, hint), layout, known)

    def number(self, number: Operand, dtype: DType) -> Value:
        """A number as an array without axes."""
        return self.emitter.emit("constant", [], {"value": literal_of(number, dtype)}, dtype, (), (), "constant")

    def cast(self, laid: Laid, dtype: DType) -> Laid:
        """`laid` as elements of `dtype`."""
        if not isinstance(laid.value, Value) or laid.value.dtype is dtype:
            return laid
        value = laid.value
        hint = self.emitter.shared.hints[value.name].text
        made = self.emitter.emit("cast", [value], {"dtype": dtype}, dtype, laid.layout, value.shape, hint)
        return Laid(made, laid.layout, laid.sizes, laid.merged)


def attribute(node: Node, name: str, kind: type[Kind]) -> Kind:
    """The attribute `name` of a node, known to be a `kind`."""
    value = node.attributes[name]
    assert isinstance(value, kind), f"{node.operator}.{name} is {value!r}"
    return value


def many(node: Node, name: str, kind: type[Kind]) -> tuple[Kind, ...]:
    """The attribute `name` of a node, known to be a tuple of `kind`."""
    values = attribute(node, name, tuple)
    assert all(isinstance(value, kind) for value in values), f"{node.operator}.{name} is {values!r}"
    return values


def result_sizes(node: Node) -> dict[str, Size]:
    """The sizes of the axes of a node's result."""
    return {axis.name: axis.size for axis in node.type.axes}


def sizes_with(laid: Laid, *axes: Axis) -> dict[str, Size]:
    """The sizes of the axes of `laid`, and of `axes`."""
    return {**laid.sizes, **{axis.name: axis.size for axis in axes}}
