"""Writes steps: every identical step once, moves composed, and parameter work lifted out of regions.

While lowering, values have provisional names (`v0`, `v1`, …); `names.py` gives the final ones from the hints kept here.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from attncomp.ir.graph import NOWHERE, Attribute, Origin
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType, Layout
from attncomp.lowering.layout import Laid, Permute, moves, size_of
from attncomp.lowering.program import Operand, Region, Statement, Step, Value

MOVES = frozenset({"reshape", "permute"})


@dataclass(frozen=True)
class Hint:
    """What a value might be called; `named` where the model's author called it so."""

    text: str
    named: bool = False


@dataclass
class Shared:
    """What all scopes of one lowering know.

    `static` are the values that depend on parameters and constants alone, `weighted` those of them that depend on a
    parameter; `definitions` the step that makes each value. `in_pieces` is whether regions are done a piece at a time,
    `by_queries` whether an attention is that has no form for kernels.
    """

    in_pieces: bool = False
    by_queries: bool = False
    count: int = 0
    static: set[str] = field(default_factory=set)
    weighted: set[str] = field(default_factory=set)
    definitions: dict[str, Step] = field(default_factory=dict)
    hints: dict[str, Hint] = field(default_factory=dict)


class Emitter:
    """The statements of one scope: a program's or a region's."""

    def __init__(self, parent: Emitter | None = None, *, in_pieces: bool = False, by_queries: bool = False) -> None:
        self.parent = parent
        self.shared: Shared = Shared(in_pieces, by_queries) if parent is None else parent.shared
        self.statements: list[Statement] = []
        self.origin: Origin = NOWHERE if parent is None else parent.origin
        self._known: dict[Hashable, Value] = {}
        self._local: set[str] = set()

    # --- values -------------------------------------------------------------------------------------------------

    def value(self, dtype: DType, layout: Layout, shape: Sequence[Size], hint: Hint) -> Value:
        """A new value with a provisional name."""
        name = f"v{self.shared.count}"
        self.shared.count += 1
        self.shared.hints[name] = hint
        return Value(name, dtype, tuple(shape), layout)

    def is_static(self, operand: Operand) -> bool:
        """Whether an operand depends on parameters and constants alone."""
        return not isinstance(operand, Value) or operand.name in self.shared.static

    def definition(self, operand: Operand) -> Step | None:
        """The step that makes a value, if one does."""
        return self.shared.definitions.get(operand.name) if isinstance(operand, Value) else None

    def call(self, operand: Operand, name: str) -> None:
        """Gives a value the name that the model's author gave it, unless it has one."""
        if isinstance(operand, Value) and not self.shared.hints[operand.name].named:
            self.shared.hints[operand.name] = Hint(name, named=True)

    def suggest(self, value: Value, role: str) -> None:
        """Offers a name for what a value is for, which it takes where nothing that it is made of has the author's."""
        if not self.shared.hints[value.name].named:
            self.shared.hints[value.name] = Hint(role)

    # --- steps --------------------------------------------------------------------------------------------------

    def emit(
        self,
        operator: str,
        operands: Sequence[Operand],
        attributes: Mapping[str, Attribute],
        dtype: DType,
        layout: Layout,
        shape: Sequence[Size],
        hint: str = "",
    ) -> Value:
        """The result of a step, which is added unless the scope or one around it has it already."""
        key = (operator, dtype, tuple(map(_key, operands)), tuple(sorted((k, _key(v)) for k, v in attributes.items())))
        known = self._find(key) if operator != "dropout" else None
        if known is not None:
            return known
        if self.parent is not None and self._belongs_outside(operator, operands, attributes):
            for operand in operands:
                self._lift(operand)
            return self.parent.emit(operator, operands, attributes, dtype, layout, shape, hint)
        result = self.value(dtype, layout, shape, Hint(hint or operator))
        step = Step(result, operator, tuple(operands), dict(attributes), self.origin)
        self._append(step, key)
        if all(self.is_static(operand) for operand in operands) and _is_fixed(operator, attributes, shape):
            self.shared.static.add(result.name)
            if any(isinstance(operand, Value) and operand.name in self.shared.weighted for operand in operands):
                self.shared.weighted.add(result.name)
        return result

    def adopt(self, value: Value) -> None:
        """Takes a value that is given to this scope alone: what is made of it stays here."""
        self._local.add(value.name)

    def add_region(self, region: Region) -> None:
        """Adds a finished region. What its results are made of is not to be seen from outside."""
        self.statements.append(region)
        for result in region.results:
            self._local.add(result.name)
            self.shared.definitions.pop(result.name, None)

    def _append(self, step: Step, key: Hashable) -> None:
        self.statements.append(step)
        self._known[key] = step.result
        self._local.add(step.result.name)
        self.shared.definitions[step.result.name] = step

    def _find(self, key: Hashable) -> Value | None:
        known = self._known.get(key)
        return known if known is not None or self.parent is None else self.parent._find(key)

    def _belongs_outside(self, operator: str, operands: Sequence[Operand], attributes: Mapping[str, Attribute]) -> bool:
        """Whether a step of a region is better done before it: a move of an outer value, or work on parameters."""
        arrays = [operand for operand in operands if isinstance(operand, Value)]
        if operator in MOVES:
            return all(array.name not in self._local for array in arrays)
        static = all(array.name in self.shared.static for array in arrays)
        return static and any(array.name in self.shared.weighted for array in arrays) and operator != "dropout"

    def _lift(self, operand: Operand) -> None:
        """Moves the step that makes a static value, and those before it, to the scope around."""
        if not isinstance(operand, Value) or operand.name not in self._local:
            return
        assert self.parent is not None
        step = self.shared.definitions[operand.name]
        for earlier in step.operands:
            self._lift(earlier)
        self.statements.remove(step)
        self._local.remove(operand.name)
        key = next(key for key, value in self._known.items() if value.name == operand.name)
        self.parent._append(step, key)

    # --- moves --------------------------------------------------------------------------------------------------

    def reshape(self, value: Value, layout: Layout, shape: Sequence[Size]) -> Value:
        """`value` with the same elements in other dimensions; a reshape of a reshape is one."""
        step = self.definition(value)
        if step is not None and step.operator == "reshape":
            value = _array(step.operands[0])
        if value.shape == tuple(shape):
            return value
        return self.emit("reshape", [value], {"shape": tuple(shape)}, value.dtype, layout, shape, "reshape")

    def permute(self, value: Value, order: Sequence[int], layout: Layout, *, local: bool = False) -> Value:
        """`value` with its dimensions reordered; a permutation of a permutation is one.

        With `local`, inside a region, the step stays in the region and keeps the value that it transposes, unless
        regions are done in pieces: no form of them is looked for.
        """
        apart = local and self.parent is not None and not self.shared.in_pieces
        if not apart:
            step = self.definition(value)
            if step is not None and step.operator == "permute":
                value, inner = _array(step.operands[0]), step.attributes["order"]
                assert isinstance(inner, tuple)
                order = [_integer(inner[dim]) for dim in order]
        if list(order) == list(range(len(order))):
            return value
        shape = [value.shape[dim] for dim in order]
        attributes: dict[str, Attribute] = {"order": tuple(order)}
        if not apart:
            return self.emit("permute", [value], attributes, value.dtype, layout, shape, "permute")
        result = self.value(value.dtype, layout, shape, Hint("permute"))
        self._append(Step(result, "permute", (value,), attributes, self.origin), ("local", value.name, tuple(order)))
        return result

    def relayout(self, laid: Laid, target: Layout) -> Laid:
        """`laid` in the order `target`, which speaks of the graph's axes; merged axes end up in one dimension."""
        if not isinstance(laid.value, Value):
            return laid
        sizes = {axis: laid.size((axis,)) for axis in laid.names}
        value = laid.array
        for move in moves(laid.layout, tuple(map(laid.expand, target)), lambda axis: laid.sizes[axis].constant == 1):
            if isinstance(move, Permute):
                value = self.permute(value, move.order, move.layout)
            else:
                value = self.reshape(value, move.layout, [size_of(laid.sizes, group) for group in move.layout])
        return Laid(value, target, sizes)

    def collapse(self, laid: Laid) -> Laid:
        """`laid` with every merged axis in a dimension, at the place of the last of the axes that make it."""
        if not laid.merged:
            return laid
        merged = {group[-1]: axis for axis, group in laid.merged.items()}
        gone = {axis for group in laid.merged.values() for axis in group[:-1]}
        groups = [tuple(merged.get(axis, axis) for axis in group if axis not in gone) for group in laid.layout]
        return self.relayout(
            laid, tuple(group for group, old in zip(groups, laid.layout, strict=True) if group or not old)
        )


def _array(operand: Operand) -> Value:
    assert isinstance(operand, Value)
    return operand


def _integer(attribute: Attribute) -> int:
    assert isinstance(attribute, int)
    return attribute


def _key(thing: object) -> Hashable:
    """What tells operands and attributes apart: 1, 1.0 and True are three things."""
    if isinstance(thing, Value):
        return thing.name
    if isinstance(thing, tuple):
        return tuple(map(_key, thing))
    if isinstance(thing, bool | int | float):
        return type(thing).__name__, repr(thing)
    assert isinstance(thing, Hashable)
    return type(thing).__name__, thing


def _is_fixed(operator: str, attributes: Mapping[str, Attribute], shape: Sequence[Size]) -> bool:
    """Whether a step can run before any call: no size in it is a symbol, and it draws no random numbers."""
    if operator == "dropout":
        return False
    return all(size.constant is not None for size in (*shape, *_sizes(tuple(attributes.values()))))


def _sizes(attributes: tuple[Attribute, ...]) -> list[Size]:
    found: list[Size] = []
    for attribute in attributes:
        if isinstance(attribute, Size):
            found.append(attribute)
        elif isinstance(attribute, tuple):
            found += _sizes(attribute)
    return found
