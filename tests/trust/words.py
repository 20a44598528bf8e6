"""Model files that say the same mathematics in other words: one attention, or one gate, each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

T = TypeVar("T")
Axes = tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """A model file, the same model in the plainest words, and whether its softmax is spelled out."""

    text: str
    plain: str
    handwritten: bool = False

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """Hypothesis shows the text as a file has it."""
        printer.text(f"\n{self.text}")


@dataclass
class Words:
    """The body of a model while it is written. Where `draw` is none, every choice is the first: the plainest."""

    draw: st.DrawFn | None
    lines: list[str] = field(default_factory=list)
    handwritten: bool = False

    def choose(self, *things: T) -> T:
        return things[0] if self.draw is None else self.draw(st.sampled_from(things))

    def let(self, expression: str, axes: Axes) -> str:
        """A name for a value with these axes, which are written down."""
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name}: {{{', '.join(axes)}}} = {expression}")
        return name

    def said(self, x: str, axes: Axes) -> str:
        """The same value in other words."""
        kind = self.choose("as it is", "as it is", "cast", "rename", "zero", "one", "twice", "name", "dropout")
        if kind == "cast":
            return f"cast{{f32}}({x})"
        if kind == "rename" and axes:
            name = self.choose(*axes)
            other = f"other{len(self.lines)}"
            self.lines.append(f"axis {other} = |{name}|")
            renamed = self.let(f"({x})[{name} -> {other}]", tuple(other if one == name else one for one in axes))
            return f"{renamed}[{other} -> {name}]"
        if kind == "zero":
            return self.choose(f"({x} + 0)", f"({x} - 0)")
        if kind == "one":
            return self.choose(f"({x} * 1)", f"({x} / 1)")
        if kind == "twice":
            return f"(-(-{x}))"
        if kind == "name":
            return self.let(x, axes)
        if kind == "dropout":
            self.lines.append(f"layer drop{len(self.lines)} = Dropout{{rate = 0.0}}")
            return f"drop{len(self.lines) - 1}({x})"
        return x

    def either(self, a: str, sign: str, b: str) -> str:
        """A commutative operator with its operands in either order."""
        return self.choose(f"({a} {sign} {b})", f"({b} {sign} {a})")

    def model(self, inputs: Sequence[str], result: str, out: str) -> str:
        lines = "\n".join(f"  {line}" for line in self.lines)
        return f"model Said({', '.join(inputs)}) -> {result} {{\n{lines}\n  return {out}\n}}\n"
