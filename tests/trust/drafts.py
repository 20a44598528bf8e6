"""A graph while it is drawn: what hypothesis decides, the sizes that axes have, and values that are used again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter
from passes.sketch import Sketch

from attncomp.ir.graph import Attribute, Graph
from attncomp.ir.print import print_graph
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType

T = TypeVar("T")
Sizes = dict[str, int | str]

# Numbers for the symbols of the graphs: the usual, ragged ones, ones, and axes of size 0.
BINDINGS = (
    {"batch": 2, "seq": 3, "source": 4},
    {"batch": 1, "seq": 5, "source": 2},
    {"batch": 1, "seq": 1, "source": 1},
    {"batch": 0, "seq": 3, "source": 2},
    {"batch": 2, "seq": 0, "source": 3},
    {"batch": 2, "seq": 2, "source": 0},
)
EMPTY = tuple(sizes for sizes in BINDINGS if 0 in sizes.values())


@dataclass(frozen=True)
class Drawn:
    """A drawn graph, and what decides how its results may be compared.

    `handwritten` is whether it spells a softmax out, which may overflow, or be NaN for a row that is masked out;
    `narrow` whether it casts to f16; `huge` whether scores of 1e4, or masks of -1e9, occur: in float32 these swallow
    what is added to them.
    """

    graph: Graph
    handwritten: bool = False
    narrow: bool = False
    huge: bool = False

    def __repr__(self) -> str:
        flags = [name for name in ("handwritten", "narrow", "huge") if getattr(self, name)]
        return f"{' '.join(flags)}\n{print_graph(self.graph)}"

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        """Hypothesis shows the graph's text, without the places, in place of its parts."""
        printer.text(re.sub(r' @ "sketch.*', "", repr(self)))


@dataclass
class Draft:
    """What the motifs add to. The first of the things that `choose` is given is the simplest."""

    draw: st.DrawFn
    s: Sketch = field(default_factory=Sketch)
    results: list[int] = field(default_factory=list)
    pool: list[int] = field(default_factory=list)
    handwritten: bool = False
    narrow: bool = False
    huge: bool = False
    count: int = 0

    # --- drawing ------------------------------------------------------------------------------------------------

    def choose(self, *things: T) -> T:
        return things[0] if len(things) == 1 else self.draw(st.sampled_from(things))

    def chance(self, one_in: int = 2) -> bool:
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    def some(self, names: Iterable[str]) -> tuple[str, ...]:
        """Any of the names, in their order."""
        return tuple(name for name in names if self.chance())

    def shuffled(self, sizes: Sizes) -> Sizes:
        """The same axes in another order."""
        return {name: sizes[name] for name in self.draw(st.permutations(list(sizes)))}

    def label(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    # --- values -------------------------------------------------------------------------------------------------

    def sizes(self, value: int) -> Sizes:
        """The axes of a value as `Sketch` takes them; sizes that are formulas are left out."""
        found: Sizes = {}
        for axis in self.s.graph.type(value).axes:
            number = axis.size.constant
            if number is not None:
                found[axis.name] = number
            elif axis.size == Size.symbol(str(axis.size)):
                found[axis.name] = str(axis.size)
        return found

    def has(self, value: int, *names: str) -> bool:
        return set(names) <= set(self.s.names(value))

    def input(self, stem: str, sizes: Sizes, dtype: DType = DType.F32) -> int:
        """A new input, or one that is there already."""
        if dtype is DType.F32:
            known = [value for value in self.pool if self.sizes(value) == sizes]
            if known and self.chance():
                return self.choose(*known)
        made = self.s.input(self.label(stem), dtype, **self.shuffled(sizes))
        if dtype is DType.F32:
            self.pool.append(made)
        return made

    def parameter(self, stem: str, sizes: Sizes) -> int:
        return self.s.parameter(self.label(stem), **self.shuffled(sizes))

    def op(self, operator: str, *operands: int, name: str = "", **attributes: Attribute) -> int:
        return self.s.op(operator, *operands, name=name, **attributes)

    def number(self, value: float) -> int:
        return self.s.constant(value)

    def commuted(self, operator: str, a: int, b: int, **attributes: Attribute) -> int:
        """A commutative operator with its operands in either order."""
        return self.op(operator, *((b, a) if self.chance() else (a, b)), **attributes)

    def positions(self, axis: str, sizes: Sizes) -> int:
        return self.s.arange(axis, sizes[axis])

    def axis(self, name: str, size: int | str) -> Axis:
        return Axis.of(name, Size.symbol(size) if isinstance(size, str) else size)

    # --- steps that anything may take ---------------------------------------------------------------------------

    def pointwise(self, x: int) -> int:
        """One step place by place: what bounds its value, what folds, casts there and back, renames there and back."""
        kind = self.choose("tanh", "half", "sin", "twice", "zero", "cast", "narrow", "rename", "silu", "shared", "none")
        if kind in ("tanh", "sin", "silu"):
            return self.op(kind, x)
        if kind == "half":
            return self.commuted("multiply", x, self.number(0.5))
        if kind == "twice":
            return self.op("negate", self.op("negate", x))
        if kind == "zero":
            return self.commuted("add", x, self.number(0.0))
        if kind == "cast":
            return self.op("cast", self.op("cast", x, dtype=DType.F64), dtype=DType.F32)
        if kind == "narrow":
            self.narrow = True
            return self.op("cast", self.op("cast", x, dtype=DType.F16), dtype=DType.F32)
        if kind == "rename":
            return self.renamed_there_and_back(x)
        if kind == "shared":
            return self.op("subtract", self.op("tanh", x), self.commuted("multiply", self.op("tanh", x), x))
        return x

    def renamed_there_and_back(self, x: int) -> int:
        if not self.s.names(x):
            return x
        name = self.choose(*self.s.names(x))
        return self.s.rename(self.s.rename(x, **{name: "elsewhere"}), elsewhere=name)

    def escapes(self, value: int) -> None:
        """A second reader of a value: a result of the graph, or an operator whose value is one."""
        kind = self.choose("result", "tanh", "sum")
        if kind == "tanh":
            value = self.op("tanh", value)
        elif kind == "sum" and self.s.names(value):
            value = self.op("sum", value, axes=(self.choose(*self.s.names(value)),))
        self.results.append(value)

    def finish(self) -> Drawn:
        return Drawn(self.s.returns(*dict.fromkeys(self.results)), self.handwritten, self.narrow, self.huge)
