"""Graphs as pictures: one SVG without scripts, styles or references, as it goes into a paper or a page.

Inputs are at the top, results at the bottom, a wire says the axes of what it carries. Layers are frames, regions are
coloured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from attncomp.inspect.boxes import Box, Scene
from attncomp.inspect.layered import PADDING, Extent, Place, Point, Route, arrange
from attncomp.inspect.repeats import merge_repeats
from attncomp.inspect.scene import MOST_BOXES, axes_text, depths, scene_of
from attncomp.inspect.tangles import untangle
from attncomp.inspect.text import type_text
from attncomp.ir.graph import Graph

FONT = "Helvetica, Arial, 'Liberation Sans', sans-serif"
_TITLE, _LINE, _LABEL = 11.0, 9.0, 8.0
_MARGIN = 10.0
_LONGEST = 44
_STATED = 3

_FRAME, _INK, _FAINT, _WIRE = "#adb5bd", "#212529", "#495057", "#6c757d"
_PAPER, _SOURCE, _LAYER = "#ffffff", "#f1f3f5", "#e9ecef"

# Widths of Helvetica's characters, in parts of the font's size; whatever is in none of these is of middle width.
_NARROW, _WIDE, _MIDDLE = "ijl.,:;'|!()[]{}ft /-", "mwMWOQ@%", 0.56
_NARROW_WIDTH, _WIDE_WIDTH, _CAPITAL_WIDTH, _OTHER_WIDTH = 0.33, 0.86, 0.7, 1.0


def graph_to_svg(graph: Graph, depth: int | None = None) -> str:
    """The picture of a graph, ending in a line break.

    Layers nested deeper than `depth` are one box each; where it is None, as few are folded as keep the picture
    readable. Layers in a row that are alike are drawn once. Raises DiagnosticError E090 where igraph is not installed.
    """
    return _Writer(_scene(graph, depth) if depth is not None else _fitting(graph)).text()


def _fitting(graph: Graph) -> Scene:
    """The scene that shows the most and is readable, or the one that shows least."""
    for depth in depths(graph):
        scene = _scene(graph, depth)
        if sum(1 for _ in scene.root.all()) <= MOST_BOXES:
            break
    return scene


def _scene(graph: Graph, depth: int | None) -> Scene:
    scene = scene_of(graph, depth, stated_within=True)
    untangle(scene)
    merge_repeats(scene)
    return scene


def escaped(text: str) -> str:
    """Text as the content of an element or an attribute; what XML has no place for becomes a blank."""
    kept = "".join(character if character.isprintable() else " " for character in text)
    return kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def text_width(text: str, size: float) -> float:
    """How wide a text is about, in Helvetica and those that stand in for it."""
    return 1.1 * size * sum(map(_character_width, text))


def _character_width(character: str) -> float:
    if character in _NARROW:
        return _NARROW_WIDTH
    if character in _WIDE:
        return _WIDE_WIDTH
    if not character.isascii():
        return _OTHER_WIDTH
    return _CAPITAL_WIDTH if character.isupper() else _MIDDLE


def shortened(text: str) -> str:
    """A text of at most a length that fits a box, cut in its middle."""
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]}…{text[-_LONGEST // 2 + 1 :]}"


def _extent(box: Box) -> Extent:
    """The size of a box without others in it; of one with others, the room that its title takes."""
    title = text_width(shortened(_titled(box)), _TITLE) * (1 if box.kind in ("operator", "input") else 1.07)
    if box.children:
        return title + 2 * PADDING, 0
    lines = _lines(box)
    width = max([title, *(text_width(line, _LINE) for line in lines)])
    return max(width + 16, 44), 20 + 11 * len(lines)


def _titled(box: Box) -> str:
    return f"{box.title}   × {box.copies}" if box.copies > 1 else box.title


def _lines(box: Box) -> list[str]:
    """What stands below the title: what the box reads that has no box, or what is folded into it."""
    if box.kind == "layer":
        count = f"{box.operators} operator{'' if box.operators == 1 else 's'}"
        regions = [f"{kind} region" + (f" × {number}" if number > 1 else "") for kind, number in _counted(box.regions)]
        return [count, *regions]
    kept = [shortened(line) for line in box.lines[:_STATED]]
    return [*kept, f"and {len(box.lines) - _STATED} more"] if len(box.lines) > _STATED else kept


def _counted(items: Sequence[str]) -> list[tuple[str, int]]:
    return list(Counter(items).items())


def _note(box: Box) -> str:
    """What a box says when the pointer rests on it: type and place in the source."""
    if box.node is None:
        return _titled(box)
    span, scope = box.node.origin.span, box.node.origin.scope
    place = f"{span.file}:{span.line}" if span else ""
    return "\n".join(filter(None, [f"{box.title} : {type_text(box.node.type)}", scope, place, *box.lines]))


def _grounds(box: Box, ground: str) -> Iterator[tuple[str, str]]:
    """The colour behind each box."""
    yield box.key, ground
    for child in box.children:
        yield from _grounds(child, box.colour or ground)


class _Writer:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._labels = {wire.value.key: axes_text(wire.value.type) for wire in scene.wires}
        self._makers = {wire.value.key: wire.value.box for wire in scene.wires}
        self._copied = {box.key for box in scene.root.all() if box.copies > 1}
        self._grounds = dict(_grounds(scene.root, _PAPER))
        self._lines: list[str] = []

    def text(self) -> str:
        """The document: frames, wires over them, boxes over those, then the titles of frames and labels of wires."""
        root = self._scene.root
        made = arrange(self._scene, _extent, lambda value: text_width(self._labels[value], _LABEL) + 6)
        boxes = [(box, made.places[box.key]) for child in root.children for box in child.all()]
        frames = [(box, place) for box, place in boxes if box.children]
        width, height = made.width + 2 * _MARGIN, made.height + 2 * _MARGIN
        area = f'x="{-_MARGIN:.0f}" y="{-_MARGIN:.0f}" width="{width:.0f}" height="{height:.0f}"'
        self._add(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="{-_MARGIN:.0f} {-_MARGIN:.0f} {width:.0f} {height:.0f}" font-family="{FONT}" role="img">'
        )
        self._add(f"<title>{escaped(root.title)}</title>")
        self._add(f'<rect {area} fill="{_PAPER}"/>')
        for box, place in frames:
            self._frame(box, place)
        leaves = {box.key for box, _ in boxes if not box.children}
        for route in made.routes:
            self._wire(route, arrow=route.target in leaves)
        for box, place in boxes:
            if not box.children:
                self._box(box, place)
        for box, place in frames:
            self._frame_title(box, place)
        self._wire_labels(made.routes)
        self._add("</svg>")
        return "\n".join(self._lines) + "\n"

    def _add(self, line: str) -> None:
        self._lines.append(line)

    def _rectangle(self, place: Place, fill: str, stroke: str, radius: float = 4, moved: float = 0) -> str:
        return (
            f'<rect x="{place.x + moved:.1f}" y="{place.y + moved:.1f}" width="{place.width:.1f}" '
            f'height="{place.height:.1f}" rx="{radius:.1f}" fill="{fill}" stroke="{stroke}"/>'
        )

    def _text(self, x: float, y: float, text: str, size: float, *, colour: str = _INK, more: str = "") -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" fill="{colour}"{more}>{escaped(text)}</text>'

    def _frame(self, box: Box, place: Place) -> None:
        fill = box.colour or _PAPER
        if box.copies > 1:
            for moved in (6, 3):
                self._add(self._rectangle(place, fill, _FRAME, 6, moved))
        self._add(self._rectangle(place, fill, _FRAME, 6))

    def _frame_title(self, box: Box, place: Place) -> None:
        title = shortened(_titled(box))
        width = text_width(title, _TITLE) * 1.07
        self._add(
            f'<rect x="{place.x + 6:.1f}" y="{place.y + 4:.1f}" width="{width + 6:.1f}" height="15" '
            f'fill="{box.colour or _PAPER}"/>'
        )
        self._add(self._text(place.x + 9, place.y + 15, title, _TITLE, more=' font-weight="bold"'))

    def _box(self, box: Box, place: Place) -> None:
        ends = box.kind in ("input", "result")
        fill = box.colour or (_SOURCE if ends else _LAYER if box.kind == "layer" else _PAPER)
        self._add(f"<g><title>{escaped_lines(_note(box))}</title>")
        if box.copies > 1:
            for moved in (6, 3):
                self._add(self._rectangle(place, fill, _FAINT, moved=moved))
        self._add(self._rectangle(place, fill, _FAINT, place.height / 2 if ends else 4))
        middle = place.x + place.width / 2
        bold = "" if box.kind == "operator" else ' font-weight="bold"'
        title = shortened(_titled(box))
        self._add(self._text(middle, place.y + 14, title, _TITLE, more=f'{bold} text-anchor="middle"'))
        for number, line in enumerate(_lines(box)):
            y = place.y + 26 + 11 * number
            self._add(self._text(middle, y, line, _LINE, colour=_FAINT, more=' text-anchor="middle"'))
        self._add("</g>")

    def _wire(self, route: Route, *, arrow: bool) -> None:
        points = route.points
        path = f"M{_pair(points[0])}"
        for (x, y), (to_x, to_y) in pairwise(points):
            if abs(x - to_x) < 0.05 and abs(y - to_y) < 0.05:
                continue
            if abs(x - to_x) < 0.05:
                path += f" L{_pair((to_x, to_y))}"
            else:
                middle = (y + to_y) / 2
                path += f" C{_pair((x, middle))} {_pair((to_x, middle))} {_pair((to_x, to_y))}"
        self._add(f'<path d="{path}" fill="none" stroke="{_WIRE}"/>')
        if arrow:
            x, y = points[-1]
            corners = " ".join(_pair(point) for point in ((x, y), (x - 3, y - 6), (x + 3, y - 6)))
            self._add(f'<polygon points="{corners}" fill="{_WIRE}"/>')

    def _wire_labels(self, routes: Sequence[Route]) -> None:
        """The axes of each value, once, right of where it leaves the box that makes it."""
        said = set[str]()
        for route in routes:
            if route.source == self._makers[route.value] and route.value not in said:
                said.add(route.value)
                x, y, label = route.points[0][0] + 4, route.points[0][1] + 10, self._labels[route.value]
                y += 6 if route.source in self._copied else 0
                halo = self._grounds[route.source]
                behind = f' stroke="{halo}" stroke-width="3" stroke-linejoin="round"'
                self._add(self._text(x, y, label, _LABEL, colour=halo, more=behind))
                self._add(self._text(x, y, label, _LABEL, colour=_FAINT))


def _pair(point: Point) -> str:
    return f"{point[0]:.1f},{point[1]:.1f}"


def escaped_lines(text: str) -> str:
    """Text of several lines, escaped."""
    return "\n".join(map(escaped, text.split("\n")))
