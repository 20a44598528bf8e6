"""Which remarks are errors where fusion is demanded."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from attncomp.diagnostics.core import Diagnostic, DiagnosticError, Span
from attncomp.diagnostics.fusion import check_fusion
from attncomp.diagnostics.remarks import Remark, RemarkKind

OUTER, INNER, OTHER = (Span("m.attn", line, 3, line, 8) for line in (2, 5, 9))
PLACE = Span("m.attn", 6, 7, 6, 20)


def remark(kind: RemarkKind, *marks: Span, scope: str = "") -> Remark:
    return Remark(kind, "attention", "so it is", "find-attention-regions", PLACE, scope, "do this", marks=marks)


def errors(marks: Iterable[Span], *remarks: Remark, everywhere: bool = False) -> tuple[Diagnostic, ...]:
    with pytest.raises(DiagnosticError) as caught:
        check_fusion(marks, remarks, everywhere=everywhere)
    assert {diagnostic.code for diagnostic in caught.value.diagnostics} == {"E080"}
    return caught.value.diagnostics


def test_nothing_is_demanded() -> None:
    check_fusion((), [remark("missed"), remark("note"), remark("fused")])


def test_a_near_miss_of_a_marked_statement_is_shown_with_its_mark() -> None:
    (error,) = errors([OUTER], remark("missed", OUTER), remark("missed"))
    assert error.message == "the attention was not fused: so it is"
    assert error.help == "do this"
    assert error.primary is not None and error.primary.span == PLACE
    assert [label.span for label in error.secondary] == [OUTER]


def test_nested_marks_are_all_shown_and_each_is_settled_by_the_one_error() -> None:
    (error,) = errors([OUTER, INNER], remark("missed", OUTER, INNER))
    assert [label.span for label in error.secondary] == [OUTER, INNER]


def test_a_region_that_holds_a_node_of_the_statement_settles_its_mark() -> None:
    check_fusion([OUTER], [remark("fused", OUTER, OTHER), remark("note", OUTER)])


def test_a_statement_without_a_region_is_an_error_with_what_would_form_one() -> None:
    (error,) = errors([OUTER, INNER], remark("fused", INNER), remark("fused"))
    assert error.message == "nothing in this statement forms a region"
    assert error.primary is not None and error.primary.span == OUTER
    assert "softmax" in error.help and "statistics of x" in error.help


def test_a_note_about_the_statement_says_why_there_is_no_region() -> None:
    (error,) = errors([OUTER], remark("note", INNER), remark("note", OUTER))
    assert error.message == "nothing in this statement forms a region: so it is"


def test_repeated_layers_are_one_error() -> None:
    again = [remark("missed", OUTER, scope=f"layers.{number}") for number in range(12)]
    assert len(errors([OUTER], *again)) == 1


def test_everywhere_every_near_miss_counts_and_marks_go_on_to_hold() -> None:
    first, second = errors([OUTER], remark("missed"), everywhere=True)
    assert first.secondary == ()
    assert second.primary is not None and second.primary.span == OUTER
