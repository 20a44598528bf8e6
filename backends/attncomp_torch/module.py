"""A program as the text of a module that imports torch alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from attncomp.emission.body import Body, Scope
from attncomp.emission.expressions import call, tuple_text
from attncomp.emission.functions import Functions, docstring
from attncomp.emission.layout import INDENT, definition, statement
from attncomp.emission.runtime import Import, RuntimeSource, definition_lines, import_lines, names_in
from attncomp.emission.signature import axes_text, output_class, size_checks, size_text, summary, types_text
from attncomp.emission.text import Names, class_name, plain, quoted
from attncomp.lowering.program import Input, Program, Value
from attncomp_torch.dialect import TorchDialect
from attncomp_torch.initializers import FAN_IN_UNIFORM
from attncomp_torch.parameters import all_parameters, members_text, parameter_tree
from attncomp_torch.surroundings import torch_dtype

OLDEST = (2, 11)

_FILES = ("tree", "inputs", "softmax", "by_queries", "layers", "images", "weights")
RUNTIME = RuntimeSource(Path(__file__).parent / "runtime" / f"{name}.py" for name in _FILES)

# Weights are found by key, so that their static type is Any.
_ANY = ('# mypy: disable-error-code="no-any-return"', "")

# What the model is built of stands in front of it, everything else of the runtime behind.
_BASE = ("Weight", "Group")


def module_text(program: Program) -> str:
    """The text of the module of a program.

    Raises DiagnosticError (E061) for a parameter key that a module cannot have.
    """
    root = parameter_tree(program)
    dialect = TorchDialect(program, root)
    names = Names({*RUNTIME.names, "partial"})
    title = names.claim(class_name(program.name))
    output = names.claim(f"{title}Output")
    functions = Functions(program, dialect, RUNTIME.names | {title, output, "partial", "training"})
    results = [value for _, value in program.outputs]
    scope, body = functions.forward(dialect.texts, program.prepare, results)
    _finish(body, results, output)
    checks = list(_checks(program, functions, scope))
    members = members_text(root, INDENT * 4)
    if FAN_IN_UNIFORM in names_in(f"dict({members})"):
        functions.runtime.setdefault(FAN_IN_UNIFORM)
    model = [
        f"class {title}(Group):",
        *docstring(summary(program)),
        "",
        *_constructor(members),
        "",
        *_forward(program, functions, output),
        *checks,
        *body.lines,
    ]
    return _assembled(program, functions, [output_class(program, output, "Tensor"), model, *functions.written])


def _assembled(program: Program, functions: Functions, blocks: list[list[str]]) -> str:
    needed = RUNTIME.needed([*_BASE, *functions.runtime])
    base = [one for one in needed if one.name in _BASE]
    rest = [one for one in needed if one.name not in _BASE]
    parts = [definition_lines(base), *(block for block in blocks if block), definition_lines(rest)]
    text = "\n\n\n".join("\n".join(part) for part in parts if part)
    imports = [Import("__future__", "annotations", "annotations")]
    imports += RUNTIME.imports_of(names_in(text) | {"torch"})
    head = [
        *docstring(f"{plain(program.name)} of {plain(program.source)}, compiled by attncomp.", 0),
        "",
        *(_ANY if any(all_parameters(program)) else []),
        *import_lines(imports),
        "",
        f'if tuple(map(int, torch.__version__.split(".")[:2])) < {OLDEST}:',
        f'{INDENT}raise ImportError(f"PyTorch {{torch.__version__}} is older than {OLDEST[0]}.{OLDEST[1]}")',
    ]
    return "\n".join(head) + "\n\n\n" + text + "\n"


# --- the class --------------------------------------------------------------------------------------------------


def _constructor(members: str) -> list[str]:
    lines = [
        f"{INDENT}def __init__(self, device: torch.device | str | None = None) -> None:",
        f'{INDENT * 2}"""Builds the model with new parameters on `device`, by default where torch puts tensors."""',
    ]
    if not members:
        return [*lines, f"{INDENT * 2}super().__init__()"]
    return [
        *lines,
        f"{INDENT * 2}with torch.device(device or torch.get_default_device()):",
        f"{INDENT * 3}super().__init__(",
        *members.splitlines(),
        f"{INDENT * 3})",
        f"{INDENT * 2}self.reset_parameters()",
    ]


def _forward(program: Program, functions: Functions, output: str) -> list[str]:
    parameters = [f"{functions.input_names[one.value.name]}: Tensor" for one in program.inputs]
    result = "Tensor" if len(program.outputs) == 1 else output
    return [
        *definition("forward", ["self", *parameters], result, 1),
        *docstring(types_text(program), 2),
    ]


def _finish(body: Body, results: list[Value], output: str) -> None:
    if len(results) == 1:
        body.finish(results)
        return
    found = body.read(results, f"return {output}()")
    body.lines += statement("return ", call(output, *found), body.depth)


# --- checks -----------------------------------------------------------------------------------------------------


def _checks(program: Program, functions: Functions, scope: Scope) -> Iterator[str]:
    """Lines that refuse what does not fit, and bind the symbols to the sizes of the inputs.

    An input is checked where it binds its symbols; sizes that a later input decides are checked after all.
    """
    checks: list[list[str]] = []
    later: list[str] = []
    known: set[str] = set()
    for one in program.inputs:
        own = {symbol: dim for symbol, (value, dim) in program.symbols.items() if value.name == one.value.name}
        shape = list(enumerate(one.value.shape))
        unknown = {dim for dim, size in shape if dim in own.values() or not size.symbols() <= known}
        checks.append(_check(functions, scope, one, unknown))
        if unknown - set(own.values()):
            later += _check(functions, scope, one, set())
        known |= set(own)
    later += size_checks(program, scope)
    for one, lines in zip(program.inputs, checks, strict=True):
        yield from lines
        used = {
            symbol: (value, dim)
            for symbol, (value, dim) in program.symbols.items()
            if symbol in scope.used_symbols and value.name == one.value.name
        }
        for line in functions.bindings(used, scope):
            yield INDENT * 2 + line
    yield from later


def _check(functions: Functions, scope: Scope, one: Input, unknown: set[int]) -> list[str]:
    """The check of an input, whose sizes are not known yet in some dimensions."""
    sizes = tuple_text("None" if dim in unknown else size_text(size, scope) for dim, size in enumerate(one.value.shape))
    name = functions.input_names[one.value.name]
    made = call(
        scope.use("check_input"), quoted(one.name), name, torch_dtype(one.value.dtype), axes_text(one.value), sizes
    )
    return statement("", made, 2)
