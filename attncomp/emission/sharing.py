"""Functions that are the same but for the names of their variables are written once."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?![\w=])")  # neither an attribute nor a keyword of a call


@dataclass
class Sharing:
    """The functions written so far, by what they do; the shortest text of each is kept."""

    _known: dict[str, tuple[str, list[str]]] = field(default_factory=dict)

    def settle(self, written: list[list[str]], name: str, variables: Collection[str]) -> str:
        """The name of the function that does what the last of `written` does, which goes if there is one already.

        `name` is what the last one is called, `variables` are its parameters and whatever else it defines.
        """
        last = written[-1]
        first_name, first = self._known.setdefault(_likeness(last, name, variables), (name, last))
        if first is not last:
            written.pop()
            if len("".join(last)) < len("".join(first)):
                first[:] = [
                    _WORD.sub(lambda word: first_name if word.group() == name else word.group(), line) for line in last
                ]
        return first_name


def _likeness(lines: list[str], name: str, variables: Collection[str]) -> str:
    """The text without its place in the model, its lines and its names: variables are numbered by their first use."""
    numbers: dict[str, str] = {}

    def numbered(match: re.Match[str]) -> str:
        word = match.group()
        if word == name:
            return "$"
        return numbers.setdefault(word, f"${len(numbers)}") if word in variables else word

    text = "\n".join(line for line in lines if not line.startswith("#"))
    return "".join(_WORD.sub(numbered, text).split())
