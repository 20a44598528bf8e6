"""Boxes that feed one another in a circle, as no picture from top to bottom can show them.

The path of a layer need not hold all that stands between its parts: `mlp.fc`, a function, `mlp.proj`. Such a function
is drawn within the layer. Layers that feed one another in turn lose their frames or, where they are folded, share a
box.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attncomp.inspect.boxes import Box, Scene, Value, Wire
from attncomp.inspect.scopes import merged_paths


def untangle(scene: Scene) -> None:
    """Takes every circle out of the scene, in place."""
    waiting = [scene.root]
    while waiting:
        box = waiting.pop()
        while circles := [circle for circle in _circles(scene, box) if len(circle) > 1]:
            for circle in circles:
                _open(scene, box, circle)
        waiting.extend(child for child in box.children if child.children)


def _open(scene: Scene, around: Box, circle: Sequence[Box]) -> None:
    layers = [box for box in circle if box.kind == "layer"]
    frames = [box for box in layers if box.children]
    if len(layers) == 1 or not frames:
        _absorb(scene, around, circle, layers or circle[:1])
        return
    dissolved = {box.key: box for box in frames}
    children: list[Box] = []
    for child in around.children:
        for inner in child.children if child.key in dissolved else (child,):
            if child.key in dissolved and inner.kind == "layer":
                inner.title = f"{child.title}.{inner.title}"
            children.append(inner)
    around.children = children


def _absorb(scene: Scene, around: Box, circle: Sequence[Box], layers: Sequence[Box]) -> None:
    """Makes the first of `layers` hold, or stand for, all of the circle."""
    first = layers[0]
    others = [box for box in circle if box is not first]
    keys = {box.key for box in others}
    around.children = [child for child in around.children if child.key not in keys]
    if first.children:
        order = {box.key: number for number, box in enumerate(circle)}
        first.children += sorted(others, key=lambda box: order[box.key])
        return
    first.kind, first.node = "layer", None
    first.title = merged_paths(box.title for box in layers)
    for other in others:
        for box in other.all():
            keys.add(box.key)
            first.operators += box.operators
            first.regions += [*box.regions, *([box.region] if box.region else [])]
    wires: dict[tuple[str, str], Wire] = {}
    for wire in scene.wires:
        made = first.key if wire.value.box in keys else wire.value.box
        read = first.key if wire.target in keys else wire.target
        if made != read:
            value = Value(wire.value.key, made, wire.value.type)
            wires.setdefault((value.key, read), Wire(value, read))
    scene.wires[:] = wires.values()


def _circles(scene: Scene, box: Box) -> list[list[Box]]:
    """The children of a box, those together that lead to one another: Tarjan's strongly connected components (1972)."""
    holder = {inner.key: child.key for child in box.children for inner in child.all()}
    followers: dict[str, dict[str, None]] = {child.key: {} for child in box.children}
    for wire in scene.wires:
        made, read = holder.get(wire.value.box), holder.get(wire.target)
        if made is not None and read is not None and made != read:
            followers[made][read] = None
    found = _components(followers)
    children = {child.key: child for child in box.children}
    place = {key: number for number, key in enumerate(children)}
    return [[children[key] for key in sorted(component, key=place.__getitem__)] for component in found]


def _components(followers: Mapping[str, Iterable[str]]) -> list[list[str]]:
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    held = set[str]()
    found: list[list[str]] = []
    for start in followers:
        if start in number:
            continue
        number[start] = low[start] = len(number)
        stack.append(start)
        held.add(start)
        work = [(start, iter(followers[start]))]
        while work:
            at, left = work[-1]
            for follower in left:
                if follower not in number:
                    number[follower] = low[follower] = len(number)
                    stack.append(follower)
                    held.add(follower)
                    work.append((follower, iter(followers[follower])))
                    break
                if follower in held:
                    low[at] = min(low[at], number[follower])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[at])
                if low[at] == number[at]:
                    component: list[str] = []
                    while not component or component[-1] != at:
                        component.append(stack.pop())
                        held.discard(component[-1])
                    found.append(component)
    return found
