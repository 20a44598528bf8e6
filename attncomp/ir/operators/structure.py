"""Operators that move numbers about: rename, split, merge, index, slice, gather, concat, stack, pad, roll, flip, cumsum."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import numpy as np

from attncomp.ir.operators.base import Attributes, NamedArray, Operator, OperatorError, Sample, axes_union
from attncomp.ir.operators.rules import axes, axis, distinct, last, name, names, number, positions, require, resized, size
from attncomp.ir.sizes import Size, product, provably_different
from attncomp.ir.types import Axis, DType, ValueType, promote

Bindings = Mapping[str, int]


# --- renaming and packing -------------------------------------------------------------------------------------


def _pairs(attributes: Attributes) -> dict[str, str]:
    return dict(cast(tuple[tuple[str, str], ...], attributes["names"]))


def _rename_type(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    pairs = _pairs(attributes)
    for old in pairs:
        require(types[0], old)
    return ValueType(types[0].dtype, distinct([Axis(pairs.get(item.name, item.name), item.size) for item in types[0].axes]))


def _rename(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    pairs = _pairs(attributes)
    return NamedArray(operands[0].array, tuple(pairs.get(item, item) for item in operands[0].axes))


def _split_type(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    whole, into = require(types[0], name(attributes)), axes(attributes, "into")
    total = product([item.size for item in into])
    if provably_different(whole, total):
        parts = " * ".join(str(item.size) for item in into)
        raise OperatorError(f"the axis `{name(attributes)}` has size {whole}, not {parts}")
    result: list[Axis] = []
    for item in types[0].axes:
        result.extend(into if item.name == name(attributes) else (item,))
    return ValueType(types[0].dtype, distinct(result))


def _split(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    array, others = last(operands[0], (name(attributes),))
    into = axes(attributes, "into")
    shape = (*array.shape[:-1], *(item.size.evaluate(bindings) for item in into))
    return NamedArray(array.reshape(shape), (*others, *(item.name for item in into)))


def _merge_type(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    packed, into = names(attributes), axis(attributes, "into")
    total = product([require(types[0], item) for item in packed])
    if provably_different(total, into.size):
        raise OperatorError(f"the axes {', '.join(packed)} hold {total}, not {into.size}")
    result: list[Axis] = []
    for item in types[0].axes:
        if item.name == packed[0]:
            result.append(into)
        elif item.name not in packed:
            result.append(item)
    return ValueType(types[0].dtype, distinct(result))


def _merge(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    array, others = last(operands[0], names(attributes))
    shape = (*array.shape[: len(others)], int(np.prod(array.shape[len(others) :], dtype=np.int64)))
    return NamedArray(array.reshape(shape), (*others, axis(attributes, "into").name))


# --- positions ------------------------------------------------------------------------------------------------


def _index_type(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    count, place = require(types[0], name(attributes)), size(attributes, "position")
    _in_range(place, count - 1, count, name(attributes))
    return ValueType(types[0].dtype, types[0].without((name(attributes),)))


def _in_range(place: Size, most: Size, count: Size, wanted: str) -> None:
    low, over = place.constant, (place - most).constant
    if (low is not None and low < 0) or (over is not None and over > 0):
        raise OperatorError(f"position {place} is out of range: the axis `{wanted}` has size {count}", code="E034")


def _index(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    array, others = last(operands[0], (name(attributes),))
    return NamedArray(array[..., size(attributes, "position").evaluate(bindings)], others)


def _slice_type(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    wanted = name(attributes)
    count, start, stop = require(types[0], wanted), size(attributes, "start"), size(attributes, "stop")
    _in_range(start, count, count, wanted)
    _in_range(stop, count, count, wanted)
    if provably_different(start, stop) and ((stop - start).constant or 0) < 0:
        raise OperatorError(f"the slice ends at {stop}, before it starts at {start}", code="E034")
    return ValueType(types[0].dtype, resized(types[0], {wanted: stop - start}))


def _slice(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    array, others = last(operands[0], (name(attributes),))
    start, stop = size(attributes, "start").evaluate(bindings), size(attributes, "stop").evaluate(bindings)
    return NamedArray(array[..., start:stop], (*others, name(attributes)))


def _gather_type(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    table, ids = types[0], types[1:]
    if len(ids) != len(names(attributes)):
        raise OperatorError(f"{len(names(attributes))} axes are looked up by {len(ids)} values")
    for wanted in names(attributes):
        require(table, wanted)
    for position, type_ in enumerate(ids, 1):
        if not type_.dtype.is_integer:
            message = f"positions are whole numbers, and this is {type_.dtype}"
            raise OperatorError(message, operand=position, code="E045", help="convert them: `cast{i64}(…)`")
    found = axes_union(ids)
    known = {item.name for item in found}
    axes_union([ValueType(table.dtype, table.without(names(attributes))), *ids])
    rest = [item for item in table.without(names(attributes)) if item.name not in known]
    return ValueType(table.dtype, distinct([*found, *rest]))


def _gather(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    table, ids = operands[0], operands[1:]
    wanted = names(attributes)
    found = tuple(dict.fromkeys(item for operand in ids for item in operand.axes))
    batch = tuple(item for item in table.axes if item in found and item not in wanted)
    rest = tuple(item for item in table.axes if item not in wanted and item not in batch)
    leading = []
    for item in batch:
        count = table.array.shape[table.axes.index(item)]
        leading.append(NamedArray(np.arange(count), (item,)).ordered(found))
    places = [operand.ordered(found) for operand in ids]
    return NamedArray(table.ordered((*batch, *wanted, *rest))[(*leading, *places)], (*found, *rest))


# --- joining --------------------------------------------------------------------------------------------------


def _joined(types: Sequence[ValueType], without: str | None) -> None:
    first = set(types[0].names)
    for position, type_ in enumerate(types):
        if set(type_.names) != first:
            has = ", ".join(type_.names)
            raise OperatorError(f"values that are joined have the same axes; this has {{{has}}}", operand=position, code="E043")
    dropped = () if without is None else (without,)
    axes_union([ValueType(type_.dtype, type_.without(dropped)) for type_ in types])


def _concat_type(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    along = axis(attributes)
    total = Size.of(0)
    for position, type_ in enumerate(types):
        total = total + require(type_, along.name, position)
    _joined(types, along.name)
    if provably_different(total, along.size):
        raise OperatorError(f"the parts have {total} along `{along.name}`, not {along.size}")
    return ValueType(promote(type_.dtype for type_ in types), resized(types[0], {along.name: along.size}))


def _concat(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    order = operands[0].axes
    arrays = [operand.ordered(order) for operand in operands]
    return NamedArray(np.concatenate(arrays, axis=order.index(axis(attributes).name)), order)


def _stack_type(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    along = axis(attributes)
    _joined(types, None)
    if provably_different(along.size, len(types)):
        raise OperatorError(f"{len(types)} values are stacked along `{along.name}`, which has size {along.size}")
    return ValueType(promote(type_.dtype for type_ in types), distinct([along, *axes_union(types)]))


def _stack(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    order = operands[0].axes
    arrays = [operand.ordered(order) for operand in operands]
    return NamedArray(np.stack(arrays), (axis(attributes).name, *order))


# --- along one axis -------------------------------------------------------------------------------------------


def _pad_type(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    wanted = name(attributes)
    total = require(types[0], wanted) + size(attributes, "before") + size(attributes, "after")
    return ValueType(types[0].dtype, resized(types[0], {wanted: total}))


def _pad(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    array, others = last(operands[0], (name(attributes),))
    amounts = (size(attributes, "before").evaluate(bindings), size(attributes, "after").evaluate(bindings))
    widths = [(0, 0)] * len(others) + [amounts]
    value = np.asarray(number(attributes, "value")).astype(array.dtype)
    return NamedArray(np.pad(array, widths, constant_values=value), (*others, name(attributes)))


def _along_type(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    require(types[0], name(attributes))
    return types[0]


def _roll(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    along = positions(operands[0], (name(attributes),))[0]
    return NamedArray(np.roll(operands[0].array, size(attributes, "shift").evaluate(bindings), axis=along), operands[0].axes)


def _along(function: Callable[..., np.ndarray]) -> Callable[[Sequence[NamedArray], Attributes, Bindings], NamedArray]:
    def evaluate(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
        along = positions(operands[0], (name(attributes),))[0]
        return NamedArray(np.asarray(function(operands[0].array, axis=along)), operands[0].axes)

    return evaluate


# --- the table ------------------------------------------------------------------------------------------------


def _type(dtype: DType, **given: int) -> ValueType:
    return ValueType(dtype, tuple(Axis.of(*pair) for pair in given.items()))


_X = _type(DType.F32, batch=2, seq=6, embed=4)
_IDS = _type(DType.I64, batch=2, k=3)


def _sizes(**given: int) -> dict[str, Size]:
    return {key: Size.of(value) for key, value in given.items()}


ROWS = (
    Operator("rename", "structure", 1, {"names": "pairs"}, _rename_type, _rename,
             (Sample((_X,), {"names": (("seq", "seq'"),)}), Sample((_X,), {"names": (("seq", "embed"), ("embed", "seq"))})),
             "x[a -> b]"),
    Operator("split", "structure", 1, {"axis": "name", "into": "axes"}, _split_type, _split,
             (Sample((_X,), {"axis": "seq", "into": (Axis.of("rows", 2), Axis.of("i", 3))}),
              Sample((_X,), {"axis": "embed", "into": (Axis.of("head", 4), Axis.of("key", 1))})), "x[a -> (b c)]"),
    Operator("merge", "structure", 1, {"axes": "names", "into": "axis"}, _merge_type, _merge,
             (Sample((_X,), {"axes": ("seq", "embed"), "into": Axis.of("flat", 24)}),
              Sample((_X,), {"axes": ("embed", "batch"), "into": Axis.of("flat", 8)})), "x[(a b) -> c]"),
    Operator("index", "structure", 1, {"axis": "name", "position": "size"}, _index_type, _index,
             (Sample((_X,), {"axis": "seq", **_sizes(position=0)}), Sample((_X,), {"axis": "embed", **_sizes(position=3)})),
             "x[a = 0]"),
    Operator("slice", "structure", 1, {"axis": "name", "start": "size", "stop": "size"}, _slice_type, _slice,
             (Sample((_X,), {"axis": "seq", **_sizes(start=1, stop=4)}),
              Sample((_X,), {"axis": "embed", **_sizes(start=2, stop=2)})), "x[a = 1..4]"),
    Operator("gather", "structure", None, {"axes": "names"}, _gather_type, _gather,
             (Sample((_X, _IDS), {"axes": ("seq",)}, ((-2, 2), (0, 5))),
              Sample((_type(DType.F32, vocab=9, embed=4), _IDS), {"axes": ("vocab",)}, ((-2, 2), (0, 8))),
              Sample((_type(DType.F32, dy=3, dx=5, head=2), _type(DType.I64, i=3), _type(DType.I64, j=2, i=3)),
                     {"axes": ("dy", "dx")}, ((-2, 2), (0, 2), (0, 4)))), "x[a = ids]"),
    Operator("concat", "structure", None, {"axis": "axis"}, _concat_type, _concat,
             (Sample((_X, _X), {"axis": Axis.of("seq", 12)}),
              Sample((_X, _type(DType.F32, seq=1, batch=2, embed=4), _X), {"axis": Axis.of("seq", 13)})),
             "concat{axis}(a, b)"),
    Operator("stack", "structure", None, {"axis": "axis"}, _stack_type, _stack,
             (Sample((_X, _type(DType.F32, embed=4, seq=6, batch=2)), {"axis": Axis.of("part", 2)}),
              Sample((_X,), {"axis": Axis.of("part", 1)})), "stack{axis}(a, b)"),
    Operator("pad", "structure", 1, {"axis": "name", "before": "size", "after": "size", "value": "float"}, _pad_type, _pad,
             (Sample((_X,), {"axis": "seq", **_sizes(before=1, after=2), "value": 0.0}),
              Sample((_X,), {"axis": "embed", **_sizes(before=0, after=1), "value": float("-inf")})),
             "pad{axis: 1}(x)"),
    Operator("roll", "structure", 1, {"axis": "name", "shift": "size"}, _along_type, _roll,
             (Sample((_X,), {"axis": "seq", **_sizes(shift=-2)}), Sample((_X,), {"axis": "embed", **_sizes(shift=5)})),
             "roll{axis: shift}(x)"),
    Operator("flip", "structure", 1, {"axis": "name"}, _along_type, _along(np.flip),
             (Sample((_X,), {"axis": "seq"}), Sample((_X,), {"axis": "batch"})), "flip{axis}(x)"),
    Operator("cumsum", "structure", 1, {"axis": "name"}, _along_type, _along(np.cumsum),
             (Sample((_X,), {"axis": "seq"}), Sample((_X,), {"axis": "embed"})), "cumsum{axis}(x)"),
)
