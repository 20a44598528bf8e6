"""The operators of the language: what each takes in braces and in parentheses, and the operator of the graph it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from attncomp.diagnostics.core import Label, Span, fail
from attncomp.diagnostics.suggest import did_you_mean
from attncomp.ir.graph import Attribute
from attncomp.ir.sizes import Size, provably_different
from attncomp.ir.types import Axis, DType
from attncomp.semantics import arithmetic, slips
from attncomp.semantics.braces import Braces
from attncomp.semantics.geometry import Geometry, per_axis
from attncomp.semantics.scope import Frame
from attncomp.semantics.static import Static
from attncomp.semantics.values import Tensor, Value


@dataclass(frozen=True)
class Use:
    """One use of an operator: its braces and the values in parentheses, with the places they were written at."""

    frame: Frame
    name: str
    braces: Braces
    values: tuple[Value, ...]
    spans: tuple[Span, ...]
    span: Span

    def tensor(self, position: int = 0) -> Tensor:
        """An argument as a tensor."""
        return arithmetic.as_tensor(self.frame, self.values[position], self.spans[position])

    def add(
        self, operands: Sequence[Tensor], attributes: Mapping[str, Attribute], consumed: Sequence[str] = ()
    ) -> Tensor:
        """Adds the operator of this name; `consumed` are axes that settle a pending broadcast."""
        node = self.frame.context.add(
            self.frame, self.name, [operand.node for operand in operands], self.span, attributes, places=self.spans
        )
        return arithmetic.consume(operands[0], consumed, node)


@dataclass(frozen=True)
class LanguageOperator:
    """How an operator is written: how many values it takes (at least, at most), its options, and what it means.

    `signature` is shown where a use does not fit.
    """

    signature: str
    least: int
    most: int
    apply: Callable[[Use], Value]
    options: frozenset[str] = frozenset()

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the braces of the signature hold besides options: axes, axes with an extent, or nothing."""
        _, opened, rest = self.signature.partition("{")
        first = rest.partition("}")[0].partition(",")[0]
        return () if not opened or "=" in first else ("binding",) if ":" in first else ("axis",)


# --- pointwise ------------------------------------------------------------------------------------------------


def _unary(use: Use) -> Value:
    if isinstance(use.values[0], Static):
        known = arithmetic.static_function(use.name, use.values[0], use.span)
        if known is not None:
            return known
    attributes: dict[str, Attribute] = {}
    if use.name == "gelu":
        attributes["approximate"] = use.braces.word("approximate", "none", ("none", "tanh"))
    operand = use.values[0]
    if isinstance(operand, Static) and isinstance(operand.value, Size):
        operand = arithmetic.as_tensor(use.frame, operand, use.spans[0], DType.F32)
    return arithmetic.pointwise(use.frame, use.name, [operand], use.spans, use.span, attributes)


def _binary(use: Use) -> Value:
    left, right = use.values
    if isinstance(left, Static) and isinstance(right, Static) and left.number is not None and right.number is not None:
        chosen = (min if use.name == "minimum" else max)((left, right), key=lambda value: value.number or 0)
        return chosen
    return arithmetic.pointwise(use.frame, use.name, use.values, use.spans, use.span)


def _where(use: Use) -> Value:
    return arithmetic.where(use.frame, use.values, use.spans, use.span)


def _clamp(use: Use) -> Value:
    bounds: list[float | None] = []
    for position in (1, 2):
        value = use.values[position] if len(use.values) > position else Static(None)
        if not isinstance(value, Static) or (value.value is not None and value.number is None):
            raise fail(
                "E040",
                "the bounds of `clamp` are numbers known when compiling",
                use.spans[position],
                help="bound by a tensor with `minimum` and `maximum`",
            )
        bounds.append(None if value.number is None else float(value.number))
    return arithmetic.pointwise(
        use.frame, "clamp", use.values[:1], use.spans[:1], use.span, {"low": bounds[0], "high": bounds[1]}
    )


def _cast(use: Use) -> Value:
    word = use.braces.single_word()
    known = {dtype.value: dtype for dtype in DType if dtype is not DType.F64}
    if word not in known:
        raise fail("E045", f"there is no element type `{word}`", use.span, help=did_you_mean(word, known))
    operand = arithmetic.as_tensor(use.frame, use.values[0], use.spans[0], known[word])
    return use.add([operand], {"dtype": known[word]})


# --- reductions and softmax -----------------------------------------------------------------------------------


def _reduction(use: Use) -> Value:
    operand = use.tensor()
    names = use.braces.axes_of(operand.node)
    return use.add([operand], {"axes": names}, names)


def _softmax(use: Use) -> Value:
    operand = use.tensor()
    names = use.braces.axes_of(operand.node)
    slips.reject_shared_softmax(use.frame, operand.node, names, use.span)
    return use.add([operand], {"axes": names}, names)


def _argmax(use: Use) -> Value:
    operand = use.tensor()
    name = use.braces.one_axis_of(operand.node)
    return use.add([operand], {"axis": name}, (name,))


def _along(use: Use) -> Value:
    operand = use.tensor()
    return use.add([operand], {"axis": use.braces.one_axis_of(operand.node)})


# --- positions ------------------------------------------------------------------------------------------------


def _arange(use: Use) -> Value:
    node = use.frame.context.add(use.frame, "arange", (), use.span, {"axis": use.braces.one_declared()})
    return Tensor(node)


def _linspace(use: Use) -> Value:
    ends = [value.number if isinstance(value, Static) else None for value in use.values]
    if ends[0] is None or ends[1] is None:
        raise fail("E040", "the ends of `linspace` are numbers known when compiling", use.span)
    if not (math.isfinite(ends[0]) and math.isfinite(ends[1])):
        raise fail("E040", "the ends of `linspace` are finite numbers", use.span)
    attributes: dict[str, Attribute] = {
        "axis": use.braces.one_declared(),
        "start": float(ends[0]),
        "stop": float(ends[1]),
    }
    return Tensor(use.frame.context.add(use.frame, "linspace", (), use.span, attributes))


# --- structure ------------------------------------------------------------------------------------------------


def _concat(use: Use) -> Value:
    operands = [use.tensor(position) for position in range(len(use.values))]
    types = [use.frame.context.type(operand.node) for operand in operands]
    names = [use.braces.one_axis_of(operand.node) for operand in operands]
    total = Size.of(0)
    for type_, name in zip(types, names, strict=True):
        total = total + type_.size(name)
    _same_axes(use, operands)
    return use.add(operands, {"axis": Axis(names[0], total)})


def _stack(use: Use) -> Value:
    operands = arithmetic.tensors(use.frame, use.values, use.spans)
    axis = use.braces.one_declared()
    if provably_different(axis.size, len(operands)):
        name = use.frame.show(axis.name)
        raise fail(
            "E030",
            f"`{name}` has size {axis.size}, but {len(operands)} values are stacked along it",
            use.span,
            help=f"declare `axis {name} = {len(operands)}`",
        )
    _same_axes(use, operands)
    return use.add(operands, {"axis": axis})


def _same_axes(use: Use, operands: Sequence[Tensor]) -> None:
    first = set(use.frame.context.type(operands[0].node).names)
    for operand, place in zip(operands, use.spans, strict=True):
        names = use.frame.context.type(operand.node).names
        if set(names) != first:
            raise fail(
                "E043",
                f"`{use.name}` joins values with the same axes",
                place,
                use.frame.axis_text(names),
                secondary=(Label(use.spans[0], use.frame.axis_text(sorted(first))),),
            )


def _pad(use: Use) -> Value:
    value = use.braces.number("value", 0.0)
    tensor = use.tensor()
    for name, given, place in use.braces.extents_of(tensor.node):
        before, after = per_axis(given, 2, place, "pad")
        attributes: dict[str, Attribute] = {
            "axis": name,
            "before": Size.of(before),
            "after": Size.of(after),
            "value": value,
        }
        tensor = use.add([tensor], attributes)
    return tensor


def _roll(use: Use) -> Value:
    tensor = use.tensor()
    for name, given, place in use.braces.extents_of(tensor.node):
        if not isinstance(given.value, Size):
            raise fail("E040", "`roll` shifts by a whole number", place)
        tensor = use.add([tensor], {"axis": name, "shift": given.value})
    return tensor


# --- windows and images ---------------------------------------------------------------------------------------


def _window(use: Use) -> Value:
    tensor = use.tensor()
    pairs = use.braces.axis_pairs_of(tensor.node)
    geometry = Geometry.read(use.braces, [use.braces.known_size(kernel, use.span) for _, kernel in pairs])
    attributes: dict[str, Attribute] = {
        "axes": tuple(name for name, _ in pairs),
        "kernels": tuple(kernel for _, kernel in pairs),
        "value": use.braces.number("value", 0.0),
        **geometry.spatial(),
    }
    geometry.require_room(use.frame, tensor.node, [name for name, _ in pairs], use.span)
    return use.add([tensor], attributes)


def _fold(use: Use) -> Value:
    tensor = use.tensor()
    type_ = use.frame.context.type(tensor.node)
    pairs = use.braces.axis_pairs_of(tensor.node)
    geometry = Geometry.read(use.braces, [use.braces.known_size(kernel, use.span) for _, kernel in pairs])
    extra = use.braces.whole_numbers("output_padding", 0, len(pairs))
    outputs = tuple(
        Axis(name, geometry.folded(position, type_.size(name)) + extra[position])
        for position, (name, _) in enumerate(pairs)
    )
    attributes: dict[str, Attribute] = {
        "axes": outputs,
        "kernels": tuple(kernel.name for _, kernel in pairs),
        **geometry.spatial(),
    }
    return use.add([tensor], attributes, [kernel.name for _, kernel in pairs])


def _pool(use: Use) -> Value:
    tensor = use.tensor()
    extents = use.braces.extents_of(tensor.node)
    kernel = [use.braces.positive(given, place) for _, given, place in extents]
    geometry = Geometry.read(use.braces, kernel, stride=kernel)
    attributes: dict[str, Attribute] = {
        "axes": tuple(name for name, _, _ in extents),
        "kernel": tuple(kernel),
        **geometry.spatial(),
    }
    geometry.require_room(use.frame, tensor.node, [name for name, _, _ in extents], use.span)
    if use.name == "avgpool":
        attributes["count_padding"] = use.braces.truth("count_padding", True)
    return use.add([tensor], attributes)


def _sized(use: Use) -> tuple[Tensor, tuple[Axis, ...]]:
    tensor = use.tensor()
    outputs = []
    for name, given, place in use.braces.extents_of(tensor.node):
        if not isinstance(given.value, Size):
            raise fail("E040", f"the new size of `{use.frame.show(name)}` is a whole number", place)
        outputs.append(Axis(name, given.value))
    return tensor, tuple(outputs)


def _adaptive(use: Use) -> Value:
    tensor, outputs = _sized(use)
    return use.add([tensor], {"axes": outputs})


def _resize(use: Use) -> Value:
    tensor, outputs = _sized(use)
    mode = use.braces.word("mode", "bilinear", ("nearest", "bilinear"))
    corners = use.braces.truth("align_corners", False if mode == "nearest" else None)
    return use.add([tensor], {"axes": outputs, "mode": mode, "align_corners": corners})


def _sample(use: Use) -> Value:
    image, grid = use.tensor(0), use.tensor(1)
    names = use.braces.axes_of(image.node)
    coordinate = use.braces.axis_option("coord", grid.node)
    attributes: dict[str, Attribute] = {
        "axes": names,
        "coordinate": coordinate,
        "align_corners": use.braces.truth("align_corners", None),
        "padding": use.braces.word("padding", "zeros", ("zeros", "border")),
    }
    return use.add([image, grid], attributes, names)


_UNARY = (
    "abs",
    "exp",
    "log",
    "sqrt",
    "rsqrt",
    "sin",
    "cos",
    "tanh",
    "erf",
    "sigmoid",
    "hardsigmoid",
    "relu",
    "gelu",
    "silu",
    "hardswish",
    "softplus",
)
_REDUCTIONS = ("sum", "mean", "max", "min", "var", "norm")
_SPATIAL = frozenset(("stride", "padding", "dilation"))

OPERATORS: Mapping[str, LanguageOperator] = {
    **{name: LanguageOperator(f"{name}(x)", 1, 1, _unary) for name in _UNARY},
    "gelu": LanguageOperator("gelu{approximate = none}(x)", 1, 1, _unary, frozenset(("approximate",))),
    "minimum": LanguageOperator("minimum(a, b)", 2, 2, _binary),
    "maximum": LanguageOperator("maximum(a, b)", 2, 2, _binary),
    "where": LanguageOperator("where(condition, a, b)", 3, 3, _where),
    "clamp": LanguageOperator("clamp(x, low, high)", 2, 3, _clamp),
    "cast": LanguageOperator("cast{f16}(x)", 1, 1, _cast),
    **{name: LanguageOperator(f"{name}{{axes}}(x)", 1, 1, _reduction) for name in _REDUCTIONS},
    "softmax": LanguageOperator("softmax{axes}(x)", 1, 1, _softmax),
    "log_softmax": LanguageOperator("log_softmax{axes}(x)", 1, 1, _softmax),
    "argmax": LanguageOperator("argmax{axis}(x)", 1, 1, _argmax),
    "cumsum": LanguageOperator("cumsum{axis}(x)", 1, 1, _along),
    "flip": LanguageOperator("flip{axis}(x)", 1, 1, _along),
    "arange": LanguageOperator("arange{axis}", 0, 0, _arange),
    "linspace": LanguageOperator("linspace{axis}(start, stop)", 2, 2, _linspace),
    "concat": LanguageOperator("concat{axis}(a, b, …)", 1, 1000, _concat),
    "stack": LanguageOperator("stack{new axis}(a, b, …)", 1, 1000, _stack),
    "pad": LanguageOperator("pad{height: 1, width: [1, 2], value = 0}(x)", 1, 1, _pad, frozenset(("value",))),
    "roll": LanguageOperator("roll{height: -3}(x)", 1, 1, _roll),
    "window": LanguageOperator(
        "window{height: kh, stride = 1, padding = 0, dilation = 1}(x)", 1, 1, _window, _SPATIAL | {"value"}
    ),
    "fold": LanguageOperator(
        "fold{height: kh, stride = 1, padding = 0, dilation = 1, output_padding = 0}(x)",
        1,
        1,
        _fold,
        _SPATIAL | {"output_padding"},
    ),
    "maxpool": LanguageOperator(
        "maxpool{height: 3, width: 3, stride = 2, padding = 1, dilation = 1}(x)", 1, 1, _pool, _SPATIAL
    ),
    "avgpool": LanguageOperator(
        "avgpool{height: 2, width: 2, count_padding = true}(x)", 1, 1, _pool, _SPATIAL | {"count_padding"}
    ),
    "adaptive_avgpool": LanguageOperator("adaptive_avgpool{height: 7, width: 7}(x)", 1, 1, _adaptive),
    "resize": LanguageOperator(
        "resize{height: 64, width: 64, mode = bilinear, align_corners = false}(x)",
        1,
        1,
        _resize,
        frozenset(("mode", "align_corners")),
    ),
    "sample": LanguageOperator(
        "sample{height, width, coord = xy, align_corners = false, padding = zeros}(x, grid)",
        2,
        2,
        _sample,
        frozenset(("coord", "align_corners", "padding")),
    ),
}
