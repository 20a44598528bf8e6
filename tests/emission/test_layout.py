"""Lines as the formatter would leave them."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attncomp.emission.expressions import Expression, binary, call, subscript, tuple_text
from attncomp.emission.layout import LINE_LENGTH, definition, split_top_level, statement
from attncomp.emission.text import quoted


def formatted(source: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", str(LINE_LENGTH), "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=True)
    return done.stdout


words = st.integers(1, 70).map(lambda length: Expression("n" * length))
strings = st.integers(1, 40).map(lambda length: Expression(quoted("s, (" + "x" * length)))
arguments = words | strings | st.lists(words, min_size=2, max_size=4).map(lambda items: Expression(tuple_text(items)))
calls = st.builds(lambda items: call("np.function", *items, axis="0"), st.lists(arguments, min_size=1, max_size=6))
sums = st.builds(
    lambda operator, items: binary(operator, *items), st.sampled_from(["+", "*", "<", "&"]), st.tuples(words, words)
)
lookups = st.builds(lambda table, key: subscript(Expression(table.text), [key]), words, strings)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(calls | sums | lookups | words, min_size=10, max_size=30), st.integers(0, 3))
def test_statements_stay_as_they_are(expressions: list[Expression], depth: int) -> None:
    lines = [f"{'    ' * level}if x:" for level in range(depth)]
    for place, expression in enumerate(expressions):
        lines += statement(f"value_{place} = ", expression, depth, "[batch, seq]")
    source = "\n".join(lines) + "\n"
    assert formatted(source) == source


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 40).map(lambda n: f"{'p' * n}: Array"), max_size=9))
def test_definitions_stay_as_they_are(parameters: list[str]) -> None:
    source = "\n".join([*definition("function", parameters, "Array"), "    return x", ""])
    assert formatted(source) == source


def test_a_comment_goes_where_it_fits() -> None:
    assert statement("x = ", Expression("y"), 1, "[batch]") == ["    x = y  # [batch]"]
    assert statement("x = ", Expression("y" * 90), 1, "[batch]") == ["    x = " + "y" * 90]


def test_commas_in_strings_and_brackets_separate_nothing() -> None:
    assert split_top_level('a, f(b, c), "d, \\" e", (g, h)') == ["a", "f(b, c)", '"d, \\" e"', "(g, h)"]
