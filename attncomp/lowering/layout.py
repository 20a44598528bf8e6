"""The order of a value: which axes sit in which dimension, and the fewest moves from one order to another.

A layout is a tuple of dimensions, each a tuple of axis names, leftmost major; `()` is a dimension of size 1. Merging
axes is put off: a merged axis is remembered as the run of axes it is made of until somebody needs it as a dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Union

from attncomp.ir.sizes import Size, product
from attncomp.ir.types import Layout
from attncomp.lowering.program import Operand, Value

Group = tuple[str, ...]


@dataclass(frozen=True)
class Laid:
    """A value of the graph as it lies in memory.

    `layout` and `sizes` speak of the axes that the dimensions are made of; `merged` gives, for each merged axis of the
    graph's value that no dimension holds yet, the axes that make it. A number has no layout.
    """

    value: Operand
    layout: Layout = ()
    sizes: Mapping[str, Size] = field(default_factory=dict)
    merged: Mapping[str, Group] = field(default_factory=dict)

    @property
    def array(self) -> Value:
        """The value, known not to be a number."""
        assert isinstance(self.value, Value)
        return self.value

    @property
    def flat(self) -> Group:
        """The axes of all dimensions, in order."""
        return flatten(self.layout)

    @property
    def names(self) -> frozenset[str]:
        """The axes of the value as the graph knows them."""
        hidden = {axis for group in self.merged.values() for axis in group}
        return frozenset(self.flat) - hidden | frozenset(self.merged)

    def expand(self, group: Iterable[str]) -> Group:
        """The axes that make the axes of `group`."""
        return tuple(axis for name in group for axis in self.merged.get(name, (name,)))

    def size(self, group: Iterable[str]) -> Size:
        """The size of a dimension that holds `group`."""
        return size_of(self.sizes, self.expand(group))

    def shape(self, layout: Layout) -> tuple[Size, ...]:
        """The sizes of the dimensions of `layout`."""
        return tuple(self.size(group) for group in layout)

    def dim(self, axis: str) -> int:
        """The dimension that holds `axis` and nothing else. Raises KeyError where there is none."""
        try:
            return self.layout.index((axis,))
        except ValueError:
            raise KeyError(axis) from None


def size_of(sizes: Mapping[str, Size], group: Group) -> Size:
    """The size of a dimension that holds `group`."""
    return sizes[group[0]] if len(group) == 1 else product([sizes[axis] for axis in group])


def flatten(layout: Layout) -> Group:
    """The axes of all dimensions, in order."""
    return tuple(axis for group in layout for axis in group)


def without(layout: Layout, axes: Iterable[str], *, units: bool = False) -> Layout:
    """`layout` less `axes`; dimensions left empty go, and those of size 1 too unless `units`."""
    dropped = set(axes)
    kept = [(group, tuple(axis for axis in group if axis not in dropped)) for group in layout]
    return tuple(rest for group, rest in kept if rest or (units and not group))


def separate(layout: Layout, axis: str) -> Layout:
    """`layout` with a dimension for `axis` alone; the axes packed with it stay where they are."""
    groups: list[Group] = []
    for group in layout:
        if axis in group:
            place = group.index(axis)
            groups += [part for part in (group[:place], (axis,), group[place + 1 :]) if part]
        else:
            groups.append(group)
    return tuple(groups)


def in_order(axes: Iterable[str], flat: Sequence[str]) -> Group:
    """`axes` in the order in which `flat` has them."""
    wanted = set(axes)
    return tuple(axis for axis in flat if axis in wanted)


def ends_with(flat: Sequence[str], axes: Iterable[str]) -> bool:
    """Whether the last axes of `flat` are exactly `axes`, in whatever order."""
    wanted = set(axes)
    return set(flat[len(flat) - len(wanted) :]) == wanted


def parts(group: Group, names: Collection[str]) -> list[Group]:
    """`group` in pieces that lie within `names` or outside of it."""
    if not group or all(axis in names for axis in group) or not any(axis in names for axis in group):
        return [group]
    found: list[list[str]] = []
    for axis in group:
        if found and (found[-1][-1] in names) == (axis in names):
            found[-1].append(axis)
        else:
            found.append([axis])
    return [tuple(part) for part in found]


@dataclass(frozen=True)
class Reshape:
    """A move that keeps the order of the elements."""

    layout: Layout


@dataclass(frozen=True)
class Permute:
    """A move that reorders whole dimensions."""

    order: tuple[int, ...]
    layout: Layout


Move = Union[Reshape, Permute]


def moves(current: Layout, target: Layout, is_unit: Callable[[str], bool]) -> list[Move]:
    """The fewest reshapes and permutations from `current` to `target`, which hold the same axes.

    `is_unit` says which axes have size 1: those move freely. At most a reshape, a permutation and a reshape.
    """
    bare_current = _without_units(current, is_unit)
    bare_target = _without_units(target, is_unit)
    if flatten(bare_current) == flatten(bare_target):
        return [] if bare_current == bare_target else [Reshape(target)]
    rank = {axis: (position, place) for position, group in enumerate(bare_target) for place, axis in enumerate(group)}
    has_units = () in bare_current
    if (has_units and bare_current.count(()) != bare_target.count(())) or any(
        not _is_run(group, rank) for group in bare_current
    ):
        blocks = [*_blocks(bare_current, rank), *(group for group in bare_target if not group)]
        found: list[Move] = [Reshape(tuple(blocks))]
    else:
        blocks, found = list(bare_current), []
    order = _sorted_dims(blocks, bare_target, rank)
    found.append(Permute(order, tuple(blocks[dim] for dim in order)))
    if found[-1].layout != bare_target:
        found.append(Reshape(target))
    return found


def _without_units(layout: Layout, is_unit: Callable[[str], bool]) -> Layout:
    return tuple(tuple(axis for axis in group if not is_unit(axis)) for group in layout)


def _is_run(group: Group, rank: Mapping[str, tuple[int, int]]) -> bool:
    """Whether the axes of `group` follow each other in one dimension of the target."""
    return all(rank[b] == (rank[a][0], rank[a][1] + 1) for a, b in pairwise(group))


def _blocks(layout: Layout, rank: Mapping[str, tuple[int, int]]) -> list[Group]:
    """The longest runs of axes that follow each other in both orders."""
    blocks: list[list[str]] = []
    for axis in flatten(layout):
        if blocks and _is_run((blocks[-1][-1], axis), rank):
            blocks[-1].append(axis)
        else:
            blocks.append([axis])
    return [tuple(block) for block in blocks]


def _sorted_dims(blocks: Sequence[Group], target: Layout, rank: Mapping[str, tuple[int, int]]) -> tuple[int, ...]:
    """The dimensions of `blocks` in the order of `target`; those of size 1 where the target has them, if they match."""
    held = sorted((dim for dim, group in enumerate(blocks) if group), key=lambda dim: rank[blocks[dim][0]])
    units = [dim for dim, group in enumerate(blocks) if not group]
    if len(units) != target.count(()):
        return (*held, *units)
    order: list[int] = []
    for position, group in enumerate(target):
        if not group:
            order.append(units.pop(0))
        while held and group and rank[blocks[held[0]][0]][0] == position:
            order.append(held.pop(0))
    return tuple(order)
