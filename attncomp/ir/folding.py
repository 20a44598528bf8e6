"""What follows a product, a convolution or a normalization and can be folded into the same step: biases and scales."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from attncomp.ir.graph import Graph, Node

_RANDOM = frozenset({"dropout"})


@dataclass(frozen=True)
class Fold:
    """The node `inner`, done in one step with what was folded into it.

    `weight` and `bias` are the nodes folded in; `names` maps the axes of the whole to those of `inner` where they were
    renamed on the way; `absorbed` are the nodes that need no step of their own.
    """

    inner: int
    weight: int | None = None
    bias: int | None = None
    names: tuple[tuple[str, str], ...] = ()
    absorbed: tuple[int, ...] = ()


def static_nodes(graph: Graph, inputs: Iterable[int] = ()) -> frozenset[int]:
    """The nodes that depend on parameters and constants alone; the graph's inputs in `inputs` count as such."""
    known = set(inputs)
    for node in graph.nodes():
        operands = graph.operands(node.identity)
        if node.operator in _RANDOM or (node.operator == "input" and node.identity not in known):
            continue
        if all(axis.size.constant is not None for axis in node.type.axes) and all(o in known for o in operands):
            known.add(node.identity)
    return frozenset(known)


def plan_folds(graph: Graph, static: frozenset[int]) -> Mapping[int, Fold]:
    """The folds of a graph by the node that they replace; `static` are its static nodes."""
    folds: dict[int, Fold] = {}
    for node in graph.nodes():
        fold = None
        if node.operator == "contract" and _is_linear(graph, node, static):
            fold = _with_bias(graph, Fold(node.identity), static, _right_axes(graph, node, static))
        elif node.operator == "convolution":
            out = node.attributes["out"].name  # type: ignore[union-attr]
            fold = _with_bias(graph, Fold(node.identity), static, frozenset({out}))
        elif node.operator == "normalize":
            axes = frozenset(_names(node, "axes"))
            scaled = _next(graph, node.identity, "multiply", static, axes)
            if scaled is not None:
                fold = Fold(node.identity, weight=scaled[1], absorbed=(node.identity,))
                shifted = _next(graph, scaled[0], "add", static, axes)
                if shifted is not None:
                    fold = Fold(node.identity, scaled[1], shifted[1], absorbed=(node.identity, scaled[0]))
                folds[scaled[0] if shifted is None else shifted[0]] = fold
            continue
        if fold is not None:
            folds[fold.absorbed[-1]] = Fold(fold.inner, None, fold.bias, fold.names, fold.absorbed[:-1])
    return folds


def weight_side(graph: Graph, node: Node, static: frozenset[int]) -> int | None:
    """Which operand of a product is a weight: it depends on parameters alone and shares no batch axes; else None."""
    operands = graph.operands(node.identity)
    left, right = (graph.type(operand) for operand in operands)
    contracted = node.attributes["axes"]
    assert isinstance(contracted, tuple)
    if not contracted or set(left.names) & set(right.names) - set(contracted):
        return None
    for side in (1, 0):
        if operands[side] in static:
            return side
    return None


def _is_linear(graph: Graph, node: Node, static: frozenset[int]) -> bool:
    return weight_side(graph, node, static) is not None


def _right_axes(graph: Graph, node: Node, static: frozenset[int]) -> frozenset[str]:
    side = weight_side(graph, node, static)
    assert side is not None
    return frozenset(graph.type(graph.operands(node.identity)[side]).names) - set(_names(node, "axes"))


def _names(node: Node, attribute: str) -> tuple[str, ...]:
    names = node.attributes[attribute]
    assert isinstance(names, tuple)
    return tuple(map(str, names))


def _with_bias(graph: Graph, fold: Fold, static: frozenset[int], axes: frozenset[str]) -> Fold | None:
    """`fold` with the bias added to it; a rename may lie between. The last of `absorbed` is the sum."""
    name = {axis: axis for axis in graph.type(fold.inner).names}
    last, absorbed = fold.inner, [fold.inner]
    while True:
        found = _next(graph, last, "add", static, frozenset(new for new, old in name.items() if old in axes))
        if found is not None:
            renames = tuple((new, old) for new, old in name.items() if new != old)
            return Fold(fold.inner, None, found[1], renames, (*absorbed, found[0]))
        reader = _only_reader(graph, last)
        if reader is None or graph.node(reader).operator != "rename":
            return None
        pairs = graph.node(reader).attributes["names"]
        assert isinstance(pairs, tuple)
        new: dict[str, str] = dict(pairs)  # type: ignore[arg-type]
        name = {new.get(axis, axis): old for axis, old in name.items()}
        last = reader
        absorbed.append(reader)


def _only_reader(graph: Graph, identity: int) -> int | None:
    uses = graph.uses(identity)
    return uses[0][0] if len(uses) == 1 and not graph.is_result(identity) else None


def _next(
    graph: Graph, identity: int, operator: str, static: frozenset[int], axes: frozenset[str]
) -> tuple[int, int] | None:
    """(reader, its other operand), if the only reader of a node is `operator` with a static value of just `axes`."""
    reader = _only_reader(graph, identity)
    if reader is None or graph.node(reader).operator != operator:
        return None
    other = next(operand for operand in graph.operands(reader) if operand != identity)
    same = frozenset(graph.type(other).names) == axes and graph.type(reader).dtype is graph.type(identity).dtype
    return (reader, other) if other in static and same and _is_array(graph, other) else None


def _is_array(graph: Graph, identity: int) -> bool:
    """Whether a value is more than a number written in the model."""
    return graph.node(identity).operator != "constant" or bool(graph.type(identity).axes)
