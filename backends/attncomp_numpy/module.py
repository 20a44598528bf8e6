"""A program as the text of a module that imports NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from attncomp.emission.body import Body, Scope
from attncomp.emission.expressions import Expression, call, subscript, tuple_text
from attncomp.emission.functions import Functions, docstring
from attncomp.emission.layout import INDENT, definition, statement
from attncomp.emission.runtime import (
    Import,
    RuntimeSource,
    definition_lines,
    import_lines,
    names_in,
)
from attncomp.emission.signature import axes_text, output_class, size_checks, size_text, summary, types_text
from attncomp.emission.text import Names, class_name, plain, quoted
from attncomp.lowering.program import Input, Place, Program, Value
from attncomp.lowering.strides import VIEWS
from attncomp_numpy.dialect import NumpyDialect
from attncomp_numpy.dtypes import dtype_text
from attncomp_numpy.plan import LoopPlan, Plan, loops_of, program_plan
from attncomp_numpy.tables import kept_lines, parameter_tables

_FILES = (
    "arrays",
    "memory",
    "threads",
    "chunks",
    "weights",
    "inputs",
    "activations",
    "normalization",
    "products",
    "structure",
    "dimensions",
    "pooling",
    "resampling",
    "convolution",
    "banded",
    "depthwise",
    "winograd",
)
RUNTIME = RuntimeSource(Path(__file__).parent / "runtime" / f"{name}.py" for name in _FILES)

_ALWAYS = (
    "Array",
    "Memory",
    "Parameter",
    "WeightsError",
    "Working",
    "checked_weights",
    "initial_weights",
    "read_weights",
)
# What the model's class needs when it is defined.
_FIRST = ("Array", "Parameter")
_IMPORTS = {
    "Mapping": Import("collections.abc", "Mapping", "Mapping"),
    "dataclass": Import("dataclasses", "dataclass", "dataclass"),
    "Any": Import("typing", "Any", "Any"),
    "NamedTuple": Import("typing", "NamedTuple", "NamedTuple"),
    "ArrayLike": Import("numpy.typing", "ArrayLike", "ArrayLike"),
    "os": Import("os", "os"),
    "np": Import("numpy", "np"),
}
_MEMBERS = ("load", "initialize", "release", "threads", "memories")


def module_text(program: Program) -> str:
    """The text of the module of a program.

    Written twice: the first time to learn which functions of the runtime it needs, so that the second time the model's
    own names have to make room for those alone.
    """
    first = _Module(program, RUNTIME.names | set(_IMPORTS))
    first.blocks()
    needed = RUNTIME.needed([*_ALWAYS, *first.functions.runtime])
    taken = {name for definition in needed for name in (definition.name, *definition.uses)} & RUNTIME.names
    return _Module(program, frozenset(taken) | set(_IMPORTS)).text()


class _Module:
    """One program being written, with names that do not collide with `reserved`."""

    def __init__(self, program: Program, reserved: frozenset[str]) -> None:
        self.program = program
        names = Names({*reserved, "PARAMETERS"})
        self.title = names.claim(class_name(program.name))
        self.output = names.claim(f"{self.title}Output")
        self.dialect = NumpyDialect()
        own = {self.title, self.output, "PARAMETERS", "arrays", "prefix", "weights", "strict", "threads"}
        self.functions = Functions(program, self.dialect, reserved | own)
        self.plan = program_plan(program, self.functions.names, _MEMBERS, self.functions.covers)
        self.dialect.plan = self.plan

    def text(self) -> str:
        """The whole module."""
        return self._assembled(self.blocks())

    def blocks(self) -> list[list[str]]:
        """What the module defines of its own: tables, classes, functions."""
        functions = self.functions
        results = [value for _, value in self.program.outputs]
        scope, body = functions.forward(self.plan.texts("self"), (), results, depth=3)
        self._finish(scope, body, results)
        checks = list(self._checks(scope))
        model = [
            f"class {self.title}:",
            *docstring(summary(self.program)),
            "",
            *self._constructor(),
            "",
            *self._load(),
            "",
            *self._initialize(),
            "",
            *self._call(),
            *checks,
            self._working(scope),
            *body.lines,
            "",
            *self._release(),
        ]
        blocks = [
            ["\n\n".join("\n".join(block) for block in parameter_tables(self.plan))],
            *(block for loop in loops_of(self.plan) for block in (_layer_class(loop), self._prepare(loop))),
            output_class(self.program, self.output, "Array"),
            model,
            *functions.written,
        ]
        return [block for block in blocks if block]

    def _assembled(self, blocks: list[list[str]]) -> str:
        needed = RUNTIME.needed([*_ALWAYS, *self.functions.runtime])
        base = [one for one in needed if one.name in _FIRST]
        rest = [one for one in needed if one.name not in _FIRST]
        parts = [definition_lines(base), *blocks, definition_lines(rest)]
        text = "\n\n\n".join("\n".join(part) for part in parts)
        used = names_in("\n".join(line for block in blocks for line in block))
        used = used.union(*(one.uses for one in needed))
        imports = [Import("__future__", "annotations", "annotations")]
        imports += [item for name, item in _IMPORTS.items() if name in used]
        imports += RUNTIME.imports_of(used)
        head = [
            "\n".join(
                [
                    *self._usage(),
                    "",
                    "# Arithmetic on arrays has the type Any in NumPy's own stubs.",
                    "# mypy: no-warn-return-any",
                    "",
                    *import_lines(imports),
                ]
            )
        ]
        return "\n".join(head) + "\n\n" + text + "\n"

    def _usage(self) -> list[str]:
        given = ", ".join(self.functions.input_names.values())
        return [
            f'"""{plain(self.program.name)} of {plain(self.program.source)}, compiled by attncomp for NumPy alone.',
            "",
            f'{INDENT}model = {self.title}.load("weights.safetensors")',
            f"{INDENT}result = model({given})",
            "",
            "Weights are read from `.safetensors` or `.npz` files; nothing in them is executed.",
            '"""',
        ]

    # --- weights ------------------------------------------------------------------------------------------------

    def _constructor(self) -> list[str]:
        lines = [
            f"{INDENT}def __init__(",
            f"{INDENT * 2}self, weights: Mapping[str, Any], *, strict: bool = True, threads: int | None = None",
            f"{INDENT}) -> None:",
            f'{INDENT * 2}"""Takes arrays by the keys of `PARAMETERS`; without `strict` other keys are ignored.',
            "",
            f"{INDENT * 2}A call runs on so many `threads`, or on as many as BLAS has. Raises WeightsError that",
            f"{INDENT * 2}lists everything that does not fit.",
            f'{INDENT * 2}"""',
            f"{INDENT * 2}self.threads = threads",
            f"{INDENT * 2}self.memories: list[Memory] = []",
            f"{INDENT * 2}arrays = checked_weights(PARAMETERS, weights, strict)",
        ]
        if not self.plan.kept and not self.plan.loops:
            return [*lines[:-1], f"{INDENT * 2}checked_weights(PARAMETERS, weights, strict)"]
        return lines + self._kept(self.plan, "", 2, {})

    def _prepare(self, loop: LoopPlan) -> list[str]:
        outside = loop.plan.outside()
        scope = self.functions.scope({}, outside)
        parameters = ["arrays: Mapping[str, Array]", "prefix: str"]
        parameters += [f"{scope.texts[value.name].text}: Array" for value in outside]
        lines = definition(loop.prepare_name, parameters, loop.class_name)
        lines += docstring("The weights of the layer whose keys begin with `prefix`.")
        return lines + self._kept(loop.plan, loop.class_name, 1, scope.texts)

    def _kept(self, plan: Plan, title: str, depth: int, outside: Mapping[str, Expression]) -> list[str]:
        """The steps of the preparation, then what is kept: attributes of `self`, or an object of class `title`."""
        before = "prefix + " if title else ""
        texts = {one.value.name: subscript(Expression("arrays"), [before + quoted(one.key)]) for one in plan.parameters}
        scope = self.functions.scope({**texts, **outside})
        # No call has lent its memory yet, and what is kept must be in arrays of its own.
        scope.memory_variable = "None"
        uses = _preparation_uses(plan)
        body = Body(scope, uses, depth)
        for step in plan.prepare:
            body.step(step)
        for value in {value.name: value for _, loop in plan.loops for value in loop.plan.outside()}.values():
            body.settle([value])
        views = {step.result.name for step in plan.prepare if step.operator in VIEWS}
        kept = [(field, _contiguous(body, value, value.name in views)) for value, field in plan.kept]
        for field, loop in plan.loops:
            more = [scope.texts[value.name] for value in loop.plan.outside()]
            each = call(
                loop.prepare_name,
                "arrays",
                f"{before}prefix" if not title else "prefix + inner",
                *more,
            )
            element = "prefix" if not title else "inner"
            text = f"{each.text} for {element} in {loop.prefixes_name}"
            kept.append((field, Expression(f"tuple({text})")))
        if title:
            return body.lines + kept_lines([(field, one.text) for field, one in kept], f"return {title}", depth)
        for field, expression in kept:
            body.lines += statement(f"self.{field} = ", expression, depth)
        return body.lines

    def _load(self) -> list[str]:
        return [
            f"{INDENT}@classmethod",
            *definition(
                "load",
                [
                    "cls",
                    "path: str | os.PathLike[str]",
                    "*",
                    "strict: bool = True",
                    "threads: int | None = None",
                ],
                self.title,
                1,
            ),
            *docstring("The model with the weights of an `.npz` or a `.safetensors` file.", 2),
            f"{INDENT * 2}return cls(read_weights(path), strict=strict, threads=threads)",
        ]

    def _initialize(self) -> list[str]:
        return [
            f"{INDENT}@classmethod",
            *definition("initialize", ["cls", "seed: int = 0", "*", "threads: int | None = None"], self.title, 1),
            *docstring("The model with new weights; the same seed gives the same numbers.", 2),
            f"{INDENT * 2}return cls(initial_weights(PARAMETERS, seed), threads=threads)",
        ]

    # --- the call -----------------------------------------------------------------------------------------------

    def _call(self) -> list[str]:
        names = self.functions.input_names
        parameters = [f"{names[one.value.name]}: ArrayLike" for one in self.program.inputs]
        result = "Array" if len(self.program.outputs) == 1 else self.output
        parameters += ["*", f"{self.functions.out}: {result} | None = None"]
        told = f"{types_text(self.program)[:-1]}, in `{self.functions.out}` where it is given."
        return [*definition("__call__", ["self", *parameters], result, 1), *docstring(told, 2)]

    def _release(self) -> list[str]:
        return [
            *definition("release", ["self"], "None", 1),
            *docstring("Gives back the memory that calls left behind for those to come.", 2),
            f"{INDENT * 2}self.memories.clear()",
        ]

    def _working(self, scope: Scope) -> str:
        """The line that begins a call: its threads, and its memory where it asks for one."""
        target = f" as {scope.memory_variable}" if scope.asks_memory else ""
        return f"{INDENT * 2}with Working(self){target}:"

    def _finish(self, scope: Scope, body: Body, results: list[Value]) -> None:
        """The `return`; what does not lie in the arrays for the results yet is copied there."""
        found = body.read(results, f"return {self.output}()" if len(results) > 1 else "return ")
        typed: list[Expression] = []
        for expression, value, given in zip(found, results, scope.results, strict=True):
            # NumPy hands a single number over as a copy of what lies in the array.
            single = value.shape == ()
            there = not single and value.place is not None and value.place == Place(len(typed), given=True)
            made = call("np.asarray", expression) if single else expression
            typed.append(made if there else call(scope.use("handed_over"), made, given))
        made = typed[0] if len(results) == 1 else call(self.output, *typed)
        body.lines += statement("return ", made, body.depth)

    # --- checks -------------------------------------------------------------------------------------------------

    def _checks(self, scope: Scope) -> Iterator[str]:
        """Lines that check the inputs, bind the symbols to their sizes, and check what depends on those."""
        program = self.program
        later: list[str] = []
        for one in program.inputs:
            if not self._binds_all(one):
                sizes = tuple_text(size_text(size, scope) for size in one.value.shape)
                arguments = [
                    quoted(one.name),
                    scope.texts[one.value.name].text,
                    axes_text(one.value),
                    sizes,
                ]
                later += statement("", call(scope.use("check_shape"), *arguments), 2)
        later += size_checks(program, scope)
        later += self._results(scope)
        for one in program.inputs:
            name = scope.texts[one.value.name].text
            arguments = [quoted(one.name), name, dtype_text(one.value.dtype), axes_text(one.value)]
            yield from statement(f"{name} = ", call(scope.use("checked_input"), *arguments), 2)
        used = {symbol: place for symbol, place in program.symbols.items() if symbol in scope.used_symbols}
        for line in self.functions.bindings(used, scope):
            yield INDENT * 2 + line
        yield from later

    def _results(self, scope: Scope) -> Iterator[str]:
        """Lines that check the arrays for the results, if the caller gave them."""
        out = self.functions.out
        several = len(self.program.outputs) > 1
        if several:
            names = tuple_text(quoted(name) for name, _ in self.program.outputs)
            made = call(scope.use("given_results"), quoted(out), out, names)
            given = scope.names.claim("results")
            yield from statement(f"{given} = ", made, 2)
            yield from (f"{INDENT * 2}{text} = {given}[{number}]" for number, text in enumerate(scope.results))
        taken = [scope.texts[one.value.name].text for one in self.program.inputs]
        for text, (name, value) in zip(scope.results, self.program.outputs, strict=True):
            shown = quoted(f"{out}.{name}" if several else out)
            shape = tuple_text(size_text(size, scope) for size in value.shape)
            made = call(scope.use("check_result"), shown, text, dtype_text(value.dtype), shape, tuple_text(taken))
            yield from statement("", made, 2)
            taken.append(text)

    def _binds_all(self, one: Input) -> bool:
        """Whether every size of an input is a symbol that it binds itself, so that there is nothing to check."""
        bound = {dim for value, dim in self.program.symbols.values() if value.name == one.value.name}
        return bound == set(range(len(one.value.shape)))


def _preparation_uses(plan: Plan) -> Mapping[str, int]:
    """How often the preparation reads each value; what loops inside read gets a line of its own."""
    uses: dict[str, int] = {}
    read = [operand for step in plan.prepare for operand in step.operands if isinstance(operand, Value)]
    read += [value for value, _ in plan.kept]
    read += 2 * [value for _, loop in plan.loops for value in loop.plan.outside()]
    for value in read:
        uses[value.name] = uses.get(value.name, 0) + 1
    return uses


def _contiguous(body: Body, value: Value, is_view: bool) -> Expression:
    """A kept array, in the order of its dimensions so that products are fast."""
    (expression,) = body.read([value], f"self.{value.name} = np.ascontiguousarray()")
    return call("np.ascontiguousarray", expression) if is_view and value.shape else expression


def _layer_class(loop: LoopPlan) -> list[str]:
    fields = [f"{INDENT}{field}: Array" for _, field in loop.plan.kept]
    fields += [f"{INDENT}{field}: tuple[{inner.class_name}, ...]" for field, inner in loop.plan.loops]
    head = [
        "@dataclass(frozen=True)",
        f"class {loop.class_name}:",
        *docstring(f"The weights of one `{plain(loop.loop.name)}`."),
    ]
    return [*head, "", *fields] if fields else head
