"""Quotients that are nearly a softmax, and what keeps them from being one."""

from __future__ import annotations

from collections.abc import Iterator

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Graph, Node
from attncomp.ir.working import renamed, worked_axes
from attncomp.passes.exponentials import read_exponential
from attncomp.passes.overview import braced
from attncomp.passes.reporting import about

# What a denominator may do to a sum to keep it away from 0, and still be read as a normaliser.
_GUARDS = frozenset(("add", "maximum", "clamp"))
# What leaves a weight a weight.
_TRANSPARENT = frozenset(("rename", "cast", "dropout"))
# How many operators may stand between the quotient and its contraction.
_SEARCH = 8


def near_miss(pass_name: str, graph: Graph, quotient: Node) -> Iterator[Remark]:
    """A remark for exponentials over more than their sum, if they are contracted over the sum's axes."""
    numerator, denominator = graph.operands(quotient.identity)
    guard = graph.node(denominator)
    totals = graph.operands(denominator) if guard.operator in _GUARDS else (denominator,)
    for total in totals:
        if graph.node(total).operator != "sum":
            continue
        (summed,) = graph.operands(total)
        axes = worked_axes(graph.node(total))
        weighted = _factors(graph, summed)
        exponentials = {one for one in (summed, *weighted) if read_exponential(graph, one, tuple(axes)) is not None}
        if not exponentials or not _normalised(graph, quotient, numerator, exponentials | {summed}, axes):
            continue
        if total != denominator:
            message = f"`{guard.operator}` stands between the sum of the exponentials and the quotient"
            help = f"divide by the sum alone, `softmax{braced(axes)}(…)`: it takes the maximum off, so no sum is 0"
        else:
            message = "the exponentials are weighted before they are summed, which is no softmax"
            help = f"weigh the score instead, for weights above 0: `softmax{braced(axes)}(score + log(weight))`"
        yield about("missed", "attention", pass_name, quotient, message, help)
        return


def _factors(graph: Graph, identity: int) -> tuple[int, ...]:
    return graph.operands(identity) if graph.node(identity).operator == "multiply" else ()


def _normalised(graph: Graph, quotient: Node, numerator: int, exponentials: set[int], axes: frozenset[str]) -> bool:
    """Whether the quotient normalises exponentials that are contracted over `axes`, before it or behind it."""
    if numerator in exponentials:
        return _is_contracted(graph, quotient.identity, axes)
    made = graph.node(numerator)
    consumed = made.operator == "contract" and worked_axes(made) == axes
    return consumed and not exponentials.isdisjoint(graph.operands(numerator))


def _is_contracted(graph: Graph, identity: int, axes: frozenset[str]) -> bool:
    """Whether a value goes, as it is, to a contraction over `axes`."""
    for _ in range(_SEARCH):
        readers = [graph.node(user) for user in graph.users(identity)]
        if any(reader.operator == "contract" and axes <= worked_axes(reader) for reader in readers):
            return True
        onward = [reader for reader in readers if reader.operator in _TRANSPARENT]
        if not onward:
            return False
        identity, exchanged = onward[0].identity, renamed(onward[0])
        axes = frozenset(exchanged.get(axis, axis) for axis in axes)
    return False
