"""`attnc inspect`: a stage of the compilation, as text, JSON or dot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from attncomp.cli.output import STDOUT, check_writable, write_text
from attncomp.cli.reporting import reporting_options
from attncomp.cli.sources import build, choose, load, model_options, parse_options
from attncomp.diagnostics.core import fail
from attncomp.diagnostics.suggest import did_you_mean

if TYPE_CHECKING:
    from attncomp.inspect.json import Json
    from attncomp.ir.graph import Graph

STAGES = ("tree", "built", "optimized", "lowered")
FORMATS = ("text", "json", "dot")


@click.command()
@click.argument("file")
@model_options
@click.option("--stage", default="optimized", show_default=True, help=f"One of {', '.join(STAGES)}.")
@click.option("--format", "format_", default="text", show_default=True, help=f"One of {', '.join(FORMATS)}.")
@click.option("--backend", default="numpy", show_default=True, help="The backend whose passes run.")
@click.option(
    "--size", "sizes", multiple=True, metavar="NAME=NUMBER", help="A size at which operations are counted; may repeat."
)
@click.option("-o", "--output", default=STDOUT, metavar="OUT", help="The file to write; the standard output if none.")
@reporting_options
def inspect(
    file: str,
    model: str | None,
    options: tuple[str, ...],
    present: tuple[str, ...],
    stage: str,
    format_: str,
    backend: str,
    sizes: tuple[str, ...],
    output: str,
) -> None:
    """Show what the compiler makes of a model.

    The stages: the syntax tree, the graph as it was built, the optimized graph, the lowered program. The text of a
    graph ends in a table by layer, with shapes, operations (a multiply-add is two) and numbers of parameters.
    """
    from attncomp import pipeline
    from attncomp.emission.registry import find_backend

    choose("stage", stage, STAGES)
    choose("format", format_, FORMATS if stage in ("built", "optimized") else FORMATS[:2])
    chosen = find_backend(backend)
    check_writable(output)
    if stage == "tree":
        write_text(output, _tree(file, format_))
        return
    built = build(file, model, options, present)
    if stage == "built":
        write_text(output, _graph(built.graph, format_, sizes))
        return
    optimised = pipeline.optimise(built.graph, chosen)
    if stage == "optimized":
        write_text(output, _graph(optimised.graph, format_, sizes))
        return
    program = pipeline.lower(optimised.graph, built.files)
    if format_ == "json":
        from attncomp.inspect.json import program_to_json

        write_text(output, _json(program_to_json(program)))
    else:
        from attncomp.lowering.print import print_program

        write_text(output, print_program(program))


def _tree(file: str, format_: str) -> str:
    syntax = load(file).root.syntax
    if format_ == "json":
        from attncomp.inspect.json import tree_to_json

        return _json(tree_to_json(syntax))
    from attncomp.inspect.tree import tree_to_text

    return tree_to_text(syntax)


def _sizes(graph: Graph, given: tuple[str, ...]) -> dict[str, int]:
    """`--size seq=128` by symbol. Raises E090 for a symbol that the model has not, or what is no size."""
    sizes: dict[str, int] = {}
    for name, value in parse_options(given).items():
        if name not in graph.symbols():
            raise fail("E090", f"the model binds no size `{name}`", help=did_you_mean(name, graph.symbols()))
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise fail("E090", f"the size `{name}` is a whole number, not `{value}`")
        sizes[name] = value
    return sizes


def _graph(graph: Graph, format_: str, sizes: tuple[str, ...]) -> str:
    if format_ == "json":
        from attncomp.inspect.json import graph_to_json

        return _json(graph_to_json(graph))
    if format_ == "dot":
        from attncomp.inspect.dot import graph_to_dot

        return graph_to_dot(graph)
    from attncomp.inspect.text import summary
    from attncomp.ir.print import print_graph

    return f"{print_graph(graph).rstrip()}\n\n{summary(graph, _sizes(graph, sizes))}"


def _json(document: dict[str, Json]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
