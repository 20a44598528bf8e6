"""The passes there are, and the order they run in.

Every pass is found by the entry-point group `attncomp.passes`, the built-in ones too, so that another package can add
one by its metadata alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from itertools import groupby
from types import MappingProxyType

from attncomp import plugins
from attncomp.diagnostics.core import DiagnosticError, fail
from attncomp.diagnostics.suggest import did_you_mean
from attncomp.passes.base import Pass

GROUP = "attncomp.passes"

# What a pass needs stands before it: regions are found in a graph without duplicates and without dead readers.
ORDER = (
    "fold-constants",
    "eliminate-common-subexpressions",
    "eliminate-dead-code",
    "canonicalize",
    "find-softmax",
    "fold-batch-norm",
    "reassociate-contractions",
    "merge-projections",
    "find-attention-regions",
    "find-gate-regions",
    "find-pointwise-regions",
)


def available_passes() -> Mapping[str, Pass]:
    """Every installed pass by name, with default options, in the order they run.

    Raises DiagnosticError E090, naming the package, for an entry point that does not load, is not a pass, is named
    otherwise than its pass, or has a name that another package has taken.
    """
    found: dict[str, _Installed] = {}
    for name, entries in groupby(plugins.installed(GROUP), key=lambda entry: entry.name):
        entry = plugins.once("pass", entries)
        found[name] = _Installed(_load(entry), plugins.package_of(entry))
    return MappingProxyType({name: found[name].made for name in _ordered(found)})


def find_pass(name: str) -> Pass:
    """The pass of that name. Raises DiagnosticError E090 where there is none."""
    passes = available_passes()
    if name not in passes:
        raise _unknown(name, passes)
    return passes[name]


def pass_sequence(excluded: Collection[str] = ()) -> tuple[Pass, ...]:
    """All passes in the order they run, without the `excluded` ones.

    Raises DiagnosticError E090 for a name among `excluded` that no pass has.
    """
    passes = available_passes()
    for name in sorted(excluded):
        if name not in passes:
            raise _unknown(name, passes)
    return tuple(pass_ for name, pass_ in passes.items() if name not in excluded)


@dataclass(frozen=True)
class _Installed:
    made: Pass
    package: str


def _unknown(name: str, passes: Mapping[str, Pass]) -> DiagnosticError:
    return fail("E090", f"there is no pass `{name}`", help=did_you_mean(name, passes))


def _ordered(installed: Mapping[str, _Installed]) -> list[str]:
    """The built-in passes in their order; each other pass by name, at the end or right before the one it names."""
    others = [name for name in sorted(installed) if name not in ORDER]
    names = [name for name in ORDER if name in installed]
    names += [name for name in others if not installed[name].made.before]
    waiting = [name for name in others if installed[name].made.before]
    while waiting:
        placed = [name for name in waiting if installed[name].made.before in names]
        if not placed:
            name, before = waiting[0], installed[waiting[0]].made.before
            message = (
                f"the pass `{name}` of package `{installed[name].package}` wants to run before `{before}`, "
                "which is no pass, or waits for it in turn"
            )
            raise fail("E090", message, help=did_you_mean(before, names))
        for name in placed:
            names.insert(names.index(installed[name].made.before), name)
        waiting = [name for name in waiting if name not in placed]
    return names


def _load(entry: EntryPoint) -> Pass:
    made = plugins.load("pass", entry)
    pass_ = made() if isinstance(made, type) else made
    if not isinstance(pass_, Pass):
        raise plugins.not_a("pass", entry, "make it a subclass of `attncomp.passes.base.Pass`")
    if pass_.name != entry.name:
        package = plugins.package_of(entry)
        raise fail(
            "E090",
            f"package `{package}` adds a pass `{entry.name}` whose own name is `{pass_.name}`",
            help="give both the same name",
        )
    return pass_
