"""Where the positions along an axis lie in the inputs of a model: which pixel row, which patch, which token.

One walk from the inputs down. What convolutions, pooling and resizing make of an image axis runs along the same axis,
with fewer or more positions; merging two axes of an image makes cells, row by row; padding and joining put positions
before those of the input, which are no part of it (a class token). An axis of which the graph does not say where its
positions lie has no place: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from attncomp.ir.graph import Graph, Node
from attncomp.ir.operators.access import get, many, pairs
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis

NONE = Size.of(0)


@dataclass(frozen=True)
class Along:
    """`count` positions spread evenly along one `axis` of an `input`; `before` are positions that lie nowhere in it."""

    input: str
    axis: str
    count: Size
    before: Size = NONE


@dataclass(frozen=True)
class Cells:
    """The cells of a grid over two axes of an input, row by row; `before` are positions that lie nowhere in it."""

    rows: Along
    columns: Along
    before: Size = NONE

    @property
    def count(self) -> Size:
        """The number of cells."""
        return self.rows.count * self.columns.count


Place = Along | Cells
Places = dict[str, Place]


def at_sizes(place: Place, bindings: Mapping[str, int]) -> Place:
    """A place of a call whose symbols have these values: its sizes are numbers."""
    before = place.before.substitute(bindings)
    if isinstance(place, Along):
        return replace(place, count=place.count.substitute(bindings), before=before)
    rows, columns = (
        replace(side, count=side.count.substitute(bindings), before=side.before.substitute(bindings))
        for side in (place.rows, place.columns)
    )
    return Cells(rows, columns, before)


def find_places(graph: Graph) -> Mapping[int, Places]:
    """For each node the places of its axes, as far as they are known. Regions have none."""
    found: dict[int, Places] = {}
    for node in graph.nodes():
        below = [found[operand] for operand in graph.operands(node.identity)]
        rule = _RULES.get(node.operator, _kept)
        found[node.identity] = rule(node, graph, below)
    return found


def _kept(node: Node, graph: Graph, below: list[Places]) -> Places:
    """The first operand that knows where an axis lies says so, for an operator that keeps the order of its axes."""
    places: Places = {}
    for axis in node.type.axes:
        for operand, known in zip(graph.operands(node.identity), below, strict=True):
            if axis.name in known:
                same = graph.type(operand).size(axis.name) == axis.size
                place = known[axis.name] if same else _spread(known[axis.name], axis.size)
                if place is not None:
                    places[axis.name] = place
                    break
    return places


def _spread(place: Place, size: Size) -> Place | None:
    """A place at another number of positions, such as a convolution with a stride makes."""
    return Along(place.input, place.axis, size) if isinstance(place, Along) else None


def _nowhere(node: Node, graph: Graph, below: list[Places]) -> Places:
    return {}


def _input(node: Node, graph: Graph, below: list[Places]) -> Places:
    name = get(node.attributes, "name", str)
    return {axis.name: Along(name, axis.name, axis.size) for axis in node.type.axes}


def _rename(node: Node, graph: Graph, below: list[Places]) -> Places:
    new = dict(pairs(node.attributes, "names"))
    return {new.get(name, name): place for name, place in below[0].items()}


def _merge(node: Node, graph: Graph, below: list[Places]) -> Places:
    merged = many(node.attributes, "axes", str)
    places = {name: place for name, place in below[0].items() if name not in merged}
    into = get(node.attributes, "into", Axis)
    parts = [below[0].get(name) for name in merged]
    # An axis of size 1 (a single channel, a single frame) adds no position.
    sizes = [graph.type(graph.operands(node.identity)[0]).size(name) for name in merged]
    parts = [part for part, size in zip(parts, sizes, strict=True) if size.constant != 1]
    match parts:
        case [Along() as rows, Along() as columns] if _crossing(rows, columns):
            places[into.name] = Cells(rows, columns)
        case [Along() | Cells() as alone]:
            places[into.name] = alone
    return places


def _crossing(rows: Along, columns: Along) -> bool:
    nothing_before = rows.before.constant == 0 and columns.before.constant == 0
    return rows.input == columns.input and rows.axis != columns.axis and nothing_before


def _split(node: Node, graph: Graph, below: list[Places]) -> Places:
    """The major part of an axis goes along it in larger steps; cells split as they were merged are rows again."""
    axis = get(node.attributes, "axis", str)
    into = many(node.attributes, "into", Axis)
    places = {name: place for name, place in below[0].items() if name != axis}
    match below[0].get(axis), into:
        case Along(before=before) as along, (major, *_) if before.constant == 0:
            places[major.name] = replace(along, count=major.size)
        case Cells(rows, columns, before), (first, second) if before.constant == 0:
            if first.size == rows.count and second.size == columns.count:
                places |= {first.name: rows, second.name: columns}
    return places


def _pad(node: Node, graph: Graph, below: list[Places]) -> Places:
    return _moved(node, below, get(node.attributes, "axis", str), get(node.attributes, "before", Size))


def _moved(node: Node, below: list[Places], axis: str, by: Size) -> Places:
    places = dict(below[0])
    if axis in places:
        places[axis] = replace(places[axis], before=places[axis].before + by)
    return places


def _slice(node: Node, graph: Graph, below: list[Places]) -> Places:
    """A slice that drops nothing but positions from outside of the input keeps the place of its axis."""
    axis = get(node.attributes, "axis", str)
    start, stop = get(node.attributes, "start", Size), get(node.attributes, "stop", Size)
    place = below[0].get(axis)
    left = None if place is None else (place.before - start).constant
    if place is None or left is None or left < 0 or stop != place.before + place.count:
        return {name: kept for name, kept in below[0].items() if name != axis}
    return _moved(node, below, axis, -start)


def _concat(node: Node, graph: Graph, below: list[Places]) -> Places:
    """The joined axis has the place of the one operand that has one, behind the operands before it."""
    axis = get(node.attributes, "axis", Axis).name
    places = _kept(node, graph, [{n: p for n, p in operand.items() if n != axis} for operand in below])
    passed, found = Size.of(0), []
    for operand, known in zip(graph.operands(node.identity), below, strict=True):
        if axis in known:
            found.append(replace(known[axis], before=known[axis].before + passed))
        passed += graph.type(operand).size(axis)
    if len(found) == 1:
        places[axis] = found[0]
    return places


def _without_worked(node: Node, graph: Graph, below: list[Places]) -> Places:
    """Operators whose first operand is read at other positions along some axes: those lie where the others say."""
    named = [node.attributes[key] for key in ("axis", "axes") if key in node.attributes]
    moved = {name for value in named for name in (value if isinstance(value, tuple) else (value,))}
    first = {name: place for name, place in below[0].items() if name not in moved}
    return _kept(node, graph, [first, *below[1:]])


_RULES: Mapping[str, Callable[[Node, Graph, list[Places]], Places]] = {
    "input": _input,
    "rename": _rename,
    "merge": _merge,
    "split": _split,
    "pad": _pad,
    "slice": _slice,
    "concat": _concat,
    "gather": _without_worked,
    "sample": _without_worked,
    "roll": _without_worked,
    "flip": _without_worked,
    "region": _nowhere,
    "part": _nowhere,
}
