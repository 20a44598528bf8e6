"""The nearest known name to one that is unknown."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None where nothing is near (Ratcliff and Obershelp's ratio, 0.6)."""
    spellings: dict[str, list[str]] = {}
    for candidate in sorted(set(known)):
        spellings.setdefault(candidate.lower(), []).append(candidate)
    close = difflib.get_close_matches(name.lower(), list(spellings), n=1, cutoff=0.6)
    if not close:
        return None
    return max(spellings[close[0]], key=lambda spelling: difflib.SequenceMatcher(None, name, spelling).ratio())


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A help line for an unknown name: the nearest known one, else the whole list, else nothing."""
    candidates = sorted(set(known))
    close = nearest(name, candidates)
    if close is not None:
        return f"did you mean `{close}`?"
    if candidates and len(candidates) <= 12:
        return "known here: " + ", ".join(f"`{candidate}`" for candidate in candidates)
    return ""
