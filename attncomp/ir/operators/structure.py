"""Shape rules and reference semantics of the operators that move numbers about, from `rename` to `cumsum`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from attncomp.ir.operators.access import get, many, pairs, real
from attncomp.ir.operators.base import Attributes, NamedArray, OperatorError, axes_union
from attncomp.ir.operators.checks import (
    braced,
    constant_below,
    counting_dtype,
    need_axes,
    need_axis,
    need_equal,
    result,
)
from attncomp.ir.sizes import Size, product
from attncomp.ir.types import Axis, DType, ValueType, promote

Bindings = Mapping[str, int]


# --- renaming and packing -------------------------------------------------------------------------------------


def _renames(attributes: Attributes) -> dict[str, str]:
    return dict(pairs(attributes, "names"))


def _name(attributes: Attributes) -> str:
    return get(attributes, "axis", str)


def _names(attributes: Attributes) -> tuple[str, ...]:
    return many(attributes, "axes", str)


def _last(value: NamedArray, wanted: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The array with these axes moved to the end, in their order; and the axes before them."""
    others = tuple(item for item in value.axes if item not in wanted)
    return value.ordered((*others, *wanted)), others


def _resized(type_: ValueType, name: str, size: Size) -> tuple[Axis, ...]:
    return tuple(Axis(name, size) if item.name == name else item for item in type_.axes)


def infer_rename(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """The same axes under other names."""
    renames = _renames(attributes)
    need_axes(types[0], [old for old, _ in pairs(attributes, "names")])
    return result(types[0].dtype, [Axis(renames.get(item.name, item.name), item.size) for item in types[0].axes])


def evaluate_rename(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """The same numbers."""
    renames = _renames(attributes)
    return NamedArray(operands[0].array, tuple(renames.get(item, item) for item in operands[0].axes))


def infer_split(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """One axis becomes several, leftmost major."""
    whole, into = need_axis(types[0], _name(attributes)).size, many(attributes, "into", Axis)
    total = product([item.size for item in into])
    parts = " * ".join(item.name for item in into)
    need_equal(f"the axis `{_name(attributes)}`", whole, total, f"{parts} is", 0)
    found: list[Axis] = []
    for item in types[0].axes:
        found.extend(into if item.name == _name(attributes) else (item,))
    return result(types[0].dtype, found)


def evaluate_split(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """A reshape of that axis."""
    array, others = _last(operands[0], (_name(attributes),))
    into = many(attributes, "into", Axis)
    shape = (*array.shape[:-1], *(item.size.evaluate(bindings) for item in into))
    return NamedArray(array.reshape(shape), (*others, *(item.name for item in into)))


def infer_merge(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """Several axes become one, leftmost major."""
    packed, into = _names(attributes), get(attributes, "into", Axis)
    if not packed:
        raise OperatorError(f"no axes are merged into `{into.name}`", code="E041")
    total = product([item.size for item in need_axes(types[0], packed)])
    need_equal(" * ".join(packed), total, into.size, f"`{into.name}` is", 0)
    found: list[Axis] = []
    for item in types[0].axes:
        if item.name == packed[0]:
            found.append(into)
        elif item.name not in packed:
            found.append(item)
    return result(types[0].dtype, found)


def evaluate_merge(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """A reshape of those axes, brought together."""
    array, others = _last(operands[0], _names(attributes))
    shape = (*array.shape[: len(others)], int(np.prod(array.shape[len(others) :], dtype=np.int64)))
    return NamedArray(array.reshape(shape), (*others, get(attributes, "into", Axis).name))


# --- positions ------------------------------------------------------------------------------------------------


def infer_index(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """One axis less."""
    count, place = need_axis(types[0], _name(attributes)).size, get(attributes, "position", Size)
    _in_range(place, count - 1, count, _name(attributes))
    return ValueType(types[0].dtype, types[0].without((_name(attributes),)))


def _in_range(place: Size, most: Size, count: Size, wanted: str) -> None:
    low, over = place.constant, (place - most).constant
    if (low is not None and low < 0) or (over is not None and over > 0):
        raise OperatorError(f"position {place} is out of range: the axis `{wanted}` has size {count}", code="E034")


def evaluate_index(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """The numbers at one position."""
    array, others = _last(operands[0], (_name(attributes),))
    place = get(attributes, "position", Size).evaluate(bindings)
    if not 0 <= place < array.shape[-1]:
        raise IndexError(f"position {place} of the axis `{_name(attributes)}` of size {array.shape[-1]}")
    return NamedArray(np.asarray(array[..., place]), others)


def infer_slice(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """One axis shorter."""
    wanted = _name(attributes)
    count = need_axis(types[0], wanted).size
    start, stop = get(attributes, "start", Size), get(attributes, "stop", Size)
    _in_range(start, count, count, wanted)
    _in_range(stop, count, count, wanted)
    if ((stop - start).constant or 0) < 0:
        raise OperatorError(f"the slice ends at {stop}, before it starts at {start}", code="E034")
    return ValueType(types[0].dtype, _resized(types[0], wanted, stop - start))


def evaluate_slice(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """The numbers from `start` to before `stop`."""
    array, others = _last(operands[0], (_name(attributes),))
    start, stop = get(attributes, "start", Size).evaluate(bindings), get(attributes, "stop", Size).evaluate(bindings)
    if not 0 <= start <= stop <= array.shape[-1]:
        raise IndexError(f"slice {start}..{stop} of the axis `{_name(attributes)}` of size {array.shape[-1]}")
    return NamedArray(array[..., start:stop], (*others, _name(attributes)))


def infer_gather(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """The axes of the ids, and those of the table that are not looked up."""
    table, ids = types[0], types[1:]
    if not ids or len(ids) != len(_names(attributes)):
        raise OperatorError(f"{len(_names(attributes))} axes are looked up by {len(ids)} values", code="E041")
    need_axes(table, _names(attributes))
    for position, type_ in enumerate(ids, 1):
        if not type_.dtype.is_integer:
            message = f"positions are whole numbers, and this is {type_.dtype}"
            raise OperatorError(message, operand=position, code="E045", help="convert them: `cast{i64}(…)`")
    found = axes_union(ids)
    known = {item.name for item in found}
    axes_union([ValueType(table.dtype, table.without(_names(attributes))), *ids])
    rest = [item for item in table.without(_names(attributes)) if item.name not in known]
    return result(table.dtype, [*found, *rest])


def evaluate_gather(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """The table at the ids; an axis that both have is walked together."""
    table, ids = operands[0], operands[1:]
    wanted = _names(attributes)
    found = tuple(dict.fromkeys(item for operand in ids for item in operand.axes))
    batch = tuple(item for item in table.axes if item in found and item not in wanted)
    rest = tuple(item for item in table.axes if item not in wanted and item not in batch)
    leading = []
    for item in batch:
        count = table.array.shape[table.axes.index(item)]
        leading.append(NamedArray(np.arange(count), (item,)).ordered(found))
    places = [operand.ordered(found) for operand in ids]
    for item, place in zip(wanted, places, strict=True):
        count = table.array.shape[table.axes.index(item)]
        if place.size and (place.min() < 0 or place.max() >= count):
            raise IndexError(f"positions {place.min()}..{place.max()} of the axis `{item}` of size {count}")
    return NamedArray(np.asarray(table.ordered((*batch, *wanted, *rest))[(*leading, *places)]), (*found, *rest))


# --- joining --------------------------------------------------------------------------------------------------


def _joined(types: Sequence[ValueType], without: str | None) -> None:
    if not types:
        raise OperatorError("there is nothing to join", code="E041")
    first = set(types[0].names)
    for position, type_ in enumerate(types):
        if set(type_.names) != first:
            raise OperatorError(
                f"values that are joined have the same axes; this has {braced(type_.names)}",
                operand=position,
                code="E043",
            )
    dropped = () if without is None else (without,)
    axes_union([ValueType(type_.dtype, type_.without(dropped)) for type_ in types])


def infer_concat(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """One axis as long as the parts together."""
    along = get(attributes, "axis", Axis)
    total = Size.of(0)
    for position, type_ in enumerate(types):
        total = total + need_axis(type_, along.name, position).size
    _joined(types, along.name)
    need_equal(f"the axis `{along.name}`", along.size, total, "the parts have together")
    return ValueType(promote(type_.dtype for type_ in types), _resized(types[0], along.name, along.size))


def evaluate_concat(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """The parts end to end."""
    order = operands[0].axes
    arrays = [operand.ordered(order) for operand in operands]
    return NamedArray(np.concatenate(arrays, axis=order.index(get(attributes, "axis", Axis).name)), order)


def infer_stack(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """A new axis, one position for each value."""
    along = get(attributes, "axis", Axis)
    _joined(types, None)
    need_equal(f"the axis `{along.name}`", along.size, len(types), "the values that are stacked are")
    return result(promote(type_.dtype for type_ in types), [along, *axes_union(types)])


def evaluate_stack(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """The values side by side."""
    order = operands[0].axes
    arrays = [operand.ordered(order) for operand in operands]
    return NamedArray(np.stack(arrays), (get(attributes, "axis", Axis).name, *order))


# --- along one axis -------------------------------------------------------------------------------------------


def need_padding_value(dtype: DType, value: float) -> None:
    """Raises E045 where a value of that dtype cannot hold the number that pads it."""
    if not dtype.is_float and (not math.isfinite(value) or value != int(value)):
        raise OperatorError(f"{dtype} cannot hold the padding {value}", operand=0, code="E045")


def padded(x: NamedArray, name: str, before: int, after: int, value: float) -> NamedArray:
    """`x` with `before` and `after` copies of `value` at the ends of an axis."""
    widths = [(before, after) if item == name else (0, 0) for item in x.axes]
    return NamedArray(np.pad(x.array, widths, constant_values=np.asarray(value).astype(x.array.dtype)), x.axes)


def infer_pad(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """One axis longer."""
    need_padding_value(types[0].dtype, real(attributes, "value"))
    wanted = _name(attributes)
    before, after = get(attributes, "before", Size), get(attributes, "after", Size)
    for amount in (before, after):
        if constant_below(amount, 0):
            raise OperatorError(f"the axis `{wanted}` is padded by {amount}", help="cut it with a slice", code="E034")
    total = need_axis(types[0], wanted).size + before + after
    return ValueType(types[0].dtype, _resized(types[0], wanted, total))


def evaluate_pad(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """Numbers at both ends of an axis."""
    before, after = (get(attributes, key, Size).evaluate(bindings) for key in ("before", "after"))
    return padded(operands[0], _name(attributes), before, after, real(attributes, "value"))


def infer_along(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """The same type."""
    need_axis(types[0], _name(attributes))
    return types[0]


def evaluate_roll(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """The numbers shifted along an axis, from the end to the start."""
    along = operands[0].axes.index(_name(attributes))
    return NamedArray(
        np.roll(operands[0].array, get(attributes, "shift", Size).evaluate(bindings), axis=along), operands[0].axes
    )


def evaluate_flip(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """The numbers in reverse order along an axis."""
    along = operands[0].axes.index(_name(attributes))
    return NamedArray(np.flip(operands[0].array, axis=along), operands[0].axes)


def infer_cumsum(types: Sequence[ValueType], attributes: Attributes) -> ValueType:
    """The same axes."""
    need_axis(types[0], _name(attributes))
    return ValueType(counting_dtype(types[0].dtype), types[0].axes)


def evaluate_cumsum(operands: Sequence[NamedArray], attributes: Attributes, bindings: Bindings) -> NamedArray:
    """The sums up to each position."""
    along = operands[0].axes.index(_name(attributes))
    return NamedArray(np.cumsum(operands[0].array, axis=along), operands[0].axes)
