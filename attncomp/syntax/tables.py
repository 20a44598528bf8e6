"""The LALR(1) parser of the grammar, with its tables cached between runs.

Building the tables takes longer than parsing any file. They are kept as JSON, behind a line with its digest, in the
user's cache folder, under a name made of the grammar and the version of lark; a file there that cannot be read or does
not fit is built anew.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

import lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from attncomp.syntax.build import TreeBuilder

START_RULES = ["file", "expression"]


def grammar_text() -> str:
    """The grammar as shipped."""
    return resources.files("attncomp_grammar").joinpath("attn.lark").read_text(encoding="utf-8")


@functools.cache
def parser() -> lark.Lark:
    """The parser, whose callbacks build the syntax tree. Its start rules are `file` and `expression`."""
    grammar = grammar_text()
    path = cache_path(grammar)
    cached = _read_cache(path)
    if cached is not None:
        return cached
    built = _build(grammar)
    _write_cache(path, built)
    return built


def cache_path(grammar: str) -> Path:
    """Where the tables of `grammar` are kept."""
    root = os.environ.get("XDG_CACHE_HOME") or ""
    base = Path(root) if os.path.isabs(root) else Path(os.path.expanduser("~")) / ".cache"
    return base / "attncomp" / f"grammar-{_digest(f'{lark.__version__} {START_RULES} {grammar}')[:32]}.json"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _build(grammar: str) -> lark.Lark:
    return lark.Lark(
        grammar,
        parser="lalr",
        lexer="basic",
        start=START_RULES,
        keep_all_tokens=True,
        maybe_placeholders=False,
        transformer=TreeBuilder(),
    )


def _read_cache(path: Path) -> lark.Lark | None:
    """The parser from its cached tables, or None where they are missing or unusable."""
    try:
        digest, _, text = path.read_text(encoding="utf-8").partition("\n")
        if digest != _digest(text):
            return None
        stored = _integer_keys(json.loads(text))
        loaded = lark.Lark.__new__(lark.Lark)._load(stored, transformer=TreeBuilder())
        list(loaded.lex("x"))
        loaded.parse_interactive(start=START_RULES[0])
    except Exception:  # whatever a damaged file makes lark do, the answer is to build the tables
        return None
    return loaded


def _write_cache(path: Path, built: lark.Lark) -> None:
    """Writes the tables whole or not at all; a folder that cannot be written to is no error."""
    data, memo = built.memo_serialize([TerminalDef, Rule])
    data["options"] = {name: value for name, value in data["options"].items() if name != "transformer"}
    temporary = ""
    try:
        text = json.dumps({"data": data, "memo": memo}, separators=(",", ":"))
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{_digest(text)}\n{text}")
        os.replace(temporary, path)
    except (OSError, TypeError, ValueError):
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)


def _integer_keys(value: Any) -> Any:
    """JSON has string keys alone; lark numbers its states and its memo."""
    if isinstance(value, dict):
        return {int(key) if key.isdigit() else key: _integer_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_integer_keys(item) for item in value]
    return value
