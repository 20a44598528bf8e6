"""`attnc inspect`: a stage of the compilation, or what one pass changed, in one of several formats."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from attncomp.cli.output import STDOUT, check_writable, write_text
from attncomp.cli.reporting import in_color, reporting_options
from attncomp.cli.sources import build, choose, load, model_options, parse_sizes
from attncomp.diagnostics.core import fail

if TYPE_CHECKING:
    from attncomp.emission.backend import Backend
    from attncomp.inspect.json import Json
    from attncomp.ir.graph import Graph
    from attncomp.pipeline import Built

GRAPH_FORMATS = ("text", "json", "dot", "html", "svg")
OTHER_FORMATS: Mapping[str, tuple[str, ...]] = {
    "tree": ("text", "json"),
    "lowered": ("text", "json"),
    "emitted": ("text",),
}
DIFF_FORMATS = ("text", "json")
_COLOURS = {"-": "red", "+": "green", "@": "cyan"}


@click.command()
@click.argument("file")
@model_options
@click.option(
    "--stage",
    metavar="STAGE",
    help="tree, built, the name of a pass (the graph right after it), optimized (the default), lowered, or emitted.",
)
@click.option("--diff", metavar="PASS", help="Show what this pass changed, in place of a stage.")
@click.option("--format", "format_", default="text", show_default=True, help=f"One of {', '.join(GRAPH_FORMATS)}.")
@click.option("--backend", default="numpy", show_default=True, help="The backend whose passes run.")
@click.option(
    "--size",
    "sizes",
    multiple=True,
    metavar="NAME=NUMBER",
    help="A size at which costs and memory are counted; may repeat.",
)
@click.option("--depth", metavar="NUMBER", help="For svg: layers nested deeper than this are folded; 0 folds all.")
@click.option("-o", "--output", default=STDOUT, metavar="OUT", help="The file to write; the standard output if none.")
@reporting_options
def inspect(
    file: str,
    model: str | None,
    options: tuple[str, ...],
    present: tuple[str, ...],
    stage: str | None,
    diff: str | None,
    format_: str,
    backend: str,
    sizes: tuple[str, ...],
    depth: str | None,
    output: str,
) -> None:
    """Show what the compiler makes of a model.

    The stages: the syntax tree, the graph as it was built and as it is after each pass, the optimized graph, the
    lowered program, the emitted module. The text of a graph ends in a table by layer, with shapes, numbers of
    parameters, operations (a multiply-add is two), and bytes read and written. That of a lowered program for NumPy ends
    in the memory plan: which values share a buffer, what all of them take, and the least that is needed.
    """
    from attncomp import pipeline
    from attncomp.emission.registry import find_backend

    folded = _depth(depth, format_, diff)
    chosen = find_backend(backend)
    passes = [pass_.name for pass_ in pipeline.passes_for(chosen)]
    if diff is not None:
        if stage is not None:
            raise fail("E090", "`--diff` shows a pass, and `--stage` a stage", help="give one of the two")
        choose("pass", diff, passes)
        choose("format", format_, DIFF_FORMATS)
        check_writable(output)
        before, after = _around(build(file, model, options, present), chosen, diff)
        text = _difference(before, after, diff, format_)
        if output == STDOUT and format_ == "text" and in_color(to_stdout=True):
            click.echo(_coloured(text), nl=False, color=True)
        else:
            write_text(output, text)
        return
    stage = choose("stage", stage or "optimized", ("tree", "built", *passes, "optimized", "lowered", "emitted"))
    choose("format", format_, OTHER_FORMATS.get(stage, GRAPH_FORMATS))
    check_writable(output)
    if stage == "tree":
        write_text(output, _tree(file, format_))
        return
    built = build(file, model, options, present)
    if stage in ("lowered", "emitted"):
        write_text(output, _program(built, chosen, stage, format_, sizes))
        return
    if format_ == "svg":
        from attncomp.inspect.svg import graph_to_svg

        write_text(output, graph_to_svg(_graph_at(built, chosen, stage), folded))
        return
    if format_ == "html":
        write_text(output, _page(built, chosen, stage, sizes))
        return
    width = shutil.get_terminal_size().columns if output == STDOUT and sys.stdout.isatty() else None
    write_text(output, _graph(_graph_at(built, chosen, stage), format_, sizes, width))


def _depth(text: str | None, format_: str, diff: str | None) -> int | None:
    """The depth at which a picture folds layers; None where none was named. Raises DiagnosticError E090."""
    if text is None:
        return None
    if format_ != "svg" or diff is not None:
        raise fail("E090", "`--depth` is for `--format svg`", help="leave it out, or ask for the picture")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise fail(
            "E090", f"a depth is a number from 0 on, not `{text}`", help="0 folds every layer; 1 unfolds one step"
        )
    return int(text)


def _graph_at(built: Built, backend: Backend, stage: str) -> Graph:
    """The graph at a stage: as it was built, after all passes, or right after one of them."""
    from attncomp import pipeline

    if stage == "built":
        return built.graph
    if stage == "optimized":
        return pipeline.optimise(built.graph, backend).graph
    return _around(built, backend, stage)[1]


def _around(built: Built, backend: Backend, pass_: str) -> tuple[Graph, Graph]:
    """The graph before and after a pass."""
    from attncomp import pipeline

    states = [built.graph]
    found: list[Graph] = []

    def observe(name: str, graph: Graph) -> None:
        if not found:
            states.append(graph.copy())
        if name == pass_:
            found.extend(states[-2:])

    pipeline.optimise(built.graph, backend, observe)
    before, after = found
    return before, after


def _page(built: Built, backend: Backend, stage: str, sizes: tuple[str, ...]) -> str:
    """The graph as it was built beside the graph at a stage, with what each pass between them did."""
    from attncomp import pipeline
    from attncomp.inspect.html import page

    history = [("built", built.graph)]

    def observe(name: str, graph: Graph) -> None:
        if stage not in [step for step, _ in history]:
            history.append((name, graph.copy()))

    bound = parse_sizes(built.graph, sizes)
    remarks = pipeline.optimise(built.graph, backend, observe).remarks
    steps = [step for step, _ in history]
    return page(
        history,
        title=built.files.title,
        after="Optimized" if stage == "optimized" else f"After {steps[-1]}" if len(steps) > 1 else "As built",
        sources=built.files.sources,
        remarks=[remark for remark in remarks if remark.pass_name in steps],
        sizes=bound,
    )


def _difference(before: Graph, after: Graph, pass_: str, format_: str) -> str:
    from attncomp.inspect.diff import compare, difference_to_text

    difference = compare(before, after)
    if format_ == "json":
        from attncomp.inspect.json import difference_to_json

        return _json(difference_to_json(difference, pass_))
    return difference_to_text(difference, pass_)


def _coloured(text: str) -> str:
    """The lines of a difference in the colours that they have everywhere."""
    lines = text.splitlines(keepends=True)
    return "".join(click.style(line, fg=_COLOURS[line[0]]) if line[0] in _COLOURS else line for line in lines)


def _tree(file: str, format_: str) -> str:
    syntax = load(file).root.syntax
    if format_ == "json":
        from attncomp.inspect.json import tree_to_json

        return _json(tree_to_json(syntax))
    from attncomp.inspect.tree import tree_to_text

    return tree_to_text(syntax)


def _program(built: Built, backend: Backend, stage: str, format_: str, sizes: tuple[str, ...]) -> str:
    from attncomp import pipeline

    bound = parse_sizes(built.graph, sizes)
    program = pipeline.lower(pipeline.optimise(built.graph, backend).graph, built.files, backend)
    if stage == "emitted":
        return pipeline.emit(program, backend)
    if format_ == "json":
        from attncomp.inspect.json import program_to_json

        return _json(program_to_json(program))
    from attncomp.lowering.print import print_program

    return print_program(program, bound)


def _graph(graph: Graph, format_: str, sizes: tuple[str, ...], width: int | None) -> str:
    if format_ == "json":
        from attncomp.inspect.json import graph_to_json

        return _json(graph_to_json(graph))
    if format_ == "dot":
        from attncomp.inspect.dot import graph_to_dot

        return graph_to_dot(graph)
    from attncomp.inspect.text import listing, summary

    return f"{listing(graph)}\n\n{summary(graph, parse_sizes(graph, sizes), width)}"


def _json(document: dict[str, Json]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
