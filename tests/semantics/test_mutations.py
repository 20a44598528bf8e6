"""Any change of a valid file is a valid file or a diagnostic: nothing a user can type gives a traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attncomp.diagnostics.core import DiagnosticError, Severity
from attncomp.semantics.check import check
from attncomp.semantics.elaborate import elaborate
from attncomp.semantics.files import load_files

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "examples").glob("*.attn")), *sorted((ROOT / "attncomp" / "std").glob("*.attn"))]
TOKENS = re.compile(r"#[^\n]*|\"[^\"\n]*\"|[A-Za-z_]\w*'*|\d+(?:\.\d+)?(?:e-?\d+)?|->|\.\.|//|\*\*|[<>=!]=|@|\S|\s+")
TEXTS = [path.read_text(encoding="utf-8") for path in FILES]
WORDS = sorted(
    {token for text in TEXTS for token in TOKENS.findall(text) if token.strip() and not token.startswith("#")}
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_we_ship_is_clean(path: Path):
    assert check(load_files(path)) == ()


@st.composite
def mutated(draw: st.DrawFn) -> str:
    tokens = TOKENS.findall(draw(st.sampled_from(TEXTS)))
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(tokens) - 1))
        match draw(st.sampled_from(["delete", "replace", "insert", "double", "swap"])):
            case "delete":
                tokens[place] = ""
            case "replace":
                tokens[place] = draw(st.sampled_from(WORDS))
            case "insert":
                tokens[place] += " " + draw(st.sampled_from(WORDS)) + " "
            case "double":
                tokens[place] *= 2
            case _:
                other = draw(st.integers(0, len(tokens) - 1))
                tokens[place], tokens[other] = tokens[other], tokens[place]
    return "".join(tokens) + "\n"


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(mutated())
def test_one_wrong_token_is_a_diagnostic(text: str):
    try:
        files = load_files(text)
    except DiagnosticError as error:
        assert error.diagnostics
        return
    found = check(files)
    errors = [diagnostic for diagnostic in found if diagnostic.severity is Severity.ERROR]
    for diagnostic in found:
        assert diagnostic.primary is None or diagnostic.primary.span.line >= 1
    for model in files.models():
        try:
            elaborate(files, model=model.name.text)
        except DiagnosticError as error:
            assert errors, [diagnostic.message for diagnostic in error.diagnostics]
