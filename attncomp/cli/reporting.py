"""How diagnostics reach the user: in colour or not, as text or as JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import click

from attncomp.diagnostics.core import Diagnostic
from attncomp.diagnostics.render import render, to_json

Function = TypeVar("Function", bound=Callable[..., object])

_COLOR = "attncomp.cli.color"
_FORMAT = "attncomp.cli.message_format"
_SOURCES = "attncomp.cli.sources"


def reporting_options(function: Function) -> Function:
    """Adds `--color` and `--message-format`; both stand before the command's name or behind it."""
    color = click.option(
        "--color",
        type=click.Choice(["auto", "always", "never"]),
        expose_value=False,
        callback=_remember(_COLOR),
        help="Colour the messages; auto does in a terminal, unless NO_COLOR is set.",
    )
    message_format = click.option(
        "--message-format",
        type=click.Choice(["text", "json"]),
        expose_value=False,
        callback=_remember(_FORMAT),
        help="Write diagnostics as text (the default) or as a JSON array.",
    )
    return color(message_format(function))


def remember_sources(sources: Mapping[str, str]) -> None:
    """Keeps the texts of files for the snippets of later diagnostics."""
    click.get_current_context().meta.setdefault(_SOURCES, {}).update(sources)


def sources_read() -> Mapping[str, str]:
    """The texts kept so far, by the name that spans use."""
    context = click.get_current_context(silent=True)
    return {} if context is None else dict(context.meta.get(_SOURCES, {}))


def wants_json() -> bool:
    """Whether diagnostics are asked for as JSON."""
    return bool(click.get_current_context().meta.get(_FORMAT) == "json")


def report(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], *, to_stdout: bool = False) -> None:
    """Writes diagnostics, to the standard error unless they are what the command is for."""
    texts = {**sources_read(), **sources}
    found = list(diagnostics)
    if wants_json():
        click.echo(json.dumps(to_json(found), indent=2, ensure_ascii=False), err=not to_stdout)
        return
    color = in_color(to_stdout=to_stdout)
    click.echo(render(found, texts, color=color), nl=False, err=not to_stdout, color=color)


def in_color(*, to_stdout: bool) -> bool:
    """Whether to colour what goes to that stream."""
    choice = click.get_current_context().meta.get(_COLOR, "auto")
    if choice != "auto":
        return bool(choice == "always")
    stream = sys.stdout if to_stdout else sys.stderr
    return stream.isatty() and not os.environ.get("NO_COLOR")


def _remember(key: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    def callback(context: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            context.meta[key] = value

    return callback
