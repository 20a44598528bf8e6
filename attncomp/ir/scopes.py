"""The paths of layers (`encoder.layer.3.attention`): what repeated layers have in common."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")
_REPEATED = re.compile(r"(?:.*\.)?\d+(?![^.])")


def pattern(path: str) -> str:
    """The path with its numbers replaced: what layers that are repeated have in common."""
    return _NUMBER.sub("#", path)


def repeated_part(path: str) -> str:
    """The path up to its last number: the innermost layer that is one of several; "" where none is."""
    found = _REPEATED.match(path)
    return found.group() if found else ""
