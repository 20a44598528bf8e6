"""Backends by name, from the entry points of installed packages."""

from __future__ import annotations

from attncomp import plugins
from attncomp.diagnostics.core import fail
from attncomp.diagnostics.suggest import did_you_mean
from attncomp.emission.backend import Backend

GROUP = "attncomp.backends"


def backend_names() -> tuple[str, ...]:
    """The names of the installed backends, sorted."""
    return tuple(sorted({entry.name for entry in plugins.installed(GROUP)}))


def find_backend(name: str) -> Backend:
    """The backend called `name`. No other one is imported.

    Raises DiagnosticError (E090) where none is, two packages add one of that name, it cannot be imported, or
    it is not a backend.
    """
    found = [entry for entry in plugins.installed(GROUP) if entry.name == name]
    if not found:
        raise fail("E090", f"there is no backend `{name}`", help=did_you_mean(name, backend_names()))
    entry = plugins.once("backend", found)
    backend = plugins.load("backend", entry)
    if not isinstance(backend, Backend):
        raise plugins.not_a("backend", entry, "give it what `attncomp.emission.backend.Backend` asks for")
    return backend
