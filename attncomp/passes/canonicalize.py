"""`canonicalize`: one spelling for what can be written in several.

What finds regions looks at what depends on what, through the operators that it knows: statistics, products, a softmax.
So what is one of these in disguise gets its own name, and what stands between two of them without a meaning goes.

    %1 = adaptive_avgpool(%0) {axes = {height=1, width=1}}
    %2 = index(%1) {axis = height, position = 0}              %1 = mean(%0) {axes = {height, width}}
    %3 = index(%2) {axis = width, position = 0}         →     %2 = sigmoid(%1)
    %4 = exp(negate(%3))                                      return "y": %2
    %5 = divide(1.0, add(1.0, %4))
    return "y": %5

- A pool over whole axes is a mean, for a mean is a statistic of a gate; `sum / |axis|` is one too. A sum of a sum (a
  mean of a mean, a maximum of a maximum) is one over all the axes, as a softmax over two axes has it.
- A product summed over axes that both factors have is a contraction, where one factor lacks an axis of the other: the
  product is larger than one of them and is not stored then, and scores and weighed values are seen as what they are.
- A contraction summed over axes that one factor has alone is a contraction with that factor's sum, where that costs
  less: a value pooled before it is projected, the normaliser of an attention without a softmax.
- Names and packings: a rename of a rename, a merge that undoes a split, a position of a stack.
- Functions by their names: `sigmoid`, `relu`, `hardsigmoid`; squares, roots and reciprocals written as powers. Each is
  one step over memory in place of several.
- `where` with a negated condition, and a cast of what another cast has widened.

`x * sigmoid(x)` stays a product: a gate must be seen. NaN stays NaN, with two exceptions: `exp(x) / (1 + exp(x))` where
the exponential overflows and the sigmoid is 1, and the powers 0.5 and -0.5 of -inf, where the root is NaN.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from attncomp.ir.build import Builder
from attncomp.ir.graph import Graph
from attncomp.passes.base import Pass, PassResult
from attncomp.passes.canonical_functions import FUNCTIONS
from attncomp.passes.canonical_structure import STRUCTURE, Rule
from attncomp.passes.cleanup import remove_unread

_RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {name: (*STRUCTURE.get(name, ()), *FUNCTIONS.get(name, ())) for name in {*STRUCTURE, *FUNCTIONS}}
)


@dataclass(frozen=True)
class Canonicalize(Pass):
    """Rewrites what can be spelled in several ways to the spelling that later passes look for."""

    name: ClassVar[str] = "canonicalize"
    summary: ClassVar[str] = "gives one spelling to what can be written in several ways"
    repeats: ClassVar[bool] = True

    def run(self, graph: Graph) -> PassResult:
        """Visits the nodes in order; what is new, and what reads it, is visited again."""
        builder = Builder(graph)
        waiting = deque(graph.order())
        changed = False
        while waiting:
            identity = waiting.popleft()
            if identity not in graph:
                continue
            new = _rewritten(builder, identity)
            if new is not None:
                changed = True
                waiting.extend((*graph.operands(new), new, *graph.users(new)))
        return PassResult(changed)


def _rewritten(builder: Builder, identity: int) -> int | None:
    """Puts in place of a node what its rules make of it; None where they make nothing."""
    graph, node = builder.graph, builder.graph.node(identity)
    if not graph.users(identity) and not graph.is_result(identity):
        return None
    for rule in _RULES.get(node.operator, ()):
        new = rule(builder, node)
        if new is None:
            continue
        if not graph.type(new).same_as(node.type):
            remove_unread(graph, (new,))
            continue
        if node.name and not graph.node(new).name:
            graph.update(new, name=node.name)
        graph.replace_uses(identity, new)
        remove_unread(graph, (identity,))
        return new
    return None
