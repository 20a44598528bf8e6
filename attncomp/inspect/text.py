"""A graph as a table by layer: what each computes, the shape by axis name that it hands on, what it costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from attncomp.inspect.scopes import merged_paths
from attncomp.inspect.table import table
from attncomp.ir.cost import operations, traffic
from attncomp.ir.graph import Graph, Node
from attncomp.ir.print import print_graph
from attncomp.ir.scopes import pattern
from attncomp.ir.sizes import Size
from attncomp.ir.types import Layout, ValueType

# Rows say what is computed: these stand for a value that is there already.
UNLISTED = frozenset({"input", "parameter", "constant", "size"})

# A longer listing is no help to a reader: the table stands for it.
LISTED = 5000

# A longer size is no help in a table: its symbols are named instead.
_LONGEST_SIZE = 44


_HEADER = ("layer", "operators", "output", "parameters", "operations", "traffic", "region")
_NUMBERS = (3, 4, 5)


@dataclass(frozen=True)
class LayerRow:
    """A layer, or several that are alike: their paths, operators in order, the value handed on, parameters of each.

    `operations` are the arithmetic operations of each and `traffic` the bytes that each of its operators reads and
    writes, both in the symbols of the graph; `regions` the kinds of the regions made in it, in order.
    """

    scopes: tuple[str, ...]
    operators: tuple[str, ...]
    output: ValueType | None
    parameters: int
    operations: Size
    traffic: Size
    regions: tuple[str, ...]

    @property
    def path(self) -> str:
        """The path of the layer; of several `encoder.layer.{0..5}.attention`."""
        return "(model)" if self.scopes == ("",) else merged_paths(self.scopes)


def listing(graph: Graph) -> str:
    """The text of the graph, or a line in its place where it is too large to be read. No line break at its end."""
    if len(graph) <= LISTED:
        return print_graph(graph)
    return f'graph "{graph.name}" has {len(graph):,} nodes, more than a listing shows: `--format json` holds them all'


def summary(graph: Graph, sizes: Mapping[str, int] = MappingProxyType({}), width: int | None = None) -> str:
    """The inputs, a row for each layer in the order of the graph, the results, and the totals. Ends in a line break.

    Costs are counted with the symbols in `sizes` bound to numbers; others stay. `width` is that of a terminal.
    """
    lines = [f"model {graph.name}", ""]
    inputs = list(graph.nodes("input"))
    lines += _ports("inputs", [(str(node.attributes["name"]), node) for node in inputs], _layouts(inputs))
    rows = layer_rows(graph)
    lines += [*table(_HEADER, layer_cells(rows, sizes), right=_NUMBERS, width=width), ""]
    results = [(result.name or "result", graph.node(result.node)) for result in graph.results]
    layouts = {name: result.layout for (name, _), result in zip(results, graph.results, strict=True)}
    lines += _ports("results", results, layouts)
    lines += _totals(graph, rows, sizes)
    return "\n".join(lines) + "\n"


def layer_cells(rows: Iterable[LayerRow], sizes: Mapping[str, int]) -> list[tuple[str, ...]]:
    """The cells of each row: layer, operators, output, parameters, operations, traffic, region."""
    return [
        (
            row.path,
            _counted(row.operators),
            "" if row.output is None else type_text(row.output),
            _multiplied(row.parameters, len(row.scopes)),
            _operations(row.operations * len(row.scopes), sizes),
            _traffic(row.traffic * len(row.scopes), sizes),
            _counted(row.regions),
        )
        for row in rows
    ]


def layer_rows(graph: Graph) -> tuple[LayerRow, ...]:
    """The layers in the order of the graph. Layers that differ by numbers in their path alone share a row."""
    members: dict[str, list[Node]] = {}
    for node in graph.nodes():
        if node.operator not in UNLISTED or node.operator == "parameter":
            members.setdefault(node.origin.scope, []).append(node)
    groups: dict[object, list[tuple[str, LayerRow]]] = {}
    for scope, nodes in members.items():
        row = _row(graph, scope, nodes)
        key = (pattern(scope), replace(row, scopes=()))
        groups.setdefault(key, []).append((scope, row))
    return tuple(replace(group[0][1], scopes=tuple(scope for scope, _ in group)) for group in groups.values())


def total_operations(rows: Iterable[LayerRow]) -> Size:
    """The arithmetic operations of a whole graph, in its symbols."""
    return sum((row.operations * len(row.scopes) for row in rows), Size.of(0))


def total_traffic(rows: Iterable[LayerRow]) -> Size:
    """The bytes that all operators of a graph read and write, each by itself, in its symbols."""
    return sum((row.traffic * len(row.scopes) for row in rows), Size.of(0))


def type_text(type_: ValueType) -> str:
    """A type such as `f32{batch, embed=384}`: a size is left out where it is the axis's own symbol."""
    axes = (axis.name if str(axis.size) == axis.name else str(axis) for axis in type_.axes)
    return f"{type_.dtype}{{{', '.join(axes)}}}"


def parameter_count(nodes: Iterable[Node]) -> int:
    """How many numbers the parameters among `nodes` hold."""
    return sum(node.type.elements().constant or 0 for node in nodes if node.operator == "parameter")


def _row(graph: Graph, scope: str, nodes: list[Node]) -> LayerRow:
    computed = [node for node in nodes if node.operator not in UNLISTED]
    names = tuple(_operator_name(node) for node in computed)
    return LayerRow(
        (scope,),
        names,
        computed[-1].type if computed else None,
        parameter_count(nodes),
        sum((operations(graph, node.identity) for node in computed), Size.of(0)),
        sum((traffic(graph, node.identity) for node in computed), Size.of(0)),
        tuple(str(node.attributes.get("kind")) for node in computed if node.operator == "region"),
    )


def _operator_name(node: Node) -> str:
    return f"{node.attributes.get('kind')} region" if node.operator == "region" else node.operator


def _layouts(inputs: Iterable[Node]) -> dict[str, Layout]:
    layouts: dict[str, Layout] = {}
    for node in inputs:
        layout = node.attributes.get("layout")
        layouts[str(node.attributes["name"])] = layout  # type: ignore[assignment]
    return layouts


def _ports(title: str, ports: list[tuple[str, Node]], layouts: Mapping[str, Layout]) -> list[str]:
    """`tokens: i64[batch, seq]`, one line each, in the stored order."""
    lines = [title]
    for name, node in ports:
        sizes = {axis.name: axis.size for axis in node.type.axes}
        dimensions = []
        for group in layouts.get(name) or ():
            text = group[0] if len(group) == 1 else f"({' '.join(group)})" if group else "1"
            if len(group) == 1 and str(sizes[group[0]]) != group[0]:
                text += f" = {sizes[group[0]]}"
            dimensions.append(text)
        lines.append(f"  {name}: {node.type.dtype}[{', '.join(dimensions)}]")
    return [*lines, ""]


def _counted(operators: tuple[str, ...]) -> str:
    """`add x2, contract`: what there is, in order of first use."""
    return ", ".join(f"{name} x{count}" if count > 1 else name for name, count in Counter(operators).items())


def _multiplied(count: int, layers: int) -> str:
    if not count:
        return ""
    return f"{layers} x {count:,}" if layers > 1 else f"{count:,}"


def _operations(count: Size, sizes: Mapping[str, int]) -> str:
    """A number with a decimal prefix, or the size itself where it depends on a symbol that is not bound."""
    known = count.substitute(sizes)
    if known.constant is None:
        return _symbolic(known)
    for unit, factor in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if known.constant >= factor:
            return f"{known.constant / factor:.3g} {unit}"
    return str(known.constant) if known.constant else ""


def _traffic(count: Size, sizes: Mapping[str, int]) -> str:
    """A number of bytes with a binary prefix, or the size itself where it depends on a symbol that is not bound."""
    known = count.substitute(sizes)
    if known.constant is None:
        return _symbolic(known)
    return bytes_text(known.constant) if known.constant else ""


def _symbolic(size: Size) -> str:
    text = str(size)
    return text if len(text) <= _LONGEST_SIZE else f"depends on {', '.join(sorted(size.symbols()))}"


def _totals(graph: Graph, rows: Sequence[LayerRow], sizes: Mapping[str, int]) -> list[str]:
    """Lines that count what the whole graph holds and does."""
    nodes = list(graph.nodes())
    parameters = [node for node in nodes if node.operator == "parameter"]
    size = sum((node.type.elements().constant or 0) * node.type.dtype.bytes for node in parameters)
    operators = sum(1 for node in nodes if node.operator not in UNLISTED)
    regions = Counter(str(node.attributes.get("kind")) for node in nodes if node.operator == "region")
    lines = [
        f"{operators} operators, {len(parameters)} parameters "
        f"with {parameter_count(parameters):,} numbers in {bytes_text(size)}"
    ]
    if regions:
        lines.append("regions: " + ", ".join(f"{count} {kind}" for kind, count in sorted(regions.items())))
    at = ", ".join(f"{name} = {value}" for name, value in sizes.items())
    for what, total in (
        ("operations", _operations(total_operations(rows), sizes)),
        ("traffic", _traffic(total_traffic(rows), sizes)),
    ):
        if total:
            lines.append(f"{what}: {total}" + (f" at {at}" if at else ""))
    if symbols := graph.symbols():
        lines.append("sizes bound at each call: " + ", ".join(symbols))
    return lines


def bytes_text(size: int) -> str:
    """A number of bytes with a binary prefix: `2.5 MiB`."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"
