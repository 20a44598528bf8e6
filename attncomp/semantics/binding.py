"""How a use of a block or function binds its options, its inputs, and its formal axes to those of the arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attncomp.diagnostics.core import DiagnosticError, Label, Span, fail
from attncomp.diagnostics.suggest import did_you_mean
from attncomp.ir.sizes import provably_different
from attncomp.ir.types import Axis, DType
from attncomp.semantics import arithmetic, axes
from attncomp.semantics.braces import Braces
from attncomp.semantics.scope import Frame
from attncomp.semantics.static import Static, describe, fits, kind
from attncomp.semantics.static_arguments import option_value
from attncomp.semantics.values import StaticArgument, Tensor, Value
from attncomp.syntax import tree

Declaration = tree.Block | tree.Function


def count_text(number: int) -> str:
    """`number` of values, in words."""
    return "one value" if number == 1 else "no values" if number == 0 else f"{number} values"


def signature(declaration: Declaration) -> str:
    """How a block or function is used."""
    options = ", ".join(
        option.name.text + (" = …" if option.default is not None else "") for option in declaration.options
    )
    inputs = ", ".join(given.name.text for given in declaration.inputs)
    return declaration.name.text + (f"{{{options}}}" if options else "") + f"({inputs})"


def enter(
    caller: Frame,
    inner: Frame,
    declaration: Declaration,
    statics: Sequence[StaticArgument],
    arguments: Sequence[tree.Argument],
    place: Span,
    span: Span,
) -> None:
    """Binds options, arguments and axes of one use."""
    braces = Braces(caller, signature(declaration), tuple(statics), place)
    braces.check([option.name.text for option in declaration.options], ("binding",))
    given = {entry.name.text: entry for entry in statics if entry.name is not None}
    bind_options(inner, declaration.options, {name: (entry.value, entry.span) for name, entry in given.items()}, place)
    values = _match(caller, declaration, arguments, span)
    _bind_axes(caller, inner, declaration, statics, values, span)
    for formal, (value, where) in zip(declaration.inputs, values, strict=True):
        settled = value
        if formal.type is not None and isinstance(value, Tensor):
            settled = Tensor(value.node)
            _check_dtype(inner, formal, settled, where)
        inner.values[formal.name.text] = settled
        inner.places[formal.name.text] = formal.name.span


def bind_options(
    inner: Frame, options: Sequence[tree.Option], given: Mapping[str, tuple[Value | None, Span]], place: Span
) -> None:
    """Gives every option its value, the default where none is given. Raises E040 and E041."""
    for option in options:
        name = option.name.text
        default = option_value(inner, option.default) if option.default is not None else None
        if name not in given:
            if default is None:
                raise fail(
                    "E041",
                    f"the option `{name}` must be given",
                    place,
                    secondary=(Label(option.span, "it has no default"),),
                    help=f"write `{{{name} = …}}`",
                )
            inner.values[name] = default
            continue
        value, where = given[name]
        if isinstance(value, Static) and isinstance(default, Static) and not fits(value, default):
            raise fail(
                "E040",
                f"the option `{name}` is {kind(default)}, not {kind(value)}",
                where,
                f"`{describe(value)}`",
                secondary=(Label(option.span, f"the default is {describe(default)}"),),
            )
        if value is None or isinstance(value, Tensor):
            raise fail("E040", f"the option `{name}` is a static value, known when compiling", where)
        inner.values[name] = value


def _match(
    caller: Frame, declaration: Declaration, arguments: Sequence[tree.Argument], span: Span
) -> list[tuple[Value, Span]]:
    """The argument for each formal input, in their order. Raises E041 and E042."""
    formals = [formal.name.text for formal in declaration.inputs]
    found: dict[str, tree.Argument] = {}
    for position, argument in enumerate(arguments):
        if argument.name is None and position >= len(formals):
            raise fail(
                "E042",
                f"`{declaration.name.text}` takes {count_text(len(formals))}, and this is one more",
                argument.span,
                help=f"it is used as `{signature(declaration)}`",
            )
        name = argument.name.text if argument.name is not None else formals[position]
        if name not in formals:
            raise fail(
                "E042",
                f"`{declaration.name.text}` has no input `{name}`",
                argument.span,
                help=did_you_mean(name, formals),
            )
        if name in found:
            raise fail(
                "E042",
                f"the input `{name}` is given twice",
                argument.span,
                secondary=(Label(found[name].span, "first here"),),
            )
        found[name] = argument
    values: list[tuple[Value, Span]] = []
    for formal in declaration.inputs:
        if formal.name.text in found:
            argument = found[formal.name.text]
            value = caller.context.evaluate(caller, argument.value)
            if formal.type is not None and not (isinstance(value, Static) and value.value is None):
                value = arithmetic.as_tensor(caller, value, argument.value.span)
            values.append((value, argument.value.span))
        elif formal.default is not None:
            values.append((caller.context.evaluate(caller, formal.default), formal.span))
        else:
            raise fail(
                "E041",
                f"`{declaration.name.text}` needs its input `{formal.name.text}`",
                span,
                help=f"it is used as `{signature(declaration)}`",
            )
    return values


def _bind_axes(
    caller: Frame,
    inner: Frame,
    declaration: Declaration,
    statics: Sequence[StaticArgument],
    values: Sequence[tuple[Value, Span]],
    span: Span,
) -> None:
    """Lets each formal axis stand for an axis of the arguments; the axes that are left ride along."""
    explicit = _explicit_axes(caller, declaration, statics)
    carried = _all_axes(caller, (value for value, _ in values))
    inner.taken = set(carried)
    bound: dict[str, Span] = {}
    for formal, (value, where) in zip(declaration.inputs, values, strict=True):
        if not isinstance(formal.type, tree.AxisSet) or not isinstance(value, Tensor):
            continue
        type_ = caller.context.type(value.node)
        here: dict[str, tree.Name] = {}
        for name in axes.names_of(formal.type):
            actual = explicit.get(name.text)
            found = actual.name if actual is not None else _by_name(caller, name.text)
            if actual is None and not type_.has(found) and (twin := _twin(explicit, name.text)):
                found = twin
            if not type_.has(found):
                raise _missing_axis(caller, declaration, name, type_.names, where, explicit=actual is not None)
            if found in here:
                raise fail(
                    "E022",
                    f"`{here[found].text}` and `{name.text}` of `{declaration.name.text}` would both be "
                    f"`{caller.show(found)}`",
                    where,
                    help=f"`{formal.name.text}` needs two different axes",
                )
            here[found] = name
            size = type_.size(found)
            known = inner.axes.get(name.text)
            if known is not None and known.name == found and provably_different(known.size, size):
                raise fail(
                    "E030",
                    f"two sizes for the axis `{name.text}`: {known.size} and {size}",
                    where,
                    f"`{name.text}` is {size} here",
                    secondary=(Label(bound[name.text], f"`{name.text}` is {known.size} here"),),
                )
            if known is None:
                inner.axes[name.text] = Axis(found, size)
                bound[name.text] = where
            elif known.size != size:
                caller.context.equate(known.size, size, span)
    for text, axis in explicit.items():
        inner.axes.setdefault(text, axis)
        inner.taken.add(axis.name)
    for name in _made_axes(declaration):
        if inner.find_axis(name.text) is None:
            axis = _axis_of_the_use(caller, declaration, name, span)
            inner.axes[name.text] = axis
            inner.taken.add(axis.name)
    formal_axes = {axis.name for axis in inner.axes.values()}
    inner.riders = frozenset(carried) - formal_axes


def _made_axes(declaration: Declaration) -> list[tree.Name]:
    """The axes of the results that no input has and that the body does not declare: the use says which they are."""
    outputs = declaration.outputs if isinstance(declaration, tree.Block) else (declaration.output,)
    known = {name.text for given in declaration.inputs for name in _names(given.type)}
    body = declaration.body if isinstance(declaration, tree.Block) else ()
    for statement in body:
        if isinstance(statement, tree.AxisStatement):
            known |= {definition.name.text for definition in statement.definitions}
        elif isinstance(statement, tree.ParameterStatement):
            known |= {
                part.term.text
                for part in statement.storage.dimensions
                if part.size and isinstance(part.term, tree.Name)
            }
    return [name for output in outputs for name in _names(output.type) if name.text not in known]


def _names(type_: tree.AxisSet | tree.Storage | None) -> tuple[tree.Name, ...]:
    return axes.names_of(type_) if isinstance(type_, tree.AxisSet) else ()


def _axis_of_the_use(caller: Frame, declaration: Declaration, name: tree.Name, span: Span) -> Axis:
    found = caller.find_axis(name.text)
    if found is None:
        title = declaration.name.text
        raise fail(
            "E041",
            f"`{title}` makes an axis `{name.text}`, and this use does not say which axis that is",
            span,
            secondary=(Label(name.span, "made here"),),
            help=f"name it where `{title}` is used: `{title}{{{name.text}: …}}`",
        )
    return found


def _explicit_axes(caller: Frame, declaration: Declaration, statics: Sequence[StaticArgument]) -> dict[str, Axis]:
    known = formal_axis_names(declaration)
    explicit: dict[str, Axis] = {}
    for entry in statics:
        if entry.kind != "binding":
            continue
        if not isinstance(entry.term, tree.Name) or not isinstance(entry.target, tree.Name):
            raise fail("E043", "here stands `formal: actual`, an axis on both sides", entry.span)
        if entry.term.text not in known:
            raise fail(
                "E011",
                f"`{declaration.name.text}` has no axis `{entry.term.text}`",
                entry.term.span,
                help=did_you_mean(entry.term.text, known),
            )
        if entry.term.text in explicit:
            raise fail("E022", f"the axis `{entry.term.text}` is bound twice", entry.span)
        explicit[entry.term.text] = caller.axis(entry.target)
    return explicit


def formal_axis_names(declaration: Declaration) -> frozenset[str]:
    """The axes in the data signature of a block or function."""
    outputs = declaration.outputs if isinstance(declaration, tree.Block) else (declaration.output,)
    types = [*(item.type for item in declaration.inputs), *(item.type for item in outputs)]
    return frozenset(name.text for type_ in types for name in _names(type_))


def _all_axes(caller: Frame, values: Iterable[Value]) -> dict[str, None]:
    names: dict[str, None] = {}
    for value in values:
        if isinstance(value, Tensor):
            names.update(dict.fromkeys(caller.context.type(value.node).names))
    return names


def _by_name(caller: Frame, name: str) -> str:
    found = caller.find_axis(name)
    return found.name if found is not None else name


def _twin(explicit: Mapping[str, Axis], name: str) -> str | None:
    """The twin of an axis that is bound explicitly: with `seq: time`, `seq'` is `time'`."""
    base = name.rstrip("'")
    if base == name or base not in explicit:
        return None
    return explicit[base].name + name[len(base) :]


def _missing_axis(
    caller: Frame, declaration: Declaration, name: tree.Name, has: Sequence[str], where: Span, *, explicit: bool
) -> DiagnosticError:
    base = name.text.rstrip("'")
    if base != name.text and _by_name(caller, base) in has and not explicit:
        return fail(
            "E020",
            f"`{declaration.name.text}` needs the axis `{name.text}` here, and this has only `{base}`: was "
            "the rename forgotten?",
            where,
            f"this has {caller.axis_text(has)}",
            help=f"rename it: `[{base} -> {name.text}]`",
        )
    free = [axis for axis in has if caller.show(axis) not in formal_axis_names(declaration)]
    wish = caller.show(free[0]) if len(free) == 1 else "…"
    return fail(
        "E023",
        f"`{declaration.name.text}` needs the axis `{name.text}` here",
        where,
        f"this has {caller.axis_text(has)}",
        secondary=(Label(name.span, "asked for here"),),
        help=f"say which axis it is: `{declaration.name.text}{{{name.text}: {wish}}}`",
    )


def _check_dtype(inner: Frame, formal: tree.Input, value: Tensor, where: Span) -> None:
    if formal.dtype is None:
        return
    dtype = inner.context.type(value.node).dtype
    wanted = DType(formal.dtype.text)
    if dtype is not wanted:
        raise fail(
            "E045",
            f"`{formal.name.text}` is {wanted}, and this is {dtype}",
            where,
            secondary=(Label(formal.span, "declared here"),),
            help=f"convert it: `cast{{{wanted}}}(…)`",
        )
