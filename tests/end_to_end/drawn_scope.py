"""What a body of a drawn model can name: axes, values, options. Shared by the models, blocks and functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st


@dataclass(frozen=True)
class Axis:
    """An axis of a value: which one it is, whatever a body calls it, and its size in canonical text (`4`, `seq-1`)."""

    identity: str
    size: str

    @property
    def known(self) -> bool:
        return self.size.isdigit()

    @property
    def number(self) -> int:
        return int(self.size)


@dataclass(frozen=True)
class Value:
    """A value by its name in a body. `kind` is `f32`, `i64` or `bool`."""

    text: str
    axes: tuple[Axis, ...]
    kind: str = "f32"

    def axis(self, identity: str) -> Axis | None:
        return next((axis for axis in self.axes if axis.identity == identity), None)


def fits(*values: Value) -> bool:
    """Whether values agree on the sizes of the axes that they share."""
    sizes: dict[str, str] = {}
    return all(sizes.setdefault(axis.identity, axis.size) == axis.size for value in values for axis in value.axes)


def union(*values: Value) -> tuple[Axis, ...]:
    return tuple(dict.fromkeys(axis for value in values for axis in value.axes))


@dataclass
class Numbering:
    """Names that no body of one file has used."""

    count: int = 0
    declarations: list[str] = field(default_factory=list)

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"


@dataclass
class Scope:
    """A body being written. `visible` is what it calls the axes that it can name; others of its values ride along."""

    draw: st.DrawFn
    numbering: Numbering
    visible: dict[str, str]
    declared: dict[str, Axis]
    depth: int = 0
    lines: list[str] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    options: list[tuple[str, str]] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)  # names that the caller has for axes that this body cannot name

    # --- drawing ------------------------------------------------------------------------------------------------

    def chance(self, one_in: int = 2) -> bool:
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    def choose(self, things: Sequence[str]) -> str:
        return self.draw(st.sampled_from(things))

    def pick(self, suits: Callable[[Value], bool] = lambda value: True, kind: str = "f32") -> Value | None:
        """A value that suits, a recent one; of any kind where `kind` is empty."""
        found = [value for value in self.values if value.kind == (kind or value.kind) and suits(value)]
        return self.draw(st.sampled_from(found[:-6:-1])) if found else None

    def one_axis(self, axes: Iterable[Axis]) -> Axis | None:
        found = [axis for axis in axes if axis.identity in self.visible]
        return self.draw(st.sampled_from(found)) if found else None

    def some(self, axes: Sequence[Axis], least: int = 1) -> tuple[Axis, ...]:
        """Several of the axes, in any order."""
        own = [axis for axis in axes if axis.identity in self.visible]
        if len(own) < least:
            return ()
        chosen = self.draw(st.permutations(own))
        return tuple(chosen[: self.draw(st.integers(least, len(own)))])

    # --- axes ---------------------------------------------------------------------------------------------------

    def own(self, value: Value) -> tuple[Axis, ...]:
        return tuple(axis for axis in value.axes if axis.identity in self.visible)

    def name(self, axis: Axis) -> str:
        return self.visible[axis.identity]

    def names(self, axes: Iterable[Axis]) -> str:
        return ", ".join(self.name(axis) for axis in axes)

    def declare(self, size: str, text: str, name: str | None = None) -> Axis:
        """A new axis: `size` in canonical text, `text` as it is written."""
        free = [known for known in self.elsewhere if known not in self.visible.values()]
        name = name or (self.choose(free) if free and self.chance() else self.numbering.fresh("a"))
        axis = Axis(self.numbering.fresh("axis "), size)
        self.visible[axis.identity] = name
        self.declared[axis.identity] = axis
        self.lines.append(f"axis {name} = {text}")
        return axis

    def twin(self, axis: Axis) -> Axis:
        """The twin of an axis, with the size that it has here."""
        identity = f"{axis.identity}'{self.depth}"
        self.visible[identity] = self.visible[axis.identity] + "'"
        declared = self.declared[axis.identity]
        self.declared[identity] = Axis(identity, declared.size)
        return Axis(identity, axis.size)

    # --- writing ------------------------------------------------------------------------------------------------

    def let(self, expression: str, axes: Iterable[Axis], kind: str = "f32", *, stated: bool = False) -> Value:
        """A new value; `stated` writes its axes down."""
        value = Value(self.numbering.fresh("v"), tuple(axes), kind)
        ascription = f": {{{self.names(self.own(value))}}}" if stated or self.chance(6) else ""
        self.lines.append(f"{value.text}{ascription} = {expression}")
        self.values.append(value)
        return value

    def layer(self, made: str, stem: str = "layer_") -> str:
        name = self.numbering.fresh(stem)
        key = f' as "{self.numbering.fresh("key.")}"' if self.chance(4) else ""
        self.lines.append(f"layer {name} = {made}{key}")
        return name
