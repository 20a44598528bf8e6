"""The nearest known name to one that is unknown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None where nothing is near (Ratcliff and Obershelp's ratio, 0.6)."""
    candidates = sorted(set(known))
    lowered = {candidate.lower(): candidate for candidate in reversed(candidates)}
    close = difflib.get_close_matches(name.lower(), list(lowered), n=1, cutoff=0.6)
    return lowered[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A help line for an unknown name: the nearest known one, else the whole list, else nothing."""
    candidates = sorted(set(known))
    close = nearest(name, candidates)
    if close is not None:
        return f"did you mean `{close}`?"
    if candidates and len(candidates) <= 12:
        return "known here: " + ", ".join(f"`{candidate}`" for candidate in candidates)
    return ""
