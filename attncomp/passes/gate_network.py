"""The network of a gate: what lies between a value and a gate that reads it through statistics alone.

Followed forwards from the value, each operator still carries some of the axes that the gate lacks. While it does, it
must work place by place on them, or reduce them: then a read of the value in tiles takes all statistics. What carries
none of them any more is small, and anything may be done with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from attncomp.ir.estimate import estimate
from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.access import get, many
from attncomp.ir.sizes import Size, product
from attncomp.ir.types import ValueType
from attncomp.ir.working import renamed, worked_axes
from attncomp.passes.gate_application import is_pointwise
from attncomp.passes.gate_misses import REDUCTIONS, Obstacle, listed, obstacle
from attncomp.passes.overview import Overview, Source

# Place by place but for statistics of their own, which are a reduction and pointwise operators each.
_MAPS = frozenset(("softmax", "log_softmax", "normalize", "batch_norm", "dropout"))
_REGROUPS = frozenset(("split", "merge"))
_PARTS = frozenset(("slice", "index"))
_POOLS = frozenset(("avgpool", "maxpool", "adaptive_avgpool"))


@dataclass(frozen=True)
class Network:
    """The operators between the values in `read` and a gate, those of them that are `statistics`, all in order."""

    members: tuple[int, ...]
    statistics: tuple[int, ...]
    read: tuple[int, ...]


def trace(
    overview: Overview, gate: int, wholes: tuple[int, ...], axes: frozenset[str], largest: int
) -> Network | Obstacle | None:
    """What lies between `wholes`, values of `axes`, and `gate`; None where it depends on none of them.

    None too where it depends on more than four times the `largest` number of operators that a network may have.
    """
    graph = overview.graph
    lacked = axes - set(graph.type(gate).names)
    bases = with_origins(graph, wholes, lacked)
    behind = _behind(overview, gate, bases, 4 * largest)
    carried: dict[int, frozenset[str]] = {}
    members: list[int] = []
    statistics: list[int] = []
    for identity in behind:
        node, operands = graph.node(identity), graph.operands(identity)
        if identity in bases:
            carried[identity] = bases[identity]
        elif node.operator == "part" and graph.operands(identity)[0] in bases:
            continue  # another result of the region that the gated value is one of
        elif _handed_over(graph, node, bases):
            carried[identity] = frozenset()
        elif any(operand in carried for operand in operands):
            found = _step(overview, node, carried, wholes[0], bases, lacked)
            if found is None or isinstance(found, Obstacle):
                return found
            carried[identity] = found
            members.append(identity)
            shrinks = any(not carried.get(operand, found) <= found for operand in operands)
            if shrinks and node.operator not in ("rename", *_REGROUPS):
                statistics.append(identity)
    if not members or gate not in carried:
        return None
    read = tuple(identity for identity in behind if identity in bases)
    if carried[gate]:
        return Obstacle(
            gate,
            f"{overview.described(gate)} reads {listed([overview.described(v) for v in read])} in place, not reduced",
            "",
        )
    count = sum(_operators(graph.node(member)) for member in members)
    if count > largest:
        message = f"the gate is a network of {count} operators, of which {largest} are fused at most"
        return Obstacle(gate, message, f"make it of at most {largest} operators")
    return Network(tuple(members), tuple(statistics), read)


def as_large(value: ValueType, whole: ValueType) -> bool:
    """Whether a value has as many numbers as another; axes that both have do not count."""
    return _more(value, whole) >= _more(whole, value)


def _more(one: ValueType, other: ValueType) -> float:
    return estimate(product([axis.size for axis in one.axes if axis not in other.axes]))


def _operators(node: Node) -> int:
    """One, or as many as a region has."""
    if node.operator != "region":
        return 1
    return sum(inner.operator != "input" for inner in get(node.attributes, "body", Graph).nodes())


def with_origins(graph: Graph, wholes: tuple[int, ...], lacked: frozenset[str]) -> dict[int, frozenset[str]]:
    """Each of the values, and what it is a view of, with the axes that the gate lacks."""
    found: dict[int, frozenset[str]] = {}
    for identity in wholes:
        value, names = identity, lacked
        while graph.type(value).dtype.is_float:
            found[value] = names
            node = graph.node(value)
            if node.operator not in ("rename", *_REGROUPS):
                break
            (value,) = graph.operands(value)
            names = _named_before(node, names, graph.type(value))
    return found


def _named_before(view: Node, names: frozenset[str], operand: ValueType) -> frozenset[str]:
    """Axes of a view by the names that they have in its operand; of a merged or split axis, all it is made of."""
    old = {new: old for old, new in renamed(view).items()}
    if old:
        return frozenset(old.get(name, name) for name in names)
    made = worked_axes(view) & set(view.type.names)
    return names if made.isdisjoint(names) else names - made | (worked_axes(view) & set(operand.names))


def _behind(overview: Overview, gate: int, bases: Mapping[int, frozenset[str]], most: int) -> list[int]:
    """What the gate depends on, up to the bases, in order; nothing where that is too much."""
    place = overview.place
    first = min((place[identity] for identity in bases), default=len(place))
    seen: set[int] = set()
    waiting = [gate]
    while waiting:
        identity = waiting.pop()
        if identity in seen or place[identity] < first or overview.source[identity] is not Source.DATA:
            continue
        seen.add(identity)
        if len(seen) > most:
            return []
        if identity not in bases and not _handed_over(overview.graph, overview.graph.node(identity), bases):
            waiting.extend(overview.graph.operands(identity))
    return sorted(seen, key=place.__getitem__)


def _handed_over(graph: Graph, node: Node, bases: Mapping[int, frozenset[str]]) -> bool:
    """Whether a value is a statistic that another region has taken and hands over, or a result beside a gated value."""
    if node.operator != "part":
        return False
    (region,) = graph.operands(node.identity)
    return region in bases or any(operand in bases for operand in graph.operands(region))


def _step(
    overview: Overview,
    node: Node,
    carried: Mapping[int, frozenset[str]],
    whole: int,
    bases: Mapping[int, frozenset[str]],
    lacked: frozenset[str],
) -> frozenset[str] | Obstacle | None:
    """The axes that the result of an operator carries, or why it is no part of a gate; None where it is far from one,
    as the score of an attention is.
    """
    graph = overview.graph
    given = [operand for operand in graph.operands(node.identity) if carried.get(operand)]
    before = frozenset(name for operand in given for name in carried[operand])
    exchanged = renamed(node)
    after = frozenset(exchanged.get(name, name) for name in before) & set(node.type.names)
    worked, size = worked_axes(node), graph.type(whole)
    if not before or node.operator in REDUCTIONS or exchanged:
        return after
    if node.operator in _REGROUPS:
        made = worked & set(node.type.names)
        return after if worked.isdisjoint(before) else after | (made & lacked or made)
    if is_pointwise(node) or node.operator in _MAPS:
        allowed = not _more(node.type, size) > _more(size, node.type)
    elif node.operator in _PARTS:
        allowed = worked.isdisjoint(before)
    elif node.operator in _POOLS and _pools_to_one(node, worked):
        return after - worked
    elif node.operator in ("contract", "region") or _is_projection(graph, node):
        allowed = not as_large(node.type, size)
    else:
        allowed = False
    if allowed:
        return after
    # Of what has become small although it carries some axes still, anything may be made.
    small = all(2 * _more(graph.type(operand), size) < _more(size, graph.type(operand)) for operand in given)
    if small or (node.operator == "adaptive_avgpool" and 2 * _more(node.type, size) < _more(size, node.type)):
        return frozenset()
    return obstacle(overview, node, given, before, bases)


def _pools_to_one(node: Node, worked: frozenset[str]) -> bool:
    return all(node.type.size(name).constant == 1 for name in worked)


def _is_projection(graph: Graph, node: Node) -> bool:
    """Whether an operator is a convolution of one place at a time: a product with a matrix."""
    if node.operator != "convolution":
        return False
    weight = graph.type(graph.operands(node.identity)[1])
    kernels = [weight.size(name).constant for name in many(node.attributes, "kernels", str)]
    stride = many(node.attributes, "stride", int)
    padding = (*many(node.attributes, "before", Size), *many(node.attributes, "after", Size))
    steps_alone = {1, *kernels, *stride} == {1} and all(size.constant == 0 for size in padding)
    return steps_alone and get(node.attributes, "groups", int) == 1
