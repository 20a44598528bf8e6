"""From one order to another: right, and in the fewest moves."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from lowering.models import groups

from attncomp.ir.types import Layout
from attncomp.lowering.layout import Permute, Reshape, flatten, moves, parts, separate, without

SIZES = {"a": 2, "b": 3, "c": 1, "d": 5, "e": 2}


def shape(layout: Layout) -> tuple[int, ...]:
    return tuple(math.prod(SIZES[axis] for axis in group) for group in layout)


@st.composite
def layouts(draw: st.DrawFn, axes: tuple[str, ...]) -> Layout:
    order = draw(st.permutations(axes))
    cuts = sorted(draw(st.sets(st.integers(1, len(order) - 1)))) if len(order) > 1 else []
    found = [tuple(order[a:b]) for a, b in zip([0, *cuts], [*cuts, len(order)], strict=True)]
    for place in draw(st.lists(st.integers(0, len(found)), max_size=2)):
        found.insert(place, ())
    return tuple(found)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Layout, Layout]:
    axes = tuple(draw(st.sets(st.sampled_from(sorted(SIZES)), min_size=1)))
    return draw(layouts(axes)), draw(layouts(axes))


def reordered(array: np.ndarray, current: Layout, target: Layout) -> np.ndarray:
    flat = flatten(current)
    spread = array.reshape([SIZES[axis] for axis in flat])
    return spread.transpose([flat.index(axis) for axis in flatten(target)]).reshape(shape(target))


@given(pairs())
def test_moves_lead_to_the_target(pair: tuple[Layout, Layout]) -> None:
    current, target = pair
    array = np.arange(math.prod(SIZES[axis] for axis in flatten(current))).reshape(shape(current))
    result = array
    found = moves(current, target, lambda axis: SIZES[axis] == 1)
    for move in found:
        result = result.transpose(move.order) if isinstance(move, Permute) else result.reshape(shape(move.layout))
    assert np.array_equal(result, reordered(array, current, target))
    assert len(found) <= 3
    assert sum(isinstance(move, Permute) for move in found) <= 1


@given(pairs())
def test_no_permutation_where_the_order_is_kept(pair: tuple[Layout, Layout]) -> None:
    current, target = pair
    bare = [[axis for axis in flatten(layout) if SIZES[axis] > 1] for layout in pair]
    found = moves(current, target, lambda axis: SIZES[axis] == 1)
    assert any(isinstance(move, Permute) for move in found) == (bare[0] != bare[1])


def kinds(current: str, target: str) -> list[type]:
    return [type(move) for move in moves(groups(current), groups(target), lambda axis: False)]


def test_heads_are_split_in_a_reshape_and_a_permutation() -> None:
    assert kinds("batch seq (head key)", "batch head seq key") == [Reshape, Permute]


def test_heads_are_packed_in_a_permutation_and_a_reshape() -> None:
    assert kinds("batch head seq key", "batch seq (head key)") == [Permute, Reshape]


def test_whole_dimensions_need_one_permutation() -> None:
    assert kinds("batch (head key) seq", "batch seq (head key)") == [Permute]


def test_unit_dimensions_cost_nothing_more_than_the_split() -> None:
    assert kinds("seq (head key)", "head () key seq") == [Reshape, Permute]


def test_nothing_to_do() -> None:
    assert kinds("batch (head key)", "batch (head key)") == []


def test_an_axis_is_taken_out_of_its_dimension() -> None:
    assert separate(groups("batch (a b c d)"), "b") == groups("batch a b (c d)")
    assert without(groups("batch () (a b) c"), ["b", "c"]) == groups("batch a")
    assert without(groups("batch () (a b) c"), ["b", "c"], units=True) == groups("batch () a")
    assert parts(("a", "b", "c"), {"a", "b"}) == [("a", "b"), ("c",)]
