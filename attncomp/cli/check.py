"""`attnc check`: diagnostics, nothing else."""

from __future__ import annotations

import click

from attncomp.cli.reporting import report, reporting_options, wants_json
from attncomp.cli.sources import load
from attncomp.diagnostics.core import Diagnostic, DiagnosticError, Severity


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@reporting_options
@click.pass_context
def check(context: click.Context, files: tuple[str, ...]) -> None:
    """Check model files: syntax, names, axes, sizes. `-` is the standard input.

    What is found is written to the standard output; ends with 1 where one of it is an error.
    """
    from attncomp.semantics.check import check as check_files  # not the pipeline: it imports every later stage

    found: list[Diagnostic] = []
    sources: dict[str, str] = {}
    for file in dict.fromkeys(files):
        try:
            loaded = load(file)
            sources.update(loaded.sources)
            found.extend(check_files(loaded))
        except DiagnosticError as error:
            found.extend(error.diagnostics)
    found = list(dict.fromkeys(found))
    if found or wants_json():
        report(found, sources, to_stdout=True)
    if any(diagnostic.severity is Severity.ERROR for diagnostic in found):
        context.exit(1)
