"""The statements that declare: axes, parameters, layers and local functions."""

from __future__ import annotations

import re

from attncomp.diagnostics.core import DiagnosticError, Label, fail
from attncomp.diagnostics.suggest import did_you_mean
from attncomp.ir.graph import Initializer
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType
from attncomp.semantics import axes, layers, slips
from attncomp.semantics.context import AXIS_LIMIT
from attncomp.semantics.operators import OPERATORS
from attncomp.semantics.parameters import check_key, join, parameter
from attncomp.semantics.scope import UNIT_AXIS, Frame
from attncomp.semantics.static import Static, Word, describe, kind
from attncomp.semantics.static_arguments import static_arguments
from attncomp.semantics.values import (
    BlockValue,
    FunctionValue,
    Layer,
    Layers,
    Member,
    Poison,
    Poisoned,
    Value,
)
from attncomp.syntax import tree
from attncomp.syntax.parse import parse_expression

REPEAT_LIMIT = 10_000
INITIALIZERS = {
    "zeros": (0, 0),
    "ones": (0, 0),
    "constant": (1, 1),
    "uniform": (2, 2),
    "normal": (1, 1),
    "trunc_normal": (1, 1),
    "xavier_uniform": (0, 1),
    "kaiming_uniform": (0, 1),
}
_INITIALIZER_NUMBERS = {
    (0, 0): "no numbers",
    (1, 1): "one number, in parentheses",
    (2, 2): "two numbers, in parentheses",
    (0, 1): "one number at most",
}
DEFAULT_INITIALIZER = Initializer("normal", (0.02,))


def axis_statement(frame: Frame, statement: tree.AxisStatement) -> None:
    """`axis head = heads, key = |embed| / heads`."""
    for definition in statement.definitions:
        name = definition.name.text
        try:
            value = frame.context.evaluate(frame, definition.size)
            size = _size(value, definition)
        except DiagnosticError as error:
            # The axis exists all the same, with a size of its own, so that its uses are not reported too.
            frame.context.report(error.diagnostics)
            size = Size.symbol(f"{name}?")
            frame.context.broken_sizes.add(f"{name}?")
        if name in frame.axes and name in frame.axis_places:
            raise fail(
                "E014",
                f"the axis `{name}` is declared twice",
                definition.span,
                secondary=(Label(frame.axis_places[name], "first declared here"),),
                help="give the second axis another name",
            )
        if name == UNIT_AXIS or name.endswith("'"):
            what = "is there already, with the size 1" if name == UNIT_AXIS else "has the size of its axis"
            raise fail("E014", f"`{name}` {what}: it is not declared", definition.span)
        if name in frame.axes:
            raise fail(
                "E014",
                f"the axis `{name}` is one of the inputs' already",
                definition.span,
                help="give the new axis another name",
            )
        frame.bind_local(name, name, size, definition.name.span)


def _size(value: Value, definition: tree.AxisDefinition) -> Size:
    if isinstance(value, Poison):
        raise Poisoned
    if isinstance(value, Static) and isinstance(value.value, Size):
        if value.whole is not None and value.whole > AXIS_LIMIT:
            name = definition.name.text
            raise fail("E033", f"the axis `{name}` would have more than 2 ** 48 positions", definition.size.span)
        if value.whole is not None and value.whole < 0:
            raise fail(
                "E030", f"the axis `{definition.name.text}` would have the size {value.whole}", definition.size.span
            )
        return value.value
    what = f"{kind(value)}, `{describe(value)}`" if isinstance(value, Static) else "not known when compiling"
    raise fail(
        "E040",
        f"the size of an axis is a whole number, and this is {what}",
        definition.size.span,
        help="use whole numbers; `//` divides and rounds down",
    )


def parameter_statement(frame: Frame, statement: tree.ParameterStatement) -> None:
    """`param table: [vocab, embed] ~ normal(0.02)`."""
    named: list[Axis] = []
    layout = []
    for dimension in statement.storage.dimensions:
        group = stored_dimension(frame, dimension)
        named.extend(frame.axis(name) for name in group)
        layout.append(tuple(frame.axis(name).name for name in group))
    axes.once(
        [
            name
            for dimension in statement.storage.dimensions
            if not isinstance(dimension.term, int)
            for name in axes.names_of(dimension.term)
        ]
    )
    dtype = DType(statement.storage.dtype.text) if statement.storage.dtype else DType.F32
    key = join(frame.path, _key(frame, statement.key, statement.name.text))
    initializer = _initializer(frame, statement.initializer) if statement.initializer else DEFAULT_INITIALIZER
    owner = frame.owner
    value = parameter(
        frame,
        owner,
        statement.name.text,
        key,
        named,
        tuple(layout),
        initializer,
        statement.span,
        statement.span,
        dtype=dtype,
        trainable=dtype.is_float,
    )
    frame.define(statement.name, value)


def stored_dimension(frame: Frame, dimension: tree.Dimension) -> tuple[tree.Name, ...]:
    """The axes packed in one stored dimension, none for a `1`; `a = size` declares the axis on the way."""
    if isinstance(dimension.term, int):
        if dimension.term != 1:
            raise fail(
                "E043",
                f"a dimension of size {dimension.term} needs a name",
                dimension.span,
                help=f"write `name = {dimension.term}`; only 1 stands alone",
            )
        return ()
    if dimension.size is not None and isinstance(dimension.term, tree.Name):
        value = frame.context.evaluate(frame, dimension.size)
        size = _size(value, tree.AxisDefinition(dimension.term, dimension.size, dimension.span))
        known = frame.axes.get(dimension.term.text)
        if known is not None and (known.size - size).constant not in (0, None):
            name = dimension.term.text
            first = frame.axis_places.get(name)
            raise fail(
                "E030",
                f"two sizes for the axis `{name}`: {known.size} and {size}",
                dimension.span,
                secondary=(Label(first, f"`{name}` is {known.size} here"),) if first else (),
                help="one name is one axis: call the second by another name",
            )
        if known is None:
            frame.bind_local(dimension.term.text, dimension.term.text, size, dimension.span)
        else:
            frame.context.equate(known.size, size, dimension.span)
    return axes.names_of(dimension.term)


def _key(frame: Frame, key: tree.String | None, default: str) -> str:
    """A key as written, with `{expression}` replaced by its value."""
    if key is None:
        return default.replace("'", "_twin")

    def fill(match: re.Match[str]) -> str:
        if not match.group(1).strip():
            raise fail("E061", "`{}` in a key is empty", key.span, help="write what stands there: `{i}`, `{i + 1}`")
        value = frame.context.evaluate(frame, parse_expression(match.group(1), key.span))
        if not isinstance(value, Static) or (value.whole is None and not isinstance(value.value, Word)):
            raise fail("E040", "only whole numbers and words belong in a key", key.span)
        return describe(value)

    text = re.sub(r"\{([^{}]*)\}", fill, key.value)
    if text:
        check_key(text, key.span)
    return text


def _initializer(frame: Frame, expression: tree.Expression) -> Initializer:
    function = expression.function if isinstance(expression, tree.Call) else expression
    arguments = expression.arguments if isinstance(expression, tree.Call) else ()
    if not isinstance(function, tree.Reference) or function.name.text not in INITIALIZERS:
        name = function.name.text if isinstance(function, tree.Reference) else ""
        raise fail(
            "E012",
            f"there is no way `{name}` to fill a parameter",
            expression.span,
            help=did_you_mean(name, INITIALIZERS),
        )
    least, most = INITIALIZERS[function.name.text]
    numbers = []
    for argument in arguments:
        value = frame.context.evaluate(frame, argument.value)
        if not isinstance(value, Static) or value.number is None:
            raise fail("E040", "this is a number, known when compiling", argument.span)
        numbers.append(float(value.number))
    if not least <= len(numbers) <= most:
        raise fail(
            "E041" if len(numbers) < least else "E042",
            f"`{function.name.text}` takes {_INITIALIZER_NUMBERS[least, most]}",
            expression.span,
        )
    return Initializer(function.name.text, tuple(numbers))


def layer_statement(frame: Frame, statement: tree.LayerStatement) -> None:
    """`layer blocks[12] = Block{…}`; in a later call of a shared block the instances of the first."""
    members = frame.owner.members if frame.owner is not None else {}
    if statement.name.text in frame.places and isinstance(frame.values.get(statement.name.text), (Layer, Layers)):
        raise fail(
            "E014",
            f"the layer `{statement.name.text}` is made twice",
            statement.span,
            secondary=(Label(frame.places[statement.name.text], "first made here"),),
            help=f"layers are made before a loop: `layer {statement.name.text}[3] = …`, then `for`",
        )
    if statement.name.text in members:
        frame.define(statement.name, members[statement.name.text].value)
        return
    value: Value
    if statement.repeat is None:
        path = join(frame.path, _key(frame, statement.key, statement.name.text))
        value = _instance(frame, statement, path)
    else:
        value = Layers(tuple(_repeated(frame, statement, statement.repeat)))
    if frame.owner is not None:
        members[statement.name.text] = Member(value, statement.span)
    frame.define(statement.name, value)


def _repeated(frame: Frame, statement: tree.LayerStatement, repeat: tree.Repeat) -> list[Value]:
    start = bound(frame, repeat.start) if repeat.start is not None else 0
    stop = bound(frame, repeat.stop)
    if stop < start:
        raise fail("E040", f"{stop - start} layers cannot be made", repeat.span, help="a number of layers is 0 or more")
    if stop - start > REPEAT_LIMIT:
        raise fail("E033", f"{stop - start} layers are more than {REPEAT_LIMIT}", repeat.span)
    templated = statement.key is not None and "{" in statement.key.value
    items: list[Value] = []
    outer = frame.values.get(repeat.variable.text) if repeat.variable else None
    for index in range(start, stop):
        frame.context.step(repeat.span)
        if repeat.variable is not None:
            frame.values[repeat.variable.text] = Static(Size.of(index))
        key = _key(frame, statement.key, statement.name.text)
        path = join(frame.path, key if templated else join(key, str(index - start)))
        items.append(_instance(frame, statement, path))
    if repeat.variable is not None:
        frame.values.pop(repeat.variable.text, None)
        if outer is not None:
            frame.values[repeat.variable.text] = outer
    return items


def bound(frame: Frame, expression: tree.Expression) -> int:
    """A whole number known when compiling. Raises E035 and E040."""
    value = frame.context.evaluate(frame, expression)
    if isinstance(value, Static) and value.whole is not None:
        return value.whole
    if isinstance(value, Static) and isinstance(value.value, Size):
        frame.context.need_sound(value.value)
        raise fail("E035", f"the size {value.value} is not known when compiling, and must be here", expression.span)
    raise fail("E040", "this is a whole number, known when compiling", expression.span)


def _instance(frame: Frame, statement: tree.LayerStatement, path: str) -> Value:
    """The layer that a statement makes, or none: `layer gate = if gated then SE else none`."""
    expression = statement.value
    if isinstance(expression, tree.Constant) and expression.name == "none":
        return Static(None)
    if isinstance(expression, tree.Conditional):
        condition = frame.context.evaluate(frame, expression.condition)
        if not isinstance(condition, Static) or not isinstance(condition.value, bool):
            raise fail("E046", "which layer this is must be known when compiling", expression.condition.span)
        chosen = expression.consequent if condition.value else expression.alternative
        return _instance(frame, tree.LayerStatement(statement.name, None, chosen, None, statement.span), path)
    if not isinstance(expression, tree.Reference):
        raise _no_layer(statement.name.text, expression)
    name = expression.name.text
    statics = static_arguments(frame, expression.statics or ())
    value = frame.lookup(name)
    if isinstance(value, Static) and value.value is None:
        return value
    if isinstance(value, Static) and isinstance(value.value, Word):
        name = value.value.text
    found = frame.file.find(name)
    if found is not None and isinstance(found[1], tree.Model) and name in layers.LAYERS:
        found = None
    if isinstance(value, BlockValue):
        return Layer(value, statics, path, expression.span, statement.span)
    if found is not None and isinstance(found[1], tree.Block):
        return Layer(BlockValue(found[1], found[0]), statics, path, expression.span, statement.span)
    if found is not None and isinstance(found[1], tree.Model):
        raise slips.model_inside(name, expression.span)
    if found is not None or name in OPERATORS:
        raise fail(
            "E043",
            f"`{name}` has no parameters: it is called without a layer",
            expression.span,
            help=f"write `{name}(x)`",
        )
    if name in layers.LAYERS:
        layer = Layer(name, statics, path, expression.span, statement.span)
        layers.check_braces(frame, layer, name)
        return layer
    blocks = [known for known in frame.file.names() if isinstance((frame.file.find(known) or (0, 0))[1], tree.Block)]
    raise fail(
        "E012",
        f"there is no layer or block `{name}`",
        expression.name.span,
        help=did_you_mean(name, [*layers.LAYERS, *blocks]),
    )


def _no_layer(name: str, expression: tree.Expression) -> DiagnosticError:
    """What stands behind `layer NAME =` is no layer: the usual mistake is a call."""
    message, help_ = "a layer is a name with braces, such as `Linear{a -> b}`", "it is made here, and called later"
    if isinstance(expression, tree.Call) and isinstance(expression.function, tree.Reference):
        callee, arguments = expression.function.name.text, expression.arguments
        if callee in layers.LAYERS:
            help_ = f"axes and options stand in braces: `{layers.LAYERS[callee].signature}`"
        elif arguments and all(argument.name for argument in arguments):
            options = ", ".join(f"{argument.name.text} = …" for argument in arguments if argument.name)
            help_ = f"options stand in braces: `{callee}{{{options}}}`"
        else:
            help_ = f"write `layer {name} = {callee}`, and call `{name}(…)` later"
        message = "a layer is made here, and called where it is used"
    return fail("E043", message, expression.span, help=help_)


def function_statement(frame: Frame, statement: tree.Function) -> None:
    """A local function, which sees the names around it."""
    frame.define(statement.name, FunctionValue(statement, frame.file, frame))
