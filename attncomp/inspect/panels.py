"""What a picture of attention weights or a gate shows: a panel for each head, as a matrix, as bars, or over an image.

Nothing is guessed: values are laid over an image only where the graph says at which pixels their positions lie.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from attncomp.inspect.places import Along, Cells, Place
from attncomp.inspect.watch import Seen

MOST_PANELS = 16
Form = Literal["matrix", "bars", "image"]


@dataclass(frozen=True)
class Side:
    """One side of a panel: what is counted along it, and a word for each position where the caller gave them."""

    title: str
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Panels:
    """What to draw: `arrays`, all in one form and on one scale, each with its title.

    A matrix has rows and columns, bars one dimension; over an image an array has the image's two. `image` is what they
    lie over, [row, column] or [row, column, 3] in 0..1. `value` is what the numbers are; `notes` say what was chosen
    and what was left out.
    """

    form: Form
    arrays: tuple[np.ndarray, ...]
    titles: tuple[str, ...]
    rows: Side
    columns: Side
    value: str
    image: np.ndarray | None = None
    notes: tuple[str, ...] = ()


@dataclass
class _Chosen:
    """An array on its way to panels: the axes still in it, and what has been done to it."""

    array: np.ndarray
    axes: list[str]
    notes: list[str] = field(default_factory=list)

    def first(self, axes: Sequence[str]) -> None:
        """Keeps the first position of each of `axes`, and says so where there are more."""
        for axis in axes:
            size = self.array.shape[self.axes.index(axis)]
            if size > 1:
                self.notes.append(f"{axis} 0 of {size} is shown")
            self.array = np.take(self.array, 0, axis=self.axes.index(axis))
            self.axes.remove(axis)

    def ordered(self, axes: Sequence[str]) -> np.ndarray:
        """The array with `axes` in this order."""
        return self.array.transpose([self.axes.index(axis) for axis in axes])


def panels_of(seen: Seen, words: Mapping[str, Sequence[str]]) -> Panels:
    """What a picture of `seen` shows. `words` names the positions along axes of inputs (`{"seq": tokens}`)."""
    if seen.array.size == 0:
        shape = ", ".join(f"{axis} = {size}" for axis, size in zip(seen.axes, seen.array.shape, strict=True))
        return Panels("bars", (), (), Side(""), Side(""), "", notes=(f"there is nothing to draw: [{shape}]",))
    chosen = _Chosen(np.asarray(seen.array, np.float64), list(seen.axes))
    return _attention(seen, chosen, words) if seen.kind == "attention" else _gate(seen, chosen, words)


# --- attention ----------------------------------------------------------------------------------------------------


def _attention(seen: Seen, chosen: _Chosen, words: Mapping[str, Sequence[str]]) -> Panels:
    rows, columns = _query_rows(seen), list(seen.source)
    others = [axis for axis in seen.axes if axis not in rows and axis not in columns]
    chosen.first([axis for axis in others if axis in seen.watched.open])
    others = [axis for axis in others if axis in chosen.axes]
    if not rows and others:
        rows = [others.pop()]
    grid = _grid([seen.watched.places.get(axis) for axis in columns])
    image = None if grid is None else _image(seen, grid)
    if grid is not None and image is not None:
        return _attention_over_image(seen, chosen, others, rows, columns, grid, image)
    arrays, titles = _separate(chosen, others, [rows, columns])
    sources = _side(seen, columns, words)
    if not rows:
        flat = tuple(array[0] for array in arrays)
        return Panels("bars", flat, titles, Side("weight"), sources, "weight", notes=tuple(chosen.notes))
    queries = _side(seen, rows, words)
    return Panels("matrix", arrays, titles, queries, sources, "weight", notes=tuple(chosen.notes))


def _query_rows(seen: Seen) -> list[str]:
    """The query axes that are drawn as rows: the twins of source axes, else those of open size, else all."""
    sources = {axis.rstrip("'") for axis in seen.source}
    twins = [axis for axis in seen.query if axis.rstrip("'") in sources]
    open_ = [axis for axis in seen.query if axis in seen.watched.open]
    return twins or open_ or list(seen.query)


def _attention_over_image(
    seen: Seen, chosen: _Chosen, others: list[str], rows: list[str], columns: list[str], grid: Cells, image: np.ndarray
) -> Panels:
    """For each head how much the sources weigh: for the query that is no part of the image, else on average."""
    arrays, titles = _separate(chosen, others, [rows, columns])
    place = seen.watched.places.get(rows[0]) if len(rows) == 1 else None
    outside = place is not None and (place.before.constant or 0) > 0
    if rows:
        chosen.notes.append(
            f"weights of {rows[0]} 0, which is no part of the image"
            if outside
            else f"weights on average over {' x '.join(rows)}"
        )
    height, width = _cells(seen, grid, columns)
    before = int(grid.before.constant or 0)
    drawn = []
    shares = []
    for array in arrays:
        weights = array[0] if outside or not rows else array.mean(axis=0)
        inside = weights[before : before + height * width]
        shares.append(1 - inside.sum())
        drawn.append(inside.reshape(height, width))
    left = math.prod(seen.array.shape[seen.axes.index(axis)] for axis in columns) - height * width
    if left:
        share = float(np.mean(shares))
        much = "less than 1%" if 0 <= share < 0.01 else f"{share:.0%}"
        chosen.notes.append(f"{left} of {' x '.join(columns)} is no part of the image, and has {much} of the weight")
    chosen.notes.append(f"{height} x {width} sources")
    return Panels("image", tuple(drawn), titles, Side(""), Side(""), "weight", image, tuple(chosen.notes))


def _cells(seen: Seen, grid: Cells, columns: list[str]) -> tuple[int, int]:
    """The numbers of rows and columns of cells in this call."""
    sizes = [seen.array.shape[seen.axes.index(axis)] for axis in columns]
    if len(sizes) == 2:
        return sizes[0], sizes[1]
    return grid.rows.count.constant or 0, grid.columns.count.constant or 0


# --- gates --------------------------------------------------------------------------------------------------------


def _gate(seen: Seen, chosen: _Chosen, words: Mapping[str, Sequence[str]]) -> Panels:
    chosen.first([axis for axis in seen.axes if axis in seen.watched.batch and seen.array.ndim > 1])
    pair = _crossing_axes(seen, chosen.axes)
    grid = None if pair is None else _grid([seen.watched.places[axis] for axis in pair])
    image = None if grid is None else _image(seen, grid)
    shown = list(pair) if pair is not None and image is not None else chosen.axes[-2:]
    chosen.first([axis for axis in chosen.axes if axis in seen.watched.open and axis not in shown])
    others = [axis for axis in chosen.axes if axis not in shown]
    if image is not None:
        arrays, titles = _separate(chosen, others, [[shown[0]], [shown[1]]])
        chosen.notes.append(f"{arrays[0].shape[0]} x {arrays[0].shape[1]} gates")
        return Panels("image", arrays, titles, Side(""), Side(""), "gate", image, tuple(chosen.notes))
    if len(shown) == 2:
        arrays, titles = _separate(chosen, others, [[shown[0]], [shown[1]]])
        sides = [_side(seen, [axis], words) for axis in shown]
        return Panels("matrix", arrays, titles, sides[0], sides[1], "gate", notes=tuple(chosen.notes))
    arrays, titles = _separate(chosen, others, [shown])
    return Panels("bars", arrays, titles, Side("gate"), _side(seen, shown, words), "gate", notes=tuple(chosen.notes))


def _crossing_axes(seen: Seen, axes: Sequence[str]) -> tuple[str, str] | None:
    """Two axes that lie along two axes of one input, in the order that the input has them."""
    along = [(axis, place) for axis in axes if isinstance(place := seen.watched.places.get(axis), Along)]
    for number, (first, place) in enumerate(along):
        for second, other in along[number + 1 :]:
            if place.input == other.input and place.axis != other.axis and place.input in seen.inputs:
                order = seen.inputs[place.input].axes
                if place.axis in order and other.axis in order:
                    turned = order.index(place.axis) > order.index(other.axis)
                    return (second, first) if turned else (first, second)
    return None


# --- both ---------------------------------------------------------------------------------------------------------


def _grid(places: Sequence[Place | None]) -> Cells | None:
    """The grid that one axis of cells, or two axes of an image, make."""
    match places:
        case [Cells() as cells]:
            return cells
        case [Along() as rows, Along() as columns] if rows.input == columns.input and rows.axis != columns.axis:
            return Cells(rows, columns)
    return None


def _image(seen: Seen, grid: Cells) -> np.ndarray | None:
    """The image that a grid lies over: [row, column] or [row, column, 3] in 0..1; None where the input is none."""
    given = seen.inputs.get(grid.rows.input)
    if given is None or not {grid.rows.axis, grid.columns.axis} <= set(given.axes) or given.array.size == 0:
        return None
    chosen = _Chosen(np.asarray(given.array), list(given.axes))
    if chosen.array.dtype.kind not in "fiu":
        return None
    sides = (grid.rows.axis, grid.columns.axis)
    others = [axis for axis in given.axes if axis not in sides]
    colours = [axis for axis in others if given.array.shape[given.axes.index(axis)] == 3]
    chosen.first([axis for axis in others if axis != (colours[-1] if colours else "") and axis in seen.watched.open])
    for axis in [axis for axis in chosen.axes if axis not in sides and axis not in colours[-1:]]:
        chosen.array = chosen.array.mean(axis=chosen.axes.index(axis))
        chosen.axes.remove(axis)
    picture = chosen.ordered([*sides, *colours[-1:]]).astype(np.float64)
    finite = picture[np.isfinite(picture)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if high <= low:
        return np.zeros_like(picture)
    return np.clip(np.nan_to_num((picture - low) / (high - low)), 0.0, 1.0)


def _separate(
    chosen: _Chosen, others: Sequence[str], sides: Sequence[Sequence[str]]
) -> tuple[tuple[np.ndarray, ...], tuple[str, ...]]:
    """An array for each position of the `others`, with a dimension for each of `sides`; at most `MOST_PANELS`."""
    ordered = chosen.ordered([*others, *(axis for side in sides for axis in side)])
    outer = ordered.shape[: len(others)]
    inner, place = [], len(others)
    for side in sides:
        inner.append(math.prod(ordered.shape[place : place + len(side)]))
        place += len(side)
    count = math.prod(outer)
    flat = ordered.reshape(count, *inner)
    titles = [
        ", ".join(f"{axis} {position}" for axis, position in zip(others, np.unravel_index(number, outer), strict=True))
        for number in range(min(count, MOST_PANELS))
    ] if others else [""]  # fmt: skip
    if count > MOST_PANELS:
        chosen.notes.append(f"the first {MOST_PANELS} of {count} ({' x '.join(others)}); the others are left out")
    return tuple(flat[:MOST_PANELS]), tuple(titles)


def _side(seen: Seen, axes: Sequence[str], words: Mapping[str, Sequence[str]]) -> Side:
    """The title of a side, and the caller's words where they are as many as its positions."""
    size = math.prod(seen.array.shape[seen.axes.index(axis)] for axis in axes)
    side = Side(" x ".join(axes))
    place = seen.watched.places.get(axes[0]) if len(axes) == 1 else None
    known = words.get(place.axis if isinstance(place, Along) else axes[0] if axes else "", ())
    return replace(side, words=tuple(map(str, known))) if len(known) == size else side
