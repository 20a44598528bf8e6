"""Places for the boxes and wires of a scene, by igraph's layered layout (Sugiyama, Tagawa and Toda, 1981).

A box with others in it is laid out first and then is one vertex of the layout around it; wires that cross its border do
so at ports on its upper and lower edge. igraph orders the vertices of each row and aligns them; here its columns and
rows get the widths and heights that the boxes need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from attncomp.diagnostics.core import fail
from attncomp.inspect.boxes import Box, Scene
from attncomp.inspect.columns import columns, stretched

Point = tuple[float, float]
Extent = tuple[float, float]

ROW_GAP = 30.0
PADDING = 12.0
HEADER = 16.0
_PORT = 5.0
_INSTALL = "install it: `pip install igraph`, or `pip install 'attncomp[draw]'`"


@dataclass(frozen=True)
class Place:
    """Where a box is: its upper left corner, width and height."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Route:
    """The way of a value from one box, or border of a box, to another: the points that it passes, downwards.

    `source` and `target` are the boxes that it joins, "" for a border.
    """

    value: str
    points: tuple[Point, ...]
    source: str
    target: str


@dataclass
class Arrangement:
    """A box with all in it laid out, with its upper left corner at (0, 0)."""

    width: float
    height: float
    places: dict[str, Place] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    entries: dict[str, float] = field(default_factory=dict)
    exits: dict[str, float] = field(default_factory=dict)

    def put(self, inner: Arrangement, x: float, y: float) -> None:
        """Takes over what `inner` holds, moved."""
        for key, place in inner.places.items():
            self.places[key] = Place(place.x + x, place.y + y, place.width, place.height)
        for route in inner.routes:
            points = tuple((left + x, top + y) for left, top in route.points)
            self.routes.append(Route(route.value, points, route.source, route.target))

    def mirror(self) -> None:
        """Turns all within around, left to right."""
        for key, place in self.places.items():
            self.places[key] = Place(self.width - place.x - place.width, place.y, place.width, place.height)
        self.routes = [
            Route(route.value, tuple((self.width - x, y) for x, y in route.points), route.source, route.target)
            for route in self.routes
        ]
        self.entries = {value: self.width - x for value, x in self.entries.items()}
        self.exits = {value: self.width - x for value, x in self.exits.items()}


@dataclass
class _Flow:
    """A value within one box: the child that makes it (none: it enters), those that read it, whether it leaves."""

    source: str | None = None
    targets: list[str] = field(default_factory=list)
    leaves: bool = False


def available() -> bool:
    """Whether the library that lays graphs out is installed."""
    try:
        import igraph  # noqa: F401
    except ImportError:
        return False
    return True


def arrange(scene: Scene, extent: Callable[[Box], Extent], label: Callable[[str], float]) -> Arrangement:
    """Lays a scene out. `extent` is the size of a box without others in it, `label` how far a wire's label reaches.

    Raises DiagnosticError E090 where igraph is not installed.
    """
    if not available():
        raise fail("E090", "pictures are laid out by igraph, which is not installed", help=_INSTALL)
    return _Layout(scene, extent, label).arranged(scene.root)


class _Layout:
    def __init__(self, scene: Scene, extent: Callable[[Box], Extent], label: Callable[[str], float]) -> None:
        self._extent, self._label = extent, label
        self._flows = _flows(scene)
        self._makers = {wire.value.key: wire.value.box for wire in scene.wires}

    def arranged(self, box: Box) -> Arrangement:
        """A box, with all in it."""
        flows = self._flows.get(box.key, {})
        if not box.children:
            return self._leaf(box, flows)
        inner = {child.key: self.arranged(child) for child in box.children}
        return self._grown(box, _Rows(inner, flows, self._reach(flows)).arranged())

    def _leaf(self, box: Box, flows: Mapping[str, _Flow]) -> Arrangement:
        width, height = self._extent(box)
        entries = [value for value, flow in flows.items() if flow.targets]
        exits = [value for value, flow in flows.items() if flow.leaves and not flow.targets]
        if len(exits) > 1:
            width = max(width, (len(exits) + 1) * max(map(self._label, exits)))
        return Arrangement(width, height, entries=_spread(entries, width), exits=_spread(exits, width))

    def _grown(self, box: Box, inner: Arrangement) -> Arrangement:
        """Room around what is in a box, and for its title."""
        width, _ = self._extent(box)
        made = Arrangement(max(inner.width + 2 * PADDING, width), inner.height + 2 * PADDING + HEADER)
        left, top = (made.width - inner.width) / 2, PADDING + HEADER
        made.put(inner, left, top)
        for value, x in inner.entries.items():
            made.entries[value] = x + left
            made.routes.append(Route(value, ((x + left, 0), (x + left, top)), "", ""))
        for value, x in inner.exits.items():
            made.exits[value] = x + left
            made.routes.append(Route(value, ((x + left, made.height - PADDING), (x + left, made.height)), "", ""))
        return made

    def _reach(self, flows: Mapping[str, _Flow]) -> dict[str, float]:
        """How far right of its middle each child's label reaches."""
        reach: dict[str, float] = {}
        for value, flow in flows.items():
            if flow.source is not None and flow.source == self._makers[value]:
                reach[flow.source] = max(reach.get(flow.source, 0), self._label(value))
        return reach


def _flows(scene: Scene) -> dict[str, dict[str, _Flow]]:
    """By box, and in it by value, how the value passes through it; a box without others in it has its wires' ends."""
    around: dict[str, tuple[str, ...]] = {}
    waiting: list[tuple[Box, tuple[str, ...]]] = [(scene.root, (scene.root.key,))]
    while waiting:
        box, path = waiting.pop()
        around[box.key] = path
        waiting.extend((child, (*path, child.key)) for child in box.children)
    flows: dict[str, dict[str, _Flow]] = {}
    for wire in scene.wires:
        value, made, read = wire.value.key, around[wire.value.box], around[wire.target]
        shared = next(
            depth for depth in range(len(made) + 1) if depth == min(len(made), len(read)) or made[depth] != read[depth]
        )
        for depth in range(shared - 1, len(made)):
            flow = flows.setdefault(made[depth], {}).setdefault(value, _Flow())
            flow.source = made[depth + 1] if depth + 1 < len(made) else made[depth]
            flow.leaves = flow.leaves or depth >= shared
        for depth in range(shared - 1, len(read)):
            flow = flows.setdefault(read[depth], {}).setdefault(value, _Flow())
            target = read[depth + 1] if depth + 1 < len(read) else read[depth]
            if target not in flow.targets:
                flow.targets.append(target)
    return flows


def _spread(values: Sequence[str], width: float) -> dict[str, float]:
    return {value: width * (position + 1) / (len(values) + 1) for position, value in enumerate(values)}


class _Rows:
    """The children of one box in rows, each value a trunk from its source down to the last that reads it."""

    def __init__(
        self, children: Mapping[str, Arrangement], flows: Mapping[str, _Flow], reach: Mapping[str, float]
    ) -> None:
        self._children, self._reach = children, reach
        self._entering = [value for value, flow in flows.items() if flow.source is None]
        self._leaving = [value for value, flow in flows.items() if flow.leaves]
        self._flows = flows
        self._rows = self._rowed()

    def arranged(self) -> Arrangement:
        """The children and wires between them, without room around them."""
        vertices, edges = self._vertices()
        ordered = columns(vertices, edges, self._rows)
        halves = {vertex: self._half(vertex) for vertex in vertices}
        x, width = stretched(vertices, ordered, self._rows, halves)
        tops, heights, height = self._heights(vertices)
        made = Arrangement(width, height)
        for key, child in self._children.items():
            row = self._rows[key]
            if self._crossed(key, x) < 0:
                child.mirror()
            left = x[key] - child.width / 2
            top = tops[row] + (heights[row] - child.height) / 2
            made.put(child, left, top)
            made.places[key] = Place(left, top, child.width, child.height)
        self._route(made, x, tops, heights)
        return made

    # --- rows ---------------------------------------------------------------------------------------------------

    def _rowed(self) -> dict[str, int]:
        """The row of each child below all that it reads; of one that reads nothing, right above its first reader."""
        order = list(self._children)
        read: dict[str, set[str]] = {key: set() for key in order}
        for flow in self._flows.values():
            for target in flow.targets:
                if flow.source is not None and target != flow.source and target in read:
                    read[target].add(flow.source)
        rows: dict[str, int] = {}
        first = 1 if self._entering else 0
        enters = {target for value in self._entering for target in self._flows[value].targets}
        while len(rows) < len(order):
            ready = [key for key in order if key not in rows and read[key] <= rows.keys()]
            # A layer that is called twice may wait for itself: the first in the order of the graph goes ahead.
            for key in ready or [next(key for key in order if key not in rows)]:
                rows[key] = max((rows[source] + 1 for source in read[key] if source in rows), default=first)
        for key in reversed(order):
            readers = [rows[target] for target, sources in read.items() if key in sources and rows[target] > rows[key]]
            if not read[key] and key not in enters and readers:
                rows[key] = min(readers) - 1
        return rows

    def _vertices(self) -> tuple[list[str], list[tuple[str, str]]]:
        """Children, ports, and for each value a vertex in every row that it passes; edges go from row to row."""
        last = max(self._rows.values(), default=0) + 1
        vertices = list(self._children)
        edges: list[tuple[str, str]] = []
        for value in self._entering:
            vertices.append(_vertex(value, 0))
            self._rows[_vertex(value, 0)] = 0
        for value, flow in self._flows.items():
            start = 0 if flow.source is None else self._rows[flow.source]
            ends = [self._rows[target] for target in flow.targets if self._rows[target] > start]
            above = _vertex(value, 0) if flow.source is None else flow.source
            for row in range(start + 1, last + 1 if flow.leaves else max(ends, default=start)):
                vertex = _vertex(value, row)
                vertices.append(vertex)
                self._rows[vertex] = row
                edges.append((above, vertex))
                above = vertex
            for target in flow.targets:
                row = self._rows[target]
                if row > start:
                    at_source = row - 1 == start
                    port = _vertex(value, 0) if flow.source is None else flow.source
                    edges.append((port if at_source else _vertex(value, row - 1), target))
        return vertices, edges

    def _half(self, vertex: str) -> tuple[float, float]:
        """How far a vertex reaches to the left and to the right of its middle."""
        child = self._children.get(vertex)
        if child is None:
            return _PORT, _PORT
        return child.width / 2, max(child.width / 2, self._reach.get(vertex, 0))

    def _heights(self, vertices: Iterable[str]) -> tuple[list[float], list[float], float]:
        """The top and the height of each row, and the height of all."""
        count = max((self._rows[vertex] for vertex in vertices), default=0) + 1
        heights = [0.0] * count
        for key, child in self._children.items():
            heights[self._rows[key]] = max(heights[self._rows[key]], child.height)
        tops, below = [], 0.0
        for height in heights:
            tops.append(below)
            below += height + ROW_GAP
        return tops, heights, below - ROW_GAP

    # --- wires --------------------------------------------------------------------------------------------------

    def _route(
        self, made: Arrangement, x: Mapping[str, float], tops: Sequence[float], heights: Sequence[float]
    ) -> None:
        last = len(tops) - 1
        entries = self._entries(x, made)
        for value, flow in self._flows.items():
            if flow.source is None:
                start, trunk = 0, [(x[_vertex(value, 0)], tops[0])]
                made.entries[value] = x[_vertex(value, 0)]
            else:
                start = self._rows[flow.source]
                left, bottom = self._exit(value, flow.source, made)
                # Straight down beside the taller boxes of its row, so that no wire crosses one.
                trunk = [(left, bottom), (left, max(bottom, tops[start] + heights[start]))]
            passed = {start: list(trunk)}
            row = start + 1
            while _vertex(value, row) in x:
                at = x[_vertex(value, row)]
                trunk += [(at, tops[row]), (at, tops[row] + heights[row])]
                passed[row] = list(trunk)
                row += 1
            source = flow.source or ""
            if flow.leaves:
                made.exits[value] = x[_vertex(value, last)]
                made.routes.append(Route(value, tuple(trunk), source, ""))
            for target in flow.targets:
                if target == flow.source:
                    continue
                end = entries[target, value]
                row = self._rows[target] - 1
                above = (end[0], min(end[1], tops[row + 1]))
                way = passed.get(row, [passed[start][0]]) if row >= start else passed[start]
                made.routes.append(Route(value, (*way, above, end), source, target))

    def _crossed(self, key: str, x: Mapping[str, float]) -> float:
        """Below 0 where the values that come from the left enter a box with others in it on the right."""
        child = self._children[key]
        came = {}
        for value in child.entries:
            above, flow = _vertex(value, self._rows[key] - 1), self._flows.get(value)
            if child.places and flow is not None:
                came[value] = x[above] if above in x else x.get(flow.source or "", x[key])
        pairs = combinations(came.items(), 2)
        return sum((right - left) * (child.entries[b] - child.entries[a]) for (a, left), (b, right) in pairs)

    def _exit(self, value: str, source: str, made: Arrangement) -> Point:
        child, place = self._children[source], made.places[source]
        return place.x + child.exits.get(value, child.width / 2), place.y + place.height

    def _entries(self, x: Mapping[str, float], made: Arrangement) -> dict[tuple[str, str], Point]:
        """Where each value enters each child; a box without others in it takes them in the order that they come."""
        found: dict[tuple[str, str], Point] = {}
        for key, child in self._children.items():
            place = made.places[key]
            row = self._rows[key]
            reading = [value for value, flow in self._flows.items() if key in flow.targets and flow.source != key]
            came = {}
            for value in reading:
                above = _vertex(value, row - 1)
                source = self._flows[value].source
                came[value] = x[above] if above in x else self._exit(value, source, made)[0] if source else place.x
            free = sorted(reading, key=lambda value: (came[value], value))
            ports = child.entries if child.places else _spread(free, child.width)
            for value in reading:
                found[key, value] = (place.x + ports.get(value, child.width / 2), place.y)
        return found


def _vertex(value: str, row: int) -> str:
    """The name of the vertex where a value passes a row; names of boxes hold no blank."""
    return f"{value} {row}"
