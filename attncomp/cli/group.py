"""The group of commands: imports a command when it is called, and shows every mistake as a diagnostic."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any

import click

from attncomp.cli.reporting import report, sources_read
from attncomp.diagnostics.core import Diagnostic, DiagnosticError

INTERNAL_ERROR = 3
TRACEBACK_VARIABLE = "ATTNC_TRACEBACK"


class CommandGroup(click.Group):
    """A group whose commands are `module:attribute` by name."""

    def __init__(self, *arguments: Any, commands_by_place: Mapping[str, str], **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._places = dict(commands_by_place)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table: the order of a user's first day."""
        return list(self._places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command of that name."""
        if cmd_name not in self._places:
            return None
        module, attribute = self._places[cmd_name].split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; a `DiagnosticError` is reported and ends with 1.

        What is no mistake of the user ends with 3 and one line, or with a traceback where `ATTNC_TRACEBACK` is set.
        """
        _never_fail_to_encode()
        try:
            return super().invoke(ctx)
        except DiagnosticError as error:
            report(error.diagnostics, getattr(error, "sources", {}))
            ctx.exit(1)
        except RecursionError:
            report([Diagnostic("E007", "the model is nested too deeply", help="split it into blocks")], sources_read())
            ctx.exit(1)
        except (click.exceptions.Exit, click.ClickException, click.Abort, BrokenPipeError):
            raise
        except OSError as error:
            reason = (error.strerror or type(error).__name__).lower()
            where = f" `{error.filename}`" if error.filename else ""
            report([Diagnostic("E090", f"the system refused to read or write{where}: {reason}")], {})
            ctx.exit(1)
        except Exception as error:
            if os.environ.get(TRACEBACK_VARIABLE):
                raise
            place = traceback.extract_tb(error.__traceback__)[-1]
            click.echo(
                f"internal error: {type(error).__name__}: {error} ({place.filename}:{place.lineno})\n"
                f"This is a mistake of the compiler, not of the model. {TRACEBACK_VARIABLE}=1 shows where it was made.",
                err=True,
            )
            ctx.exit(INTERNAL_ERROR)


def _never_fail_to_encode() -> None:
    """A terminal that cannot show a character gets its number."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
