"""`fold-batch-norm`: the batch norm behind a convolution or a projection is part of its weight and bias.

With the statistics of inference a batch norm multiplies each channel by a number and adds another: so does a scaled
weight with a bias (Jacob et al., arXiv:1712.05877, section 3.2). What is left of the norm is arithmetic on parameters,
which a module that owns its weights does once when they are loaded, and a pass over the whole value is saved.

    %2 = convolution(%0, %1) {…}                  %2 = multiply(%7, cast(rsqrt(add(%6, 1e-05))))
    %3 = rename(%2) {names = {out -> channel}}    %3 = rename(%2) {names = {channel -> out}}
    %4 = batch_norm(%3, %5, %6, %7, %8) {…}  →    %4 = rename(subtract(%8, multiply(%5, %2))) {…}
                                                  %5 = convolution(%0, multiply(%1, %3)) {…}
                                                  %6 = rename(add(%5, %4)) {names = {out -> channel}}

A bias between the two is scaled along. The weight must be a parameter that nothing else reads, and neither may what
stands between: it would be computed twice. A backend that trains leaves this pass out, for its batch norm takes the
statistics of the batch and updates the running ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attncomp.ir.build import Builder
from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.access import get, pairs, real
from attncomp.ir.types import Axis, DType
from attncomp.ir.working import worked_axes
from attncomp.passes.base import Pass, PassResult
from attncomp.passes.cleanup import remove_unread
from attncomp.passes.numbers import scalar
from attncomp.passes.readers import read_once


@dataclass(frozen=True)
class Normed:
    """The `product` of a value with `weight`, whose channels are `axis`, and what is done before the norm.

    That is the addition of `bias`, if any, and `renames`, in their order.
    """

    product: Node
    weight: int
    axis: str
    bias: int | None
    renames: tuple[Node, ...]


@dataclass(frozen=True)
class FoldBatchNorm(Pass):
    """Scales the weights, and shifts the bias, of convolutions and projections that a batch norm follows."""

    name: ClassVar[str] = "fold-batch-norm"
    summary: ClassVar[str] = "makes a batch norm part of the weight and bias before it"

    def run(self, graph: Graph) -> PassResult:
        """One walk over the batch norms."""
        builder, epsilons = Builder(graph), _numbers(graph)
        changed = False
        for norm in list(graph.nodes("batch_norm")):
            found = _product_before(graph, norm)
            if found is not None:
                number = real(norm.attributes, "epsilon")
                if number not in epsilons:
                    epsilons[number] = builder.constant(number, DType.F64, origin=norm.origin)
                _fold(builder, norm, found, epsilons[number])
                changed = True
        return PassResult(changed)


def _numbers(graph: Graph) -> dict[float, int]:
    """The numbers in float64 that the graph has already."""
    found = ((scalar(graph, node.identity), node) for node in graph.nodes("constant"))
    return {number: node.identity for number, node in found if number is not None and node.type.dtype is DType.F64}


def _product_before(graph: Graph, norm: Node) -> Normed | None:
    """The product that a norm reads, through renames and the addition of a bias for each channel."""
    here, axis = graph.operands(norm.identity)[0], get(norm.attributes, "axis", str)
    bias: int | None = None
    renames: list[Node] = []
    while read_once(graph, here) and graph.type(here).dtype is norm.type.dtype:
        node = graph.node(here)
        if node.operator == "rename":
            renames.append(node)
            axis = next((old for old, new in pairs(node.attributes, "names") if new == axis), axis)
            (here,) = graph.operands(here)
        elif node.operator == "add" and bias is None:
            value, bias = _biased(graph, node, axis)
            if bias is None:
                return None
            here = value
        else:
            weight = _weight(graph, node, axis)
            return None if weight is None else Normed(node, weight, axis, bias, tuple(reversed(renames)))
    return None


def _biased(graph: Graph, node: Node, axis: str) -> tuple[int, int | None]:
    """The value and the bias, a parameter with the axis of the norm or none."""
    left, right = graph.operands(node.identity)
    for value, bias in ((left, right), (right, left)):
        if graph.node(bias).operator == "parameter" and {axis}.issuperset(graph.type(bias).names):
            return value, bias
    return left, None


def _weight(graph: Graph, node: Node, axis: str) -> int | None:
    """The parameter of a product that the channels of its result come from."""
    if node.operator == "convolution":
        weight = graph.operands(node.identity)[1]
        return weight if get(node.attributes, "out", Axis).name == axis and _own(graph, weight) else None
    if node.operator == "contract" and axis not in worked_axes(node):
        for weight in graph.operands(node.identity):
            if _own(graph, weight) and graph.type(weight).has(axis):
                return weight
    return None


def _own(graph: Graph, identity: int) -> bool:
    return graph.node(identity).operator == "parameter" and read_once(graph, identity)


def _fold(builder: Builder, norm: Node, found: Normed, epsilon: int) -> None:
    graph, origin = builder.graph, norm.origin
    _, mean, variance, weight, bias = graph.operands(norm.identity)

    narrow = {"dtype": graph.type(variance).dtype}

    def made(operator: str, *operands: int, name: str = "") -> int:
        return builder.add(operator, operands, {}, origin, name)

    def along(value: int) -> int:
        """A value for each channel, under the name that the product has for it."""
        return builder.rename(value, dict.fromkeys(graph.type(value).names, found.axis), origin=origin)

    # The only function is computed once, so as exactly as can be.
    inverse = builder.add("cast", (made("rsqrt", made("add", variance, epsilon)),), narrow, origin)
    scale = made("multiply", weight, inverse, name="scale")
    shift = along(made("subtract", bias, made("multiply", mean, scale), name="shift"))
    scale = along(scale)
    if found.bias is not None:
        shift = made("add", made("multiply", along(found.bias), scale), shift, name="shift")
    scaled = builder.add("multiply", (found.weight, scale), {}, graph.node(found.weight).origin, "scaled")
    operands = [scaled if operand == found.weight else operand for operand in graph.operands(found.product.identity)]
    value = builder.add(found.product.operator, operands, found.product.attributes, found.product.origin)
    value = builder.add("add", (value, shift), {}, origin)
    for rename in found.renames:
        value = builder.add("rename", (value,), rename.attributes, rename.origin)
    graph.update(value, name=norm.name)
    graph.replace_uses(norm.identity, value)
    remove_unread(graph, (norm.identity,))
