"""Near misses of a fusion as errors: where a statement is marked `fuse!`, or everywhere."""

from __future__ import annotations

from collections.abc import Iterable

from attncomp.diagnostics.core import Diagnostic, DiagnosticError, Label, Span
from attncomp.diagnostics.remarks import Remark

_WOULD_FUSE = (
    "an attention needs a softmax and the contraction over its axes, `softmax{s}(q @{k} k') @{s} v`; "
    "a gate the product of x with a function of statistics of x, `x * sigmoid(mean{a}(x))`"
)


def check_fusion(marks: Iterable[Span], remarks: Iterable[Remark], *, everywhere: bool = False) -> None:
    """Raises DiagnosticError with an E080 for each near miss, and for each mark whose statement formed no region.

    `marks` are the places of the `fuse!` of a model. Only near misses of nodes that such a statement made count, or
    all of them `everywhere`; those of repeated layers at one place are one.
    """
    said = tuple(remarks)
    missed = [remark for remark in said if remark.kind == "missed" and (everywhere or remark.marks)]
    # Repeated layers may say it of values of other names: one place with one edit is one error.
    errors = {(remark.region, remark.span, remark.help): _near_miss(remark) for remark in reversed(missed)}
    settled = {mark for remark in said if remark.kind in ("fused", "missed") for mark in remark.marks}
    found = [*reversed(errors.values()), *(_no_region(mark, said) for mark in marks if mark not in settled)]
    if found:
        raise DiagnosticError(found)


def _near_miss(remark: Remark) -> Diagnostic:
    primary = None if remark.span is None else Label(remark.span)
    secondary = tuple(Label(mark, "this statement must fuse") for mark in remark.marks)
    return Diagnostic(
        "E080", f"the {remark.region} was not fused: {remark.message}", primary, secondary, help=remark.help
    )


def _no_region(mark: Span, remarks: Iterable[Remark]) -> Diagnostic:
    """That a marked statement formed no region, and why where a pass noted it."""
    reason = next((f": {remark.message}" for remark in remarks if remark.kind == "note" and mark in remark.marks), "")
    return Diagnostic("E080", f"nothing in this statement forms a region{reason}", Label(mark), help=_WOULD_FUSE)
