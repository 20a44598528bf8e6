from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from attncomp.diagnostics.core import Diagnostic, Label, Span
from attncomp.diagnostics.render import WIDTH, count, render, to_json, visible


def span(line: int, column: int, end_column: int, *, file: str = "model.attn", end_line: int | None = None) -> Span:
    return Span(file, line, column, end_line or line, end_column)


def shown(diagnostic: Diagnostic, text: str, **others: str) -> str:
    return render([diagnostic], {"model.attn": text, **others})


def marked(text: str, place: Span) -> tuple[str, str]:
    """The line of a source as it is shown, and the line of carets under it."""
    lines = shown(Diagnostic("E001", "m", Label(place)), text).splitlines()
    return lines[3].removeprefix(f"{place.line} | "), lines[4].removeprefix("  | ")


def test_both_halves_of_a_conflict() -> None:
    text = "\n" * 6 + "  z = f(x)\n" + "\n" * 4 + "  y = x + z\n"
    diagnostic = Diagnostic(
        "E030", "size conflict on axis `channel`", Label(span(12, 7, 12), "`x` has 64, `z` has 32"),
        (Label(span(7, 3, 4), "declared here"),), "rename one of them",
    )  # fmt: skip
    assert shown(diagnostic, text) == (
        "error[E030]: size conflict on axis `channel`\n"
        "  --> model.attn:12:7\n"
        "   |\n"
        " 7 |   z = f(x)\n"
        "   |   - declared here\n"
        "...\n"
        "12 |   y = x + z\n"
        "   |       ^^^^^ `x` has 64, `z` has 32\n"
        "   = help: rename one of them\n"
        "\n"
        "1 error\n"
    )


def test_two_labels_in_one_line_and_the_line_between_two() -> None:
    diagnostic = Diagnostic(
        "E020", "m", Label(span(1, 1, 2), "one"), (Label(span(1, 5, 6), "two"), Label(span(3, 1, 3), "three"))
    )
    lines = shown(diagnostic, "a = b\nmiddle\ncc").splitlines()
    assert lines[2:] == [
        "  |", "1 | a = b", "  |     - two", "  | ^ one", "2 | middle", "3 | cc", "  | -- three", "", "1 error",
    ]  # fmt: skip


def test_a_label_in_another_file() -> None:
    diagnostic = Diagnostic("E053", "m", Label(span(1, 1, 2)), (Label(span(2, 1, 3, file="b.attn"), "here"),))
    lines = shown(diagnostic, "x", **{"b.attn": "one\ntwo"}).splitlines()
    assert lines[1:] == [
        " --> model.attn:1:1", "  |", "1 | x", "  | ^", " ::: b.attn:2:1",
        "  |", "2 | two", "  | -- here", "", "1 error",
    ]  # fmt: skip


def test_a_span_over_several_lines_is_marked_to_the_end_of_the_first() -> None:
    assert marked("y = f(\n  x)", span(1, 5, 5, end_line=2)) == ("y = f(", "    ^^")


def test_tabs_and_wide_characters() -> None:
    assert marked("\tx = y", span(1, 6, 7)) == ("    x = y", "        ^")
    assert marked('"世界" + y', span(1, 8, 9)) == ('"世界" + y', "         ^")
    assert marked('"e\u0301" + y', span(1, 8, 9)) == ('"e\u0301" + y', "      ^")
    assert marked("世 y", span(1, 1, 2)) == ("世 y", "^^")


def test_control_characters_are_harmless() -> None:
    assert marked("a \x1b[31m b", span(1, 9, 10)) == ("a ␛[31m b", "        ^")
    assert visible("\x00\x7f\x85\u202e\u200b") == "␀␡<U+0085><U+202E><U+200B>"
    text = render([Diagnostic("E001", "bad `\x1b[2J`", Label(span(1, 1, 2, file="\x1b.attn")), help="\r")], {})
    assert "\x1b" not in text and "\r" not in text


def test_a_long_line_is_clipped_around_the_caret() -> None:
    line, caret = marked("a" * 500 + "HERE" + "b" * 500, span(1, 501, 505))
    assert len(line) <= WIDTH + 6
    assert line.startswith("...a") and line.endswith("b...")
    assert line[caret.index("^") : len(caret)] == "HERE"
    assert marked("x" + "a" * 500, span(1, 1, 2))[0].startswith("xa")
    assert marked("a" * 500 + "x", span(1, 501, 502))[0].endswith("ax")


def test_a_place_outside_of_the_source() -> None:
    assert "9:9" in shown(Diagnostic("E001", "m", Label(span(9, 9, 10))), "one line")
    assert marked("ab", span(1, 3, 3)) == ("ab", "  ^")
    assert marked("ab", span(1, 50, 60)) == ("ab", "  ^")


def test_no_source_no_snippet() -> None:
    text = render([Diagnostic("E001", "m", Label(span(3, 4, 5), "words"), (), "fix")], {})
    assert text == "error[E001]: m\n --> model.attn:3:4\n  = help: fix\n\n1 error\n"


def test_no_place() -> None:
    assert render([Diagnostic("E090", "unknown pass", None, (), "fix")], {}) == (
        "error[E090]: unknown pass\n  = help: fix\n\n1 error\n"
    )


def test_sorted_by_place_and_counted() -> None:
    found = [
        Diagnostic("W001", "third", Label(span(3, 1, 2))),
        Diagnostic("E001", "second", Label(span(2, 9, 10))),
        Diagnostic("E001", "first", Label(span(2, 1, 2))),
    ]
    text = render(found, {"model.attn": "\n" * 5})
    assert text.index("first") < text.index("second") < text.index("third")
    assert text.endswith("\n2 errors, 1 warning\n")
    assert "warning[W001]: third" in text
    assert render([], {}) == ""
    assert count([found[0], found[0]]) == "2 warnings"


def test_colour_adds_only_escapes() -> None:
    found = [Diagnostic("E001", "m", Label(span(1, 1, 2), "here"), (Label(span(1, 3, 4)),), "fix")]
    coloured = render(found, {"model.attn": "abc"}, color=True)
    assert "\x1b[1;31m" in coloured
    plain = coloured
    for code in ("0", "1", "1;31", "1;34", "1;36"):
        plain = plain.replace(f"\x1b[{code}m", "")
    assert plain == render(found, {"model.attn": "abc"})


def test_json_is_plain_data_in_the_same_order() -> None:
    found = [
        Diagnostic("W001", "b", Label(span(2, 1, 2), "here"), (Label(span(1, 3, 4), "there"),), "fix"),
        Diagnostic("E090", "a"),
    ]
    data = json.loads(json.dumps(to_json(found)))
    assert [entry["code"] for entry in data] == ["E090", "W001"]
    assert data[0] == {
        "code": "E090", "severity": "error", "message": "a", "primary": None, "secondary": [], "help": "",
    }  # fmt: skip
    assert data[1]["primary"] == {
        "file": "model.attn", "line": 2, "column": 1, "end_line": 2, "end_column": 2, "text": "here",
    }  # fmt: skip
    assert data[1]["secondary"][0]["text"] == "there"


@given(st.text(), st.integers(1, 5), st.integers(1, 300), st.integers(0, 3), st.integers(1, 300))
@settings(max_examples=200, deadline=None)
def test_any_source_and_any_place_render(text: str, line: int, column: int, more: int, end: int) -> None:
    place = Span("model.attn", line, column, line + more, end)
    out = shown(Diagnostic("E001", "m", Label(place, "label"), (Label(place, "other"),)), text)
    assert out.endswith("1 error\n")
    assert "\x1b" not in out
