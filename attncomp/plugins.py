"""What packages add by their entry points: passes and backends, the built-in ones through the same door."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from attncomp.diagnostics.core import DiagnosticError, fail


def installed(group: str) -> tuple[EntryPoint, ...]:
    """The entry points of a group, by name and then by package."""
    return tuple(sorted(entry_points(group=group), key=lambda entry: (entry.name, package_of(entry))))


def package_of(entry: EntryPoint) -> str:
    """The name of the package that states an entry point."""
    return entry.dist.name if entry.dist is not None else "unknown"


def once(kind: str, entries: Iterable[EntryPoint]) -> EntryPoint:
    """The one entry point of a name. Raises DiagnosticError E090 where two packages state different ones."""
    found = list(entries)
    if len({entry.value for entry in found}) > 1:
        packages = " and ".join(sorted(f"`{package_of(entry)}`" for entry in found))
        raise fail("E090", f"two packages add a {kind} `{found[0].name}`: {packages}", help="uninstall one of them")
    return found[0]


def load(kind: str, entry: EntryPoint) -> object:
    """What an entry point stands for. Raises DiagnosticError E090, naming the package, where it does not load."""
    try:
        return entry.load()
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        message = f"the {kind} `{entry.name}` of package `{package_of(entry)}` does not load: {cause}"
        raise fail("E090", message, help="reinstall or uninstall the package") from error


def not_a(kind: str, entry: EntryPoint, wanted: str) -> DiagnosticError:
    """E090 for an entry point that stands for something else than its group holds; to be raised by the caller."""
    return fail("E090", f"`{entry.value}` of package `{package_of(entry)}` is not a {kind}", help=wanted)
