"""`attnc`, the command line: one file a command, each imported when it is called."""

from __future__ import annotations

import gc

import click

from attncomp.cli.group import CommandGroup
from attncomp.cli.reporting import reporting_options

COMMANDS = {
    "check": "attncomp.cli.check:check",
    "fmt": "attncomp.cli.fmt:fmt",
    "compile": "attncomp.cli.compile:compile_",
    "run": "attncomp.cli.run:run",
    "inspect": "attncomp.cli.inspect:inspect",
    "explain": "attncomp.cli.explain:explain",
    "bench": "attncomp.cli.bench:bench",
}


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from attncomp import __version__

        click.echo(f"attnc {__version__}")
        context.exit()


@click.group(cls=CommandGroup, commands_by_place=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
@reporting_options
@click.pass_context
def main(context: click.Context) -> None:
    """Compiles attention networks, written as .attn files, to plain NumPy and PyTorch modules.

    Every command ends with 0, with 1 where a file or an argument has a mistake, and with 2 where it was called wrongly.
    """
    # A command ends before garbage in cycles adds up; looking for it costs a tenth of the time of `check`.
    if gc.isenabled():
        gc.disable()
        context.call_on_close(gc.enable)
