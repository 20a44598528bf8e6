"""A graph as a table by layer: what each layer computes, the shape by axis name that it hands on, its parameters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from attncomp.ir.cost import operations
from attncomp.ir.graph import Graph, Node
from attncomp.ir.sizes import Size
from attncomp.ir.types import Layout, ValueType

# Rows say what is computed: these stand for a value that is there already.
UNLISTED = frozenset({"input", "parameter", "constant", "size"})

# A longer size is no help in a table: its symbols are named instead.
_LONGEST_SIZE = 44


@dataclass(frozen=True)
class LayerRow:
    """A layer, or several that are alike: their paths, operators in order, the value handed on, parameters of each.

    `operations` are the arithmetic operations of each, in the symbols of the graph.
    """

    scopes: tuple[str, ...]
    operators: tuple[str, ...]
    output: ValueType | None
    parameters: int
    operations: Size

    @property
    def path(self) -> str:
        """The path of the layer; of several `encoder.layer.{0..5}.attention`."""
        return "(model)" if self.scopes == ("",) else merged_paths(self.scopes)


def summary(graph: Graph, sizes: Mapping[str, int] = MappingProxyType({})) -> str:
    """The inputs, a row for each layer in the order of the graph, the results, and the totals. Ends in a line break.

    Operations are counted with the symbols in `sizes` bound to numbers; others stay.
    """
    lines = [f"model {graph.name}", ""]
    lines += _ports("inputs", [(str(node.attributes["name"]), node) for node in _inputs(graph)], _layouts(graph))
    header = ("layer", "operators", "output", "operations", "parameters")
    rows = [
        (
            row.path,
            _counted(row.operators),
            "" if row.output is None else type_text(row.output),
            _operations(row.operations * len(row.scopes), sizes),
            _multiplied(row.parameters, len(row.scopes)),
        )
        for row in layer_rows(graph)
    ]
    lines += [*_table(header, rows), ""]
    results = [(result.name or "result", graph.node(result.node)) for result in graph.results]
    layouts = {name: result.layout for (name, _), result in zip(results, graph.results, strict=True)}
    lines += _ports("results", results, layouts)
    lines += _totals(graph, sizes)
    return "\n".join(lines) + "\n"


def layer_rows(graph: Graph) -> tuple[LayerRow, ...]:
    """The layers in the order of the graph. Layers that differ by numbers in their path alone share a row."""
    members: dict[str, list[Node]] = {}
    for node in graph.nodes():
        if node.operator not in UNLISTED or node.operator == "parameter":
            members.setdefault(node.origin.scope, []).append(node)
    groups: dict[object, list[tuple[str, LayerRow]]] = {}
    for scope, nodes in members.items():
        row = _row(graph, scope, nodes)
        key = (_pattern(scope), row.operators, row.output, row.parameters, row.operations)
        groups.setdefault(key, []).append((scope, row))
    return tuple(replace(group[0][1], scopes=tuple(scope for scope, _ in group)) for group in groups.values())


def total_operations(graph: Graph) -> Size:
    """The arithmetic operations of the whole graph, in its symbols."""
    return sum((operations(graph, node.identity) for node in graph.nodes()), Size.of(0))


def type_text(type_: ValueType) -> str:
    """A type such as `f32{batch, embed=384}`: a size is left out where it is the axis's own symbol."""
    axes = (axis.name if str(axis.size) == axis.name else str(axis) for axis in type_.axes)
    return f"{type_.dtype}{{{', '.join(axes)}}}"


def parameter_count(nodes: Iterable[Node]) -> int:
    """How many numbers the parameters among `nodes` hold."""
    return sum(node.type.elements().constant or 0 for node in nodes if node.operator == "parameter")


def merged_paths(scopes: Iterable[str]) -> str:
    """Paths as one text: those that differ by numbers alone as `layer.{0..5}` or `layer.{0,2,5}`, others in a list."""
    groups: dict[str, list[str]] = {}
    for scope in filter(None, dict.fromkeys(scopes)):
        groups.setdefault(_pattern(scope), []).append(scope)
    return ", ".join(_merged(group) for group in groups.values())


def _merged(scopes: list[str]) -> str:
    parts = [scope.split(".") for scope in scopes]
    merged = []
    for column in zip(*parts, strict=True):
        distinct = list(dict.fromkeys(column))
        if len(distinct) == 1:
            merged.append(distinct[0])
            continue
        numbers = sorted(int(part) for part in distinct)
        run = numbers == list(range(numbers[0], numbers[-1] + 1))
        merged.append(f"{{{numbers[0]}..{numbers[-1]}}}" if run else "{" + ",".join(map(str, numbers)) + "}")
    return ".".join(merged)


def _row(graph: Graph, scope: str, nodes: list[Node]) -> LayerRow:
    computed = [node for node in nodes if node.operator not in UNLISTED]
    names = tuple(_operator_name(node) for node in computed)
    done = sum((operations(graph, node.identity) for node in computed), Size.of(0))
    return LayerRow((scope,), names, computed[-1].type if computed else None, parameter_count(nodes), done)


def _operator_name(node: Node) -> str:
    return f"{node.attributes.get('kind')} region" if node.operator == "region" else node.operator


def _pattern(scope: str) -> str:
    return re.sub(r"(?<![^.])\d+(?![^.])", "#", scope)


def _inputs(graph: Graph) -> list[Node]:
    return list(graph.nodes("input"))


def _layouts(graph: Graph) -> dict[str, Layout]:
    layouts: dict[str, Layout] = {}
    for node in _inputs(graph):
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
        text = str(known)
        return text if len(text) <= _LONGEST_SIZE else f"depends on {', '.join(sorted(known.symbols()))}"
    for unit, factor in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if known.constant >= factor:
            return f"{known.constant / factor:.3g} {unit}"
    return str(known.constant) if known.constant else ""


def _totals(graph: Graph, sizes: Mapping[str, int]) -> list[str]:
    parameters = list(graph.nodes("parameter"))
    size = sum((node.type.elements().constant or 0) * node.type.dtype.bytes for node in parameters)
    operators = sum(1 for node in graph.nodes() if node.operator not in UNLISTED)
    regions = Counter(str(node.attributes.get("kind")) for node in graph.nodes("region"))
    lines = [
        f"{operators} operators, {len(parameters)} parameters "
        f"with {parameter_count(parameters):,} numbers in {_bytes(size)}"
    ]
    if regions:
        lines.append("regions: " + ", ".join(f"{count} {kind}" for kind, count in sorted(regions.items())))
    if total := _operations(total_operations(graph), sizes):
        at = ", ".join(f"{name} = {value}" for name, value in sizes.items())
        lines.append(f"operations: {total}" + (f" at {at}" if at else ""))
    if symbols := graph.symbols():
        lines.append("sizes bound at each call: " + ", ".join(symbols))
    return lines


def _bytes(size: int) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size} bytes"


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns padded to their widest cell; the last one, of numbers, is aligned to the right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    rule = tuple("-" * width for width in widths)
    lines = []
    for row in (header, rule, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        lines.append("  ".join([*cells, row[-1].rjust(widths[-1])]).rstrip())
    return lines
