"""The two sides of an attention, sources and queries, by the names that their axes have in each value."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass

from attncomp.ir.graph import Node
from attncomp.ir.working import axis_names, renamed, worked_axes

Names = frozenset[str]

# Operators that lay places along an axis side by side or leave some out: each result is still one place of the operand.
_SELECTING = frozenset(("concat", "pad", "slice", "stack"))
# They take places along an axis together, and give one number for them.
REDUCTIONS = frozenset(("sum", "mean", "max", "min", "var", "norm"))
# No pair by itself can be had of these: leaves, regions, and what takes statistics over a whole batch.
WHOLE = frozenset(("input", "parameter", "region", "part", "batch_norm"))


class Kind(enum.Enum):
    """Which sides a value has."""

    NEITHER = enum.auto()
    SOURCE = enum.auto()
    QUERY = enum.auto()
    BOTH = enum.auto()


@dataclass(frozen=True)
class Sides:
    """The names that the source axes, and each query axis, have in one value.

    A query axis stands for several names where it was split, for none where it was summed away. With `every` a value
    has the query side only if it has all query axes: keys of an image may have its rows or its columns.
    """

    source: Names
    queries: tuple[Names, ...]
    every: bool = False

    @property
    def query(self) -> Names:
        """The names of all query axes."""
        return frozenset().union(*self.queries)

    def kind(self, names: Collection[str]) -> Kind:
        """Which sides a value with these axes has; with both it holds a number for each pair."""
        source = not self.source.isdisjoint(names)
        query = (all if self.every else any)(not each.isdisjoint(names) for each in self.queries)
        if source:
            return Kind.BOTH if query else Kind.SOURCE
        return Kind.QUERY if query else Kind.NEITHER

    def of(self, places: Collection[int], *, every: bool = False) -> Sides:
        """These sides with some of the query axes alone."""
        return Sides(self.source, tuple(self.queries[place] for place in sorted(places)), every)

    def before(self, node: Node) -> Sides | None:
        """The sides in the operands of a node, from those in its result; None where it mixes places of a side."""
        source = _source_before(node, self.source)
        queries = [_before(node, query) for query in self.queries]
        if source is None or any(query is None for query in queries):
            return None
        return Sides(source, tuple(query for query in queries if query is not None), self.every)

    def after(self, node: Node, operand: tuple[str, ...]) -> Sides | None:
        """The sides in the result of a node, from those in the operand with these axes; None where it mixes sources.

        Whatever works on a query axis, such as a mixing of heads, goes on with the axes that it makes of it.
        """
        source = _source_after(node, self.source)
        if source is None or not source <= frozenset(node.type.names):
            return None
        return Sides(source, tuple(_query_after(node, query, operand) for query in self.queries), self.every)


def _source_before(node: Node, names: Names) -> Names | None:
    return names if _selects(node, names) else _before(node, names)


def _source_after(node: Node, names: Names) -> Names | None:
    return names if _selects(node, names) else _after(node, names)


def _selects(node: Node, names: Names) -> bool:
    return node.operator in _SELECTING and worked_axes(node) <= names


def _before(node: Node, names: Names) -> Names | None:
    """The names in the operand; None where the operator works on one of them."""
    exchanged = {new: old for old, new in renamed(node).items()}
    if exchanged:
        return frozenset(exchanged.get(name, name) for name in names)
    if node.operator == "merge":
        merged = frozenset(axis_names(node.attributes["into"]))
        return names - merged | frozenset(axis_names(node.attributes["axes"])) if merged & names else names
    if node.operator == "stack":
        return names - worked_axes(node)
    if node.operator == "split":
        into = frozenset(axis_names(node.attributes["into"]))
        return names - into | frozenset(axis_names(node.attributes["axis"])) if into & names else names
    return None if worked_axes(node) & names else names


def _after(node: Node, names: Names) -> Names | None:
    """The names in the result; None where the operator works on one of them."""
    exchanged = renamed(node)
    if exchanged:
        return frozenset(exchanged.get(name, name) for name in names)
    if node.operator == "merge":
        merged = frozenset(axis_names(node.attributes["axes"]))
        if merged <= names:
            return names - merged | frozenset(axis_names(node.attributes["into"]))
    if node.operator == "split":
        divided = frozenset(axis_names(node.attributes["axis"]))
        return names - divided | frozenset(axis_names(node.attributes["into"])) if divided <= names else names
    return None if worked_axes(node) & names else names


def _query_after(node: Node, names: Names, operand: tuple[str, ...]) -> Names:
    followed = _after(node, names)
    if followed is not None:
        return followed & frozenset(node.type.names)
    return (names | (frozenset(node.type.names) - frozenset(operand))) & frozenset(node.type.names)
