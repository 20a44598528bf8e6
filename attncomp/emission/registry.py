"""Backends by name, from the entry points of installed packages."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from attncomp.diagnostics.core import fail
from attncomp.diagnostics.suggest import did_you_mean
from attncomp.emission.backend import Backend

GROUP = "attncomp.backends"


def backend_names() -> tuple[str, ...]:
    """The names of the installed backends, sorted."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def find_backend(name: str) -> Backend:
    """The backend called `name`. No other one is imported.

    Raises DiagnosticError (E090) where none is, two packages add one of that name, it cannot be imported, or
    it is not a backend.
    """
    found = [entry for entry in entry_points(group=GROUP) if entry.name == name]
    if not found:
        raise fail("E090", f"there is no backend `{name}`", help=did_you_mean(name, backend_names()))
    if len({entry.value for entry in found}) > 1:
        packages = " and ".join(sorted(f"`{_package(entry)}`" for entry in found))
        raise fail("E090", f"two packages add a backend `{name}`: {packages}", help="uninstall one of them")
    entry = found[0]
    try:
        backend = entry.load()
    except Exception as error:
        raise fail(
            "E090",
            f"the backend `{name}` of package `{_package(entry)}` does not load: {type(error).__name__}: {error}",
            help="reinstall or uninstall the package",
        ) from error
    if not isinstance(backend, Backend):
        raise fail(
            "E090",
            f"`{entry.value}` of package `{_package(entry)}` is not a backend",
            help="give it what `attncomp.emission.backend.Backend` asks for",
        )
    return backend


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "unknown"
