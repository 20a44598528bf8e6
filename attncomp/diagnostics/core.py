"""What a diagnostic is: a code, a place in a file, a cause and a likely fix."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of a source file. Lines and columns count from 1; the end is exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of `other`, in the same file."""
        return Span(self.file, self.line, self.column, other.end_line, other.end_column)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(enum.Enum):
    """How much a diagnostic matters: an error stops the compilation, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Label:
    """A place that a diagnostic points at, and what it says there (may be empty)."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Diagnostic:
    """One mistake in a user's file.

    `code` is a key of the table in `codes.py`; `message` is one line without the place; `primary` carries the
    caret; `secondary` points at the other half of a conflict; `help` is the likely fix, as an imperative.
    A diagnostic about a whole file or a command line has no primary label.
    """

    code: str
    message: str
    primary: Label | None = None
    secondary: tuple[Label, ...] = ()
    help: str = ""

    @property
    def severity(self) -> Severity:
        """Codes that begin with W are warnings, all others are errors."""
        return Severity.WARNING if self.code.startswith("W") else Severity.ERROR


class DiagnosticError(Exception):
    """Raised where a stage cannot go on; carries every diagnostic that the stage has found."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(f"{d.code}: {d.message}" for d in self.diagnostics))


def fail(
    code: str,
    message: str,
    span: Span | None = None,
    label: str = "",
    *,
    help: str = "",
    secondary: tuple[Label, ...] = (),
) -> DiagnosticError:
    """A `DiagnosticError` of one diagnostic, to be raised by the caller."""
    primary = None if span is None else Label(span, label)
    return DiagnosticError([Diagnostic(code, message, primary, secondary, help)])
