"""The attention weights and gates of a model, as results of a graph of their own.

They are looked for in the graph as it is before regions are made: a softmax whose value is contracted over the
softmax's axes, or that an attention region holds, and what a gate region scales its value by. Making them results keeps
them from being fused away; the numbers are the same but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from attncomp import pipeline
from attncomp.diagnostics.core import Span
from attncomp.emission.backend import Backend
from attncomp.inspect.places import Place, find_places
from attncomp.ir.graph import Graph, Node, Origin, Result
from attncomp.ir.operators.access import get, many
from attncomp.ir.operators.base import NamedArray
from attncomp.ir.working import renamed, worked_axes
from attncomp.passes.overview import Overview, Source

Kind = Literal["attention", "gate"]

# How many operators that work place by place may stand between a softmax and its contraction.
_SEARCH = 16


@dataclass(frozen=True)
class Watched:
    """A value of interest: attention weights, or a gate.

    `axes` are its dimensions in order. Of attention weights those of `query` come last but for those of `source`, over
    which they sum to 1; for a gate both are empty. `open` are axes whose sizes are only known at a call, `batch` those
    of them that come first in an input. `places` says where the positions along an axis lie in an input, as far as the
    graph does.
    """

    kind: Kind
    name: str
    axes: tuple[str, ...]
    query: tuple[str, ...]
    source: tuple[str, ...]
    open: frozenset[str]
    batch: frozenset[str]
    origin: Origin
    places: Mapping[str, Place]


@dataclass(frozen=True)
class Seen:
    """A value of interest as one call made it: `array` has the dimensions `axes`; `inputs` are those of the call.

    `kind` is "attention" or "gate", `scope` the path of its layer, `span` its place in the source. Of an attention
    `array` sums to 1 over the axes `source`; a row that is masked out completely is 0.
    """

    watched: Watched
    array: np.ndarray
    inputs: Mapping[str, NamedArray]

    @property
    def name(self) -> str:
        """The path of its layer, and the model's name for it: `encoder.layer.0.attention.weights`."""
        return self.watched.name

    @property
    def kind(self) -> Kind:
        """What it is."""
        return self.watched.kind

    @property
    def axes(self) -> tuple[str, ...]:
        """The name of each dimension of `array`."""
        return self.watched.axes

    @property
    def query(self) -> tuple[str, ...]:
        """The axes of the queries, of an attention."""
        return self.watched.query

    @property
    def source(self) -> tuple[str, ...]:
        """The axes of the sources, of an attention."""
        return self.watched.source

    @property
    def scope(self) -> str:
        """The path of the layer that makes it."""
        return self.watched.origin.scope

    @property
    def span(self) -> Span | None:
        """Where the model file says so."""
        return self.watched.origin.span

    def __repr__(self) -> str:
        shape = ", ".join(f"{axis} = {size}" for axis, size in zip(self.axes, self.array.shape, strict=True))
        return f"<{self.kind} {self.name} [{shape}]>"


def watch(graph: Graph, backend: Backend | None = None) -> tuple[Graph, tuple[Watched, ...]]:
    """A graph that takes the inputs and parameters of `graph`, as built, and whose results are its values of interest.

    The results are in the order of the second value, in the layer order of the model; both are empty where the model
    has no attention and no gate. The marks of `fuse!` are left out: nothing is demanded of this graph.
    """
    kept = [graph.copy()]

    def observe(name: str, now: Graph) -> None:
        if not any(True for _ in now.nodes("region")):
            kept[:] = [now.copy()]

    fused = pipeline.optimise(graph, backend, observe).graph
    (whole,) = kept
    found = _in_order(whole, [*_attentions(whole), *_attentions_inside(whole, fused), *_gates(whole, fused)])
    open_, batch, places = _open(whole), _batch(whole), find_places(whole)
    watched: list[Watched] = []
    for node, kind, query, source in found:
        others = [name for name in node.type.names if name not in query and name not in source]
        axes = (*sorted(others, key=lambda name: name not in open_), *query, *source)
        name = _unique(node, kind, {one.name for one in watched})
        known = {axis: place for axis, place in places[node.identity].items() if axis in axes}
        own = frozenset(axes)
        watched.append(Watched(kind, name, axes, query, source, open_ & own, batch & own, node.origin, known))
    whole.results = tuple(
        Result(f"w{position}", node.identity, tuple((axis,) for axis in one.axes))
        for position, ((node, *_), one) in enumerate(zip(found, watched, strict=True))
    )
    for node in list(whole.nodes()):
        if node.origin.marks:
            whole.update(node.identity, origin=replace(node.origin, marks=()))
    whole.marks = ()
    return whole, tuple(watched)


_Found = tuple[Node, Kind, tuple[str, ...], tuple[str, ...]]


def _in_order(graph: Graph, found: list[_Found]) -> list[_Found]:
    """Each node once, by its place in the graph: what is both attention and gate is shown as attention."""
    once: dict[int, _Found] = {}
    for one in found:
        once.setdefault(one[0].identity, one)
    place = {identity: number for number, identity in enumerate(graph.order())}
    return [once[identity] for identity in sorted(once, key=place.__getitem__)]


def _unique(node: Node, kind: Kind, taken: set[str]) -> str:
    word = node.name or ("weights" if kind == "attention" else "gate")
    stem = f"{node.origin.scope}.{word}" if node.origin.scope else word
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem} {number}"
    return name


def _open(graph: Graph) -> frozenset[str]:
    """The axes of inputs whose sizes are not known when compiling."""
    axes = [axis for node in graph.nodes("input") for axis in node.type.axes]
    return frozenset(axis.name for axis in axes if axis.size.constant is None)


def _batch(graph: Graph) -> frozenset[str]:
    """Those of them that come first in an input."""
    layouts = [many(node.attributes, "layout", tuple) for node in graph.nodes("input")]
    return _open(graph) & {str(name) for layout in layouts for group in layout[:1] for name in group[:1]}


# --- attention ----------------------------------------------------------------------------------------------------


def _attentions(graph: Graph) -> Iterator[_Found]:
    """Every softmax whose value is contracted over its axes, with its query axes and its source axes."""
    overview = Overview.of(graph)
    for node in graph.nodes("softmax"):
        if overview.source[node.identity] is not Source.DATA:
            continue
        values = _values(graph, node)
        if values is not None:
            source = tuple(name for name in node.type.names if name in worked_axes(node))
            query = tuple(name for name in node.type.names if name not in source and name not in values)
            yield node, "attention", query, source


def _values(graph: Graph, softmax: Node) -> frozenset[str] | None:
    """The axes of the values that the weights are contracted with, by their names in the softmax; None if never."""
    own = {name: name for name in softmax.type.names}
    waiting, seen = [(user, softmax.identity, own) for user in graph.users(softmax.identity)], 0
    while waiting and seen < _SEARCH:
        identity, before, names = waiting.pop(0)
        node, seen = graph.node(identity), seen + 1
        here = {names[axis] for axis in worked_axes(softmax)}
        if node.operator == "contract":
            if here <= worked_axes(node):
                others = [operand for operand in graph.operands(identity) if operand != before] or [before]
                axes = graph.type(others[0]).names
                return frozenset(first for first, now in names.items() if now in axes)
            continue
        exchanged = renamed(node)
        after = {first: exchanged.get(now, now) for first, now in names.items()}
        if set(after.values()) <= set(node.type.names) and not worked_axes(node) & here:
            waiting.extend((user, identity, after) for user in graph.users(identity))
    return None


def _attentions_inside(whole: Graph, fused: Graph) -> Iterator[_Found]:
    """The softmaxes of attention regions, in whatever form they reach their contraction."""
    open_, batch = _open(whole), _batch(whole)
    for region in fused.nodes("region"):
        if get(region.attributes, "kind", str) == "attention" and region.identity in whole:
            body = get(region.attributes, "body", Graph)
            pairs = _pairs(body, body.results[0].node, whole, region.identity)
            for inner in body.nodes("softmax"):
                if inner.identity in pairs:
                    node = whole.node(pairs[inner.identity])
                    source = tuple(name for name in node.type.names if name in worked_axes(node))
                    others = [name for name in node.type.names if name not in source]
                    bare = {name.rstrip("'") for name in source}
                    twins = tuple(name for name in others if name.rstrip("'") in bare)
                    query = twins or tuple(name for name in others if name in open_ and name not in batch)
                    yield node, "attention", query, source


# --- gates --------------------------------------------------------------------------------------------------------


def _gates(whole: Graph, fused: Graph) -> Iterator[_Found]:
    """What the gate regions of `fused` scale their values by, as nodes of the graph before fusing."""
    for region in fused.nodes("region"):
        if get(region.attributes, "kind", str) == "gate" and region.identity in whole:
            body = get(region.attributes, "body", Graph)
            pairs = _pairs(body, body.results[0].node, whole, region.identity)
            for gate in _small_factors(body):
                if gate in pairs:
                    yield whole.node(pairs[gate]), "gate", (), ()


def _small_factors(body: Graph) -> list[int]:
    """The factors of fewer axes that are made of their other factor, or of what that is made of.

    Where no product has one, whatever of fewer axes is combined at the axes of the largest values.
    """
    products: dict[int, None] = {}
    others: dict[int, None] = {}
    most = max((frozenset(node.type.names) for node in body.nodes()), key=len)
    for node in body.nodes():
        operands = body.operands(node.identity)
        for operand in operands if len(operands) > 1 else ():
            own, made = frozenset(body.type(operand).names), body.ancestors(operand)
            if body.node(operand).operator == "input" or not any(body.node(one).operator == "input" for one in made):
                continue
            bigger = [other for other in operands if own < frozenset(body.type(other).names)]
            if node.operator in ("multiply", "contract"):
                if any(_is_whole(body, other, most) or _related(body, made, other) for other in bigger):
                    products[operand] = None
            elif own < most and frozenset(node.type.names) == most and _holds(body, made, most):
                others[operand] = None
    return list(products or others)


def _is_whole(body: Graph, value: int, most: frozenset[str]) -> bool:
    """Whether it is read from outside with as many axes as any: maybe as a view of what the gate is made of."""
    return body.node(value).operator == "input" and len(body.type(value).axes) == len(most)


def _related(body: Graph, made: frozenset[int], other: int) -> bool:
    return not made.isdisjoint({other, *body.ancestors(other)})


def _holds(body: Graph, nodes: frozenset[int], axes: frozenset[str]) -> bool:
    return any(frozenset(body.type(identity).names) == axes for identity in nodes)


def _pairs(body: Graph, inner: int, whole: Graph, outer: int) -> dict[int, int]:
    """Nodes of a body with those of the graph that they were copied from, found by walking up both from one pair."""
    found: dict[int, int] = {}
    waiting = [(inner, outer)]
    while waiting:
        copy, original = waiting.pop()
        if copy in found or body.node(copy).operator != whole.node(original).operator:
            continue
        found[copy] = original
        waiting.extend(zip(body.operands(copy), whole.operands(original), strict=True))
    return found
