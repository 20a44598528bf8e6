"""Files and what they import: parsing a root file with everything it needs, and the names each file can see."""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from attncomp.diagnostics.core import Diagnostic, DiagnosticError, Label, Span
from attncomp.diagnostics.suggest import did_you_mean, nearest
from attncomp.semantics.signatures import check_declaration
from attncomp.syntax import tree
from attncomp.syntax.parse import parse, read_source

TEXT_TITLE = "<source>"
LIBRARY = "std"
IMPORT_DEPTH = 64
FILE_LIMIT = 200


@dataclass(eq=False)
class SourceFile:
    """A parsed file: its syntax tree, and by name what it declares and imports."""

    title: str
    syntax: tree.File
    declared: dict[str, tree.Declaration] = field(default_factory=dict)
    imported: dict[str, tuple[SourceFile, tree.Declaration]] = field(default_factory=dict)

    def find(self, name: str) -> tuple[SourceFile, tree.Declaration] | None:
        """The declaration that `name` stands for in this file, and the file it was written in."""
        if name in self.declared:
            return self, self.declared[name]
        return self.imported.get(name)

    def names(self) -> frozenset[str]:
        """All names that this file declares or imports."""
        return frozenset(self.declared) | frozenset(self.imported)

    def usable_names(self) -> frozenset[str]:
        """The blocks and functions among them: a model is no part of another."""
        found = {name: self.find(name) for name in self.names()}
        return frozenset(name for name, item in found.items() if item and not isinstance(item[1], tree.Model))


@dataclass(frozen=True)
class FileSet:
    """A root file with all that it imports; `sources` are the texts by title, for messages."""

    root: SourceFile
    files: Mapping[str, SourceFile]
    sources: Mapping[str, str]

    @property
    def title(self) -> str:
        """The path of the root file as the user gave it."""
        return self.root.title

    def models(self) -> tuple[tree.Model, ...]:
        """The models that the root file declares."""
        return tuple(item for item in self.root.syntax.items if isinstance(item, tree.Model))


def is_source_text(source: str | Path) -> bool:
    """Whether `source` is the text of a file rather than a path: text has a line break or a brace."""
    return isinstance(source, str) and ("\n" in source or "{" in source)


def load_files(source: str | Path) -> FileSet:
    """Reads and parses `source` (a path, or the text of a file) and everything it imports.

    Raises DiagnosticError with every mistake found: syntax, E014, E051, E052, E053, and those of signatures.
    """
    loader = _Loader()
    if is_source_text(source):
        root = loader.load_text(str(source), TEXT_TITLE, Path("."))
    else:
        root = loader.load_path(Path(source), str(source))
    if loader.diagnostics:
        raise SourceError(loader.diagnostics, loader.sources)
    assert root is not None
    return FileSet(root, loader.files, loader.sources)


def _models_in(folder: Path) -> list[str]:
    """The names of the model files of a folder, without `.attn`; none where it cannot be read."""
    try:
        return [entry.stem for entry in folder.glob("*.attn") if entry.is_file()]
    except OSError:
        return []


class SourceError(DiagnosticError):
    """Mistakes found before there is a `FileSet`; carries the texts that were read, so that they can be shown."""

    def __init__(self, diagnostics: list[Diagnostic], sources: Mapping[str, str]) -> None:
        super().__init__(diagnostics)
        self.sources = dict(sources)


class _Loader:
    def __init__(self) -> None:
        self.files: dict[str, SourceFile] = {}
        self.sources: dict[str, str] = {}
        self.diagnostics: list[Diagnostic] = []
        self.opening: list[str] = []
        self.is_full = False

    def load_path(self, path: Path, title: str) -> SourceFile | None:
        try:
            text = read_source(str(path))
        except DiagnosticError as error:
            self.diagnostics.extend(error.diagnostics)
            return None
        except OSError as error:
            reason = error.strerror or type(error).__name__
            self.diagnostics.append(Diagnostic("E052", f"cannot read `{title}`: {reason.lower()}"))
            return None
        return self.load_text(text, title, path.parent)

    def load_text(self, text: str, title: str, folder: Path) -> SourceFile | None:
        self.sources[title] = text
        try:
            parsed = parse(text, title)
        except DiagnosticError as error:
            self.diagnostics.extend(error.diagnostics)
            return None
        file = SourceFile(title, parsed)
        self.files[title] = file
        self.opening.append(title)
        places: dict[str, Span] = {}
        for item in parsed.items:
            for name in item.names if isinstance(item, tree.Import) else (item.name,):
                self.declare_once(name, places)
            if isinstance(item, tree.Import):
                self.resolve_import(file, item, folder)
            else:
                file.declared.setdefault(item.name.text, item)
                self.diagnostics.extend(check_declaration(item))
        self.opening.pop()
        return file

    def declare_once(self, name: tree.Name, places: dict[str, Span]) -> None:
        if name.text in places:
            self.report(
                "E014",
                f"`{name.text}` is defined twice",
                name.span,
                "here again",
                secondary=(Label(places[name.text], "first defined here"),),
                help="give one of them another name, or leave one out",
            )
        places.setdefault(name.text, name.span)

    def resolve_import(self, file: SourceFile, item: tree.Import, folder: Path) -> None:
        target = self.load_import(item, folder)
        if target is None:
            return
        for name in item.names:
            found = target.find(name.text)
            if found is None:
                self.report(
                    "E053",
                    f"`{target.title}` has no `{name.text}`",
                    name.span,
                    help=did_you_mean(name.text, target.names()),
                )
            else:
                file.imported.setdefault(name.text, found)

    def load_import(self, item: tree.Import, folder: Path) -> SourceFile | None:
        module = item.module
        if isinstance(module, tree.String):
            return self.load_relative(module, folder)
        parts = module.text.split(".")
        library = importlib.resources.files("attncomp.std")
        known = sorted(entry.name.removesuffix(".attn") for entry in library.iterdir() if entry.name.endswith(".attn"))
        if len(parts) != 2 or parts[0] != LIBRARY or parts[1] not in known:
            self.report(
                "E052",
                f"there is no library file `{module.text}`",
                module.span,
                help=did_you_mean(module.text, [f"{LIBRARY}.{name}" for name in known])
                or 'a file of your own is imported by its path: from "blocks/se.attn" import SE',
            )
            return None
        title = f"{LIBRARY}/{parts[1]}.attn"
        if self.is_open(title, module.span):
            return None
        if title not in self.files:
            self.load_text((library / f"{parts[1]}.attn").read_text(encoding="utf-8"), title, Path(LIBRARY))
        return self.files.get(title)

    def load_relative(self, module: tree.String, folder: Path) -> SourceFile | None:
        relative = PurePosixPath(module.value)
        if relative.suffix != ".attn" or relative.is_absolute():
            self.report(
                "E052",
                f"`{module.value}` is not the path of a model file",
                module.span,
                help="write a path relative to this file that ends in .attn",
            )
            return None
        path = Path(os.path.normpath(folder / relative))
        # A folder of the user's may be called `std` too; the title of a file of the library is of no other file.
        title = f"./{path}" if path.parts[0] == LIBRARY else str(path)
        if self.is_open(title, module.span):
            return None
        if title in self.files:
            return self.files[title]
        if not os.path.isfile(path):
            close = nearest(relative.stem, _models_in(path.parent))
            self.report(
                "E052",
                f"`{module.value}` is no file" if os.path.exists(path) else f"there is no file `{module.value}`",
                module.span,
                f"looked for `{title}`",
                help=f"did you mean `{close}.attn`?" if close else "",
            )
            return None
        return self.load_path(path, title)

    def is_open(self, title: str, span: Span) -> bool:
        """Reports an import that leads back to a file still being loaded, is nested too deeply, or is one too many."""
        if title in self.opening:
            cycle = [*self.opening[self.opening.index(title) :], title]
            self.report(
                "E051",
                "files import each other in a circle: " + " -> ".join(f"`{file}`" for file in cycle),
                span,
                help="move what both need into a third file",
            )
            return True
        if len(self.opening) >= IMPORT_DEPTH:
            self.report("E007", f"imports are nested more than {IMPORT_DEPTH} deep", span)
            return True
        if len(self.sources) >= FILE_LIMIT and title not in self.files:
            if not self.is_full:
                self.report("E007", f"one file imports more than {FILE_LIMIT} others", span)
            self.is_full = True
            return True
        return False

    def report(
        self, code: str, message: str, span: Span, label: str = "", *, help: str = "", secondary: tuple[Label, ...] = ()
    ) -> None:
        self.diagnostics.append(Diagnostic(code, message, Label(span, label), secondary, help))
