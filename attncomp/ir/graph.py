"""The graph: operators with typed attributes as nodes, operands as edges that carry their position.

A node has one result, whose type it carries; what reads it, and in which place, is on the edges of a
`networkx.MultiDiGraph`. That is made when something first asks for readers or an order: building a graph, which is all
that checking a file needs, does not import networkx. Numbers of nodes only grow, so that output is the same in every
run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Union

import numpy as np

from attncomp.diagnostics.core import Span
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, Layout, ValueType

if TYPE_CHECKING:
    import networkx as nx

    NetworkxGraph = nx.MultiDiGraph[int]


@dataclass(frozen=True)
class Literal:
    """The value of a `constant` node: a number, or a small array with the axis name of each dimension."""

    array: np.ndarray
    axes: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Literal)
            and self.axes == other.axes
            and self.array.dtype == other.array.dtype
            and self.array.shape == other.array.shape
            and self.array.tobytes() == other.array.tobytes()
        )

    def __hash__(self) -> int:
        return hash((self.axes, self.array.dtype.str, self.array.shape, self.array.tobytes()))


@dataclass(frozen=True)
class Initializer:
    """How a parameter is filled when there is no checkpoint: `uniform(-0.1, 0.1)`, `trunc_normal(0.02)`, `ones`."""

    kind: str
    arguments: tuple[float, ...] = ()


# Every value an attribute may have. `Graph` is the body of a region.
Attribute = Union[
    bool,
    int,
    float,
    str,
    None,
    Size,
    Axis,
    DType,
    Literal,
    Initializer,
    "Graph",
    tuple["Attribute", ...],
]


@dataclass(frozen=True)
class Origin:
    """Where a node comes from: the source, and the path of the layer that made it (`encoder.layer.3.attention`).

    `marks` are the places of the `fuse!` before the statements around it, outermost first; the text of a graph leaves
    them out.
    """

    span: Span | None = None
    scope: str = ""
    marks: tuple[Span, ...] = ()

    def marked_too(self, other: Origin) -> Origin:
        """The origin of a node that stands for another one too: it has the marks of both."""
        return replace(self, marks=tuple(dict.fromkeys((*self.marks, *other.marks))))


NOWHERE = Origin()


@dataclass(frozen=True)
class Node:
    """One operator of a graph. `name` is the model's own name for the value, "" where it has none."""

    identity: int
    operator: str
    attributes: Mapping[str, Attribute]
    type: ValueType
    origin: Origin = NOWHERE
    name: str = ""


@dataclass(frozen=True)
class Result:
    """A result of the graph: its name, the node that makes it, and the order in which it is handed over."""

    name: str
    node: int
    layout: Layout


@dataclass(frozen=True)
class Constraint:
    """What must hold of two sizes at each call, where compiling could not decide it.

    `relation` is `==`, or `<=` where positions must lie within an axis.
    """

    left: Size
    right: Size
    span: Span | None = None
    relation: str = "=="

    def holds(self, bindings: Mapping[str, int]) -> bool:
        """Whether it is so under `bindings` (symbol to number)."""
        left, right = self.left.evaluate(bindings), self.right.evaluate(bindings)
        return left == right if self.relation == "==" else left <= right

    def __str__(self) -> str:
        return f"{self.left} {self.relation} {self.right}"


@dataclass
class Graph:
    """A model as operators on named axes.

    Operators of inputs are `input` (attributes name, layout), of weights `parameter` (key, layout, initializer);
    `results` say what is returned. `symbols` are the sizes bound at each call, in the order of their first use.
    `marks` are the places of every `fuse!` whose statement was elaborated; the text of a graph leaves them out.
    """

    name: str
    results: tuple[Result, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    marks: tuple[Span, ...] = ()
    _nodes: dict[int, Node] = field(default_factory=dict)
    _operands: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _made: NetworkxGraph | None = None
    _next: int = 0

    # --- building -----------------------------------------------------------------------------------------------

    def add(
        self,
        operator: str,
        operands: Sequence[int],
        attributes: Mapping[str, Attribute],
        type: ValueType,
        origin: Origin = NOWHERE,
        name: str = "",
    ) -> int:
        """Adds a node and returns its number. `ir.build.Builder` does the same and infers the type."""
        identity = self._next
        self._next += 1
        self._nodes[identity] = Node(identity, operator, MappingProxyType(dict(attributes)), type, origin, name)
        self._operands[identity] = tuple(operands)
        if self._made is not None:
            self._connect(self._made, identity)
        return identity

    def _connect(self, edges: NetworkxGraph, identity: int) -> None:
        edges.add_node(identity)
        for position, operand in enumerate(self._operands[identity]):
            edges.add_edge(operand, identity, key=position)

    @property
    def _edges(self) -> NetworkxGraph:
        """The edges, from operand to reader, with the operand's position as their key."""
        if self._made is None:
            import networkx as nx

            self._made = nx.MultiDiGraph()
            for identity in self._nodes:
                self._connect(self._made, identity)
        return self._made

    def require(self, constraint: Constraint) -> None:
        """Adds a constraint on sizes, once."""
        wanted = (constraint.left, constraint.right, constraint.relation)
        if not any((known.left, known.right, known.relation) == wanted for known in self.constraints):
            self.constraints = (*self.constraints, constraint)

    def mark(self, mark: Span) -> None:
        """Adds the place of a `fuse!`, once."""
        if mark not in self.marks:
            self.marks = (*self.marks, mark)

    # --- reading ------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, identity: object) -> bool:
        return identity in self._nodes

    def node(self, identity: int) -> Node:
        """The node of that number. Raises KeyError where there is none."""
        return self._nodes[identity]

    def type(self, identity: int) -> ValueType:
        """The type of a node's result."""
        return self._nodes[identity].type

    def operands(self, identity: int) -> tuple[int, ...]:
        """The nodes that a node reads, in the order of its operands."""
        return self._operands[identity]

    def missing(self) -> tuple[int, ...]:
        """The numbers that nodes read and that are no node's, in a graph that is broken."""
        read = {operand for operands in self._operands.values() for operand in operands}
        return tuple(sorted(read - self._nodes.keys()))

    def uses(self, identity: int) -> tuple[tuple[int, int], ...]:
        """Who reads a node: (reader, position of the operand), in order. Results of the graph do not count."""
        return tuple(sorted((target, position) for _, target, position in self._edges.out_edges(identity, keys=True)))

    def users(self, identity: int) -> tuple[int, ...]:
        """The distinct nodes that read a node, in order."""
        return tuple(sorted(self._edges.successors(identity)))

    def is_result(self, identity: int) -> bool:
        """Whether a node is a result of the graph."""
        return any(result.node == identity for result in self.results)

    def order(self) -> tuple[int, ...]:
        """All nodes, each after its operands; among the possible orders that of the smallest numbers."""
        import networkx as nx

        return tuple(nx.lexicographical_topological_sort(self._edges))

    def nodes(self, operator: str | None = None) -> Iterator[Node]:
        """The nodes in order, all of them or those of one operator."""
        for identity in self.order():
            node = self.node(identity)
            if operator is None or node.operator == operator:
                yield node

    def ancestors(self, identity: int) -> frozenset[int]:
        """All nodes that a node depends on, without itself."""
        import networkx as nx

        return frozenset(nx.ancestors(self._edges, identity))

    def descendants(self, identity: int) -> frozenset[int]:
        """All nodes that depend on a node, without itself."""
        import networkx as nx

        return frozenset(nx.descendants(self._edges, identity))

    def is_acyclic(self) -> bool:
        """Whether no node depends on itself."""
        import networkx as nx

        return bool(nx.is_directed_acyclic_graph(self._edges))

    def symbols(self) -> tuple[str, ...]:
        """The symbols in the sizes of the inputs, in the order they are first stated."""
        seen: dict[str, None] = {}
        for node in self.nodes("input"):
            for axis in node.type.axes:
                for symbol in sorted(axis.size.symbols()):
                    seen[symbol] = None
        return tuple(seen)

    # --- rewriting ----------------------------------------------------------------------------------------------

    def update(self, identity: int, **changes: object) -> None:
        """Replaces fields of a node (`attributes`, `type`, `origin`, `name`, `operator`)."""
        self._nodes[identity] = replace(self._nodes[identity], **changes)  # type: ignore[arg-type]

    def set_operands(self, identity: int, operands: Sequence[int]) -> None:
        """Makes a node read `operands`."""
        self._operands[identity] = tuple(operands)
        if self._made is not None:
            self._made.remove_edges_from(list(self._made.in_edges(identity, keys=True)))
            self._connect(self._made, identity)

    def replace_uses(self, old: int, new: int, *, but_in: Iterable[int] = ()) -> None:
        """Makes every reader of `old`, and every result that is `old`, read `new`, except the nodes in `but_in`."""
        kept = set(but_in)
        for reader in self.users(old):
            if reader not in kept:
                self.set_operands(reader, [new if operand == old else operand for operand in self._operands[reader]])
        self.results = tuple(replace(result, node=new) if result.node == old else result for result in self.results)

    def remove(self, identities: Iterable[int]) -> None:
        """Removes nodes that nothing outside of them reads. Raises ValueError where something does."""
        doomed = set(identities)
        for identity in sorted(doomed):
            readers = [reader for reader in self.users(identity) if reader not in doomed]
            if readers or self.is_result(identity):
                raise ValueError(f"node {identity} is still read")
        self._edges.remove_nodes_from(doomed)
        for identity in doomed:
            del self._nodes[identity], self._operands[identity]

    def copy(self) -> Graph:
        """An independent copy; nodes are immutable and shared."""
        return Graph(
            self.name,
            self.results,
            self.constraints,
            self.marks,
            dict(self._nodes),
            dict(self._operands),
            None,
            self._next,
        )
