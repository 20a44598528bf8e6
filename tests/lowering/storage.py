"""Holds a memory plan to its word: a value that another was written over can be read no longer."""

from __future__ import annotations

from collections.abc import MutableMapping

from attncomp.lowering.program import Value

Scope = MutableMapping[str, object]


class Storage:
    """Which values of which scopes lie in each place of one memory."""

    def __init__(self) -> None:
        self.holders: dict[tuple[bool, int], list[tuple[Scope, str]]] = {}

    def hold(self, scope: Scope, value: Value) -> None:
        """A value lies in its place, beside those of which it is a view."""
        if value.place is not None:
            self.holders.setdefault((value.place.given, value.place.number), []).append((scope, value.name))

    def write(self, scope: Scope, value: Value) -> None:
        """A value is written into its place: all that lay there are lost."""
        if value.place is None:
            return
        for other, name in self.holders.pop((value.place.given, value.place.number), []):
            if other is not scope or name != value.name:
                other.pop(name, None)
        self.hold(scope, value)
