"""Parts of a backend's runtime as text: the functions that a module needs, cut out of real Python files."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Definition:
    """A function, class or constant of a file: its text, and the names that the text uses."""

    name: str
    text: str
    uses: frozenset[str]
    is_constant: bool


@dataclass(frozen=True)
class Import:
    """One imported name: `import module as name`, or `from module import member as name`."""

    module: str
    name: str
    member: str | None = None

    def __str__(self) -> str:
        imported = self.member or self.module
        alias = f" as {self.name}" if self.name != imported and self.name != self.module.split(".")[0] else ""
        return f"from {self.module} import {self.member}{alias}" if self.member else f"import {self.module}{alias}"


class RuntimeSource:
    """The definitions of some files, in their order; later files may use those of earlier ones and the reverse.

    Files contain imports, functions, classes and single assignments; names are unique among all of them.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.definitions: dict[str, Definition] = {}
        self.imports: dict[str, Import] = {}
        for file in files:
            self._read(file.read_text(encoding="utf-8"))

    def _read(self, text: str) -> None:
        for node in ast.parse(text).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for imported in _imports(node):
                    self.imports.setdefault(imported.name, imported)
            elif name := _defined(node):
                if name in self.definitions:
                    raise ValueError(f"`{name}` is defined twice")
                self.definitions[name] = Definition(
                    name, _segment(text, node), _names(node), isinstance(node, ast.Assign | ast.AnnAssign)
                )

    @property
    def names(self) -> frozenset[str]:
        """Every name that these files define or import."""
        return frozenset(self.definitions) | frozenset(self.imports)

    def needed(self, wanted: Iterable[str]) -> tuple[Definition, ...]:
        """The definitions of `wanted` and all that they use, in the order of the files."""
        found: set[str] = set()
        pending = list(wanted)
        while pending:
            name = pending.pop()
            if name in self.definitions and name not in found:
                found.add(name)
                pending += self.definitions[name].uses
        return tuple(definition for name, definition in self.definitions.items() if name in found)

    def imports_of(self, names: Iterable[str]) -> tuple[Import, ...]:
        """The imports among `names`; what one of the files takes from another is no import."""
        outside = set(names) & set(self.imports) - set(self.definitions)
        return tuple(self.imports[name] for name in sorted(outside))


def names_in(text: str) -> frozenset[str]:
    """The names that a piece of Python text uses."""
    return _names(ast.parse(text))


def import_lines(imports: Iterable[Import]) -> list[str]:
    """Import statements in sections: `__future__`, the standard library, the rest."""
    sections: Mapping[int, list[Import]] = {0: [], 1: [], 2: []}
    for item in imports:
        root = item.module.split(".")[0]
        sections[0 if root == "__future__" else 1 if root in sys.stdlib_module_names else 2].append(item)
    blocks = [_section(section) for section in sections.values() if section]
    return [line for number, block in enumerate(blocks) for line in ([""] if number else []) + block]


def definition_lines(definitions: Iterable[Definition]) -> list[str]:
    """The texts of definitions with blank lines between: constants stand together."""
    lines: list[str] = []
    previous: Definition | None = None
    for definition in definitions:
        if previous is not None:
            multiline = "\n" in definition.text or "\n" in previous.text
            both = definition.is_constant and previous.is_constant
            lines += ([""] if multiline else []) if both else ["", ""]
        lines += definition.text.splitlines()
        previous = definition
    return lines


def _section(imports: list[Import]) -> list[str]:
    lines = sorted({str(item) for item in imports if item.member is None})
    members: dict[str, set[str]] = {}
    for item in imports:
        if item.member is not None:
            members.setdefault(item.module, set()).add(str(item).split(" import ")[1])
    return lines + [
        f"from {module} import {', '.join(sorted(names, key=_member_key))}" for module, names in sorted(members.items())
    ]


def _member_key(name: str) -> tuple[int, str]:
    """Constants, classes, then the rest."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2), name


def _imports(node: ast.Import | ast.ImportFrom) -> list[Import]:
    if isinstance(node, ast.Import):
        return [Import(alias.name, alias.asname or alias.name.split(".")[0]) for alias in node.names]
    module = node.module or ""
    return [Import(module, alias.asname or alias.name, alias.name) for alias in node.names if node.level == 0]


def _defined(node: ast.stmt) -> str | None:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return None


def _segment(text: str, node: ast.stmt) -> str:
    """The lines of a definition, with its decorators and the comment lines right above."""
    lines = text.splitlines()
    first = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))]) - 1
    while first and lines[first - 1].startswith("#"):
        first -= 1
    return "\n".join(lines[first : node.end_lineno])


def _names(node: ast.AST) -> frozenset[str]:
    return frozenset(item.id for item in ast.walk(node) if isinstance(item, ast.Name))
