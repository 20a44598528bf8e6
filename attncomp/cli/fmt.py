"""`attnc fmt`: model files in their canonical form."""

from __future__ import annotations

import click

from attncomp.cli.output import STDOUT, write_text
from attncomp.cli.reporting import remember_sources, report, reporting_options
from attncomp.cli.sources import STDIN, standard_input
from attncomp.diagnostics.core import Diagnostic, DiagnosticError, fail


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--check", is_flag=True, help="Change nothing; name the files that would change, and end with 1 if any.")
@reporting_options
@click.pass_context
def fmt(context: click.Context, files: tuple[str, ...], check: bool) -> None:
    """Format model files in place; `-` takes the standard input to the standard output.

    Comments are kept. A file with a syntax error is left as it is.
    """
    mistakes: list[Diagnostic] = []
    changed: list[str] = []
    for file in dict.fromkeys(files):
        try:
            before, after = _formatted(file)
        except DiagnosticError as error:
            mistakes.extend(error.diagnostics)
            continue
        if before != after:
            changed.append(file)
        if not check and (file == STDIN or before != after):
            write_text(STDOUT if file == STDIN else file, after)
    if mistakes:
        report(mistakes, {})
    word = "would change" if check else "changed"
    if check or STDIN not in files:
        for file in changed:
            click.echo(f"{word}: {file}")
    if mistakes or (check and changed):
        context.exit(1)


def _formatted(file: str) -> tuple[str, str]:
    """The text of a file, and its canonical form."""
    from attncomp.syntax.format import format_source
    from attncomp.syntax.source import read_source

    if file == STDIN:
        text = standard_input()
        remember_sources({"<stdin>": text})
        return text, format_source(text, "<stdin>")
    try:
        text = read_source(file)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise fail("E052", f"cannot read `{file}`: {reason}") from None
    remember_sources({file: text})
    return text, format_source(text, file)
