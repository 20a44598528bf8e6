"""`merge-projections`: one product instead of several for projections that share their input.

Queries, keys and values are products of one x with three parameters. One product with the three packed along a new axis
reads x once, and is one large matrix product where there were three small ones. The packed parameter depends on
parameters alone, so that a module that owns its weights packs them once. Biases that follow at once are packed alike.

    %3 = contract(%0, %1) {axes = {embed}}         %3 = stack(%1, %2) {axis = part=2}
    %4 = contract(%0, %2) {axes = {embed}}    →    %4 = contract(%0, %3) {axes = {embed}}
                                                   %5 = index(%4) {axis = part, position = 0}
                                                   %6 = index(%4) {axis = part, position = 1}

Projections to the same axes are stacked; those whose axes differ in one (the heads of grouped queries, the two widths
of a gated unit) are concatenated along it. A parameter that something else reads too is left alone, for packing would
store it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from attncomp.ir.build import Builder
from attncomp.ir.graph import Graph, Node
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis
from attncomp.ir.working import worked_axes
from attncomp.passes.base import Pass, PassResult
from attncomp.passes.cleanup import remove_unread


@dataclass(frozen=True)
class Projection:
    """`contract(x, weight)` and the `add(…, bias)` behind it, if any; `made` are the axes that the weight brings."""

    contraction: int
    weight: int
    made: tuple[Axis, ...]
    addition: int | None = None
    bias: int | None = None

    @property
    def result(self) -> int:
        """The node that holds the projection, with its bias where all of its group have one."""
        return self.contraction if self.addition is None else self.addition


@dataclass(frozen=True)
class MergeProjections(Pass):
    """Packs the parameters of projections that share their input."""

    name: ClassVar[str] = "merge-projections"
    summary: ClassVar[str] = "one product for projections that share their input"

    def run(self, graph: Graph) -> PassResult:
        """Groups the projections by input and contracted axes, and packs each group as far as its axes allow."""
        groups: dict[tuple[int, frozenset[str], str], list[Projection]] = {}
        for node in graph.nodes("contract"):
            for value, weight in (graph.operands(node.identity), graph.operands(node.identity)[::-1]):
                projection = _projection(graph, node, value, weight)
                if projection is not None:
                    key = (value, worked_axes(node), graph.type(weight).dtype.value)
                    groups.setdefault(key, []).append(projection)
        changed = False
        for group in groups.values():
            for packed, differing in _packings(group):
                _merge(graph, packed, differing)
                changed = True
        return PassResult(changed)


def _projection(graph: Graph, node: Node, value: int, weight: int) -> Projection | None:
    """`node` as a projection of `value` by a parameter that nothing else reads."""
    if not _own_parameter(graph, weight) or graph.node(value).operator == "parameter":
        return None
    made = graph.type(weight).without(worked_axes(node))
    if any(graph.type(value).has(axis.name) or axis.size.constant is None for axis in made):
        return None
    uses = graph.uses(node.identity)
    if len(uses) == 1 and not graph.is_result(node.identity) and graph.node(uses[0][0]).operator == "add":
        addition = uses[0][0]
        (bias,) = (operand for operand in graph.operands(addition) if operand != node.identity)
        if _own_parameter(graph, bias) and set(graph.type(bias).axes) == set(made):
            return Projection(node.identity, weight, made, addition, bias)
    return Projection(node.identity, weight, made)


def _own_parameter(graph: Graph, identity: int) -> bool:
    return (
        graph.node(identity).operator == "parameter"
        and len(graph.uses(identity)) == 1
        and not graph.is_result(identity)
    )


def _packings(group: Sequence[Projection]) -> list[tuple[list[Projection], list[Axis]]]:
    """What to merge of a group, each with the one axis in which every member differs; none where they are stacked."""
    if len(group) < 2:
        return []
    common = set(group[0].made).intersection(*(projection.made for projection in group))
    rest = [[axis for axis in projection.made if axis not in common] for projection in group]
    if any(rest) and all(len(axes) == 1 for axes in rest):
        return [(_alike(group), [axes[0] for axes in rest])]
    alike: dict[frozenset[Axis], list[Projection]] = {}
    for projection in group:
        alike.setdefault(frozenset(projection.made), []).append(projection)
    return [(_alike(members), []) for members in alike.values() if len(members) > 1]


def _alike(group: Sequence[Projection]) -> list[Projection]:
    """The group with its biases where every member has one, else without."""
    if all(projection.bias is not None for projection in group):
        return list(group)
    return [Projection(projection.contraction, projection.weight, projection.made) for projection in group]


def _merge(graph: Graph, group: Sequence[Projection], differing: Sequence[Axis]) -> None:
    builder = Builder(graph)
    first = graph.node(group[0].contraction)
    (value,) = (operand for operand in graph.operands(first.identity) if operand != group[0].weight)
    taken = {*graph.type(value).names, *(name for projection in group for name in graph.type(projection.weight).names)}
    fresh = "part"
    while fresh in taken:
        fresh += "'"
    weights = [projection.weight for projection in group]
    biases = [projection.bias for projection in group if projection.bias is not None]
    attributes = {"axes": first.attributes["axes"]}
    merged = builder.add(
        "contract", (value, _packed(builder, weights, fresh, differing)), attributes, origin=first.origin
    )
    if biases:
        merged = builder.add("add", (merged, _packed(builder, biases, fresh, differing)), {}, origin=first.origin)
    start = Size.of(0)
    for position, projection in enumerate(group):
        old = graph.node(projection.result)
        if differing:
            stop = start + differing[position].size
            sliced = builder.add("slice", (merged,), {"axis": fresh, "start": start, "stop": stop}, origin=old.origin)
            names = ((fresh, differing[position].name),)
            new, start = builder.add("rename", (sliced,), {"names": names}, origin=old.origin, name=old.name), stop
        else:
            attributes = {"axis": fresh, "position": Size.of(position)}
            new = builder.add("index", (merged,), attributes, origin=old.origin, name=old.name)
        graph.replace_uses(projection.result, new)
        remove_unread(graph, (projection.result,))


def _packed(builder: Builder, parameters: Sequence[int], fresh: str, differing: Sequence[Axis]) -> int:
    """The parameters as one, stacked along a new axis or concatenated along the axes in which they differ."""
    origin = builder.graph.node(parameters[0]).origin
    if not differing:
        return builder.add("stack", parameters, {"axis": Axis.of(fresh, len(parameters))}, origin=origin)
    renamed = [
        builder.add("rename", (parameter,), {"names": ((axis.name, fresh),)}, origin=origin)
        for parameter, axis in zip(parameters, differing, strict=True)
    ]
    total = sum((axis.size for axis in differing), Size.of(0))
    return builder.add("concat", renamed, {"axis": Axis(fresh, total)}, origin=origin)
