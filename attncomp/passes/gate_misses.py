"""Why a value and what it is combined with are no gate, and the edit that would make them one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from attncomp.ir.graph import Node
from attncomp.ir.working import worked_axes
from attncomp.passes.gate_application import Application, is_pointwise
from attncomp.passes.overview import Overview, Source, braced

REDUCTIONS = frozenset(("sum", "mean", "max", "min", "var", "norm", "argmax"))


@dataclass(frozen=True)
class Obstacle:
    """The operator that keeps a gate from being fused, why, and the edit that would help ("" where none would).

    `gate` is the small value that is at fault, if one is.
    """

    node: int
    message: str
    help: str
    gate: int | None = None


def obstacle(
    overview: Overview,
    node: Node,
    given: list[int],
    carried: frozenset[str],
    bases: Mapping[int, frozenset[str]],
) -> Obstacle | None:
    """Why `node` cannot read the values `given`, which carry axes `carried` that the gate lacks, within a gate.

    `bases` are the gated values with all axes that the gate lacks. None where the gate is far from being one.
    """
    value, operator = overview.described(given[0]), f"`{node.operator}`"
    worked = worked_axes(node) & set(overview.graph.type(given[0]).names)
    lacked = max(bases.values(), key=len)
    if carried < lacked:
        message = f"{operator} works on {value}, which is reduced over {braced(lacked - carried)} alone"
        return Obstacle(node.identity, message, f"reduce over {braced(lacked)} at once")
    edit = f"take a statistic first: `mean{braced(lacked)}(…)`"
    if node.operator in ("index", "slice", "gather"):
        places = "one place" if node.operator == "index" else "some places"
        message = f"the gate reads {value} at {places} of {braced(worked)}, which is no statistic over {braced(lacked)}"
        return Obstacle(node.identity, message, edit)
    if node.operator in ("contract", "region") or is_pointwise(node):
        projects = any(overview.source[o] is Source.PARAMETER for o in overview.graph.operands(node.identity))
        if not projects:
            return None
        return Obstacle(node.identity, f"{operator} makes an array as large as {value} of it, within the gate", edit)
    over = f" over {braced(worked)}" if worked else ""
    message = f"the gate reads {value} through {operator}{over} at its full size, which is no statistic of it"
    return Obstacle(node.identity, message, edit)


def escape(overview: Overview, identity: int, reader: str) -> Obstacle:
    """That a value within a gate would have to be stored."""
    message = f"{overview.described(identity)}, as large as what is gated, is read by {reader} too, and must be stored"
    return Obstacle(identity, message, "make the gate its only reader")


def statistic_elsewhere(overview: Overview, product: Node, application: Application) -> Obstacle | None:
    """That a product's smaller factor is made of a statistic of another value with the axes of the larger one."""
    graph = overview.graph
    gate, value = sorted(graph.operands(product.identity), key=lambda operand: len(graph.type(operand).axes))
    lacked = application.axes - set(graph.type(gate).names)
    if graph.type(value).names and set(graph.type(value).names) != application.axes:
        return None
    waiting, seen = [gate], set[int]()
    while waiting and len(seen) < 16:
        identity = waiting.pop()
        node, operands = graph.node(identity), graph.operands(identity)
        if identity in seen or overview.source[identity] is not Source.DATA:
            continue
        seen.add(identity)
        if node.operator in REDUCTIONS and worked_axes(node) == lacked:
            if set(graph.type(operands[0]).names) == application.axes and operands[0] != value:
                gated, read = overview.described(value), overview.described(operands[0])
                message = f"the gate's `{node.operator}` is one of {read}, not of {gated}, which it is applied to"
                return Obstacle(identity, message, f"reduce {gated} to gate it by what it holds itself")
            return None
        waiting.extend(operands)
    return None


def listed(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
