"""What a declaration says twice, and statements that nothing reaches: mistakes that are seen without a use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from attncomp.diagnostics.core import Diagnostic, Label
from attncomp.syntax import tree


def check_declaration(declaration: tree.Declaration) -> Iterator[Diagnostic]:
    """Every E014 among options, inputs and results, E040 for a default that a model's input cannot have, E021."""
    outputs = (declaration.output,) if isinstance(declaration, tree.Function) else declaration.outputs
    yield from _once([*declaration.options, *declaration.inputs])
    yield from _once([output for output in outputs if output.name is not None])
    if isinstance(declaration, tree.Model):
        yield from _optional_inputs(declaration)
    if not isinstance(declaration, tree.Function):
        yield from _body(declaration.body, inside_loop=False)


def _once(parts: Iterable[tree.Option | tree.Input | tree.Output]) -> Iterator[Diagnostic]:
    seen: dict[str, tree.Name] = {}
    for part in parts:
        if part.name is None:
            continue
        first = seen.setdefault(part.name.text, part.name)
        if first is not part.name:
            yield Diagnostic(
                "E014",
                f"`{part.name.text}` is defined twice",
                Label(part.name.span, "here again"),
                (Label(first.span, "first defined here"),),
                "give one of them another name",
            )


def _optional_inputs(declaration: tree.Model) -> Iterator[Diagnostic]:
    for given in declaration.inputs:
        if given.default is not None and not (
            isinstance(given.default, tree.Constant) and given.default.name == "none"
        ):
            yield Diagnostic(
                "E040",
                f"the input `{given.name.text}` is handed in at each call: its default can only be `none`",
                Label(given.default.span),
                (),
                "write `= none`, and decide with `if … is none then … else …`; what is fixed is an option, in braces",
            )


def _body(body: Sequence[tree.Statement], *, inside_loop: bool) -> Iterator[Diagnostic]:
    for position, written in enumerate(body):
        statement = written.statement if isinstance(written, tree.FuseStatement) else written
        if isinstance(statement, tree.ForStatement):
            yield from _body(statement.body, inside_loop=True)
        elif isinstance(statement, tree.Function):
            yield from check_declaration(statement)
        elif isinstance(statement, tree.ReturnStatement) and inside_loop:
            help_ = "return after the loop"
            yield Diagnostic(
                "E021", "a `return` inside of `for` would end the first round", Label(statement.span), (), help_
            )
        elif isinstance(statement, tree.ReturnStatement) and position + 1 < len(body):
            following = body[position + 1]
            yield Diagnostic(
                "E021",
                "nothing after `return` is reached",
                Label(following.span),
                (Label(statement.span, "the body ends here"),),
                "move it before `return`, or take it out",
            )
            return
