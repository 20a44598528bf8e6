"""Remarks as text with their source line, and as data."""

from __future__ import annotations

import json

from attncomp.diagnostics.core import Span
from attncomp.diagnostics.remarks import Remark, Saving, missed, places, render_remarks
from attncomp.ir.sizes import Size

TEXT = "model M() {\n  w = softmax{s}(x)\n}\n"
MISS = Remark(
    "missed",
    "attention",
    "the weights are read twice",
    "find-attention-regions",
    Span("m.attn", 2, 7, 2, 20),
    "layers.0",
    "drop the other use",
)
NOTE = Remark("note", "gate", "nothing to do", "find-gate-regions")


def test_text_shows_the_source_line_under_the_title() -> None:
    assert render_remarks([MISS], {"m.attn": TEXT}) == (
        "missed attention region in layers.0: the weights are read twice\n"
        " --> m.attn:2:7\n"
        "  |\n"
        "2 |   w = softmax{s}(x)\n"
        "  |       ^^^^^^^^^^^^^\n"
        "  = help: drop the other use\n"
    )


def test_text_without_a_source_or_a_place() -> None:
    assert " --> m.attn:2:7\n" in render_remarks([MISS], {})
    assert render_remarks([NOTE], {}) == "note gate region: nothing to do\n"
    assert render_remarks([], {}) == ""


def test_control_characters_of_a_name_do_not_reach_the_terminal() -> None:
    remark = Remark("note", "gate", "`\x1b[2J` is given", "find-gate-regions")
    assert "\x1b" not in render_remarks([remark], {})


def test_json_has_every_key_and_survives_a_round_trip() -> None:
    data = json.loads(json.dumps([MISS.to_json(), NOTE.to_json()]))
    assert data[0] == {
        "kind": "missed",
        "region": "attention",
        "message": "the weights are read twice",
        "pass": "find-attention-regions",
        "scope": "layers.0",
        "help": "drop the other use",
        "span": {"file": "m.attn", "line": 2, "column": 7, "end_line": 2, "end_column": 20},
        "lines": [],
        "saved": None,
        "marks": [],
    }
    assert data[1]["span"] is None
    assert data[0].keys() == data[1].keys()


def test_missed_keeps_the_near_misses_alone() -> None:
    assert missed([NOTE, MISS]) == (MISS,)


BATCH, SEQ = Size.symbol("batch"), Size.symbol("seq")
SAVING = Saving(8 * BATCH * SEQ * SEQ, 4 * SEQ * SEQ, typical=256)


def test_the_lines_of_a_region_are_ranges_file_by_file() -> None:
    spans = [
        Span("m.attn", 3, 1, 4, 2),
        Span("m.attn", 5, 1, 5, 9),
        Span("m.attn", 9, 1, 9, 2),
        Span("std/a.attn", 7, 1, 7, 2),
    ]
    assert places(spans) == "m.attn:3-5, 9, std/a.attn:7"


def test_a_saving_is_said_as_formulas_and_at_sizes() -> None:
    assert SAVING.text({}) == (
        "8 * batch * seq * seq bytes of memory traffic and 4 * seq * seq of peak memory "
        "(128.0 MiB and 256.0 KiB where every size is 256)"
    )
    assert SAVING.text({"batch": 2, "seq": 8}) == (
        "1.0 KiB of memory traffic and 256 bytes of peak memory at batch = 2, seq = 8"
    )


def test_a_long_formula_is_said_as_a_number() -> None:
    long = Size.of(0)
    for power in range(1, 12):
        long = long + 1000 * BATCH**power
    assert "batch" not in Saving(long, long, typical=1).text({})


def test_text_says_where_a_region_comes_from_and_what_it_saves() -> None:
    span = Span("m.attn", 2, 7, 2, 20)
    remark = Remark("fused", "attention", "made", "find-attention-regions", span, lines=(span,), saved=SAVING)
    text = render_remarks([remark], {"m.attn": TEXT}, sizes={"batch": 1, "seq": 1})
    assert text.endswith(
        "  = from: m.attn:2\n  = saves: 8 bytes of memory traffic and 4 bytes of peak memory at batch = 1, seq = 1\n"
    )
    assert json.loads(json.dumps(remark.to_json()))["saved"] == {
        "traffic": "8 * batch * seq * seq",
        "peak": "4 * seq * seq",
        "typical_size": 256,
        "typical_traffic": 8 * 256**3,
        "typical_peak": 4 * 256**2,
    }
