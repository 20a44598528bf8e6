"""The kinds of attributes: what a value of each must be, and how it is written and read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from attncomp.ir.graph import Attribute, Graph, Initializer, Literal
from attncomp.ir.layouts import layout_text
from attncomp.ir.literals import NUMPY_DTYPES, literal_dtype
from attncomp.ir.size_text import size_at
from attncomp.ir.sizes import Size
from attncomp.ir.text import Cursor, name_text, quoted
from attncomp.ir.types import Axis, DType, Layout

Check = Callable[[Attribute], bool]
Print = Callable[[Attribute, int], str]
Read = Callable[[Cursor], Attribute]


@dataclass(frozen=True)
class AttributeKind:
    """A kind of attribute. `print` takes the value and how deep it is nested; `read` reads what `print` writes."""

    check: Check
    print: Print
    read: Read


# --- one value ------------------------------------------------------------------------------------------------


def _is(kind: type | tuple[type, ...]) -> Check:
    return lambda value: isinstance(value, kind)


def _is_int(value: Attribute) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_float(value: Attribute) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _print_name(value: Attribute, depth: int) -> str:
    return name_text(str(value))


def _print_string(value: Attribute, depth: int) -> str:
    return quoted(str(value))


def _print_plain(value: Attribute, depth: int) -> str:
    return str(value)


def _print_float(value: Attribute, depth: int) -> str:
    return float_text(float(value)) if isinstance(value, int | float) else "none"


def float_text(value: float) -> str:
    """A float so that it reads back as itself; the sign of nan too."""
    if math.isnan(value):
        return "-nan" if math.copysign(1.0, value) < 0 else "nan"
    return repr(value)


def _read_optional_float(cursor: Cursor) -> Attribute:
    return None if cursor.take("none") else cursor.number()


def _print_bool(value: Attribute, depth: int) -> str:
    return "true" if value else "false"


def _read_bool(cursor: Cursor) -> bool:
    if cursor.take("true"):
        return True
    cursor.expect("false")
    return False


def axis_text(axis: Axis) -> str:
    """An axis and its size: `seq=seq`, `height=(h - 1) // 2`."""
    return f"{name_text(axis.name)}={axis.size}"


def _print_axis(value: Attribute, depth: int) -> str:
    return axis_text(value) if isinstance(value, Axis) else ""


def axis_at(cursor: Cursor) -> Axis:
    """The axis at a cursor."""
    name = cursor.name("an axis")
    cursor.expect("=")
    return Axis(name, size_at(cursor))


def dtype_at(cursor: Cursor) -> DType:
    """The dtype at a cursor."""
    error = cursor.error(f"expected a dtype, found `{cursor.token.text}`")
    try:
        return DType(cursor.word("a dtype"))
    except ValueError:
        raise error from None


# --- several values -------------------------------------------------------------------------------------------


def _every(check: Check) -> Check:
    return lambda value: isinstance(value, tuple) and all(check(item) for item in value)


def _print_list(brackets: str, item: Print) -> Print:
    def print_list(value: Attribute, depth: int) -> str:
        items = value if isinstance(value, tuple) else ()
        return brackets[0] + ", ".join(item(part, depth) for part in items) + brackets[1]

    return print_list


def list_at(cursor: Cursor, brackets: str, read: Callable[[Cursor], Attribute]) -> tuple[Attribute, ...]:
    """A list in brackets, its items separated by commas."""
    cursor.expect(brackets[0])
    items: list[Attribute] = []
    while not cursor.at(brackets[1]):
        items.append(read(cursor))
        if not cursor.take(","):
            break
    cursor.expect(brackets[1])
    return tuple(items)


def _list(brackets: str, item: AttributeKind) -> AttributeKind:
    return AttributeKind(
        _every(item.check), _print_list(brackets, item.print), lambda cursor: list_at(cursor, brackets, item.read)
    )


def _is_pair(value: Attribute) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(name, str) for name in value)


def _print_pair(value: Attribute, depth: int) -> str:
    old, new = value if isinstance(value, tuple) else ("", "")
    return f"{name_text(str(old))} -> {name_text(str(new))}"


def _read_pair(cursor: Cursor) -> Attribute:
    old = cursor.name("an axis")
    cursor.expect("->")
    return (old, cursor.name("an axis"))


# --- layouts --------------------------------------------------------------------------------------------------


def is_layout(value: Attribute) -> bool:
    """Whether a value is groups of axis names."""
    return _every(_every(_is(str)))(value)


def written_layout(layout: Iterable[Iterable[str]]) -> str:
    """A layout with every name so that it reads back."""
    return layout_text(tuple(tuple(map(name_text, group)) for group in layout))


def _print_layout(value: Attribute, depth: int) -> str:
    groups = value if isinstance(value, tuple) else ()
    return written_layout(tuple(map(str, group)) for group in groups if isinstance(group, tuple))


def layout_at(cursor: Cursor) -> Layout:
    """The layout at a cursor."""
    groups: list[tuple[str, ...]] = []
    cursor.expect("[")
    while not cursor.at("]"):
        if cursor.token.kind == "whole" and cursor.token.text == "1":
            cursor.next()
            groups.append(())
        elif cursor.take("("):
            names: list[str] = []
            while not cursor.take(")"):
                names.append(cursor.name("an axis"))
            groups.append(tuple(names))
        else:
            groups.append((cursor.name("an axis"),))
        if not cursor.take(","):
            break
    cursor.expect("]")
    return tuple(groups)


# --- literals and initializers --------------------------------------------------------------------------------


def _is_literal(value: Attribute) -> bool:
    if not isinstance(value, Literal) or len(value.axes) != value.array.ndim:
        return False
    return value.array.dtype in NUMPY_DTYPES.values() and len(set(value.axes)) == len(value.axes)


def _print_literal(value: Attribute, depth: int) -> str:
    if not isinstance(value, Literal):
        return ""
    dtype = literal_dtype(value)
    elements = [_element_text(element) for element in value.array.reshape(-1)]
    if not value.axes:
        return f"{dtype} {elements[0]}"
    axes = ", ".join(f"{name_text(n)}={size}" for n, size in zip(value.axes, value.array.shape, strict=True))
    return f"{dtype}{{{axes}}} ({', '.join(elements)})"


def _element_text(element: np.generic) -> str:
    if isinstance(element, np.bool_):
        return "true" if element else "false"
    if not isinstance(element, np.floating):
        return str(int(element))
    shortest = str(element)
    exact = math.isfinite(element) and type(element)(float(shortest)) == element
    return shortest if exact else float_text(float(element))


def _read_literal(cursor: Cursor) -> Attribute:
    dtype = dtype_at(cursor)
    axes: tuple[Attribute, ...] = ()
    elements: tuple[Attribute, ...]
    line = cursor.token.line
    if cursor.at("{"):
        axes = list_at(cursor, "{}", axis_at)
        elements = list_at(cursor, "()", lambda inner: _element_at(inner, dtype))
    else:
        elements = (_element_at(cursor, dtype),)
    names = tuple(axis.name for axis in axes if isinstance(axis, Axis))
    shape = [axis.size.constant for axis in axes if isinstance(axis, Axis)]
    if None in shape or math.prod(size for size in shape if size is not None) != len(elements):
        raise type(cursor.error(""))(f"{len(elements)} elements do not fill a literal of these sizes", line)
    try:
        return Literal(np.array(elements, NUMPY_DTYPES[dtype]).reshape([size or 0 for size in shape]), names)
    except OverflowError:
        raise type(cursor.error(""))(f"a number is too large for {dtype}", line) from None


def _element_at(cursor: Cursor, dtype: DType) -> Attribute:
    if dtype is DType.BOOL:
        return _read_bool(cursor)
    return cursor.number() if dtype.is_float else cursor.whole()


def _is_initializer(value: Attribute) -> bool:
    return isinstance(value, Initializer) and all(_is_float(argument) for argument in value.arguments)


def _print_initializer(value: Attribute, depth: int) -> str:
    if not isinstance(value, Initializer):
        return ""
    arguments = ", ".join(float_text(float(argument)) for argument in value.arguments)
    return f"{name_text(value.kind)}({arguments})"


def _read_initializer(cursor: Cursor) -> Attribute:
    kind = cursor.name("an initializer")
    arguments = list_at(cursor, "()", Cursor.number)
    return Initializer(kind, tuple(float(argument) for argument in arguments if isinstance(argument, float)))


# --- bodies of regions ----------------------------------------------------------------------------------------


def _print_graph(value: Attribute, depth: int) -> str:
    # The text of a graph holds attributes, so that attributes can reach it only when called.
    from attncomp.ir.print import print_graph

    return print_graph(value, depth) if isinstance(value, Graph) else ""


def _read_graph(cursor: Cursor) -> Attribute:
    from attncomp.ir.read import graph_at

    return graph_at(cursor)


_NAME = AttributeKind(_is(str), _print_name, Cursor.name)
_AXIS = AttributeKind(_is(Axis), _print_axis, axis_at)
_SIZE = AttributeKind(_is(Size), _print_plain, size_at)
_INT = AttributeKind(_is_int, _print_plain, Cursor.whole)

ATTRIBUTE_KINDS: Mapping[str, AttributeKind] = {
    "name": _NAME,
    "names": _list("{}", _NAME),
    "axis": _AXIS,
    "axes": _list("{}", _AXIS),
    "pairs": _list("{}", AttributeKind(_is_pair, _print_pair, _read_pair)),
    "layout": AttributeKind(is_layout, _print_layout, layout_at),
    "size": _SIZE,
    "sizes": _list("()", _SIZE),
    "int": _INT,
    "ints": _list("()", _INT),
    "float": AttributeKind(_is_float, _print_float, Cursor.number),
    "float?": AttributeKind(lambda value: value is None or _is_float(value), _print_float, _read_optional_float),
    "bool": AttributeKind(_is(bool), _print_bool, _read_bool),
    "str": AttributeKind(_is(str), _print_string, Cursor.string),
    "dtype": AttributeKind(_is(DType), _print_plain, dtype_at),
    "literal": AttributeKind(_is_literal, _print_literal, _read_literal),
    "initializer": AttributeKind(_is_initializer, _print_initializer, _read_initializer),
    "graph": AttributeKind(_is(Graph), _print_graph, _read_graph),
}
