"""`x[...]`: renames, splits, merges, positions, slices and gathers; `layers[3]`."""

from __future__ import annotations

from collections.abc import Sequence

from attncomp.diagnostics.core import Label, Span, fail
from attncomp.ir.graph import Attribute
from attncomp.ir.sizes import Size, product, provably_different
from attncomp.ir.types import Axis, ValueType
from attncomp.semantics import arithmetic, axes
from attncomp.semantics.scope import Frame
from attncomp.semantics.static import Static, describe, kind
from attncomp.semantics.values import Layers, Tensor, Value
from attncomp.syntax import tree


def subscript(frame: Frame, value: Value, expression: tree.Subscripted) -> Value:
    """The value of `value[items]`. Positions and slices come first, then gathers, then renames, all at once."""
    items = [item for item in expression.items if isinstance(item, tree.Item)]
    if items:
        return _item(frame, value, items, expression)
    tensor = arithmetic.as_tensor(frame, value, expression.value.span)
    _each_axis_once(expression.items)
    gathers: list[tuple[tree.Index, Tensor]] = []
    renames: list[tree.Rename] = []
    for item in expression.items:
        match item:
            case tree.Index():
                position = frame.context.evaluate(frame, item.position)
                if isinstance(position, Static):
                    tensor = _index(frame, tensor, item, position)
                else:
                    gathers.append((item, arithmetic.as_tensor(frame, position, item.position.span)))
            case tree.Slice():
                tensor = _slice(frame, tensor, item)
            case tree.Rename():
                renames.append(item)
    if gathers:
        tensor = _gather(frame, tensor, gathers, expression.span)
    return _rename(frame, tensor, renames, expression.span) if renames else tensor


def _each_axis_once(items: Sequence[tree.Subscript]) -> None:
    names: list[tree.Name] = []
    for item in items:
        match item:
            case tree.Rename(source):
                names.extend(axes.names_of(source))
            case tree.Index(axis) | tree.Slice(axis):
                names.append(axis)
    axes.once(names)


def _item(frame: Frame, value: Value, items: Sequence[tree.Item], expression: tree.Subscripted) -> Value:
    position = frame.context.evaluate(frame, items[0].position)
    whole = position.whole if isinstance(position, Static) else None
    if isinstance(value, Layers):
        sequence: Sequence[Value] = value.items
    elif isinstance(value, Static) and isinstance(value.value, tuple):
        sequence = value.value
    elif isinstance(value, Static):
        raise fail("E043", f"this is {kind(value)}, and has no items", expression.value.span, describe(value))
    else:
        raise fail(
            "E043", "a tensor is indexed by axis", expression.items[0].span, "which axis?", help="write `x[axis = 0]`"
        )
    if len(expression.items) != 1 or whole is None:
        raise fail("E040", "the position of a layer is one whole number, known when compiling", items[0].span)
    if not -len(sequence) <= whole < len(sequence):
        raise fail("E034", f"position {whole} is out of range: there are {len(sequence)}", items[0].span)
    return sequence[whole]


def _position(frame: Frame, value: Static, size: Size, span: Span) -> Size:
    """A position as a size; one below zero counts from the end."""
    if not isinstance(value.value, Size):
        raise fail("E040", f"a position is a whole number, not {kind(value)}", span)
    constant = value.value.constant
    return size + value.value if constant is not None and constant < 0 else value.value


def _index(frame: Frame, tensor: Tensor, item: tree.Index, position: Static) -> Tensor:
    axis = frame.axis_in(item.axis, frame.context.type(tensor.node))
    place = _position(frame, position, axis.size, item.position.span)
    _in_range(frame, position, place, axis, item.position.span, last=axis.size - 1)
    node = frame.context.add(frame, "index", [tensor.node], item.span, {"axis": axis.name, "position": place})
    return arithmetic.consume(tensor, [axis.name], node)


def _in_range(frame: Frame, written: Static, place: Size, axis: Axis, span: Span, *, last: Size) -> None:
    """Raises E034 for a position outside of 0..last; what depends on a symbol is checked at each call."""
    below, above = place.constant, (place - last).constant
    if (below is not None and below < 0) or (above is not None and above > 0):
        name = frame.show(axis.name)
        message = f"position {describe(written)} is out of range: `{name}` has size {axis.size}"
        raise fail("E034", message, span)
    if below is None:
        frame.context.bound(Size.of(0), place, span)
    if above is None:
        frame.context.bound(place, last, span)


def _slice(frame: Frame, tensor: Tensor, item: tree.Slice) -> Tensor:
    axis = frame.axis_in(item.axis, frame.context.type(tensor.node))
    bounds = []
    for expression, default in ((item.start, Size.of(0)), (item.stop, axis.size)):
        if expression is None:
            bounds.append(default)
            continue
        value = frame.context.evaluate(frame, expression)
        if not isinstance(value, Static):
            raise fail("E046", "the bounds of a slice are known when compiling", expression.span)
        place = _position(frame, value, axis.size, expression.span)
        _in_range(frame, value, place, axis, expression.span, last=axis.size)
        bounds.append(place)
    length = (bounds[1] - bounds[0]).constant
    if length is not None and length < 0:
        raise fail("E034", f"the slice ends at {bounds[1]}, before it starts at {bounds[0]}", item.span)
    attributes: dict[str, Attribute] = {"axis": axis.name, "start": bounds[0], "stop": bounds[1]}
    return Tensor(frame.context.add(frame, "slice", [tensor.node], item.span, attributes), tensor.pending)


def _gather(frame: Frame, tensor: Tensor, gathers: Sequence[tuple[tree.Index, Tensor]], span: Span) -> Tensor:
    type_ = frame.context.type(tensor.node)
    names = tuple(frame.axis_in(item.axis, type_).name for item, _ in gathers)
    for name, (item, ids) in zip(names, gathers, strict=True):
        _positions_fit(frame, type_.size(name), ids, item)
    node = frame.context.add(
        frame,
        "gather",
        [tensor.node, *(ids.node for _, ids in gathers)],
        span,
        {"axes": names},
        places=[span, *(item.position.span for item, _ in gathers)],
    )
    return arithmetic.consume(tensor, names, node)


def _positions_fit(frame: Frame, size: Size, ids: Tensor, item: tree.Index) -> None:
    """Looks up as many places as an axis has: `table[position = arange{seq}]` needs |seq| at most |position|."""
    node = frame.context.graph.node(ids.node)
    if node.operator != "arange":
        return
    count = node.type.axes[0].size
    over = (count - size).constant
    if over is not None and over > 0:
        raise fail("E034", f"{count} positions are looked up where `{item.axis.text}` has {size}", item.span)
    frame.context.bound(count, size, item.span)


def _rename(frame: Frame, tensor: Tensor, renames: Sequence[tree.Rename], span: Span) -> Tensor:
    context = frame.context
    steps = [_Restructure(frame, context.type(tensor.node), rename) for rename in renames]
    _check_targets(frame, context.type(tensor.node), steps)
    node = tensor.node
    # Merged axes first go under names that nothing has, so that all renames happen at once.
    for step in steps:
        if len(step.source) > 1 or len(step.target) > 1:
            node = step.pack(node)
    pairs = tuple(
        (step.packed, step.target[0].name)
        for step in steps
        if len(step.target) == 1 and step.packed != step.target[0].name
    )
    if pairs:
        node = context.add(frame, "rename", [node], span, {"names": pairs})
    for step in steps:
        if len(step.target) > 1:
            node = step.unpack(node)
    if tensor.pending is None:
        return Tensor(node)
    moved = {axis.name for step in steps for axis in step.source}
    new = {axis.name for step in steps if moved & tensor.pending.extra for axis in step.target}
    extra = tensor.pending.extra - moved | new
    return Tensor(node, type(tensor.pending)(extra, tensor.pending.span, tensor.pending.message))


class _Restructure:
    """One `source -> target` inside brackets: the axes on both sides, and the name in between."""

    def __init__(self, frame: Frame, type_: ValueType, rename: tree.Rename) -> None:
        self.frame, self.rename = frame, rename
        self.source = axes.found_in(frame, rename.source, type_)
        self.size = product([axis.size for axis in self.source])
        self.target = self._target()
        self.packed = self.source[0].name

    def _target(self) -> tuple[Axis, ...]:
        names = axes.names_of(self.rename.target)
        if len(names) == 1 and len(self.source) == 1:
            # Another name changes no size: that of a value may differ from the declared one, as after a convolution.
            return (Axis(self.frame.axis(names[0]).name, self.size),)
        target = tuple(self.frame.axis(name) for name in names)
        wanted = product([axis.size for axis in target])
        if provably_different(wanted, self.size):
            self._size_conflict(target, wanted)
        self.frame.context.equate(self.size, wanted, self.rename.span)
        return target

    def _size_conflict(self, target: tuple[Axis, ...], wanted: Size) -> None:
        frame = self.frame
        source_text = " * ".join(frame.show(axis.name) for axis in self.source)
        target_text = " * ".join(frame.show(axis.name) for axis in target)
        secondary = tuple(
            Label(frame.axis_places[name.text], f"`{name.text}` is {frame.axis(name).size}")
            for name in axes.names_of(self.rename.target)
            if name.text in frame.axis_places
        )
        raise fail(
            "E030",
            f"{source_text} is {self.size}, but {target_text} is {wanted}",
            self.rename.span,
            secondary=secondary,
            help="the sizes on both sides of `->` have the same product",
        )

    def pack(self, node: int) -> int:
        """Gives the source one name that nothing else has."""
        context, span = self.frame.context, self.rename.span
        type_ = context.type(node)
        self.packed = self.frame.fresh("_".join(axis.name for axis in self.source) + "_packed", type_.names)
        if len(self.source) > 1:
            names = tuple(axis.name for axis in self.source)
            return context.add(self.frame, "merge", [node], span, {"axes": names, "into": Axis(self.packed, self.size)})
        return context.add(self.frame, "rename", [node], span, {"names": ((self.source[0].name, self.packed),)})

    def unpack(self, node: int) -> int:
        """Splits that name into the target's axes."""
        attributes: dict[str, Attribute] = {"axis": self.packed, "into": self.target}
        return self.frame.context.add(self.frame, "split", [node], self.rename.span, attributes)


def _check_targets(frame: Frame, type_: ValueType, steps: Sequence[_Restructure]) -> None:
    """Raises E022 where the result would have two axes with one name."""
    moved = {axis.name for step in steps for axis in step.source}
    taken = set(type_.names) - moved
    for step in steps:
        for axis in step.target:
            if axis.name in taken:
                name = frame.show(axis.name)
                raise fail(
                    "E022",
                    f"the result would have two axes `{name}`",
                    step.rename.target.span,
                    f"the value has {frame.axis_text(type_.names)}",
                    help=f"use another name, or the twin `{name}'`",
                )
            taken.add(axis.name)
