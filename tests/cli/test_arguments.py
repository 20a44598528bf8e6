from __future__ import annotations

import math

import pytest

from attncomp.cli.sources import choose, parse_options, parse_value
from attncomp.diagnostics.core import DiagnosticError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("8", 8),
        ("-1", -1),
        ("0.5", 0.5),
        ("1e-6", 1e-6),
        ("true", True),
        ("false", False),
        ("none", None),
        ("same", "same"),
        ("True", "True"),
    ],
)
def test_values(text: str, value: object) -> None:
    found = parse_value(text)
    assert found == value
    assert type(found) is type(value)


def test_infinity_is_a_number() -> None:
    assert parse_value("inf") == math.inf


def test_pairs() -> None:
    assert parse_options(["heads=8", "padding = same"]) == {"heads": 8, "padding": "same"}


@pytest.mark.parametrize("options", [["heads"], ["=8"], ["heads="], ["heads=8", "heads=4"]])
def test_bad_pairs(options: list[str]) -> None:
    with pytest.raises(DiagnosticError) as raised:
        parse_options(options)
    assert raised.value.diagnostics[0].code == "E090"


def test_choice() -> None:
    assert choose("stage", "tree", ("tree", "built")) == "tree"
    with pytest.raises(DiagnosticError) as raised:
        choose("stage", "biult", ("tree", "built"))
    found = raised.value.diagnostics[0]
    assert found.code == "E090"
    assert found.message == "there is no stage `biult`, only `tree` and `built`"
    assert found.help == "did you mean `built`?"
