"""`reassociate-contractions`: a product of several values is made in the order that costs least.

`(q @{key} k) @{source} v` holds a number for each pair of a query and a source; `q @{key} (k @{source} v)` is the same
product and holds none: this is what makes linear attention linear (Katharopoulos et al., arXiv:2006.16236). Values that
are contracted with each other, with renames and factors of one number between, are one product of up to `most` values.
Every order is weighed by its operations, as formulas in the sizes; where these do not decide, at typical sizes.

    %3 = contract(%0, %1) {axes = {key}}              %3 = contract(%1, %2) {axes = {source}}
    %4 = contract(%3, %2) {axes = {source}}     →     %4 = contract(%0, %3) {axes = {key}}
    return "y": %4                                    return "y": %4

A projection is a value as it is, and so is what weighs by a softmax, which is fused. What something else reads too is
made as it was written. A remark tells the order and its cost, and for which sizes the written one costs less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.build import Builder
from attncomp.ir.estimate import cheaper, estimate
from attncomp.ir.graph import Graph, Node
from attncomp.passes.base import Pass, PassResult
from attncomp.passes.cleanup import remove_unread
from attncomp.passes.contraction_chains import Chain, chain_at
from attncomp.passes.contraction_order import Tree, cheapest, places, when_cheaper
from attncomp.passes.overview import Overview
from attncomp.passes.reporting import about


@dataclass(frozen=True)
class ReassociateContractions(Pass):
    """Makes every product of several values in its cheapest order."""

    name: ClassVar[str] = "reassociate-contractions"
    summary: ClassVar[str] = "makes a product of several values in its cheapest order"
    most: int = 6

    def run(self, graph: Graph) -> PassResult:
        """One walk backwards: a product is seen from its end."""
        overview = Overview.of(graph)
        remarks: list[Remark] = []
        inner: set[int] = set()
        for identity in sorted(overview.place, key=overview.place.__getitem__, reverse=True):
            if identity in inner or identity not in graph:
                continue
            root = graph.node(identity)
            chain = chain_at(overview, root, self.most)
            if chain is None:
                continue
            inner.update(chain.inner)
            tree, factors = cheapest(chain.ordering()), chain.ordering()
            cost, written = factors.cost(tree), factors.cost(chain.written)
            if cheaper(cost, written):
                message = f"made as {_text(overview, chain, tree)}: {cost} operations instead of {written}"
                condition = when_cheaper(cost, written)
                message += "" if condition is None else f", which is less where {condition}"
                remarks.append(about("note", "product", self.name, root, message))
                _rebuild(Builder(graph), root, chain, tree)
        return PassResult(bool(remarks), tuple(reversed(remarks)))


def _text(overview: Overview, chain: Chain, tree: Tree) -> str:
    """A tree as the language writes it: `q @{key} (k @{source} v)`."""
    if isinstance(tree, int):
        identity = chain.factors[tree].identity
        while overview.graph.node(identity).operator == "rename" and not overview.graph.node(identity).name:
            (identity,) = overview.graph.operands(identity)
        return overview.described(identity)
    sides = [_text(overview, chain, side) for side in tree]
    left, right = (text if isinstance(side, int) else f"({text})" for text, side in zip(sides, tree, strict=True))
    return f"{left} @{{{', '.join(_summed(chain, tree))}}} {right}"


def _summed(chain: Chain, tree: tuple[Tree, Tree]) -> list[str]:
    """The axes that the contraction of both sides of a tree sums over."""
    factors = chain.ordering()
    left, right = (factors.left_by(places(side)) for side in tree)
    return sorted((left & right) - factors.left_by(places(tree)))


def _rebuild(builder: Builder, root: Node, chain: Chain, tree: Tree) -> None:
    """Makes the product in the order of `tree` in place of `root`; the smallest factor takes the numbers between."""
    graph = builder.graph
    made = [builder.rename(factor.identity, factor.names, origin=root.origin) for factor in chain.factors]
    smallest = min(range(len(made)), key=lambda place: estimate(graph.type(made[place]).elements()))
    for operator, number in chain.scalings:
        made[smallest] = builder.add(operator, (made[smallest], number), {}, root.origin)
    new = _contracted(builder, root, chain, tree, made)
    graph.update(new, name=root.name)
    graph.replace_uses(root.identity, new)
    remove_unread(graph, (root.identity,))


def _contracted(builder: Builder, root: Node, chain: Chain, tree: Tree, made: list[int]) -> int:
    if isinstance(tree, int):
        return made[tree]
    left, right = (_contracted(builder, root, chain, side, made) for side in tree)
    return builder.contract(left, right, _summed(chain, tree), origin=root.origin)
