"""The built-in layers: what each takes in braces, the parameters it owns, and the operators it is made of.

Keys, orders and default initialisation of the parameters are those of PyTorch's layers of the same names, so that a
checkpoint from there loads as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from attncomp.diagnostics.core import DiagnosticError, Label, Span, fail
from attncomp.ir.graph import Attribute, Initializer
from attncomp.ir.sizes import Size, product
from attncomp.ir.types import Axis, DType, Layout
from attncomp.semantics import arithmetic, axes
from attncomp.semantics.braces import Braces
from attncomp.semantics.geometry import Geometry
from attncomp.semantics.parameters import constant_size, fan_in_uniform, join, parameter
from attncomp.semantics.scope import Frame
from attncomp.semantics.values import Layer, Tensor
from attncomp.syntax import tree

# Codes that depend on the value that a layer is called with.
_OF_THE_INPUT = ("E011", "E020", "E022", "E023", "E030", "E035")

ZEROS, ONES = Initializer("zeros"), Initializer("ones")


@dataclass(frozen=True)
class LayerCall:
    """One call of a built-in layer on a tensor."""

    frame: Frame
    layer: Layer
    braces: Braces
    x: Tensor
    span: Span

    def parameter(
        self,
        name: str,
        axes: Sequence[Axis],
        initializer: Initializer,
        layout: Layout | None = None,
        *,
        dtype: DType = DType.F32,
        trainable: bool = True,
    ) -> Tensor:
        """A parameter of this layer; stored in the order of `axes` where no layout is given."""
        order = layout if layout is not None else tuple((axis.name,) for axis in axes)
        return parameter(
            self.frame,
            self.layer,
            name,
            join(self.layer.path, name),
            axes,
            order,
            initializer,
            self.span,
            self.layer.declared,
            dtype=dtype,
            trainable=trainable,
        )

    def add(
        self, operator: str, operands: Sequence[Tensor], attributes: Mapping[str, Attribute] | None = None
    ) -> Tensor:
        """Adds an operator."""
        nodes = [operand.node for operand in operands]
        return Tensor(self.frame.context.add(self.frame, operator, nodes, self.span, attributes))

    def size(self, axis: str) -> Size:
        """The size of an axis of the input."""
        return self.frame.context.type(self.x.node).size(axis)

    def out_axes(
        self, target: tree.AxisTerm, source: Sequence[Axis]
    ) -> tuple[tuple[Axis, ...], tuple[tuple[str, str], ...]]:
        """The axes that the layer makes, under names that the input lacks, and the renames that bring back their own.

        `Linear{d -> d}` makes its own twin for the weight. Raises E022 where the input has such an axis besides.
        """
        type_ = self.frame.context.type(self.x.node)
        consumed = {axis.name for axis in source}
        made, renames = [], []
        for name in axes.names_of(target):
            axis = self.frame.axis(name)
            if axis.name in consumed:
                twin = self.frame.fresh(axis.name + "'", type_.names)
                made.append(Axis(twin, axis.size))
                renames.append((twin, axis.name))
            elif type_.has(axis.name):
                raise fail(
                    "E022",
                    f"the result would have two axes `{name.text}`",
                    self.span,
                    f"the input has {self.frame.axis_text(type_.names)}",
                    help=f"the layer adds the axis `{name.text}`, so its input must not have it",
                )
            else:
                made.append(axis)
        return tuple(made), tuple(renames)

    def renamed(self, value: Tensor, renames: tuple[tuple[str, str], ...]) -> Tensor:
        """`value` with its axes under their own names."""
        return self.add("rename", [value], {"names": renames}) if renames else value


def group(names: Sequence[Axis]) -> tuple[str, ...]:
    """One stored dimension that packs these axes."""
    return tuple(axis.name for axis in names)


def _linear(call: LayerCall) -> Tensor:
    arrow = call.braces.arrow()
    assert arrow.term is not None and arrow.target is not None
    source = axes.found_in(call.frame, arrow.term, call.frame.context.type(call.x.node))
    out, renames = call.out_axes(arrow.target, source)
    initializer = fan_in_uniform(constant_size(product([axis.size for axis in source])))
    weight = call.parameter("weight", [*out, *source], initializer, (group(out), group(source)))
    result = call.add("contract", [call.x, weight], {"axes": group(source)})
    if call.braces.truth("bias", True):
        result = call.add("add", [result, call.parameter("bias", out, initializer, (group(out),))])
    return call.renamed(result, renames)


def _convolution(call: LayerCall) -> Tensor:
    arrow = call.braces.arrow()
    assert arrow.term is not None and arrow.target is not None
    type_ = call.frame.context.type(call.x.node)
    source = axes.found_in(call.frame, arrow.term, type_)
    if len(source) != 1 or not isinstance(arrow.target, tree.Name):
        raise fail("E043", "a convolution goes from one axis to one axis", arrow.span, help="merge the axes first")
    extents = call.braces.extents_of(call.x.node)
    kernel = [call.braces.positive(given, place) for _, given, place in extents]
    geometry = Geometry.read(call.braces, kernel)
    (out,), renames = call.out_axes(arrow.target, source)
    groups = call.braces.whole_number("groups", 1)
    channels = call.braces.known_size(source[0], call.span)
    for axis, size in ((source[0], channels), (out, call.braces.known_size(out, call.span))):
        if size % groups:
            raise fail(
                "E031",
                f"the axis `{call.frame.show(axis.name)}` of size {size} does not divide into {groups} groups",
                call.braces.place("groups"),
            )
    if source[0].name in (name for name, _, _ in extents):
        name = call.frame.show(source[0].name)
        raise fail("E022", f"`{name}` is the axis of the channels, and cannot be convolved over too", call.layer.span)
    geometry.require_room(call.frame, call.x.node, [name for name, _, _ in extents], call.span)
    inner = Axis(source[0].name, Size.of(channels // groups))
    kernels = tuple(
        Axis.of(call.frame.fresh(f"{name}_kernel", type_.names), extent)
        for (name, _, _), extent in zip(extents, kernel, strict=True)
    )
    initializer = fan_in_uniform(constant_size(product([axis.size for axis in (inner, *kernels)])))
    weight = call.parameter("weight", [out, inner, *kernels], initializer)
    result = call.add(
        "convolution",
        [call.x, weight],
        {
            "channel": source[0].name,
            "out": out,
            "axes": tuple(name for name, _, _ in extents),
            "kernels": group(kernels),
            "groups": groups,
            **geometry.spatial(),
        },
    )
    if call.braces.truth("bias", True):
        result = call.add("add", [result, call.parameter("bias", [out], initializer)])
    return call.renamed(result, renames)


def _found(call: LayerCall) -> tuple[Axis, ...]:
    type_ = call.frame.context.type(call.x.node)
    return tuple(Axis(name, type_.size(name)) for name in call.braces.axes_of(call.x.node))


def _scaled(call: LayerCall, value: Tensor, names: Sequence[Axis], *, bias: bool) -> Tensor:
    """`value * weight + bias`, for the layers that normalise."""
    if not call.braces.truth("affine", True):
        return value
    value = call.add("multiply", [value, call.parameter("weight", names, ONES)])
    if bias and call.braces.truth("bias", True):
        value = call.add("add", [value, call.parameter("bias", names, ZEROS)])
    return value


def _epsilon(call: LayerCall, default: float) -> float:
    value = call.braces.number("epsilon", default)
    if not value >= 0:
        raise fail("E040", f"`epsilon` is at least 0, not {value}", call.braces.place("epsilon"))
    return value


def _layer_norm(call: LayerCall) -> Tensor:
    names = _found(call)
    epsilon = _epsilon(call, 1e-5)
    value = call.add("normalize", [call.x], {"axes": group(names), "epsilon": epsilon, "center": True})
    return _scaled(call, value, names, bias=True)


def _rms_norm(call: LayerCall) -> Tensor:
    names = _found(call)
    epsilon = _epsilon(call, 1e-6)
    value = call.add("normalize", [call.x], {"axes": group(names), "epsilon": epsilon, "center": False})
    return _scaled(call, value, names, bias=False)


def _group_norm(call: LayerCall) -> Tensor:
    channel, *spatial = _found(call)
    groups = call.braces.whole_number("groups", None)
    channels = call.braces.known_size(channel, call.span)
    if channels % groups:
        raise fail(
            "E031",
            f"the axis `{call.frame.show(channel.name)}` of size {channels} does not divide into {groups} groups",
            call.braces.place("groups"),
        )
    type_ = call.frame.context.type(call.x.node)
    outer = Axis.of(call.frame.fresh(f"{channel.name}_group", type_.names), groups)
    inner = Axis.of(call.frame.fresh(f"{channel.name}_member", type_.names), channels // groups)
    value = call.add("split", [call.x], {"axis": channel.name, "into": (outer, inner)})
    epsilon = _epsilon(call, 1e-5)
    value = call.add("normalize", [value], {"axes": group([inner, *spatial]), "epsilon": epsilon, "center": True})
    value = call.add("merge", [value], {"axes": group([outer, inner]), "into": channel})
    return _scaled(call, value, [channel], bias=True)


def _batch_norm(call: LayerCall) -> Tensor:
    name = call.braces.one_axis_of(call.x.node)
    axis = [Axis(name, call.size(name))]
    weight, bias = call.parameter("weight", axis, ONES), call.parameter("bias", axis, ZEROS)
    mean = call.parameter("running_mean", axis, ZEROS, trainable=False)
    variance = call.parameter("running_var", axis, ONES, trainable=False)
    call.parameter("num_batches_tracked", [], ZEROS, dtype=DType.I64, trainable=False)
    return call.add(
        "batch_norm",
        [call.x, mean, variance, weight, bias],
        {"axis": name, "epsilon": _epsilon(call, 1e-5), "momentum": call.braces.number("momentum", 0.1)},
    )


def _embedding(call: LayerCall) -> Tensor:
    arrow = call.braces.arrow()
    if not isinstance(arrow.term, tree.Name) or arrow.target is None:
        raise fail("E043", "an embedding goes from one axis, that of the table", arrow.span)
    vocabulary = call.frame.axis(arrow.term)
    type_ = call.frame.context.type(call.x.node)
    if not type_.dtype.is_integer:
        raise fail(
            "E045",
            f"an embedding is looked up by whole numbers, and this is {type_.dtype}",
            call.span,
            help="`Linear` takes real numbers",
        )
    out, renames = call.out_axes(arrow.target, [])
    weight = call.parameter(
        "weight", [vocabulary, *out], Initializer("normal", (1.0,)), ((vocabulary.name,), group(out))
    )
    return call.renamed(call.add("gather", [weight, call.x], {"axes": (vocabulary.name,)}), renames)


def _dropout(call: LayerCall) -> Tensor:
    rate = call.braces.number("rate", 0.5)
    if not 0 <= rate < 1:
        raise fail("E040", f"the rate of a dropout is at least 0 and below 1, not {rate}", call.braces.place("rate"))
    return call.add("dropout", [call.x], {"rate": rate})


@dataclass(frozen=True)
class BuiltinLayer:
    """How a layer is written, what it takes in braces, and what it is."""

    signature: str
    kinds: frozenset[str]
    options: frozenset[str]
    apply: Callable[[LayerCall], Tensor]


def _row(signature: str, kinds: str, options: str, apply: Callable[[LayerCall], Tensor]) -> BuiltinLayer:
    return BuiltinLayer(signature, frozenset(kinds.split()), frozenset(options.split()), apply)


LAYERS: Mapping[str, BuiltinLayer] = {
    "Linear": _row("Linear{a -> b, bias = true}", "arrow", "bias", _linear),
    "Conv": _row(
        "Conv{a -> b, height: 3, width: 3, stride = 1, padding = 0, dilation = 1, groups = 1, bias = true}",
        "arrow binding",
        "stride padding dilation groups bias",
        _convolution,
    ),
    "BatchNorm": _row("BatchNorm{channel, epsilon = 1e-5, momentum = 0.1}", "axis", "epsilon momentum", _batch_norm),
    "LayerNorm": _row(
        "LayerNorm{embed, epsilon = 1e-5, affine = true, bias = true}", "axis", "epsilon affine bias", _layer_norm
    ),
    "RMSNorm": _row("RMSNorm{embed, epsilon = 1e-6, affine = true}", "axis", "epsilon affine", _rms_norm),
    "GroupNorm": _row(
        "GroupNorm{channel, height, width, groups = 32, epsilon = 1e-5, affine = true, bias = true}",
        "axis",
        "groups epsilon affine bias",
        _group_norm,
    ),
    "Embedding": _row("Embedding{vocab -> embed}", "arrow", "", _embedding),
    "Dropout": _row("Dropout{rate = 0.5}", "", "rate", _dropout),
}


def call_builtin(frame: Frame, layer: Layer, name: str, x: Tensor, span: Span) -> Tensor:
    """Calls a built-in layer on a tensor."""
    row = LAYERS[name]
    braces = Braces(frame, row.signature, layer.statics, layer.span)
    try:
        result = row.apply(LayerCall(frame, layer, braces, x, span))
    except DiagnosticError as error:
        raise _with_call(error, layer, span) from None
    before = frame.context.type(x.node).names
    gone = [axis for axis in before if not frame.context.type(result.node).has(axis)]
    return arithmetic.consume(x, gone, result.node)


def _with_call(error: DiagnosticError, layer: Layer, span: Span) -> DiagnosticError:
    """What points into the braces of a layer points at the call too: another call may have been right."""
    where = layer.span
    label = Label(span, "in this call")

    def inside(place: Span) -> bool:
        begins = (where.line, where.column) <= (place.line, place.column)
        return (
            place.file == where.file
            and begins
            and (place.end_line, place.end_column)
            <= (
                where.end_line,
                where.end_column,
            )
        )

    return DiagnosticError(
        replace(diagnostic, secondary=(*diagnostic.secondary, label))
        if diagnostic.primary is not None and diagnostic.code in _OF_THE_INPUT and inside(diagnostic.primary.span)
        else diagnostic
        for diagnostic in error.diagnostics
    )


def check_braces(frame: Frame, layer: Layer, name: str) -> None:
    """Raises E013 or E043 where the braces of a layer statement hold what the layer does not take."""
    row = LAYERS[name]
    Braces(frame, row.signature, layer.statics, layer.span).check(row.options, row.kinds)
