"""`attnc run … --show weights`: the attention weights and gates of a run as pictures in a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from attncomp.cli.output import write_file
from attncomp.cli.sources import choose
from attncomp.diagnostics.core import fail

if TYPE_CHECKING:
    from attncomp.api import Module
    from attncomp.inspect.pictures import Picture

# What can be shown, and the kinds of values that it is.
SHOWN: Mapping[str, frozenset[str]] = {
    "weights": frozenset(("attention", "gate")),
    "attention": frozenset(("attention",)),
    "gates": frozenset(("gate",)),
}
MOST_PICTURES = 48


def check_show(show: str | None, pictures: str | None, output: str) -> str:
    """The folder for pictures: the given one, or one beside the output; "" where nothing is to be shown.

    Raises DiagnosticError E090 for what cannot be shown, for a folder that is a file, and where matplotlib is missing.
    """
    if show is None:
        if pictures is not None:
            raise click.UsageError("--pictures says where the pictures of --show go: `--show weights --pictures DIR`")
        return ""
    choose("thing to show", show, SHOWN)
    from attncomp.inspect.pictures import need_matplotlib

    need_matplotlib()
    if pictures is None and os.path.lexists(output) and not os.path.isfile(output):
        raise fail("E090", f"`{output}` is no file to put pictures beside", help="say where: `--pictures DIR`")
    folder = f"{os.path.splitext(output)[0]}.pictures" if pictures is None else pictures
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise fail("E090", f"`{folder}` is no folder", help="say where the pictures go: `--pictures DIR`")
    return folder


def draw_pictures(module: Module, inputs: Mapping[str, Any], show: str) -> tuple[Picture, ...]:
    """A picture of each value that is to be shown of a call on these inputs, and a line about those left out."""
    from attncomp.inspect.pictures import draw

    seen = [one for one in module.watch(**inputs).values() if one.kind in SHOWN[show]]
    if not seen:
        what = {"attention": "attention", "gates": "gate"}.get(show, "attention and no gate")
        click.echo(f"the model has no {what} to show", err=True)
    if len(seen) > MOST_PICTURES:
        click.echo(f"the first {MOST_PICTURES} of {len(seen)} values are drawn", err=True)
    return draw(seen[:MOST_PICTURES])


def write_pictures(pictures: Sequence[Picture], folder: str) -> None:
    """Writes each as a file of the folder, which is made. Raises DiagnosticError E090 where it cannot."""
    if not pictures:
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise fail("E090", f"cannot make the folder `{folder}`: {(error.strerror or '').lower()}") from None
    for picture in pictures:
        write_file(os.path.join(folder, picture.file_name), partial(_write, picture.png))
    click.echo(f"wrote {len(pictures)} picture{'' if len(pictures) == 1 else 's'} to {folder}", err=True)


def _write(png: bytes, stream: BinaryIO) -> None:
    stream.write(png)
