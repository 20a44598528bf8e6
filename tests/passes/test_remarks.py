"""Remarks as text with their source line, and as data."""

from __future__ import annotations

import json

from attncomp.diagnostics.core import Span
from attncomp.diagnostics.remarks import Remark, missed, render_remarks

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
