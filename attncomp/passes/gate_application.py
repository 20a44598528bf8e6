"""The application of a gate: the pointwise operators around the one that combines a value with its gate.

They all work place by place at one set of axes, so that they are one read of the value, whatever stands before the
combining operator (the sum of two gates within a sigmoid) and behind it (a shortcut, an activation, a sum over
branches).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from attncomp.ir.estimate import estimate
from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.sizes import product
from attncomp.ir.working import worked_axes
from attncomp.passes.overview import Overview, Source

# Reductions that may follow an application: its result is then never stored.
_CLOSING = frozenset(("sum", "mean", "max", "min"))
# How many pointwise operators may follow the combining one, and how many branches a closing contraction may add up.
_BEHIND = 16
_BRANCHES = 16


@dataclass(frozen=True)
class Application:
    """Operators that work place by place at `axes`, of which only `output` is read elsewhere.

    A closing reduction or contraction is the `output` too, and has fewer axes.
    """

    graph: Graph
    members: frozenset[int]
    output: int
    axes: frozenset[str]
    sources: dict[int, Source]

    @cached_property
    def whole(self) -> tuple[int, ...]:
        """The values of all axes that are read from outside and are numbers made of inputs, in order."""
        return tuple(v for v in self._read if set(self.graph.type(v).names) == self.axes)

    @cached_property
    def small(self) -> tuple[int, ...]:
        """The values of fewer axes that are read from outside and are made of inputs, in order."""
        return tuple(v for v in self._read if set(self.graph.type(v).names) < self.axes)

    @cached_property
    def _read(self) -> tuple[int, ...]:
        found = {operand for member in self.members for operand in self.graph.operands(member)} - self.members
        return tuple(sorted(value for value in found if self.sources[value] is Source.DATA))


def is_pointwise(node: Node) -> bool:
    """Whether an operator works place by place on operands that broadcast."""
    return OPERATORS[node.operator].category == "pointwise" or node.operator == "dropout"


def combines(overview: Overview, node: Node) -> bool:
    """Whether an operator combines a small value that is made of inputs with more axes than it has."""
    graph, operands = overview.graph, overview.graph.operands(node.identity)
    if node.operator == "contract":
        return _adds_branches(graph, node)
    names = set(node.type.names)
    small = [o for o in operands if overview.source[o] is Source.DATA and set(graph.type(o).names) < names]
    return bool(small) and is_pointwise(node)


def applications(overview: Overview, combining: Node, largest: int) -> Iterator[Application]:
    """The applications around an operator that `combines`, each larger than the one before by an operator behind it."""
    graph = overview.graph
    axes = frozenset(name for operand in graph.operands(combining.identity) for name in graph.type(operand).names)
    members: set[int] = set()
    tip = combining.identity
    for _ in range(_BEHIND):
        _grow(overview, tip, axes, members, largest)
        yield Application(graph, frozenset(members), tip, axes, overview.source)
        users = graph.users(tip)
        if len(users) != 1 or graph.is_result(tip) or set(graph.type(tip).names) != axes or len(members) >= largest:
            return
        behind = graph.node(users[0])
        closes = behind.operator in _CLOSING and bool(worked_axes(behind))
        if not closes and not _belongs(behind, axes):
            return
        tip = behind.identity


def beyond(overview: Overview, application: Application, largest: int) -> Iterator[Application]:
    """What each pointwise reader would make of an application whose output has several readers, or is a result."""
    graph = overview.graph
    for user in graph.users(application.output):
        if _belongs(graph.node(user), application.axes):
            members = set(application.members)
            _grow(overview, user, application.axes, members, largest)
            yield Application(graph, frozenset(members), user, application.axes, overview.source)


def widened(overview: Overview, application: Application, inside: set[int], largest: int) -> Application | None:
    """The application with a whole value that is only read `inside`, and made place by place of others that are read.

    So the value need not be stored: `(x - mean(x)) ** 2` beside x. None where there is no such value.
    """
    graph = overview.graph
    for value in application.whole:
        if not _belongs(graph.node(value), application.axes) or graph.is_result(value):
            continue
        if all(user in inside for user in graph.users(value)):
            members = set(application.members)
            _grow(overview, value, application.axes, members, largest)
            wider = Application(graph, frozenset(members), application.output, application.axes, overview.source)
            if wider.whole and set(wider.whole) < set(application.whole):
                return wider
    return None


def _belongs(node: Node, axes: frozenset[str]) -> bool:
    return is_pointwise(node) and set(node.type.names) == axes


def _grow(overview: Overview, tip: int, axes: frozenset[str], members: set[int], largest: int) -> None:
    """Adds `tip`, and backwards from it the pointwise operators at `axes` that nothing outside of `members` reads.

    A bias stays with the convolution or the product before it, which adds it for nothing.
    """
    graph = overview.graph
    waiting = [tip]
    while waiting:
        identity = waiting.pop()
        members.add(identity)
        for operand in graph.operands(identity):
            ready = operand not in members and overview.source[operand] is Source.DATA and len(members) < largest
            if (
                ready
                and _belongs(graph.node(operand), axes)
                and all(user in members for user in graph.users(operand))
                and not graph.is_result(operand)
                and operand not in overview.folded
            ):
                waiting.append(operand)


def _adds_branches(graph: Graph, node: Node) -> bool:
    """Whether a contraction weighs and adds up a few branches: a product with a small value, and a sum behind it."""
    small, whole = sorted((graph.type(o) for o in graph.operands(node.identity)), key=lambda type_: len(type_.axes))
    if not set(small.names) < set(whole.names):
        return False
    branches = product([whole.size(name) for name in worked_axes(node)]).constant
    larger = estimate(node.type.elements()) > estimate(small.elements())
    return branches is not None and branches <= _BRANCHES and larger
