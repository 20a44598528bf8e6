"""`attnc check`: every model of a file, and every block and function that no model uses, tried on symbolic inputs."""

from __future__ import annotations

from functools import partial

from attncomp.diagnostics.core import Diagnostic
from attncomp.ir.graph import Origin
from attncomp.ir.sizes import Size
from attncomp.ir.types import Axis, DType, ValueType
from attncomp.semantics import axes, calls, elaborate, unused
from attncomp.semantics.binding import formal_axis_names
from attncomp.semantics.context import Context
from attncomp.semantics.files import FileSet
from attncomp.semantics.scope import Frame
from attncomp.semantics.values import BlockValue, FunctionValue, Layer, Tensor
from attncomp.syntax import tree

# The size of the formal axes of a block that is checked on its own: a number that many options divide. What depends on
# sizes or element types says nothing about the block then, and is left out.
TRIAL_SIZE = 5040
_OF_SIZES = ("E030", "E031", "E032", "E033", "E034", "E035", "E045")


def check(files: FileSet) -> tuple[Diagnostic, ...]:
    """Every error and warning of the root file, each once."""
    context = elaborate.new_context("check")
    for model in files.models():
        if all(option.default is not None for option in model.options):
            found = elaborate.new_context(model.name.text)
            elaborate.try_model(found, files, model)
            context.keep(found.diagnostics)
            context.used |= found.used
    for item in files.root.syntax.items:
        if isinstance(item, (tree.Block, tree.Function)) and (files.title, item.name.text) not in context.used:
            alone = elaborate.new_context(item.name.text)
            elaborate.attempt(alone, item.name.span, partial(_try, alone, files, item))
            context.keep([mistake for mistake in alone.diagnostics if _tells(item, mistake)])
            context.used |= alone.used
    context.keep(unused.warnings(files.root, context.diagnostics))
    return tuple(context.diagnostics)


def _tells(item: tree.Block | tree.Function, mistake: Diagnostic) -> bool:
    """Whether a mistake is one of the block itself; of a function with untyped inputs only unknown names are."""
    if any(given.type is None for given in item.inputs):
        return mistake.code in ("E010", "E012", "E013", "E050")
    return mistake.code not in _OF_SIZES


def _try(context: Context, files: FileSet, item: tree.Block | tree.Function) -> None:
    """Uses a block or function once, on inputs that have just its formal axes. One with required options is left."""
    if any(option.default is None for option in item.options):
        return
    frame = Frame(context, files.root, "check", Layer("check", (), "", item.name.span, item.span))
    for name in sorted(formal_axis_names(item)):
        frame.axes[name] = Axis(name, Size.of(TRIAL_SIZE))
    arguments = []
    for given in item.inputs:
        if isinstance(given.type, tree.AxisSet):
            formal = tuple(frame.axes[name.text] for name in axes.names_of(given.type))
            dtype = DType(given.dtype.text) if given.dtype is not None else DType.F32
            node = context.graph.add(
                "input",
                (),
                {"name": given.name.text, "layout": tuple((a.name,) for a in formal)},
                ValueType(dtype, formal),
                Origin(given.span),
            )
            frame.define(given.name, Tensor(node))
        elif given.default is not None:
            continue
        else:
            frame.define(given.name, Tensor(context.constant(frame, 1.0, DType.F32, given.span)))
        reference = tree.Reference(given.name, None, given.span)
        arguments.append(tree.Argument(None, reference, given.span))
    expression = tree.Call(tree.Reference(item.name, None, item.name.span), tuple(arguments), item.name.span)
    if isinstance(item, tree.Block):
        block = BlockValue(item, files.root)
        calls.invoke_block(frame, Layer(block, (), "", item.name.span, item.span), block, expression)
    else:
        calls.invoke_function(frame, FunctionValue(item, files.root), (), item.name.span, expression)
