"""Boxes within boxes, and wires between them: what a picture of a graph is made of, whatever draws it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal as Choice

from attncomp.ir.graph import Node
from attncomp.ir.types import ValueType

REGION_COLOURS: Mapping[str, str] = {
    "attention": "#cfe2ff",
    "gate": "#d1e7dd",
    "pointwise": "#fff3cd",
    "product": "#f8d7da",
}
OTHER_REGION_COLOUR = "#e2e3e5"

BoxKind = Choice["input", "operator", "layer", "region", "result"]


@dataclass
class Box:
    """A box: what stands in it, and the boxes within it, of which a folded layer has none.

    `region` is the kind of a region, `regions` the kinds of those folded into the box; `node` is the operator that the
    box stands for, `operators` how many it stands for, `copies` how many layers that are alike.
    """

    key: str
    title: str
    kind: BoxKind
    lines: list[str] = field(default_factory=list)
    children: list[Box] = field(default_factory=list)
    region: str = ""
    regions: list[str] = field(default_factory=list)
    node: Node | None = None
    operators: int = 1
    copies: int = 1

    @property
    def colour(self) -> str:
        """The colour of its region, or of the one that is folded into it; "" for none."""
        kinds = [self.region] if self.region else list(dict.fromkeys(self.regions))
        return REGION_COLOURS.get(kinds[0], OTHER_REGION_COLOUR) if len(kinds) == 1 else ""

    def all(self) -> Iterator[Box]:
        """The box and all within it, each before those within."""
        yield self
        for child in self.children:
            yield from child.all()


@dataclass(frozen=True)
class Value:
    """What a wire carries: a key of its own, the box that makes it, its type."""

    key: str
    box: str
    type: ValueType


@dataclass(frozen=True)
class Wire:
    """A value, and the box that reads it."""

    value: Value
    target: str


@dataclass
class Scene:
    """The boxes of a graph within one around all of them, and each wire once, in the order of the graph."""

    root: Box
    wires: list[Wire]
