"""`attnc compile`: a model file to a Python module."""

from __future__ import annotations

import click

from attncomp.cli.output import STDOUT, check_writable, write_text
from attncomp.cli.reporting import reporting_options
from attncomp.cli.sources import build, model_options


@click.command("compile")
@click.argument("file")
@model_options
@click.option("--backend", default="numpy", show_default=True, help="What the module computes with.")
@click.option(
    "-o", "--output", default=STDOUT, metavar="OUT.py", help="The file to write; the standard output if none."
)
@click.option("--require-fusion", is_flag=True, help="Make every near miss of a fusion an error.")
@reporting_options
def compile_(
    file: str,
    model: str | None,
    options: tuple[str, ...],
    present: tuple[str, ...],
    backend: str,
    output: str,
    require_fusion: bool,
) -> None:
    """Compile a model to a single Python file that imports NumPy or PyTorch alone."""
    from attncomp import pipeline
    from attncomp.emission.registry import find_backend

    chosen = find_backend(backend)
    check_writable(output)
    built = build(file, model, options, present)
    compiled = pipeline.complete(built, chosen, require_fusion=require_fusion)
    write_text(output, compiled.text)
    if output != STDOUT:
        fused = sum(1 for remark in compiled.optimised.remarks if remark.kind == "fused")
        regions = f", {fused} fused region{'' if fused == 1 else 's'}" if fused else ""
        click.echo(f"wrote {output}: {len(compiled.text.splitlines())} lines{regions}", err=True)
