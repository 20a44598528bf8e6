"""Backends by name, from the entry points of installed packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from attncomp.diagnostics.core import fail
from attncomp.diagnostics.suggest import did_you_mean
from attncomp.emission.backend import Backend

GROUP = "attncomp.backends"


def backend_names() -> tuple[str, ...]:
    """The names of the installed backends, sorted."""
    return tuple(sorted(_found()))


def find_backend(name: str) -> Backend:
    """The backend called `name`.

    Raises DiagnosticError (E090) where none is, where it cannot be imported, or is not a backend.
    """
    found = _found()
    if name not in found:
        raise fail("E090", f"there is no backend `{name}`", help=did_you_mean(name, found))
    try:
        backend = found[name].load()
    except (ImportError, AttributeError) as error:
        raise fail("E090", f"the backend `{name}` cannot be imported: {error}") from error
    if not isinstance(backend, Backend):
        raise fail("E090", f"the entry point of `{name}` is not a backend: {found[name].value}")
    return backend


def _found() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
