"""Calls: of operators, functions, blocks and layers."""

from __future__ import annotations

from collections.abc import Sequence

from attncomp.diagnostics.core import Label, Span, fail
from attncomp.diagnostics.suggest import did_you_mean
from attncomp.semantics import arithmetic, layers, operators, results, slips
from attncomp.semantics.binding import count_text, enter
from attncomp.semantics.braces import Braces
from attncomp.semantics.context import CALL_STEPS, Activation
from attncomp.semantics.habits import HABITS
from attncomp.semantics.scope import Frame
from attncomp.semantics.static import Static, Word, kind
from attncomp.semantics.static_arguments import static_arguments
from attncomp.semantics.values import (
    BlockValue,
    FunctionValue,
    Layer,
    Layers,
    Poison,
    Poisoned,
    Several,
    StaticArgument,
    Tensor,
    Value,
)
from attncomp.syntax import tree

CALL_DEPTH = 64

# --- names with braces, and calls -----------------------------------------------------------------------------


def source(frame: Frame, expression: tree.Reference, value: Value | None) -> Value:
    """A name with braces that is not called: a layer to be made, or a source of positions (`arange{seq}`)."""
    name = expression.name.text
    row = operators.OPERATORS.get(name)
    if row is not None and row.most == 0 and value is None:
        return _apply_operator(frame, expression, (), expression.span)
    if row is not None and value is None:
        raise fail("E041", f"`{name}` is applied to a value", expression.span, help=f"it is written `{row.signature}`")
    if isinstance(value, Tensor):
        raise fail(
            "E044",
            f"`{name}` is a value, and braces belong to operators and layers",
            expression.span,
            help=f"the axes of a value are renamed and indexed in square brackets: `{name}[…]`",
        )
    raise fail(
        "E044",
        f"`{name}{{…}}` makes a layer, which needs a name of its own",
        expression.span,
        help=f"write `layer name = {name}{{…}}`, and call `name(x)`",
    )


def call(frame: Frame, expression: tree.Call) -> Value:
    """The value of `f(x, …)`."""
    function = expression.function
    if isinstance(function, tree.Reference):
        name = function.name.text
        target = _callable_named(frame, function)
        if target is None:
            return _apply_operator(frame, function, expression.arguments, expression.span)
        if isinstance(target, FunctionValue):
            statics = static_arguments(frame, function.statics or ())
            return invoke_function(frame, target, statics, function.span, expression)
        if isinstance(target, BlockValue):
            raise fail(
                "E044",
                f"`{name}` is a block: its parameters need a layer to live in",
                function.span,
                help=_how_to_make(frame, name),
            )
        if function.statics is not None and isinstance(target, (Layer, Layers)):
            raise fail(
                "E043",
                f"`{name}` is made already, and its options with it",
                function.span,
                help=f"options stand where the layer is made: `layer {name} = …{{…}}`",
            )
    else:
        target = frame.context.evaluate(frame, function)
    return _call_layer(frame, target, expression)


def _how_to_make(frame: Frame, name: str) -> str:
    if frame.title and frame.is_function:
        return f"a function owns no parameters: make `{frame.title}` a block, with `layer {name.lower()} = {name}{{…}}`"
    return f"write `layer {name.lower()} = {name}{{…}}`, and call `{name.lower()}(x)`"


def _callable_named(frame: Frame, function: tree.Reference) -> Value | None:
    """What a called name stands for; None for an operator. A tensor does not hide an operator of the same name."""
    name = function.name.text
    value = frame.lookup(name)
    if isinstance(value, Poison):
        raise Poisoned
    if isinstance(value, Static) and isinstance(value.value, Word):
        word = value.value.text
        if frame.file.find(word) is not None:
            return frame.context.evaluate(frame, function)
        if word in operators.OPERATORS:
            return None
        raise fail(
            "E012",
            f"`{name}` is the word `{word}`, and there is no function `{word}`",
            function.span,
            help=did_you_mean(word, operators.OPERATORS),
        )
    if value is not None and not (isinstance(value, (Tensor, Static)) and name in operators.OPERATORS):
        return value
    found = frame.file.find(name)
    if found is not None and isinstance(found[1], tree.Model) and name in operators.OPERATORS:
        return None
    if found is not None and isinstance(found[1], tree.Model):
        raise slips.model_inside(name, function.span)
    if found is not None:
        return frame.context.evaluate(frame, tree.Reference(function.name, None, function.span))
    if name in operators.OPERATORS:
        return None
    if name in layers.LAYERS:
        raise fail(
            "E044",
            f"`{name}` is a layer: its parameters need a name to live under",
            function.span,
            help=_how_to_make(frame, name),
        )
    known = frame.visible() | frozenset(operators.OPERATORS) | frozenset(layers.LAYERS)
    raise fail(
        "E012",
        f"there is no operator, function or layer `{name}`",
        function.name.span,
        help=HABITS.get(name)
        or did_you_mean(name, known)
        or f"an operator of your own is a function: `fn {name}(x) = …`",
    )


def _apply_operator(frame: Frame, function: tree.Reference, arguments: Sequence[tree.Argument], span: Span) -> Value:
    value = frame.lookup(function.name.text)
    word = isinstance(value, Static) and isinstance(value.value, Word)
    name = value.value.text if word else function.name.text  # type: ignore[union-attr]
    row = operators.OPERATORS[name]
    braces = Braces(frame, row.signature, static_arguments(frame, function.statics or ()), function.span)
    braces.check(row.options, row.kinds)
    for argument in arguments:
        if argument.name is not None:
            raise fail(
                "E042",
                f"`{name}` takes its values by place, not by name",
                argument.span,
                help=f"it is written `{row.signature}`: axes and options stand in braces",
            )
    if not row.least <= len(arguments) <= row.most:
        code = "E041" if len(arguments) < row.least else "E042"
        wanted = row.least if len(arguments) < row.least else row.most
        raise fail(
            code,
            f"`{name}` takes {count_text(wanted)}, not {len(arguments)}",
            span,
            help=f"it is written `{row.signature}`",
        )
    values = tuple(frame.context.evaluate_all(frame, [argument.value for argument in arguments]))
    spans = tuple(argument.value.span for argument in arguments)
    return row.apply(operators.Use(frame, name, braces, values, spans, span))


def _call_layer(frame: Frame, target: Value, expression: tree.Call) -> Value:
    if isinstance(target, Layers):
        raise fail(
            "E044",
            f"these are {len(target.items)} layers: call them one by one",
            expression.function.span,
            help="`for block in blocks { x = block(x) }`, or `blocks[0](x)`",
        )
    if not isinstance(target, Layer):
        what = kind(target) if isinstance(target, Static) else "a value"
        raise fail(
            "E044",
            f"this is {what}, and cannot be called",
            expression.function.span,
            help="operators, functions and layers are called; a product is written `a * b`",
        )
    if isinstance(target.callee, BlockValue):
        return invoke_block(frame, target, target.callee, expression)
    if len(expression.arguments) != 1 or expression.arguments[0].name is not None:
        code = "E042" if len(expression.arguments) > 1 else "E041"
        raise fail(code, f"a `{target.callee}` is called on one value", expression.span)
    argument = expression.arguments[0].value
    x = arithmetic.as_tensor(frame, frame.context.evaluate(frame, argument), argument.span)
    return layers.call_builtin(frame, target, target.callee, x, expression.span)


# --- functions and blocks -------------------------------------------------------------------------------------


def invoke_function(
    frame: Frame, function: FunctionValue, statics: Sequence[StaticArgument], place: Span, expression: tree.Call
) -> Value:
    """Inlines a function. Raises E050 where it is being inlined already."""
    declaration = function.declaration
    inner = Frame(
        frame.context,
        function.file,
        declaration.name.text,
        frame.owner,
        frame.path,
        function.frame,
        frame.depth + 1,
        True,
    )
    enter(frame, inner, declaration, statics, expression.arguments, place, expression.span)
    if function.frame is not None:
        inner.riders |= function.frame.riders
        inner.taken |= function.frame.taken
    with _OnStack(frame, Activation("fn", function.file.title, declaration.name.text, expression.span)):
        value = frame.context.evaluate(inner, declaration.value)
    if declaration.output.type is None:
        return value
    tensor = arithmetic.as_tensor(inner, value, declaration.value.span)
    return results.check_result(inner, declaration.output, tensor, declaration.value.span)


def invoke_block(frame: Frame, layer: Layer, block: BlockValue, expression: tree.Call) -> Value:
    """Elaborates a block's body for one call of an instance. Raises E050 where the block is inside itself."""
    declaration = block.declaration
    inner = Frame(frame.context, block.file, declaration.name.text, layer, layer.path, None, frame.depth + 1)
    enter(frame, inner, declaration, layer.statics, expression.arguments, layer.span, expression.span)
    with _OnStack(frame, Activation("block", block.file.title, declaration.name.text, expression.span)):
        values = frame.context.run(inner, declaration)
    return values[0] if len(values) == 1 else Several(values)


class _OnStack:
    """Keeps a use on the stack while it is elaborated; refuses one that is there already."""

    def __init__(self, frame: Frame, use: Activation) -> None:
        self.frame, self.use = frame, use
        self.calls, self.used = frame.context.calls, frame.context.used

    def __enter__(self) -> None:
        self.frame.context.step(self.use.span, CALL_STEPS)
        for position, known in enumerate(self.calls):
            if (known.kind, known.file, known.name) == (self.use.kind, self.use.file, self.use.name):
                chain = " -> ".join(f"`{use.name}`" for use in [*self.calls[position:], self.use])
                raise fail(
                    "E050",
                    f"{self.use.kind} `{self.use.name}` contains itself: {chain}",
                    self.use.span,
                    secondary=(Label(known.span, "entered from here"),),
                    help="a model is finite: repeat layers with `layer blocks[12] = …` and `for`",
                )
        if len(self.calls) >= CALL_DEPTH:
            message = f"blocks and functions are nested more than {CALL_DEPTH} deep"
            raise fail("E007", message, self.use.span, help="repeat layers with `layer blocks[12] = …` and `for`")
        self.calls.append(self.use)
        self.used.add((self.use.file, self.use.name))

    def __exit__(self, *_: object) -> None:
        self.calls.pop()
