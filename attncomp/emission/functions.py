"""A program as functions: one for each loop body and each fused region, called from the forward pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Protocol

from attncomp.emission.body import Body, Scope, count_uses, form_reads, form_steps, symbols_of
from attncomp.emission.expressions import Expression, call
from attncomp.emission.layout import INDENT, definition, statement
from attncomp.emission.rules import RuleTable
from attncomp.emission.sharing import Sharing
from attncomp.emission.sizes import program_sizes
from attncomp.emission.text import Names, identifier, plain
from attncomp.ir.graph import Origin
from attncomp.lowering.program import (
    AttentionForm,
    Loop,
    Pieces,
    Program,
    Region,
    Statement,
    Step,
    Value,
    inside,
    statements,
)


@dataclass(frozen=True)
class LoopBinding:
    """How a loop reaches the weights of its iterations.

    `for element in iterable`, where the element has the type `annotation`; `texts` are the expressions of the loop's
    parameters and prepared values in terms of the element; `first` are steps done at the start of each iteration.
    """

    iterable: str
    annotation: str
    texts: Mapping[str, Expression]
    first: tuple[Step, ...] = ()


class Dialect(Protocol):
    """What is different from backend to backend in the functions of a module."""

    @property
    def table(self) -> RuleTable:
        """What each operator is."""
        ...

    @property
    def array(self) -> str:
        """The annotation of an array."""
        ...

    def attention(self, form: AttentionForm, operands: Mapping[str, Expression], scope: Scope) -> Expression | None:
        """A call that computes an attention region; `operands` holds the form's values by their names.

        None where the backend has nothing better than the region's decomposition; asked first with no operands.
        """
        ...

    def loop(self, loop: Loop, element: str, outer: str | None) -> LoopBinding:
        """The weights of a loop, whose element is the variable `element`.

        `outer` is the variable of the loop around it, None in the forward pass.
        """
        ...

    def in_pieces(
        self,
        body: Body,
        region: Region,
        pieces: Pieces,
        name: str,
        arguments: Sequence[str],
        further: Sequence[str],
        asks_memory: bool,
    ) -> None:
        """Writes a region that is done a piece at a time: calls of its function `name`, and the results put together.

        The function takes the memory of a thread where it asks for it, `arguments`, the first positions of a piece, and
        `further` arguments.
        """
        ...


@dataclass
class Functions:
    """Writes the functions of a module.

    `reserved` are the names that the module's imports and runtime take. `written` holds the finished functions, each a
    list of lines, in the order in which a module may define them; `runtime` the runtime's functions that were used.
    """

    program: Program
    dialect: Dialect
    reserved: frozenset[str]
    written: list[list[str]] = field(default_factory=list)
    runtime: dict[str, None] = field(default_factory=dict)
    _sharing: Sharing = field(default_factory=Sharing)

    def __post_init__(self) -> None:
        self.names = Names(self.reserved)
        self._called = {
            id(item): self.names.claim(function_name(item))
            for item in statements(self.program.steps)
            if isinstance(item, Loop | Region)
        }
        self.input_names = {}
        given = self.names.child()
        for entry in self.program.inputs:
            self.input_names[entry.value.name] = given.claim(entry.name)
        self.out = given.claim("out")
        symbols = dict.fromkeys(self.program.symbols)
        for size in program_sizes(self.program):
            symbols |= dict.fromkeys(sorted(size.symbols()))
        self.symbols = {symbol: given.claim(symbol) for symbol in symbols}
        self.names = Names([*self.reserved, *self._called.values(), *self.symbols.values()])

    def name_of(self, item: Loop | Region) -> str:
        """The name of the function of a loop or region."""
        return self._called[id(item)]

    def scope(self, texts: Mapping[str, Expression], parameters: Sequence[Value] = ()) -> Scope:
        """A function's scope: `texts` are values known by an expression, `parameters` those that get a name."""
        scope = Scope(self.dialect.table, self.names.child(), self.symbols, self.runtime, dict(texts))
        scope.memory_variable = scope.names.claim(scope.memory_variable)
        for value in parameters:
            scope.define(value)
        scope.given = {value: scope.texts[value.name].text for value in parameters}
        return scope

    def forward(
        self, texts: Mapping[str, Expression], first: Sequence[Step], results: Sequence[Value], depth: int = 2
    ) -> tuple[Scope, Body]:
        """The forward pass without its head, its checks and its `return`.

        `texts` are the expressions of parameters and prepared values; `first` are steps to do before the program's.
        """
        given = {name: Expression(text) for name, text in self.input_names.items()}
        names = self.names.child()
        for name in self.input_names.values():
            names.claim(name)
        scope = Scope(
            self.dialect.table,
            names,
            self.symbols,
            self.runtime,
            {**texts, **given},
            owner="self",
        )
        scope.memory_variable = names.claim(scope.memory_variable)
        names.claim(self.out)
        outputs = [name for name, _ in self.program.outputs]
        scope.results = [self.out] if len(outputs) == 1 else [names.claim(f"{name}_out") for name in outputs]
        from_the_start = [entry.value for entry in self.program.inputs]
        from_the_start += [parameter.value for parameter in self.program.parameters]
        scope.given = {value: scope.texts[value.name].text for value in from_the_start if value.name in scope.texts}
        body = self._body(scope, (*first, *self.program.steps), results, depth=depth, outer=None)
        return scope, body

    # --- statements ---------------------------------------------------------------------------------------------

    def _body(
        self, scope: Scope, items: Sequence[Statement], results: Sequence[Value], depth: int, outer: str | None
    ) -> Body:
        returned = results[0].name if len(results) == 1 else ""
        body = Body(scope, count_uses(items, results, self.covers), depth, returned)
        for item in items:
            if isinstance(item, Step):
                body.step(item)
            elif isinstance(item, Region):
                self._region(body, item)
            else:
                self._loop(body, item, outer)
        return body

    def covers(self, region: Region) -> bool:
        """Whether the backend has a call for a region, so that it needs no function of its own."""
        if region.attention is None:
            return False
        probe = {value.name: Expression(value.name) for value in form_reads(region.attention)}
        scope = Scope(self.dialect.table, Names(), self.symbols, {})
        return self.dialect.attention(region.attention, probe, scope) is not None

    def _region(self, body: Body, region: Region) -> None:
        comment = origin_comment(region.kind, region.origin)
        if region.attention is not None and self.covers(region):
            reads = form_reads(region.attention)
            for step in form_steps(region):
                body.step(step)
            (result,) = region.results
            found = body.read(reads, f"{result.name} = attention()")
            operands = {value.name: expression for value, expression in zip(reads, found, strict=True)}
            made = self.dialect.attention(region.attention, operands, body.scope)
            assert made is not None
            body.assign(result, made, comment)
            return
        name = self.name_of(region)
        body.settle_reads()
        arguments = [body.name(value) for value in region.inputs]
        symbols, asks_training, asks_memory, variables = self._region_function(region, name, comment)
        if region.kind == "pointwise":
            name = self._sharing.settle(self.written, name, variables)
        further = [*map(body.scope.variable, symbols), *([body.scope.training()] * asks_training)]
        if region.pieces is not None:
            self.dialect.in_pieces(body, region, region.pieces, name, arguments, further, asks_memory)
        else:
            memory = [body.scope.memory()] if asks_memory else []
            made = call(name, *memory, *arguments, *further)
            body.assign_all(region.results, made)

    def _region_function(self, region: Region, name: str, comment: str) -> tuple[list[str], bool, bool, set[str]]:
        given, made = inside(region)
        scope = self.scope({}, given)
        written = all(value.place is not None and value.place.given for value in made)
        if written:
            names = ["out"] if len(made) == 1 else [f"{value.name}_out" for value in made]
            scope.results = [scope.names.claim(text) for text in names]
        returned = () if written else made
        inner = self._body(scope, region.body, returned, depth=1, outer=None)
        if returned:
            inner.finish(returned)
        annotations = [self.dialect.array if value.axes or value in region.inputs else "int" for value in given]
        texts = [scope.texts[value.name].text for value in given]
        parameters = [f"{text}: {annotation}" for text, annotation in zip(texts, annotations, strict=True)]
        shown = ", ".join(plain(result.comment) for result in made)
        piece = "" if region.pieces is None else "a piece of "
        what = f"The {plain(region.kind)} region that makes {piece}`{plain(region.name)}`, {shown}."
        if region.kind == "pointwise":
            what = f"Pointwise operators in one pass; gives {piece}{shown}."
        symbols = self._function(name, parameters, returned, what, inner, given, comment)
        variables = {expression.text for expression in scope.texts.values()}
        return symbols, scope.asks_training, scope.asks_memory, variables

    def _loop(self, body: Body, loop: Loop, outer: str | None) -> None:
        name = self.name_of(loop)
        starts = [start for _, start, _, _ in loop.carried]
        scope = self.scope({}, [*starts, *loop.captured])
        element = scope.owner = scope.names.claim("layer")
        outside = body.scope.names.claim("layer")
        inside = self.dialect.loop(loop, element, outer)
        binding = self.dialect.loop(loop, outside, outer)
        scope.texts |= inside.texts
        weights = {p.value: inside.texts[p.value.name].text for p in loop.parameters if p.value.name in inside.texts}
        scope.given = {**scope.given, **weights}
        ends = [end for _, _, end, _ in loop.carried]
        inner = self._body(scope, (*inside.first, *loop.steps), ends, depth=1, outer=element)
        inner.finish(ends)
        values = [*starts, *loop.captured]
        body.settle_reads()
        parameters = [f"{element}: {binding.annotation}"]
        parameters += [f"{scope.texts[value.name].text}: {self.dialect.array}" for value in values]
        shown = ", ".join(plain(end.comment) for end in ends)
        what = f"One of {len(loop.prefixes)} layers with prefixes {_span(loop.prefixes)}; gives {shown}."
        symbols = self._function(name, parameters, ends, what, inner, values, origin_comment("", loop.origin))
        variables = [body.carry(before, after) for before, _, _, after in loop.carried]
        arguments = [outside, *variables, *(body.name(value) for value in loop.captured)]
        arguments[:0] = [body.scope.memory()] if inner.scope.asks_memory else []
        made = call(name, *arguments, *map(body.scope.variable, symbols))
        body.add([f"for {outside} in {binding.iterable}:"])
        body.add(line for line in statement(f"{INDENT}{', '.join(variables)} = ", made, 0))

    def _function(
        self,
        name: str,
        parameters: list[str],
        results: Sequence[Value],
        what: str,
        inner: Body,
        values: Sequence[Value],
        comment: str,
    ) -> list[str]:
        """Finishes a function; the symbols that its caller has to pass."""
        bindable = symbols_of(values)
        used = list(inner.scope.used_symbols)
        missing = [symbol for symbol in used if symbol not in bindable]
        parameters = parameters + [f"{self.symbols[symbol]}: int" for symbol in missing]
        if inner.scope.asks_training and not inner.scope.owner:
            parameters.append("training: bool")
        if inner.scope.asks_memory:
            parameters.insert(0, f"{inner.scope.memory_variable}: {inner.scope.use('Memory')}")
        found = {symbol: bindable[symbol] for symbol in used if symbol in bindable}
        array = self.dialect.array
        parameters += [f"{text}: {array}" for text in inner.scope.results]
        annotation = array if len(results) == 1 else f"tuple[{', '.join([array] * len(results))}]"
        annotation = annotation if results else "None"
        lines = [f"# {comment}"] if comment else []
        lines += definition(name, parameters, annotation)
        lines += docstring(what)
        lines += [INDENT + line for line in self.bindings(found, inner.scope)]
        self.written.append(lines + inner.lines)
        return missing

    def bindings(self, found: Mapping[str, tuple[Value, int]], scope: Scope) -> list[str]:
        """Lines such as `batch, seq, _ = x.shape` that bind symbols from the shapes of values."""
        places: dict[str, tuple[Value, dict[int, str]]] = {}
        for symbol, (value, dim) in found.items():
            places.setdefault(value.name, (value, {}))[1][dim] = self.symbols[symbol]
        lines = []
        for value, dims in places.values():
            text = scope.texts[value.name].text
            if len(dims) == 1:
                ((dim, variable),) = dims.items()
                lines.append(f"{variable} = {text}.shape[{dim}]")
            else:
                targets = ", ".join(dims.get(dim, "_") for dim in range(len(value.shape)))
                lines.append(f"{targets} = {text}.shape")
        return lines


def function_name(item: Loop | Region) -> str:
    """What the function of a loop or a region is called: a loop over `blocks` runs the function `block`.

    `layer` itself is the variable of a loop.
    """
    name = identifier(item.name, item.kind if isinstance(item, Region) else "loop")
    if isinstance(item, Region):
        return name
    single = name[:-1] if len(name) > 2 and name.endswith("s") and not name.endswith("ss") else name
    return "apply_layer" if single == "layer" else single


def origin_comment(kind: str, origin: Origin) -> str:
    """`attention, minilm.attn:14`, or nothing where the origin is not known."""
    if origin.span is None:
        return plain(kind)
    place = f"{PurePath(origin.span.file).name}:{origin.span.line}"
    return plain(f"{kind}, {place}" if kind else place)


def docstring(text: str, depth: int = 1) -> list[str]:
    """A docstring of one paragraph, wrapped at the line length."""
    lines = wrap(text, 100 - len(INDENT) * depth - 6)
    indent = INDENT * depth
    if len(lines) == 1:
        return [f'{indent}"""{lines[0]}"""']
    return [f'{indent}"""{lines[0]}', *(indent + line for line in lines[1:]), f'{indent}"""']


def wrap(text: str, width: int) -> list[str]:
    """Words in lines of at most `width`, where a word allows it."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]


def _span(prefixes: Iterable[str]) -> str:
    listed = [plain(prefix) for prefix in prefixes]
    return f"`{listed[0]}`" if len(listed) == 1 else f"`{listed[0]}` to `{listed[-1]}`"
