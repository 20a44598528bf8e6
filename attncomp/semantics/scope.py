"""Frames: the names, axes and riders of one use of a model, block or function.

Hygiene: a name of an axis in the file stands for an axis of the graph, chosen per use. A formal axis stands for the
argument's axis; a local one gets a name that no argument carries, so that it never meets a caller's axis by accident.
Axes of the arguments that no formal names are riders: they pass through.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from attncomp.diagnostics.core import Span, fail
from attncomp.diagnostics.suggest import did_you_mean, nearest
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, ValueType
from attncomp.semantics.context import Context
from attncomp.semantics.files import SourceFile
from attncomp.semantics.values import Layer, Value
from attncomp.syntax import tree

UNIT_AXIS = "one"


@dataclass(eq=False)
class Frame:
    """One use of a declaration.

    `values` and `axes` are what its names stand for; `riders` and `taken` are axis names of the graph: those that pass
    through, and all that a local axis must not be called. `owner` is the layer instance whose parameters the body
    makes, `path` their prefix. `parent` is the frame around a local function. `is_function` is whether this is the use
    of a function, which makes no layers.
    """

    context: Context
    file: SourceFile
    title: str
    owner: Layer | None = None
    path: str = ""
    parent: Frame | None = None
    depth: int = 0
    is_function: bool = False
    values: dict[str, Value] = field(default_factory=dict)
    places: dict[str, Span] = field(default_factory=dict)
    axes: dict[str, Axis] = field(default_factory=dict)
    axis_places: dict[str, Span] = field(default_factory=dict)
    riders: frozenset[str] = frozenset()
    taken: set[str] = field(default_factory=set)

    # --- names --------------------------------------------------------------------------------------------------

    def lookup(self, name: str) -> Value | None:
        """What a name stands for in this frame or those around it, not in the file."""
        if name in self.values:
            return self.values[name]
        return self.parent.lookup(name) if self.parent else None

    def visible(self) -> frozenset[str]:
        """All names of values that can be read here."""
        around = self.parent.visible() if self.parent else self.file.usable_names()
        return frozenset(self.values) | around

    def define(self, name: tree.Name, value: Value) -> None:
        """Lets a name stand for a value from here on."""
        self.values[name.text] = value
        self.places[name.text] = name.span

    # --- axes ---------------------------------------------------------------------------------------------------

    def find_axis(self, name: str) -> Axis | None:
        """The axis that a name stands for here: a declared one, one of a frame around, the unit axis, or a twin."""
        if name in self.axes:
            return self.axes[name]
        if self.parent is not None and (found := self.parent.find_axis(name)):
            return found
        if name == UNIT_AXIS:
            return Axis.of(UNIT_AXIS, 1)
        if name.endswith("'") and (base := self.find_axis(name[:-1])):
            return self.bind_local(name, base.name + "'", base.size)
        return None

    def axis(self, name: tree.Name) -> Axis:
        """The axis that a name stands for. Raises E011 where there is none."""
        found = self.find_axis(name.text)
        if found is None:
            raise fail("E011", f"there is no axis `{name.text}` here", name.span, help=self._how_to_declare(name.text))
        return found

    def _how_to_declare(self, name: str) -> str:
        close = nearest(name, self.axis_names())
        if close is not None:
            return f"did you mean `{close}`?"
        if self.lookup(name) is not None:
            return f"`{name}` is a value, not an axis: write `axis {name} = …` where it is declared"
        base = name.rstrip("'")
        return f"declare it: `axis {base} = …`" + (f", then `{name}` is its twin" if base != name else "")

    def axis_in(self, name: tree.Name, type_: ValueType) -> Axis:
        """The axis of a value that a name stands for: a declared one, or one that the value has under that very name.

        Raises E011 for an unknown axis and E023 where the value lacks it; a forgotten rename is E020.
        """
        found = self.find_axis(name.text)
        if found is None and type_.has(name.text):
            return Axis(name.text, type_.size(name.text))
        if found is None:
            raise fail(
                "E011",
                f"there is no axis `{name.text}` here",
                name.span,
                help=did_you_mean(name.text, self.axis_names() | self.shown(type_.names)) or self.known_axes(type_),
            )
        if type_.has(found.name):
            return Axis(found.name, type_.size(found.name))
        base = self.find_axis(name.text.rstrip("'"))
        if name.text.endswith("'") and base is not None and type_.has(base.name):
            original = name.text.rstrip("'")
            raise fail(
                "E020",
                f"this has no axis `{name.text}`, but it has `{original}`: was the rename forgotten?",
                name.span,
                f"the value has {self.axis_text(type_.names)}",
                help=f"rename the keys and the values: `k[{original} -> {name.text}]`",
            )
        raise fail(
            "E023",
            f"this has no axis `{name.text}`",
            name.span,
            f"the value has {self.axis_text(type_.names)}",
            help=did_you_mean(name.text, self.shown(type_.names)),
        )

    def bind_local(self, name: str, wished: str, size: Size, span: Span | None = None) -> Axis:
        """Declares a local axis; in the graph it is called `wished`, or like it where an argument has that name."""
        axis = Axis(self.fresh(wished), size)
        self.axes[name] = axis
        self.taken.add(axis.name)
        if span is not None:
            self.axis_places[name] = span
        return axis

    def fresh(self, wished: str, besides: Iterable[str] = ()) -> str:
        """A name like `wished` that no argument's axis, no local axis and none of `besides` has."""
        taken = self.taken.union(besides)
        if wished not in taken:
            return wished
        if wished.endswith("'"):
            return self.fresh(wished + "'", besides)
        number = 2
        while f"{wished}_{number}" in taken:
            number += 1
        return f"{wished}_{number}"

    def axis_names(self) -> frozenset[str]:
        """The names of axes declared here."""
        return frozenset(self.axes) | (self.parent.axis_names() if self.parent else frozenset())

    # --- words for messages -------------------------------------------------------------------------------------

    def show(self, axis: str) -> str:
        """The name that the file has for an axis of the graph."""
        for name, bound in self.axes.items():
            if bound.name == axis:
                return name
        return self.parent.show(axis) if self.parent else axis

    def shown(self, axes: Iterable[str]) -> frozenset[str]:
        """The file's names of axes of the graph."""
        return frozenset(self.show(axis) for axis in axes)

    def axis_text(self, axes: Iterable[str]) -> str:
        """Axes of the graph as the file writes them: `{seq, embed}`."""
        return "{" + ", ".join(self.show(axis) for axis in axes) + "}"

    def known_axes(self, type_: ValueType) -> str:
        """A help line that lists the axes of a value."""
        return f"the value has {self.axis_text(type_.names)}" if type_.axes else "the value has no axes"
