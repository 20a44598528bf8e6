"""A graph as boxes and wires.

Layers are boxes around their operators, or one box each where they are folded; a region is a coloured box around what
it fused. What only states a number (parameters, constants, sizes) is a box or, where the picture says so, a line in the
box that reads it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from attncomp.inspect.boxes import Box, BoxKind, Scene, Value, Wire
from attncomp.inspect.scopes import parts
from attncomp.inspect.text import type_text
from attncomp.ir.graph import Graph, Literal, Node
from attncomp.ir.types import Axis, DType, ValueType

SOURCES = frozenset({"input", "parameter", "constant", "size", "arange", "linspace"})

# What a picture may say in the box of its reader.
STATED = frozenset({"parameter", "constant", "size"})

# A picture with more boxes is folded, and operators in a row beyond the second number share boxes.
MOST_BOXES = 80
_MOST_IN_A_ROW = 200
_WORTH_A_TRY = 20_000


def scene_of(graph: Graph, depth: int | None = None, *, stated_within: bool = False) -> Scene:
    """The scene of a graph. Layers nested deeper than `depth` are folded, none where it is None.

    With `stated_within`, parameters, constants and sizes are lines of the boxes that read them.
    """
    return _Builder(graph, depth, stated_within=stated_within).built()


def depths(graph: Graph) -> list[int | None]:
    """How deep a scene may show the graph, from all of it (None) down to the model's own operators (0).

    Depths at which a picture would have too many boxes to be worth a try are left out, but for the last.
    """
    paths = Counter(parts(node.origin.scope) for node in graph.nodes())
    deepest = max(map(len, paths))
    shown = {depth: sum(count for path, count in paths.items() if len(path) <= depth) for depth in range(deepest + 1)}
    tried = [depth for depth in range(deepest - 1, 0, -1) if shown[depth] <= _WORTH_A_TRY]
    return [*([None] if shown[deepest] <= _WORTH_A_TRY else []), *tried, 0]


def axes_text(type_: ValueType) -> str:
    """The axes of a value by name, as a wire says them: `{batch, seq}`, with the dtype where it is not f32."""
    dtype = "" if type_.dtype is DType.F32 else str(type_.dtype)
    return f"{dtype}{{{', '.join(type_.names)}}}"


def operator_text(node: Node) -> str:
    """An operator with the axes that it works on: `softmax{seq'}`, `rename{seq -> seq'}`."""
    if node.operator == "region":
        return f"{node.attributes.get('kind')} region"
    for attribute in ("axes", "axis", "names"):
        value = node.attributes.get(attribute)
        items = value if isinstance(value, tuple) else () if value is None else (value,)
        names = [name for name in map(_axis_name, items) if name]
        if names and node.operator not in ("arange", "linspace"):
            return f"{node.operator}{{{', '.join(names)}}}"
    return node.operator


def _axis_name(item: object) -> str:
    match item:
        case str():
            return item
        case Axis():
            return item.name
        case (str(old), str(new)):
            return f"{old} -> {new}"
        case _:
            return ""


class _Builder:
    def __init__(self, graph: Graph, depth: int | None, *, stated_within: bool) -> None:
        self._graph, self._depth, self._stated_within = graph, depth, stated_within
        self._root = Box("root", graph.name, "layer")
        self._layers: dict[tuple[str, ...], Box] = {(): self._root}
        self._made: dict[str, dict[object, Value]] = {}
        self._wires: dict[tuple[str, str], Wire] = {}
        self._in_a_row = Counter(parts(node.origin.scope) for node in graph.nodes())
        self._met = Counter[tuple[str, ...]]()

    def built(self) -> Scene:
        """Every node in order, then the results."""
        known: dict[int, Value | str] = {}
        paths = _paths(self._graph)
        for node in self._graph.nodes():
            self._node(self._graph, node, "n", known, paths[node.identity])
        for position, result in enumerate(self._graph.results):
            order = ", ".join(" ".join(dimension) or "1" for dimension in result.layout)
            box = Box(f"result{position}", result.name or "result", "result", [f"[{order}]"])
            self._root.children.append(box)
            self._read(known[result.node], box)
        return Scene(self._root, list(self._wires.values()))

    def _node(
        self, graph: Graph, node: Node, prefix: str, known: dict[int, Value | str], path: tuple[str, ...] | None
    ) -> None:
        """Draws a node and notes what its readers are joined to; a `path` of None is the body of a region."""
        key = f"{prefix}{node.identity}"
        if self._stated_within and node.operator in STATED:
            known[node.identity] = _stated(node)
            return
        read = [known[operand] for operand in graph.operands(node.identity)]
        parent = self._root
        if path is not None:
            folded = self._folded(path, node)
            if folded is not None:
                known[node.identity] = Value(key, folded.key, node.type)
                for value in read:
                    self._read(value, folded)
                return
            parent = self._layer(path)
        self._draw(parent, graph, node, key, read, known)

    def _draw(
        self,
        parent: Box,
        graph: Graph,
        node: Node,
        key: str,
        read: Sequence[Value | str],
        known: dict[int, Value | str],
    ) -> None:
        if node.operator == "part" and isinstance(read[0], Value):
            # A further result of a region is made within the region, and has no box.
            made = self._made.get(read[0].key, {}).get(node.attributes.get("position"), read[0])
            known[node.identity] = Value(key, made.box, node.type)
            return
        body = node.attributes.get("body")
        if isinstance(body, Graph) and body.results:
            parent.children.append(self._region(node, body, key, read, known))
            return
        kind: BoxKind = "input" if node.operator in SOURCES else "operator"
        box = Box(key, _title(node), kind, node=node)
        known[node.identity] = Value(key, key, node.type)
        parent.children.append(box)
        for value in read:
            self._read(value, box)

    def _region(
        self,
        node: Node,
        body: Graph,
        key: str,
        read: Sequence[Value | str],
        known: dict[int, Value | str],
    ) -> Box:
        kind = str(node.attributes.get("kind", "fused"))
        region = Box(key, f"{kind} region", "region", region=kind, node=node, operators=0)
        entries = {f"i{position}": value for position, value in enumerate(read)}
        within: dict[int, Value | str] = {}
        for inner in body.nodes():
            name = inner.attributes.get("name")
            if inner.operator == "input" and isinstance(name, str) and name in entries:
                within[inner.identity] = entries[name]
                continue
            if self._stated_within and inner.operator in STATED:
                within[inner.identity] = _stated(inner)
                continue
            operands = [within[operand] for operand in body.operands(inner.identity)]
            self._draw(region, body, inner, f"{key}_{inner.identity}", operands, within)
        made = [within[result.node] for result in body.results]
        known[node.identity] = made[0]
        if isinstance(made[0], Value):
            self._made[made[0].key] = {number: value for number, value in enumerate(made) if isinstance(value, Value)}
        return region

    def _read(self, value: Value | str, box: Box) -> None:
        if isinstance(value, str):
            if box.node is not None and value not in box.lines:
                box.lines.append(value)
        elif value.box != box.key:
            self._wires.setdefault((value.key, box.key), Wire(value, box.key))

    def _folded(self, path: tuple[str, ...], node: Node) -> Box | None:
        """The box that stands for the node together with others, if there is one."""
        if self._depth is not None and len(path) > self._depth:
            path = path[: self._depth + 1]
            title = path[-1]
        elif self._in_a_row[path] > _MOST_IN_A_ROW and node.operator != "input":
            share = -(-self._in_a_row[path] // _MOST_IN_A_ROW)
            number = self._met[path] // share
            self._met[path] += 1
            title = f"operators {number * share + 1} to {(number + 1) * share}"
            path = (*path, title)
        else:
            return None
        if path not in self._layers:
            self._open(path, title)
        box = self._layers[path]
        box.operators += 1
        if node.operator == "region":
            box.regions.append(str(node.attributes.get("kind")))
        return box

    def _layer(self, path: tuple[str, ...]) -> Box:
        """The open box of a layer, within those around it."""
        if path not in self._layers:
            self._open(path, path[-1])
        return self._layers[path]

    def _open(self, path: tuple[str, ...], title: str) -> None:
        around = self._layer(path[:-1])
        box = Box(f"layer{len(self._layers)}", title, "layer", operators=0)
        around.children.append(box)
        self._layers[path] = box


def _paths(graph: Graph) -> dict[int, tuple[str, ...]]:
    """The layers of every node.

    What one of several layers makes from outside values alone, for itself and for others, is of the layer around it:
    it was made in each of them before duplicates were removed.
    """
    paths = {node.identity: parts(node.origin.scope) for node in graph.nodes()}
    readers: dict[int, list[int]] = {identity: [] for identity in paths}
    for identity in paths:
        for operand in graph.operands(identity):
            readers[operand].append(identity)
    for identity, path in list(paths.items()):
        layer = path[: max((depth + 1 for depth, part in enumerate(path) if part[-1:].isdigit()), default=0)]
        within = {paths[reader][: len(layer)] == layer for reader in readers[identity]}
        if layer and len(within) == 2 and all(paths[read][: len(layer)] != layer for read in graph.operands(identity)):
            paths[identity] = layer[:-1]
    return paths


def _title(node: Node) -> str:
    if node.operator == "input":
        return f"input {node.attributes.get('name', '')}"
    if node.operator == "parameter":
        return f"parameter {node.attributes.get('key', '')}"
    return f"{node.name} = {operator_text(node)}" if node.name else operator_text(node)


def _stated(node: Node) -> str:
    """A parameter by its key within its layer, a constant by its value, a size by its formula."""
    match node.attributes.get("value"):
        case Literal(array) if array.ndim == 0:
            return f"{array.item():.6g}" if array.dtype.kind == "f" else str(array.item())
        case Literal(array):
            return f"constant {type_text(node.type)}"
    if node.operator == "size":
        return f"|{node.attributes.get('size')}|"
    key, scope = str(node.attributes.get("key", "")), node.origin.scope
    return key.removeprefix(f"{scope}.") if scope else key
