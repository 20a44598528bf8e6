"""Near misses of a fusion as errors, where fusion is required."""

from __future__ import annotations

from collections.abc import Iterable

from attncomp.diagnostics.core import Diagnostic, DiagnosticError, Label
from attncomp.diagnostics.remarks import Remark, missed


def require_fusion(remarks: Iterable[Remark]) -> None:
    """Raises DiagnosticError with an E080 for each near miss; those of repeated layers at one place are one."""
    scopes: dict[Diagnostic, list[str]] = {}
    for remark in missed(remarks):
        primary = None if remark.span is None else Label(remark.span)
        found = Diagnostic("E080", f"the {remark.region} was not fused: {remark.message}", primary, help=remark.help)
        scopes.setdefault(found, []).append(remark.scope)
    if scopes:
        raise DiagnosticError(scopes)
