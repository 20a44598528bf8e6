"""Narrows the body of a region to a piece: the same operators on a part of some axes of its result.

An axis can be cut where everything that depends on it does the same for each of its places: no operator of the body
works on it, no large value of the body lacks it (it would be made anew for each piece). Positions along a cut axis are
counted from the start of the piece, which the narrowed body takes as one more input. The sources that a piece reads are
one more axis of this kind, which no result has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from attncomp.ir.build import Builder, in_order
from attncomp.ir.cost import operations
from attncomp.ir.estimate import estimate
from attncomp.ir.graph import Attribute, Graph, Node, Result
from attncomp.ir.operators.region import body_inputs
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType
from attncomp.ir.working import worked_axes
from attncomp.lowering.cut_names import Cut, operand_cut, result_cut
from attncomp.lowering.reach import Reach
from attncomp.lowering.sources import Sources

# How much of a body's arithmetic may be done anew for each piece of an axis.
_REPEATED = 1 / 16


@dataclass(frozen=True)
class Given:
    """An input of a narrowed body: which operand of the region it is a piece of, and where it is cut."""

    operand: int
    cut: Cut


@dataclass(frozen=True)
class Narrowed:
    """A body on pieces of `axes`, whose sizes are `symbols` inside; the axis of a reach is the last of them.

    Its inputs `i0`, `i1`, … are `given`; `starts` has the name of the input with the first position of a piece for each
    axis whose positions the body asks for. `cuts` are the names of the cut axes in each result.
    """

    body: Graph
    axes: tuple[Axis, ...]
    symbols: tuple[str, ...]
    given: tuple[Given, ...]
    starts: Mapping[int, str]
    cuts: tuple[Cut, ...]


def cuttable_axes(body: Graph) -> tuple[Axis, ...]:
    """The axes of the first result along which a body can be done in pieces, each by itself."""
    first = body.results[0].node
    return tuple(axis for axis in body.type(first).axes if _can_cut(body, axis))


def narrow(body: Graph, axes: Sequence[Axis], operands: int, reach: Reach | None = None) -> Narrowed:
    """`body`, which reads so many `operands`, on pieces of `axes`, all of them cuttable, and on what these read."""
    taken = {symbol for node in body.nodes() for axis in node.type.axes for symbol in axis.size.symbols()}
    symbols = [_symbol(axis, "piece", taken) for axis in axes]
    cuts = tuple(result_cut(body, result.node, axes) for result in body.results)
    names: Sources = {}
    if reach is not None:
        symbols.append(_symbol(reach.axis, "reach", taken))
        axes, names = (*axes, reach.axis), reach.names
        cuts = tuple((*cut, None) for cut in cuts)
    numbers = {identity: number for number, identity in enumerate(body_inputs(body, operands))}
    work = _Narrowing(body, numbers, tuple(symbols), names)
    made = [work.build(result.node, cut) for result, cut in zip(body.results, cuts, strict=True)]
    work.narrowed.results = tuple(
        Result(result.name, node, in_order(work.narrowed.type(node)))
        for result, node in zip(body.results, made, strict=True)
    )
    return Narrowed(work.narrowed, tuple(axes), tuple(symbols), tuple(work.given), work.starts, cuts)


def _symbol(axis: Axis, kind: str, taken: set[str]) -> str:
    symbol = f"{axis.name.rstrip(chr(39))}_{kind}"
    while symbol in taken:
        symbol += "_"
    taken.add(symbol)
    return symbol


@dataclass
class _Narrowing:
    """Builds the narrowed body from its results backwards; a node that is read cut in two ways is built twice."""

    body: Graph
    numbers: Mapping[int, int]
    symbols: tuple[str, ...]
    sources: Sources
    narrowed: Graph = field(init=False)
    given: list[Given] = field(default_factory=list)
    starts: dict[int, str] = field(default_factory=dict)
    built: dict[tuple[int, Cut], int] = field(default_factory=dict)
    counters: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.narrowed = Graph(self.body.name)

    def build(self, identity: int, cut: Cut) -> int:
        """The node, and what it reads, on pieces."""
        stack = [(identity, cut)]
        while stack:
            here = stack[-1]
            if here in self.built:
                stack.pop()
                continue
            node = self.body.node(here[0])
            below = [(operand, self._operand_cut(node, operand, here[1])) for operand in self.body.operands(here[0])]
            missing = [one for one in below if one not in self.built]
            if missing:
                stack.extend(missing)
                continue
            self.built[here] = self._made(node, here[1], [self.built[one] for one in below])
            stack.pop()
        return self.built[identity, cut]

    def _operand_cut(self, node: Node, operand: int, cut: Cut) -> Cut:
        found = operand_cut(self.body, node, operand, cut)
        return (*found[:-1], self.sources.get(operand)) if self.sources else found

    def _made(self, node: Node, cut: Cut, operands: list[int]) -> int:
        builder = Builder(self.narrowed)
        if node.operator == "input":
            self.given.append(Given(self.numbers[node.identity], cut))
            type_ = self._piece(node.type, cut)
            attributes: dict[str, Attribute] = {"name": f"i{len(self.given) - 1}", "layout": in_order(type_)}
            return self.narrowed.add("input", (), attributes, type_, node.origin, node.name)
        if node.operator == "arange" and any(cut):
            (place,) = (place for place, name in enumerate(cut) if name is not None)
            (axis,) = self._piece(node.type, cut).axes
            counted = builder.arange(axis, origin=node.origin)
            return builder.add("add", (counted, self._start(builder, place)), origin=node.origin, name=node.name)
        return builder.add(node.operator, operands, node.attributes, node.origin, node.name)

    def _start(self, builder: Builder, place: int) -> int:
        if place not in self.counters:
            self.starts[place] = f"start of {self.symbols[place]}"
            attributes: dict[str, Attribute] = {"name": self.starts[place], "layout": ()}
            self.counters[place] = self.narrowed.add("input", (), attributes, ValueType(DType.I64, ()))
        return self.counters[place]

    def _piece(self, type_: ValueType, cut: Cut) -> ValueType:
        sizes = {name: Size.symbol(symbol) for name, symbol in zip(cut, self.symbols, strict=True) if name is not None}
        return ValueType(type_.dtype, tuple(Axis(axis.name, sizes.get(axis.name, axis.size)) for axis in type_.axes))


def _can_cut(body: Graph, axis: Axis) -> bool:
    """Whether every value that depends on `axis` does so place by place, and little is made anew for each piece."""
    waiting: list[tuple[int, Cut]] = [(result.node, result_cut(body, result.node, (axis,))) for result in body.results]
    if any(cut == (None,) for _, cut in waiting):
        return False
    seen: set[tuple[int, Cut]] = set()
    while waiting:
        here = waiting.pop()
        if here in seen:
            continue
        seen.add(here)
        identity, cut = here
        node = body.node(identity)
        below = [(operand, operand_cut(body, node, operand, cut)) for operand in body.operands(identity)]
        (name,) = cut
        if name is not None and node.operator not in ("input", "arange"):
            if node.operator in ("region", "part") or name in worked_axes(node):
                return False
            if all(found == (None,) for _, found in below):
                return False
        waiting.extend(below)
    total = sum(estimate(operations(body, identity)) for identity, _ in seen)
    anew = sum(estimate(operations(body, identity)) for identity, cut in seen if cut == (None,))
    return anew <= _REPEATED * total
