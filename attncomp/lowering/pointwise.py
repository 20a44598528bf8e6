"""Pointwise operators and reductions: alignment of operands by axis name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncomp.ir.graph import Attribute, Node
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType, Layout, promote
from attncomp.lowering.constants import fold
from attncomp.lowering.context import Context, attribute, many, result_sizes
from attncomp.lowering.layout import Group, Laid, flatten, parts
from attncomp.lowering.program import Operand, Value

COMPARISONS = frozenset({"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"})
LOGICAL = frozenset({"logical_and", "logical_or", "logical_not"})
UNARY = frozenset(
    {"negate", "abs", "exp", "log", "sqrt", "rsqrt", "sin", "cos", "tanh", "erf", "sigmoid", "hardsigmoid", "relu"}
    | {"gelu", "silu", "hardswish", "softplus", "logical_not", "clamp", "cast", "dropout"}
)
BINARY = frozenset(
    {"add", "subtract", "multiply", "divide", "floor_divide", "modulo", "power", "minimum", "maximum"}
    | {"logical_and", "logical_or"}
)
POINTWISE = UNARY | BINARY | COMPARISONS | {"where"}

_HINTS = {
    "add": "total",
    "subtract": "difference",
    "multiply": "product",
    "divide": "quotient",
    "where": "chosen",
    "negate": "negated",
    "sigmoid": "gate",
    "dropout": "dropped",
    "minimum": "smaller",
    "maximum": "larger",
    "abs": "magnitude",
    "sqrt": "root",
    "power": "raised",
    **dict.fromkeys(COMPARISONS, "condition"),
    **dict.fromkeys(("relu", "gelu", "silu", "hardswish", "softplus", "tanh"), "activated"),
}


def lower_pointwise(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """A pointwise operator; the result lies as its biggest operand does."""
    dtype = node.type.dtype
    laid = [context.laid[operand] for operand in operands]
    number = fold(node.operator, [one.value for one in laid], dtype)
    if number is not None:
        return Laid(number)
    cast_to = _operand_dtype(node, [context.graph.type(operand).dtype for operand in operands])
    ready = _materialised(
        context, node, operands, [_cast(context, one, to) for one, to in zip(laid, cast_to, strict=True)]
    )
    attributes = _attributes(node)
    hint = _HINTS.get(node.operator, node.operator)
    if node.operator == "cast":
        return context.cast(ready[0], attribute(node, "dtype", DType))
    if len(ready) == 1:
        (only,) = ready
        value = context.emitter.emit(
            node.operator, [only.value], attributes, dtype, only.layout, only.array.shape, hint
        )
        return Laid(value, only.layout, only.sizes, only.merged)
    return lower_aligned(context, node.operator, ready, attributes, dtype, result_sizes(node), hint)


def _attributes(node: Node) -> dict[str, Attribute]:
    """The attributes of the step: as in the graph, but bounds of integers are integers."""
    if node.operator == "clamp" and node.type.dtype.is_integer:
        return {name: int(bound) if isinstance(bound, float) else bound for name, bound in node.attributes.items()}
    return dict(node.attributes)


def lower_aligned(
    context: Context,
    operator: str,
    operands: Sequence[Laid],
    attributes: Mapping[str, Attribute],
    dtype: DType,
    sizes: Mapping[str, Size],
    hint: str,
) -> Laid:
    """`operator` on operands that are relaid to broadcast against each other."""
    layout, aligned = align(context, operands)
    return context.emit(operator, aligned, attributes, dtype, layout, sizes, hint)


def align(context: Context, operands: Sequence[Laid]) -> tuple[Layout, list[Operand]]:
    """The order of a pointwise result, and the operands in it: unit dimensions for what one lacks, none in front."""
    emitter = context.emitter
    arrays = [laid for laid in operands if isinstance(laid.value, Value)]
    base = max(arrays, key=lambda laid: (len(laid.names), not laid.merged, not emitter.is_static(laid.value)))
    base = emitter.collapse(base)
    layout = list(base.layout)
    ready: list[Laid] = []
    for laid in operands:
        missing = laid.names - set(flatten(tuple(layout)))
        one = emitter.collapse(laid) if missing else laid
        ready.append(one)
        _insert(layout, one, missing)
    for laid in ready:
        if isinstance(laid.value, Value):
            layout = [part for group in layout for part in parts(group, laid.names)]
    return tuple(layout), [_in_place(context, laid, layout) for laid in ready]


def _insert(layout: list[Group], laid: Laid, missing: frozenset[str]) -> None:
    """Adds dimensions for the axes of `laid` that `layout` lacks, each where its neighbours are."""
    for group in laid.layout:
        new = tuple(axis for axis in group if axis in missing)
        if not new:
            continue
        place = _place(layout, laid.flat, new)
        layout.insert(place, new)


def _place(layout: Sequence[Group], flat: Group, new: Group) -> int:
    """Before the dimension that follows `new` in `flat`, else at the end."""
    for axis in flat[flat.index(new[-1]) + 1 :]:
        for dim, group in enumerate(layout):
            if axis in group:
                return dim
    return len(layout)


def _in_place(context: Context, laid: Laid, layout: Sequence[Group]) -> Operand:
    if not isinstance(laid.value, Value):
        return laid.value
    target: Layout = tuple(group if group and group[0] in laid.names else () for group in layout)
    while () not in layout and target and not target[0]:
        target = target[1:]
    return context.emitter.relayout(laid, target).value


def _operand_dtype(node: Node, dtypes: Sequence[DType]) -> list[DType | None]:
    """The dtype that each operand must have, None for as it is."""
    result = node.type.dtype
    if node.operator in LOGICAL or node.operator in {"cast", "dropout"}:
        return [None] * len(dtypes)
    if node.operator in COMPARISONS:
        return [promote(dtypes)] * len(dtypes)
    if node.operator == "where":
        return [None, result, result]
    return [result] * len(dtypes)


def _cast(context: Context, laid: Laid, dtype: DType | None) -> Laid:
    if dtype is None:
        return laid
    if isinstance(laid.value, Value):
        return context.cast(laid, dtype)
    if dtype.is_float and not isinstance(laid.value, bool):
        return Laid(float(laid.value))
    return Laid(int(laid.value)) if dtype.is_integer else laid


def _materialised(context: Context, node: Node, operands: Sequence[int], laid: Sequence[Laid]) -> list[Laid]:
    """The operands, with an array among those that say the result's dtype."""
    deciding = range(1, 3) if node.operator == "where" else range(len(laid))
    ready = list(laid)
    if not any(isinstance(ready[position].value, Value) for position in deciding):
        first = deciding[0]
        dtype = node.type.dtype if node.operator == "where" else context.graph.type(operands[first]).dtype
        ready[first] = Laid(context.number(ready[first].value, dtype))
    return ready


_REDUCED = {"sum": "summed", "max": "highest", "min": "lowest", "norm": "length", "var": "variance", "argmax": "best"}


def lower_reduction(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """`sum mean max min var norm argmax`: the reduced dimensions go, wherever they are."""
    single = node.operator == "argmax"
    axes = (attribute(node, "axis", str),) if single else many(node, "axes", str)
    laid = whole(context, operands[0], axes)
    if not single:
        laid = context.cast(laid, node.type.dtype) if node.operator not in {"max", "min"} else laid
    dims = dims_of(laid, axes)
    layout = tuple(group for dim, group in enumerate(laid.layout) if dim not in dims)
    attributes: dict[str, Attribute] = {"dim": dims[0]} if single else {"dims": dims, "keep": False}
    hint = _REDUCED.get(node.operator, node.operator)
    return context.emit(node.operator, [laid.value], attributes, node.type.dtype, layout, result_sizes(node), hint)


def lower_softmax(context: Context, node: Node, operands: Sequence[int]) -> Laid:
    """`softmax` and `log_softmax`, over dimensions wherever they are."""
    axes = many(node, "axes", str)
    laid = context.cast(whole(context, operands[0], axes), node.type.dtype)
    attributes: dict[str, Attribute] = {"dims": dims_of(laid, axes)}
    hint = "weights" if node.operator == "softmax" else "log_weights"
    return context.emit(node.operator, [laid.value], attributes, node.type.dtype, laid.layout, laid.sizes, hint)


def whole(context: Context, identity: int, axes: Sequence[str]) -> Laid:
    """A value whose dimensions hold some of `axes` alone or none of them."""
    laid = context.array(identity)
    wanted = frozenset(axes)
    layout = tuple(part for group in laid.layout for part in parts(group, wanted))
    return context.emitter.relayout(laid, layout)


def dims_of(laid: Laid, axes: Sequence[str]) -> tuple[int, ...]:
    """The dimensions that hold `axes`."""
    return tuple(dim for dim, group in enumerate(laid.layout) if group and group[0] in axes)
