"""Graphs in the language of Graphviz: a cluster for each layer, regions in colour around what they fused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from attncomp.inspect.boxes import OTHER_REGION_COLOUR, REGION_COLOURS
from attncomp.inspect.scene import SOURCES
from attncomp.inspect.scopes import parts
from attncomp.inspect.text import type_text
from attncomp.ir.graph import Graph, Node

SOURCE_COLOUR = "#f8f9fa"


def graph_to_dot(graph: Graph) -> str:
    """The text of a digraph. A region is a cluster with its body in it, joined to what the region reads."""
    writer = _Writer()
    writer.line(f"digraph {quoted(graph.name)} {{")
    writer.line("  rankdir=TB;")
    writer.line('  node [shape=box, style="rounded,filled", fillcolor=white, fontname="sans-serif", fontsize=10];')
    writer.line('  graph [fontname="sans-serif", fontsize=11];')
    exits = writer.body(graph, "n", {}, "  ", top=True)
    for position, result in enumerate(graph.results):
        order = ", ".join(" ".join(dimension) or "1" for dimension in result.layout)
        label = f"{result.name or 'result'}\n[{order}]"
        writer.line(f"  {quoted(f'result{position}')} [label={quoted(label)}, shape=ellipse];")
        writer.edges.append(f"  {quoted(exits[result.node])} -> {quoted(f'result{position}')};")
    for edge in writer.edges:
        writer.line(edge)
    writer.line("}")
    return "\n".join(writer.lines) + "\n"


def quoted(text: str) -> str:
    """A quoted string of the dot language; control characters but the line break become spaces."""
    kept = "".join(character if character == "\n" or character.isprintable() else " " for character in text)
    return '"' + kept.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


@dataclass
class _Scope:
    """A layer: its nodes, and the layers within it by name, in the order of the graph."""

    nodes: list[Node] = field(default_factory=list)
    children: dict[str, _Scope] = field(default_factory=dict)


class _Writer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.edges: list[str] = []
        self._clusters = 0

    def line(self, text: str) -> None:
        self.lines.append(text)

    def body(self, graph: Graph, prefix: str, entries: Mapping[str, str], indent: str, *, top: bool) -> dict[int, str]:
        """Writes the nodes of a graph; returns by node the dot name that its readers are joined to.

        `entries` gives, for the body of a region, the dot names that its inputs stand for.
        """
        exits: dict[int, str] = {}
        nodes = [node for node in graph.nodes() if not self._is_entry(node, entries)]
        for node in graph.nodes():
            if self._is_entry(node, entries):
                exits[node.identity] = entries[str(node.attributes["name"])]
        for node in nodes:
            exits[node.identity] = self._exit(node, f"{prefix}{node.identity}")
        if top:
            self._scope(graph, _scopes(nodes), prefix, exits, indent)
        else:
            for node in nodes:
                self._node(graph, node, prefix, exits, indent)
        return exits

    def _is_entry(self, node: Node, entries: Mapping[str, str]) -> bool:
        return node.operator == "input" and node.attributes.get("name") in entries

    def _exit(self, node: Node, name: str) -> str:
        """What is drawn for a node: itself, or for a region the node in its body that makes the result."""
        inner = node.attributes.get("body")
        if isinstance(inner, Graph) and inner.results:
            made = inner.node(inner.results[0].node)
            return self._exit(made, f"{name}_{made.identity}")
        return name

    def _scope(self, graph: Graph, scope: _Scope, prefix: str, exits: Mapping[int, str], indent: str) -> None:
        for node in scope.nodes:
            self._node(graph, node, prefix, exits, indent)
        for name, child in scope.children.items():
            self._open_cluster(name, indent, 'color="#adb5bd"')
            self._scope(graph, child, prefix, exits, indent + "  ")
            self.line(f"{indent}}}")

    def _node(self, graph: Graph, node: Node, prefix: str, exits: Mapping[int, str], indent: str) -> None:
        name = f"{prefix}{node.identity}"
        sources = [exits[operand] for operand in graph.operands(node.identity)]
        inner = node.attributes.get("body")
        if isinstance(inner, Graph) and inner.results:
            kind = str(node.attributes.get("kind", "fused"))
            colour = REGION_COLOURS.get(kind, OTHER_REGION_COLOUR)
            self._open_cluster(f"{kind} region", indent, f'style=filled, color="{colour}"')
            entries = {f"i{position}": source for position, source in enumerate(sources)}
            self.body(inner, f"{name}_", entries, indent + "  ", top=False)
            self.line(f"{indent}}}")
            return
        fill = f', fillcolor="{SOURCE_COLOUR}"' if node.operator in SOURCES else ""
        self.line(f"{indent}{quoted(name)} [label={quoted(_label(node))}{fill}];")
        for source in sources:
            self.edges.append(f"  {quoted(source)} -> {quoted(name)};")

    def _open_cluster(self, label: str, indent: str, style: str) -> None:
        self.line(f"{indent}subgraph cluster_{self._clusters} {{")
        self.line(f"{indent}  label={quoted(label)}; {style};")
        self._clusters += 1


def _scopes(nodes: list[Node]) -> _Scope:
    root = _Scope()
    for node in nodes:
        scope = root
        for part in parts(node.origin.scope):
            scope = scope.children.setdefault(part, _Scope())
        scope.nodes.append(node)
    return root


def _label(node: Node) -> str:
    first = node.operator
    if node.operator == "input":
        first = f"input {node.attributes.get('name', '')}"
    elif node.operator == "parameter":
        first = f"parameter {node.attributes.get('key', '')}"
    elif node.name:
        first = f"{node.name} = {node.operator}"
    return f"{first}\n{type_text(node.type)}"
