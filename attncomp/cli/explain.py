"""`attnc explain`: the manual page of a code, or what was fused in a file and why the rest was not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from attncomp.cli.reporting import in_color, reporting_options
from attncomp.cli.sources import build, choose, model_options, parse_sizes
from attncomp.diagnostics.core import fail
from attncomp.diagnostics.suggest import did_you_mean

if TYPE_CHECKING:
    from attncomp.diagnostics.remarks import Remark

_CODE = re.compile(r"[EeWw][0-9]+")
FORMATS = ("text", "json")


@click.command()
@click.argument("target", metavar="FILE|CODE")
@model_options
@click.option("--backend", default="numpy", show_default=True, help="The backend whose passes run.")
@click.option("--format", "format_", default="text", show_default=True, help=f"One of {', '.join(FORMATS)}.")
@click.option(
    "--size", "sizes", multiple=True, metavar="NAME=NUMBER", help="A size at which savings are counted; may repeat."
)
@reporting_options
def explain(
    target: str,
    model: str | None,
    options: tuple[str, ...],
    present: tuple[str, ...],
    backend: str,
    format_: str,
    sizes: tuple[str, ...],
) -> None:
    """Explain a diagnostic code (E020), or the fusions of a model file.

    For a file: each region that was fused, from which lines, and what that saves; and each that nearly was, with the
    condition that failed, the line of the source, and the edit that would help. With a backend that has kernels of
    attention, also which regions they do, and why they do not do the others.
    """
    choose("format", format_, FORMATS)
    if _CODE.fullmatch(target):
        click.echo(_page(target.upper(), format_), nl=False)
        return
    from attncomp import pipeline
    from attncomp.diagnostics.remarks import render_remarks
    from attncomp.emission.registry import find_backend

    chosen = find_backend(backend)
    built = build(target, model, options, present)
    optimised = pipeline.optimise(built.graph, chosen)
    remarks = optimised.remarks
    if chosen.has_kernels:
        remarks += pipeline.lowered_remarks(pipeline.lower(optimised.graph, built.files, chosen), chosen)
    if format_ == "json":
        click.echo(json.dumps([remark.to_json() for remark in remarks], indent=2, ensure_ascii=False))
        return
    color = in_color(to_stdout=True)
    bound = parse_sizes(built.graph, sizes)
    text = render_remarks(merged(remarks), built.files.sources, color=color, sizes=bound)
    click.echo(text or "nothing was fused, and nothing nearly was\n", nl=False, color=color)


def _page(code: str, format_: str) -> str:
    from attncomp.diagnostics.codes import CODES, page

    if code not in CODES:
        raise fail("E090", f"there is no code `{code}`", help=did_you_mean(code, CODES))
    if format_ == "json":
        return json.dumps({"code": code, "title": CODES[code], "page": page(code)}, indent=2, ensure_ascii=False) + "\n"
    return page(code)


def merged(remarks: Iterable[Remark]) -> tuple[Remark, ...]:
    """The remarks in order; what repeated layers share is said once, for all of them: `in blocks.{0..11}.attention`."""
    from attncomp.inspect.scopes import merged_paths

    scopes: dict[Remark, list[str]] = {}
    for remark in remarks:
        scopes.setdefault(replace(remark, scope=""), []).append(remark.scope)
    return tuple(replace(remark, scope=merged_paths(found)) for remark, found in scopes.items())
