"""Graphs as notebooks show them: what goes in and comes out, a table by layer, and the picture; no scripts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from attncomp.inspect.layered import available
from attncomp.inspect.svg import escaped, graph_to_svg
from attncomp.inspect.text import layer_cells, layer_rows, parameter_count, type_text
from attncomp.ir.graph import Graph

_HEADER = ("layer", "operators", "output", "parameters", "operations", "traffic", "region")
_WITHOUT = "The picture of the graph needs igraph: pip install 'attncomp[draw]'"


@dataclass(frozen=True)
class Shown:
    """A graph, with facts to be told before those of the graph; the last line of a notebook's cell shows it."""

    graph: Graph
    facts: tuple[tuple[str, str], ...] = ()

    def _repr_html_(self) -> str:
        return graph_to_html(self.graph, self.facts)


def graph_to_html(graph: Graph, facts: Sequence[tuple[str, str]] = ()) -> str:
    """One `div`: name, facts, inputs, results, number of parameters, regions, the table by layer, and the picture.

    Where igraph is not installed, a line in the picture's place says how to get it.
    """
    regions = Counter(str(node.attributes.get("kind")) for node in graph.nodes("region"))
    told = [
        *facts,
        ("inputs", ", ".join(f"{node.attributes['name']}: {type_text(node.type)}" for node in graph.nodes("input"))),
        ("results", ", ".join(f"{r.name or 'result'}: {type_text(graph.node(r.node).type)}" for r in graph.results)),
        ("parameters", f"{parameter_count(graph.nodes('parameter')):,}"),
        ("regions", ", ".join(f"{count} {kind}" for kind, count in regions.items()) or "none"),
    ]
    head = "".join(f"<tr><th>{escaped(name)}</th><td>{escaped(text)}</td></tr>" for name, text in told)
    picture = graph_to_svg(graph) if available() else f"<p>{escaped(_WITHOUT)}</p>"
    return (
        f"<div><p><strong>{escaped(graph.name)}</strong></p><table>{head}</table>"
        f"<details><summary>By layer</summary>{_table(graph)}</details>{picture}</div>"
    )


def _table(graph: Graph) -> str:
    header = "".join(f"<th>{name}</th>" for name in _HEADER)
    rows = [
        "<tr>" + "".join(f"<td>{escaped(cell)}</td>" for cell in cells) + "</tr>"
        for cells in layer_cells(layer_rows(graph), {})
    ]
    return f"<table><thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
