"""What the arguments of the commands mean: model files, options of a model, stages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from attncomp.cli.reporting import remember_sources, report
from attncomp.diagnostics.core import DiagnosticError, fail
from attncomp.diagnostics.suggest import did_you_mean

if TYPE_CHECKING:
    from attncomp.ir.graph import Graph
    from attncomp.pipeline import Built
    from attncomp.semantics.files import FileSet
    from attncomp.semantics.static import StaticValue

Function = TypeVar("Function", bound=Callable[..., object])

STDIN = "-"
WORDS: dict[str, bool | None] = {"true": True, "false": False, "none": None}


def model_options(function: Function) -> Function:
    """Adds what chooses a model and configures it: `-m`, `--set`, `--with`."""
    for option in (
        click.option("--with", "present", multiple=True, metavar="NAME", help="An optional input to take; may repeat."),
        click.option(
            "--set", "options", multiple=True, metavar="NAME=VALUE", help="An option of the model; may repeat."
        ),
        click.option("-m", "--model", metavar="NAME", help="The model to take, where the file has several."),
    ):
        function = option(function)
    return function


def load(file: str) -> FileSet:
    """Parses a model file, `-` for the standard input, and all that it imports."""
    from attncomp.semantics.files import load_files

    try:
        files = load_files(standard_input() + "\n" if file == STDIN else Path(file))
    except DiagnosticError as error:
        remember_sources(getattr(error, "sources", {}))
        raise
    remember_sources(files.sources)
    return files


def standard_input() -> str:
    """The text on the standard input. Raises DiagnosticError E006 where it is not UTF-8."""
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise fail("E006", f"the standard input is not UTF-8 at byte {error.start}") from None


def build(file: str, model: str | None, options: Iterable[str], present: Iterable[str]) -> Built:
    """Loads a file and elaborates one of its models; its warnings are reported."""
    from attncomp import pipeline

    values = parse_options(options)
    built = pipeline.build(load(file), model=model, options=values, present=present)
    if built.warnings:
        report(built.warnings, built.files.sources)
    return built


def parse_options(options: Iterable[str]) -> dict[str, StaticValue]:
    """`name=value` pairs: a value is a number, `true`, `false`, `none`, a word, or a list of those: `[8, 16]`.

    Raises DiagnosticError E090 for what is no pair, or is given twice.
    """
    values: dict[str, StaticValue] = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise fail("E090", f"`--set {option}` is not of the form name=value", help="write `--set heads=8`")
        if name.strip() in values:
            raise fail("E090", f"the option `{name.strip()}` is set twice")
        values[name.strip()] = parse_value(value.strip())
    return values


def parse_sizes(graph: Graph, given: Iterable[str]) -> dict[str, int]:
    """`seq=128` pairs by symbol.

    Raises DiagnosticError E090 for a symbol that the model has not, or what is no size.
    """
    sizes: dict[str, int] = {}
    for name, value in parse_options(given).items():
        if name not in graph.symbols():
            raise fail("E090", f"the model binds no size `{name}`", help=did_you_mean(name, graph.symbols()))
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise fail("E090", f"the size `{name}` is a whole number, not `{value}`")
        sizes[name] = value
    return sizes


def parse_value(text: str) -> StaticValue:
    """A static value as it is written on the command line."""
    if text in WORDS:
        return WORDS[text]
    if text.startswith("[") and text.endswith("]"):
        items = text[1:-1].strip().removesuffix(",")
        return tuple(parse_value(item.strip()) for item in items.split(",")) if items else ()
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def choose(what: str, name: str, known: Iterable[str]) -> str:
    """`name`, one of `known`. Raises DiagnosticError E090 with the list and the nearest of it."""
    choices = list(known)
    if name not in choices:
        there = " and ".join(filter(None, [", ".join(f"`{choice}`" for choice in choices[:-1]), f"`{choices[-1]}`"]))
        raise fail("E090", f"there is no {what} `{name}`, only {there}", help=did_you_mean(name, choices))
    return name
