"""Layers that are alike and feed one another, drawn once: a tower of twelve is one box with `× 12`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from attncomp.inspect.boxes import Box, Scene, Value, Wire
from attncomp.inspect.scopes import merged_paths
from attncomp.ir.scopes import pattern

_Made = tuple[int, int]


def merge_repeats(scene: Scene) -> None:
    """Makes each run of layers that are alike its first, in place, which then says how many it stands for.

    A run is merged where all read the same values but for those that each hands to the next, and nothing else reads
    what is handed on within the run.
    """
    waiting = [scene.root]
    while waiting:
        box = waiting.pop()
        _merge_children(scene, box)
        waiting.extend(child for child in box.children if child.children)


def _merge_children(scene: Scene, box: Box) -> None:
    kept: list[Box] = []
    for likeness, group in groupby(box.children, _likeness):
        run = list(group)
        found = _mergeable(scene, run) if likeness[0] == "layer" and len(run) > 1 else None
        if found is None:
            kept += run
            continue
        first, end = found
        _merge(scene, run[first:end])
        kept += run[: first + 1] + run[end:]
    box.children = kept


def _likeness(box: Box) -> tuple[object, ...]:
    """What repeated layers have in common: all that is drawn but the numbers in their paths."""
    title = pattern(box.title) if box.kind == "layer" else box.title
    inner = tuple(_likeness(child) for child in box.children)
    return box.kind, title, tuple(box.lines), tuple(box.regions), box.region, box.operators, inner


def _mergeable(scene: Scene, run: Sequence[Box]) -> tuple[int, int] | None:
    """From which to which layer of a run all are one tower; the first and the last are often special."""
    for first, end in ((0, len(run)), (1, len(run)), (0, len(run) - 1), (1, len(run) - 1)):
        if end - first > 1 and _is_tower(scene, run[first:end]):
            return first, end
    return None


@dataclass
class _Ends:
    """The wires of one layer of a run, by the positions of the boxes in it."""

    within: list[tuple[_Made, int]] = field(default_factory=list)
    handed: list[tuple[_Made, int]] = field(default_factory=list)
    entering: list[tuple[str, int]] = field(default_factory=list)


def _is_tower(scene: Scene, run: Sequence[Box]) -> bool:
    places = {box.key: (number, at) for number, layer in enumerate(run) for at, box in enumerate(layer.all())}
    made = _numbered(scene.wires, places)
    ends = [_Ends() for _ in run]
    for wire in scene.wires:
        target, source = places.get(wire.target), places.get(wire.value.box)
        if source is not None and source[0] < len(run) - 1 and (target is None or target[0] - source[0] not in (0, 1)):
            return False
        if target is None:
            continue
        number, at = target
        if source is None:
            ends[number].entering.append((wire.value.key, at))
        elif source[0] == number:
            ends[number].within.append((made[wire.value.key], at))
        elif source[0] == number - 1:
            ends[number].handed.append((made[wire.value.key], at))
        else:
            return False
    start, *others = ends
    same = all(_sorted(end) == _sorted(others[0]) for end in others)
    into = sorted(at for _, at in start.entering)
    return (
        same
        and bool(others[0].handed)
        and sorted(start.within) == sorted(others[0].within)
        and into == sorted(at for _, at in (*others[0].entering, *others[0].handed))
        and set(others[0].entering) <= set(start.entering)
    )


def _sorted(ends: _Ends) -> tuple[object, ...]:
    return sorted(ends.within), sorted(ends.handed), sorted(ends.entering)


def _numbered(wires: Sequence[Wire], places: Mapping[str, tuple[int, int]]) -> dict[str, _Made]:
    """Each value made in a run: the position of its box in the layer, and its number among those made there."""
    found: dict[str, _Made] = {}
    met: dict[str, int] = {}
    for wire in wires:
        if wire.value.box in places and wire.value.key not in found:
            number = met.get(wire.value.box, 0)
            met[wire.value.box] = number + 1
            found[wire.value.key] = (places[wire.value.box][1], number)
    return found


def _merge(scene: Scene, run: Sequence[Box]) -> None:
    """Drops all layers of a run but the first, which now makes what the last one made."""
    first = run[0]
    boxes = list(first.all())
    places = {box.key: (number, at) for number, layer in enumerate(run) for at, box in enumerate(layer.all())}
    made = _numbered(scene.wires, places)
    wires = []
    for wire in scene.wires:
        source, target = places.get(wire.value.box), places.get(wire.target)
        if (source is None or source[0] == 0) and (target is None or target[0] == 0):
            wires.append(wire)
        elif source is not None and source[0] == len(run) - 1 and target is None:
            value = wire.value
            at, number = made[value.key]
            wires.append(Wire(Value(f"{boxes[at].key}:{number}", boxes[at].key, value.type), wire.target))
    scene.wires[:] = wires
    first.title = merged_paths(layer.title for layer in run)
    first.copies = sum(layer.copies for layer in run)
