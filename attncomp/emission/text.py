"""Strings, comments and names that come from a model, made harmless in Python text."""

from __future__ import annotations

import builtins
import keyword
import unicodedata
from collections.abc import Iterable


def quoted(text: str) -> str:
    """A string literal in double quotes, of ASCII alone."""
    inner = "".join(_escaped(character) for character in text)
    return f'"{inner}"'


def _escaped(character: str) -> str:
    if character == '"':
        return "\\x22"
    return "'" if character == "'" else ascii(character)[1:-1]


def plain(text: str) -> str:
    """`text` fit for a comment or a docstring: one line, no quote that ends one, no backslash, nothing invisible."""
    kept = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(kept.replace("\\", "/").replace('"', "'").split())


def identifier(text: str, fallback: str = "value") -> str:
    """`text` as a Python identifier of ASCII: what cannot be in one becomes `_`."""
    normal = unicodedata.normalize("NFKD", text)
    letters = "".join(letter if letter.isascii() and (letter.isalnum() or letter == "_") else "_" for letter in normal)
    letters = letters.strip("_") if not letters.strip("_").isdigit() else f"{fallback}_{letters.strip('_')}"
    if not letters:
        return fallback
    return f"{fallback}_{letters}" if letters[0].isdigit() else letters


def class_name(text: str, fallback: str = "Model") -> str:
    """`encoder_layer` as `EncoderLayer`; a name that begins with a capital stays as it is."""
    name = identifier(text, fallback)
    return name if name[0].isupper() else "".join(part[:1].upper() + part[1:] for part in name.split("_") if part)


RESERVED = frozenset(keyword.kwlist) | frozenset(keyword.softkwlist) | frozenset(dir(builtins)) | {"self", "cls"}


class Names:
    """The names of a scope: each is given once, and none that a scope around it uses."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken) | RESERVED

    def claim(self, wanted: str) -> str:
        """`wanted` as an identifier, with a number behind it where it is taken."""
        name = base = identifier(wanted)
        count = 1
        while name in self._taken:
            count += 1
            name = f"{base}_{count}"
        self._taken.add(name)
        return name

    def child(self) -> Names:
        """The names of a scope inside this one."""
        return Names(self._taken)
