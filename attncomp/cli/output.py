"""Writing what a command makes: whole files or nothing, and `-` for the standard output."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import click

from attncomp.diagnostics.core import fail

STDOUT = "-"


def write_text(destination: str, text: str) -> None:
    """Writes text as UTF-8 to a file, or to the standard output. Raises DiagnosticError E090 where it cannot."""
    if destination == STDOUT:
        click.echo(text, nl=False)
        return
    write_file(destination, lambda stream: stream.write(text.encode("utf-8")))


def write_file(destination: str, write: Callable[[BinaryIO], object]) -> None:
    """Writes a file by way of a temporary one beside it, so that a failure leaves the old one as it was.

    A link is followed, and a file that is replaced keeps its permissions. Raises DiagnosticError E090 where it cannot.
    """
    target = Path(os.path.realpath(destination))
    if target.is_dir():
        raise fail("E090", f"cannot write `{destination}`: it is a folder", help="give the name of a file")
    if not target.parent.is_dir():
        raise fail("E090", f"cannot write `{destination}`: there is no folder `{target.parent}`", help="make it first")
    if target.exists() and not target.is_file():
        _write_in_place(target, destination, write)
        return
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        with os.fdopen(descriptor, "wb") as stream:
            write(stream)
        os.chmod(temporary, target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~_mask())
        os.replace(temporary, target)
    except OSError as error:
        raise _unwritable(destination, error) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)


def check_writable(destination: str) -> None:
    """Raises DiagnosticError E090 where `write_file` could not write, before a long computation ends there."""
    target = Path(os.path.realpath(destination))
    if destination != STDOUT and (target.is_dir() or not target.parent.is_dir()):
        write_file(destination, lambda stream: None)


def _write_in_place(target: Path, destination: str, write: Callable[[BinaryIO], object]) -> None:
    """A device or a pipe, such as /dev/null, cannot be replaced."""
    try:
        with target.open("wb") as stream:
            write(stream)
    except OSError as error:
        raise _unwritable(destination, error) from None


def _unwritable(destination: str, error: OSError) -> Exception:
    reason = (error.strerror or type(error).__name__).lower()
    return fail("E090", f"cannot write `{destination}`: {reason}")


def _mask() -> int:
    """The mask of the process for new files; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
