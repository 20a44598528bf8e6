"""How remarks about attention speak: values by the names of the model, operators as the language writes them."""

from __future__ import annotations

from attncomp.diagnostics.remarks import Remark, RemarkKind
from attncomp.ir.graph import Node
from attncomp.ir.working import worked_axes
from attncomp.passes.overview import Overview, Source, braced
from attncomp.passes.reporting import about

# Operators that no word of the language stands for.
_SPOKEN = {"normalize": "the normalisation", "convolution": "the convolution", "contract": "the contraction"}
# How far a name is looked for.
_SEARCH = 8


def remark(kind: RemarkKind, node: Node, message: str, help: str = "") -> Remark:
    """A near miss or a note of this pass at the place of a node."""
    return about(kind, "attention", "find-attention-regions", node, message, help)


def spoken(node: Node, over: frozenset[str] | None = None) -> str:
    """An operator with the axes that it works on: "`mean` over {source}"."""
    return (
        f"{_SPOKEN.get(node.operator, f'`{node.operator}`')} over {braced(worked_axes(node) if over is None else over)}"
    )


def bare(node: Node) -> str:
    """An operator alone: "`cumsum`", "the convolution"."""
    return _SPOKEN.get(node.operator, f"`{node.operator}`")


def written(overview: Overview, identity: int, otherwise: str) -> str:
    """A value as the model may write it in an expression."""
    name = overview.graph.node(identity).name
    return name if name.isidentifier() else otherwise


def named(overview: Overview, identity: int) -> str:
    """A value in words: by its name, or by that of what it is made of."""
    graph = overview.graph
    waiting = [identity]
    for here in waiting:
        node = graph.node(here)
        if node.name or node.operator in ("input", "parameter", "region", "part"):
            return overview.described(here) if here == identity else f"what is made of {overview.described(here)}"
        if len(waiting) < _SEARCH:
            waiting.extend(o for o in graph.operands(here) if overview.source[o] is not Source.POSITION)
    return overview.described(identity)


def reader(overview: Overview, identity: int, inside: set[int]) -> str:
    """In words, the first that reads a node besides those `inside`: the nearest value with a name, or a result."""
    graph = overview.graph
    waiting = [user for user in graph.users(identity) if user not in inside]
    if not waiting:
        return "a result of the model"
    for here in waiting:
        if graph.node(here).name or graph.node(here).operator == "region":
            return overview.described(here)
        if graph.is_result(here):
            return "a result of the model"
        if len(waiting) < _SEARCH:
            waiting.extend(graph.users(here))
    return overview.described(waiting[0])
