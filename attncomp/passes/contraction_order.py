"""The cheapest order of a product of several factors, by dynamic programming over their subsets.

As Lam, Sadayappan and Wenger do (Parallel Processing Letters 7, 1997): a set of factors is made of those two
halves whose costs and whose product together are least. Costs are formulas in the sizes of the model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import gcd
from typing import Union

from attncomp.ir.cost import contraction_operations
from attncomp.ir.estimate import at_most, cheaper
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis

# A factor by its place, or the product of two trees.
Tree = Union[int, tuple["Tree", "Tree"]]


@dataclass(frozen=True)
class Factors:
    """The axes of each factor, under names that mean one axis throughout; those that the `result` has; all sizes."""

    axes: Sequence[frozenset[str]]
    result: frozenset[str]
    sizes: Mapping[str, Size]

    def left_by(self, members: frozenset[int]) -> frozenset[str]:
        """The axes of the product of `members`: what another factor or the result needs is not summed yet."""
        outside = [axes for place, axes in enumerate(self.axes) if place not in members]
        needed = self.result.union(*outside)
        return frozenset().union(*(self.axes[place] for place in members)) & needed

    def joining(self, left: frozenset[int], right: frozenset[int]) -> Size:
        """The operations of the contraction of two products."""
        names = sorted(self.left_by(left) | self.left_by(right))
        return contraction_operations(Axis(name, self.sizes[name]) for name in names)

    def cost(self, tree: Tree) -> Size:
        """The operations of a whole tree."""
        if isinstance(tree, int):
            return Size.of(0)
        left, right = tree
        return self.cost(left) + self.cost(right) + self.joining(places(left), places(right))


def places(tree: Tree) -> frozenset[int]:
    """The factors of a tree."""
    return frozenset((tree,)) if isinstance(tree, int) else places(tree[0]) | places(tree[1])


def cheapest(factors: Factors) -> Tree:
    """The tree of least cost, the first of several."""
    everything = range(len(factors.axes))
    best: dict[frozenset[int], tuple[Size, Tree]] = {frozenset((place,)): (Size.of(0), place) for place in everything}
    for count in range(2, len(factors.axes) + 1):
        for chosen in combinations(everything, count):
            members = frozenset(chosen)
            for left, right in _halves(chosen):
                cost = best[left][0] + best[right][0] + factors.joining(left, right)
                if members not in best or cheaper(cost, best[members][0]):
                    best[members] = cost, (best[left][1], best[right][1])
    return best[frozenset(everything)][1]


def _halves(chosen: tuple[int, ...]) -> Iterator[tuple[frozenset[int], frozenset[int]]]:
    """Every way to part a set in two; the first member is on the left."""
    first, *others = chosen
    for count in range(len(others)):
        for more in combinations(others, count):
            yield frozenset((first, *more)), frozenset(others) - frozenset(more)


def when_cheaper(left: Size, right: Size) -> str | None:
    """For which sizes `left` is less than `right`, as `seq exceeds 64` without common factors; None for all."""
    if at_most(left, right):
        return None
    common = _common_factor((left, right))
    return f"{right.exactly(common)} exceeds {left.exactly(common)}"


def _common_factor(sizes: Sequence[Size]) -> Size:
    """The largest product of a number and atoms that divides every term."""
    terms = [term for size in sizes for term in size.terms]
    powers = [dict(monomial) for monomial, _ in terms]
    shared = {atom: min(power.get(atom, 0) for power in powers) for atom in powers[0]}
    monomial = tuple((atom, power) for atom, power in terms[0][0] if shared[atom])
    return Size(((tuple((atom, shared[atom]) for atom, _ in monomial), gcd(*(number for _, number in terms))),))
