"""Attributes by name and kind, so that the rest of the table reads typed values."""

from __future__ import annotations

from typing import TypeVar

from attncomp.ir.operators.base import Attributes

Kind = TypeVar("Kind")


def get(attributes: Attributes, name: str, kind: type[Kind]) -> Kind:
    """One attribute. Raises TypeError where it is missing or of another kind, which no user can bring about."""
    value = attributes.get(name)
    if not isinstance(value, kind):
        raise TypeError(f"the attribute `{name}` is {value!r}, not {kind.__name__}")
    return value


def many(attributes: Attributes, name: str, kind: type[Kind]) -> tuple[Kind, ...]:
    """One attribute that is a tuple of `kind`. Raises TypeError as `get` does."""
    value = attributes.get(name)
    if not isinstance(value, tuple):
        raise TypeError(f"the attribute `{name}` is {value!r}, not a tuple")
    items: list[Kind] = []
    for item in value:
        if not isinstance(item, kind):
            raise TypeError(f"the attribute `{name}` holds {item!r}, not {kind.__name__}")
        items.append(item)
    return tuple(items)


def real(attributes: Attributes, name: str) -> float:
    """One attribute that is a number, as a float. Raises TypeError as `get` does."""
    value = attributes.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"the attribute `{name}` is {value!r}, not a number")
    return float(value)


def pairs(attributes: Attributes, name: str) -> tuple[tuple[str, str], ...]:
    """One attribute that is pairs of names, old and new. Raises TypeError as `get` does."""
    found: list[tuple[str, str]] = []
    for item in many(attributes, name, tuple):
        if len(item) != 2 or not isinstance(item[0], str) or not isinstance(item[1], str):
            raise TypeError(f"the attribute `{name}` holds {item!r}, not a pair of names")
        found.append((item[0], item[1]))
    return tuple(found)
