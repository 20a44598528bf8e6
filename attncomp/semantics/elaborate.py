"""From the tree of a model to a graph: the entry of the elaborator."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from attncomp.diagnostics.core import Diagnostic, DiagnosticError, Label, Severity, Span, fail
from attncomp.diagnostics.suggest import did_you_mean
from attncomp.ir.graph import Graph, Origin, Result
from attncomp.ir.sizes import Size, provably_different
from attncomp.ir.types import Axis, DType, ValueType
from attncomp.semantics import arithmetic, axes, binding, declarations, statements, unused
from attncomp.semantics.context import VALUE_BYTES_LIMIT, Abandoned, Context, placed
from attncomp.semantics.expressions import evaluate
from attncomp.semantics.files import FileSet, SourceFile
from attncomp.semantics.results import result_help
from attncomp.semantics.scope import Frame
from attncomp.semantics.static import Static, StaticValue, describe, fits, kind, static
from attncomp.semantics.values import Layer, Poison, Poisoned, Tensor, Value
from attncomp.syntax import tree


def elaborate(
    files: FileSet,
    *,
    model: str | None = None,
    options: Mapping[str, StaticValue] | None = None,
    present: frozenset[str] = frozenset(),
) -> tuple[Graph, tuple[Diagnostic, ...]]:
    """The graph of one model, and the warnings its file earned.

    `model` may be left out where the file has one; `options` set static options; `present` names optional inputs that
    the graph shall take. Raises DiagnosticError with every mistake found.
    """
    declaration = choose_model(files, model)
    context = new_context(declaration.name.text)
    _check_present(declaration, present)
    attempt(context, declaration.name.span, lambda: _model(context, files.root, declaration, options or {}, present))
    warnings = unused.warnings(files.root, context.diagnostics)
    if any(diagnostic.severity is Severity.ERROR for diagnostic in context.diagnostics):
        raise DiagnosticError([*context.diagnostics, *warnings])
    return context.graph, warnings


def try_model(context: Context, files: FileSet, declaration: tree.Model) -> None:
    """Elaborates a model for its mistakes alone, without its optional inputs and then with all of them."""
    optional = frozenset(given.name.text for given in declaration.inputs if given.default is not None)
    attempt(context, declaration.name.span, lambda: _model(context, files.root, declaration, {}, frozenset()))
    if optional:
        second = new_context(declaration.name.text)
        attempt(second, declaration.name.span, lambda: _model(second, files.root, declaration, {}, optional))
        context.keep(second.diagnostics)
        context.used |= second.used


def attempt(context: Context, span: Span, action: Callable[[], object]) -> None:
    """Runs a part of an elaboration and keeps its mistakes in the context."""
    try:
        try:
            action()
        except DiagnosticError as error:
            context.report(placed(error, span).diagnostics)
    except Abandoned as end:
        context.diagnostics.extend(end.diagnostics)
    except Poisoned:
        pass
    except RecursionError:
        message = "blocks, functions and expressions are nested too deeply here"
        help_ = "unfold the nesting with `for`, or name intermediate values"
        context.diagnostics.extend(fail("E007", message, span, help=help_).diagnostics)


def new_context(name: str) -> Context:
    """A context with an empty graph."""
    return Context(Graph(name), evaluate, statements.run)


def choose_model(files: FileSet, name: str | None) -> tree.Model:
    """The model of that name, or the only one. Raises E054 and E015."""
    models = {model.name.text: model for model in files.models()}
    if not models:
        raise DiagnosticError(
            [
                Diagnostic(
                    "E054",
                    f"`{files.title}` has no model",
                    None,
                    (),
                    "a model is the entry: `model Name(x: f32[batch, embed = 8]) -> f32[batch, embed] { … }`",
                )
            ]
        )
    if name is None:
        if len(models) > 1:
            raise DiagnosticError(
                [
                    Diagnostic(
                        "E015",
                        f"`{files.title}` has several models: {', '.join(models)}",
                        None,
                        (),
                        "choose one by its name: `-m NAME`",
                    )
                ]
            )
        return next(iter(models.values()))
    if name not in models:
        raise DiagnosticError(
            [Diagnostic("E015", f"`{files.title}` has no model `{name}`", None, (), did_you_mean(name, models))]
        )
    return models[name]


def _check_present(declaration: tree.Model, present: frozenset[str]) -> None:
    optional = {given.name.text for given in declaration.inputs if given.default is not None}
    for name in sorted(present - optional):
        raise DiagnosticError(
            [
                Diagnostic(
                    "E010",
                    f"`{declaration.name.text}` has no optional input `{name}`",
                    None,
                    (),
                    did_you_mean(name, optional),
                )
            ]
        )


def _model(
    context: Context,
    file: SourceFile,
    declaration: tree.Model,
    options: Mapping[str, StaticValue],
    present: frozenset[str],
) -> None:
    frame = Frame(context, file, declaration.name.text, Layer("model", (), "", declaration.name.span, declaration.span))
    binding.bind_options(frame, declaration.options, {}, declaration.name.span) if not options else _options(
        frame, declaration, options
    )
    for given in declaration.inputs:
        if given.default is not None and given.name.text not in present:
            frame.define(given.name, Static(None))
            continue
        frame.define(given.name, _input(frame, given))
    results = []
    for output, (value, expression) in zip(declaration.outputs, statements.returned(frame, declaration), strict=True):
        if expression is None or isinstance(value, Poison):
            continue
        try:
            results.append(_result(frame, output, value, expression))
        except DiagnosticError as error:
            context.report(error.diagnostics)
    context.graph.results = tuple(results)


def _options(frame: Frame, declaration: tree.Model, options: Mapping[str, StaticValue]) -> None:
    """Binds options given from outside. Raises E013, E040 and E041."""
    known = {option.name.text: option for option in declaration.options}
    wrong = []
    for name, value in options.items():
        if name not in known:
            wrong.append(
                Diagnostic(
                    "E013",
                    f"`{declaration.name.text}` has no option `{name}`",
                    None,
                    (),
                    did_you_mean(name, known) or f"`{declaration.name.text}` has no options",
                )
            )
            continue
        option = known[name]
        default = evaluate(frame, option.default) if isinstance(option.default, (tree.Number, tree.Constant)) else None
        if isinstance(default, Static) and not fits(static(value), default):
            wrong.append(
                Diagnostic(
                    "E040",
                    f"the option `{name}` is {kind(default)}, not {kind(static(value))}, `{describe(static(value))}`",
                    Label(option.span, f"the default is {describe(default)}"),
                )
            )
    if wrong:
        raise DiagnosticError(wrong)
    given: dict[str, tuple[Value | None, Span]] = {
        name: (static(value), known[name].span) for name, value in options.items()
    }
    binding.bind_options(frame, declaration.options, given, declaration.name.span)


# --- the edge: stored orders ----------------------------------------------------------------------------------


def _input(frame: Frame, given: tree.Input) -> Tensor:
    storage = given.type
    assert isinstance(storage, tree.Storage)
    dtype = DType(storage.dtype.text) if storage.dtype is not None else DType.F32
    found: list[Axis] = []
    layout: list[tuple[str, ...]] = []
    for dimension in storage.dimensions:
        _declare(frame, dimension, storage)
        names = declarations.stored_dimension(frame, dimension)
        found.extend(frame.axis(name) for name in names)
        layout.append(tuple(frame.axis(name).name for name in names))
    axes.once(
        [
            name
            for dimension in storage.dimensions
            if not isinstance(dimension.term, int)
            for name in axes.names_of(dimension.term)
        ]
    )
    type_ = ValueType(dtype, tuple(found))
    bytes_ = math.prod(axis.size.constant or 1 for axis in found) * dtype.bytes
    if bytes_ > VALUE_BYTES_LIMIT:
        raise fail("E033", f"the input `{given.name.text}` takes {bytes_ / 2**40:.1f} TiB", given.span)
    node = frame.context.graph.add(
        "input", (), {"name": given.name.text, "layout": tuple(layout)}, type_, Origin(given.span), given.name.text
    )
    return Tensor(node)


def _declare(frame: Frame, dimension: tree.Dimension, storage: tree.Storage) -> None:
    """Declares the axes of an input's dimension that have no stated size: symbols bound at each call."""
    if isinstance(dimension.term, tree.AxisGroup):
        for name in dimension.term.axes:
            if frame.find_axis(name.text) is None:
                raise fail(
                    "E035",
                    f"the size of `{name.text}` cannot be told from the packed dimension",
                    name.span,
                    help="pack axes whose sizes an earlier input states, or take them apart in the body",
                )
    elif isinstance(dimension.term, tree.Name) and dimension.size is None:
        name = dimension.term
        if frame.find_axis(name.text) is None:
            frame.bind_local(name.text, name.text, Size.symbol(name.text), name.span)


def _result(frame: Frame, output: tree.Output, value: Value, expression: tree.Expression) -> Result:
    storage = output.type
    assert isinstance(storage, tree.Storage)
    tensor = arithmetic.as_tensor(frame, value, expression.span)
    type_ = frame.context.type(tensor.node)
    layout: list[tuple[str, ...]] = []
    for dimension in storage.dimensions:
        names = () if isinstance(dimension.term, int) else axes.names_of(dimension.term)
        layout.append(tuple(_result_axis(frame, name, type_) for name in names))
    wanted = [name for group in layout for name in group]
    if set(wanted) != set(type_.names):
        raise fail(
            "E021",
            f"`->` says {frame.axis_text(wanted)}, but this has {frame.axis_text(type_.names)}",
            expression.span,
            secondary=(Label(output.span, "declared here"),),
            help=result_help(frame, wanted, type_.names),
        )
    axes.once(
        [
            name
            for dimension in storage.dimensions
            if not isinstance(dimension.term, int)
            for name in axes.names_of(dimension.term)
        ]
    )
    for dimension in storage.dimensions:
        _check_stated_size(frame, dimension, type_)
    _check_dtype(storage, type_, expression.span, output.span)
    return Result(output.name.text if output.name is not None else "out", tensor.node, tuple(layout))


def _result_axis(frame: Frame, name: tree.Name, type_: ValueType) -> str:
    found = frame.find_axis(name.text)
    if found is None and not type_.has(name.text):
        raise fail(
            "E011",
            f"there is no axis `{name.text}` here",
            name.span,
            help=did_you_mean(name.text, frame.axis_names() | frame.shown(type_.names)),
        )
    return found.name if found is not None else name.text


def _check_stated_size(frame: Frame, dimension: tree.Dimension, type_: ValueType) -> None:
    if dimension.size is None or not isinstance(dimension.term, tree.Name):
        return
    value = evaluate(frame, dimension.size)
    size = type_.size(_result_axis(frame, dimension.term, type_))
    if isinstance(value, Static) and isinstance(value.value, Size):
        if provably_different(value.value, size):
            raise fail(
                "E030", f"`->` says `{dimension.term.text}` has size {value.value}, but it has {size}", dimension.span
            )
        frame.context.equate(value.value, size, dimension.span)


def _check_dtype(storage: tree.Storage, type_: ValueType, span: Span, declared: Span) -> None:
    if storage.dtype is not None and DType(storage.dtype.text) is not type_.dtype:
        raise fail(
            "E045",
            f"`->` says {storage.dtype.text}, but this is {type_.dtype}",
            span,
            secondary=(Label(declared, "declared here"),),
            help=f"convert it: `cast{{{storage.dtype.text}}}(…)`",
        )
