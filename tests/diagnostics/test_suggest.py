from __future__ import annotations

from attncomp.diagnostics.suggest import did_you_mean, nearest


def test_the_nearest_name() -> None:
    assert nearest("hieght", ["height", "width"]) == "height"
    assert nearest("zebra", ["height", "width"]) is None
    assert nearest("height", []) is None


def test_case_decides_between_spellings_alone() -> None:
    assert nearest("gaet", ["Gate", "gate"]) == "gate"
    assert nearest("Gaet", ["Gate", "gate"]) == "Gate"
    assert nearest("gaet", ["Gate"]) == "Gate"


def test_help() -> None:
    assert did_you_mean("hieght", ["height", "width"]) == "did you mean `height`?"
    assert did_you_mean("zebra", ["width", "height"]) == "known here: `height`, `width`"
    assert did_you_mean("zebra", [f"name{number}" for number in range(13)]) == ""
