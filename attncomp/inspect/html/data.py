"""What the page knows about graphs, as plain values for JSON: small tables, and nodes that point into them.

Regions are flattened: the nodes of a body stand after those of the graph around it, each with the number of its region,
and an operand that a body reads through its input is the outer node itself. So the page sees one network of values,
in which a region is a group that happens to have a kind.

| key | holds |
|---|---|
| `types` | `{text, dtype, axes: [[name, size]], bytes}` |
| `spans` | `[file, line, column, end line, end column]`, counted from 1, the end exclusive |
| `scopes` | paths of layers |
| `steps` | `built`, then the passes in order |
| `files` | the texts that spans point into |
| `operators` | of each operator that occurs, its category and what it does |
| `remarks` | as in `attnc explain`, spans by number |
| `graphs` | the two graphs: `nodes`, and `layers`, the summed cost of each layer by its path |

A node has `id`, `op`, `in` (places in `nodes`), `type`, `scope`, `span` (-1 for none), `made` and `removed` (steps; -1
for none); and where there is something to say `name`, `key`, `attributes` (`[name, text]`), `changed` (steps), `region`
(the place of the region around it), `kind` (of a region), `cost` (`[operations, traffic]` as text) and `typical` (the
operations as a number, at typical sizes).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Generic, TypeVar

from attncomp.diagnostics.core import Span
from attncomp.diagnostics.remarks import Remark
from attncomp.inspect.html.flatten import Flat, flatten
from attncomp.inspect.json import Json
from attncomp.inspect.provenance import History, Trace, provenance
from attncomp.inspect.text import type_text
from attncomp.ir.attributes import ATTRIBUTE_KINDS, written_layout
from attncomp.ir.cost import operations, traffic
from attncomp.ir.estimate import estimate
from attncomp.ir.graph import Attribute, Graph, Literal
from attncomp.ir.operators.table import OPERATORS
from attncomp.ir.sizes import Size
from attncomp.ir.types import ValueType

# More of a constant than this is no help in a panel.
_LONGEST_LITERAL = 16

Item = TypeVar("Item", bound=Hashable)


def document(
    history: History,
    *,
    title: str,
    after: str,
    sources: Mapping[str, str],
    remarks: Iterable[Remark] = (),
    sizes: Mapping[str, int],
) -> dict[str, Json]:
    """The whole of what the page shows; `history` begins with the graph as it was built."""
    written = _Writer([step for step, _ in history], sizes).write(history, sources, remarks)
    return {"title": title, "after": after, **written}


class _Table(Generic[Item]):
    """Values that occur again and again, each written once and then meant by its place."""

    def __init__(self, write: Callable[[Item], Json]) -> None:
        self._write = write
        self._places: dict[Item, int] = {}
        self.rows: list[Json] = []

    def place(self, item: Item) -> int:
        if item not in self._places:
            self._places[item] = len(self.rows)
            self.rows.append(self._write(item))
        return self._places[item]


class _Writer:
    def __init__(self, steps: list[str], sizes: Mapping[str, int]) -> None:
        self.steps, self.sizes = steps, sizes
        self.types: _Table[ValueType] = _Table(self._type)
        self.spans: _Table[Span] = _Table(_span)
        self.scopes: _Table[str] = _Table(lambda scope: scope)
        self.operators: dict[str, Json] = {"result": ["result", "What the model returns."]}

    def write(self, history: History, sources: Mapping[str, str], remarks: Iterable[Remark]) -> dict[str, Json]:
        traces = provenance(history)
        (_, first), (_, last) = history[0], history[-1]
        graphs: list[Json] = [self._graph(first, traces.built()), self._graph(last, traces.current)]
        said = [self._remark(remark) for remark in remarks]
        return {
            "model": first.name,
            "symbols": list(first.symbols()),
            "sizes": dict(self.sizes),
            "steps": list(self.steps),
            "graphs": graphs,
            "remarks": list(said),
            "types": self.types.rows,
            "spans": self.spans.rows,
            "scopes": self.scopes.rows,
            "operators": self.operators,
            "files": {name: text for name, text in sources.items() if self._is_shown(name)},
        }

    def _graph(self, graph: Graph, traces: Mapping[int, Trace]) -> Json:
        flat = flatten(graph)
        nodes: list[Json] = [self._node(item, traces) for item in flat]
        places = {item.identity: place for place, item in enumerate(flat) if item.region is None}
        for result in graph.results:
            made = graph.node(result.node)
            entry = flat[places[result.node]].value
            nodes.append(
                {
                    "id": -1,
                    "op": "result",
                    "name": result.name,
                    "in": [entry],
                    "type": self.types.place(made.type),
                    "scope": self.scopes.place(""),
                    "span": -1,
                    "made": 0,
                    "removed": -1,
                    "attributes": [["layout", written_layout(result.layout)]],
                }
            )
        return {"nodes": nodes, "layers": self._layers(graph)}

    def _node(self, item: Flat, traces: Mapping[int, Trace]) -> dict[str, Json]:
        node = item.node
        trace = traces[item.origin] if item.origin is not None else Trace("")
        self.operators.setdefault(node.operator, _described(node.operator))
        written: dict[str, Json] = {
            "id": item.identity,
            "op": node.operator,
            "in": list(item.operands),
            "type": self.types.place(node.type),
            "scope": self.scopes.place(node.origin.scope),
            "span": -1 if node.origin.span is None else self.spans.place(node.origin.span),
            "made": self._step(trace.made),
            "removed": self._step(trace.removed),
        }
        done = self._bound(operations(item.graph, node.identity))
        cost: list[Json] = [str(done), str(self._bound(traffic(item.graph, node.identity)))]
        more: dict[str, Json] = {
            "name": str(node.attributes.get("name", "")) if node.operator == "input" else node.name,
            "key": str(node.attributes.get("key", "")),
            "kind": str(node.attributes["kind"]) if node.operator == "region" else "",
            "attributes": _attributes(node.operator, node.attributes),
            "changed": [self._step(step) for step in trace.changed],
            "cost": cost if cost != ["0", "0"] else None,
            "typical": estimate(done),
        }
        written |= {key: value for key, value in more.items() if value}
        if item.region is not None:
            written["region"] = item.region
        return written

    def _layers(self, graph: Graph) -> Json:
        """Operations, traffic and numbers in parameters of each layer with all that is in it."""
        zero = Size.of(0)
        sums: dict[str, tuple[Size, Size, int]] = {}
        for node in graph.nodes():
            done, moved = operations(graph, node.identity), traffic(graph, node.identity)
            count = (node.type.elements().constant or 0) if node.operator == "parameter" else 0
            parts = node.origin.scope.split(".") if node.origin.scope else []
            for depth in range(len(parts) + 1):
                path = ".".join(parts[:depth])
                before = sums.get(path, (zero, zero, 0))
                sums[path] = (before[0] + done, before[1] + moved, before[2] + count)
        return {
            path: [str(self._bound(done)), str(self._bound(moved)), count]
            for path, (done, moved, count) in sums.items()
        }

    def _remark(self, remark: Remark) -> Json:
        return {
            "kind": remark.kind,
            "region": remark.region,
            "message": remark.message,
            "pass": remark.pass_name,
            "scope": self.scopes.place(remark.scope),
            "span": -1 if remark.span is None else self.spans.place(remark.span),
            "help": remark.help,
            "saved": None if remark.saved is None else [str(remark.saved.traffic), str(remark.saved.peak)],
        }

    def _type(self, type_: ValueType) -> Json:
        stored = self._bound(type_.dtype.bytes * type_.elements())
        axes: list[Json] = [[axis.name, str(self._bound(axis.size))] for axis in type_.axes]
        return {"text": type_text(type_), "dtype": str(type_.dtype), "axes": axes, "bytes": str(stored)}

    def _bound(self, size: Size) -> Size:
        return size.substitute(self.sizes)

    def _step(self, name: str) -> int:
        return self.steps.index(name) if name in self.steps else -1

    def _is_shown(self, file: str) -> bool:
        return any(isinstance(row, list) and row[0] == file for row in self.spans.rows)


def _span(span: Span) -> Json:
    return [span.file, span.line, span.column, span.end_line, span.end_column]


def _described(operator: str) -> Json:
    row = OPERATORS[operator]
    return [row.category, row.summary]


def _attributes(operator: str, attributes: Mapping[str, Attribute]) -> Json:
    kinds = OPERATORS[operator].attributes
    return [
        [name, _text(kinds[name], value)]
        for name, value in attributes.items()
        if name in kinds and not isinstance(value, Graph)
    ]


def _text(kind: str, value: Attribute) -> str:
    if isinstance(value, Literal) and value.array.size > _LONGEST_LITERAL:
        return f"{value.array.size:,} numbers"
    return ATTRIBUTE_KINDS[kind].print(value, 0)
