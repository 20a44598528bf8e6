"""Files that would take hours, or terabytes: each is refused with a diagnostic, and soon."""

from __future__ import annotations

import time

import pytest

from attncomp.diagnostics.core import Diagnostic, DiagnosticError
from attncomp.semantics.check import check
from attncomp.semantics.files import load_files

# Seconds in which an answer is there on any machine; on a quiet one the slowest takes two.
PATIENCE = 30


def model(body: str) -> str:
    """A model of one input `x` with this body."""
    return f"model M(x: f32[batch, seq, embed = 64]) -> f32[batch, seq, embed] {{\n{body}\n}}\n"


def chain(kind: str, count: int) -> str:
    """Blocks or functions that use each other twice: 2 ** count of them when unrolled."""
    if kind == "fn":
        parts = [f"fn g{i}(x) = g{i + 1}(x) + g{i + 1}(x)" for i in range(count)]
        return "\n".join([*parts, f"fn g{count}(x) = x", model("  return g0(x)")])
    parts = [
        f"block B{i}(x: {{embed}}) -> {{embed}} {{ layer a = B{i + 1} layer b = B{i + 1}\n return a(b(x)) }}"
        for i in range(count)
    ]
    end = f"block B{count}(x: {{embed}}) -> {{embed}} {{ return x }}"
    return "\n".join([*parts, end, model("  layer b = B0\n  return b(x)")])


def formulas(count: int) -> str:
    """Axes whose sizes double in length with each statement."""
    lines = [f"  axis a{i + 1} = (|a{i}| // 2) * (|a{i}| // 3 + 1)" for i in range(count)]
    return model("\n".join(["  axis a0 = |batch|", *lines, "  return x"]))


REFUSED = {
    "a power of a power": (model("  axis a = 2 ** 10 ** 10\n  return x"), "E033"),
    "a number of thousands of digits": (model("  axis a = ((2 ** 64) ** 64) ** 64\n  return x"), "E033"),
    "a power of fractions": (model("  return x * (2.0 ** 10 ** 10)"), "E033"),
    "a polynomial of many terms": (model("  axis a = (|batch| + |seq| + 1) ** 64\n  return x"), "E033"),
    "formulas that double": (formulas(60), "E033"),
    "lists that double": (model("  a = [1]\n  for i in 0..60 { a = [a, a] }\n  return x"), "E033"),
    "a million layers": (model("  layer l[1000000] = Linear{embed -> embed}\n  return l[0](x)"), "E033"),
    "a billion rounds": (model("  for i in 0..1000000000 { x = x }\n  return x"), "E033"),
    "rounds of rounds of nothing": (
        model("  for i in 0..10000 { for j in 0..10000 { for k in 0..10000 { } } }\n  return x"),
        "E033",
    ),
    "functions that double": (chain("fn", 40), "E033"),
    "blocks that double": (chain("block", 40), "E033"),
    "ten thousand parentheses": (model(f"  y = {'(' * 10000}x{')' * 10000}\n  return y"), "E007"),
    "ten thousand braces": (model(f"  y = {'f{' * 10000}x{'}' * 10000}\n  return y"), "E007"),
    "ten thousand signs": (model(f"  return {'-' * 10000}x"), "E007"),
    "ten thousand brackets unclosed": ("[" * 10000 + "\n", "E007"),
    "five thousand conditions": (model(f"  return {'if true then x else ' * 5000}x"), "E007"),
    "a twin of a twin of a twin": (model(f"  y = x[seq -> seq{chr(39) * 20000}]\n  return x"), "E007"),
    "an input of exabytes": (
        "model M(x: f32[a = 1000000, b = 1000000, c = 1000000]) -> f32[a, b, c] { return x }\n",
        "E033",
    ),
    "a parameter of terabytes": (model("  axis a = 10000000000000\n  param p: [a]\n  return x + sum{a}(p)"), "E033"),
    "positions of terabytes": (model("  axis a = 10000000000000\n  return x + sum{a}(arange{a})"), "E033"),
    "numbers of terabytes": (model("  axis a = 10000000000000\n  return x + sum{a}(linspace{a}(0, 1))"), "E033"),
    "padding of terabytes": (model("  y = pad{embed: 999999999999}(x)\n  return y[embed = ..64]"), "E033"),
    "a picture of terabytes": (
        model("  y = resize{seq: 10000000, embed: 10000000, mode = nearest}(x)\n  return x + mean{seq, embed}(y)"),
        "E033",
    ),
    "an axis of exabytes": (model("  axis a = 2 ** 62\n  return x"), "E033"),
    "a number beyond 64 bits": (model("  return x + 999999999999999999 * 999999999999999999"), "E033"),
    "a number beyond all numbers": (model("  return x + 1e400"), "E008"),
    "an infinite size": (model("  axis a = inf\n  return x"), "E040"),
    "no number as a size": (model("  axis a = inf - inf\n  return x"), "E040"),
    "a division by nothing": (model("  axis a = 5 // 0\n  return x"), "E031"),
    "a remainder of nothing": (model("  return x * (5.5 % 0.0)"), "E031"),
    "a negative power of nothing": (model("  return x * 0 ** -1"), "E031"),
    "a root of a negative number": (model("  return x * (0 - 8) ** 0.5"), "E043"),
}


def diagnose(text: str) -> tuple[Diagnostic, ...]:
    """Everything wrong with a text."""
    try:
        return check(load_files(text))
    except DiagnosticError as error:
        return error.diagnostics


@pytest.mark.parametrize(("text", "code"), REFUSED.values(), ids=list(REFUSED))
def test_it_is_refused_soon(text: str, code: str) -> None:
    start = time.monotonic()
    found = [diagnostic for diagnostic in diagnose(text) if not diagnostic.code.startswith("W")]
    assert time.monotonic() - start < PATIENCE
    assert found
    assert {diagnostic.code for diagnostic in found} == {code}
    assert all(diagnostic.primary is not None for diagnostic in found)


def test_thousands_of_mistakes_are_cut_short() -> None:
    lines = "\n".join(f"  y{i} = undefined{i}" for i in range(3000))
    found = diagnose(model(lines + "\n  return x"))
    assert 20 <= len(found) <= 100
    assert {diagnostic.code for diagnostic in found} == {"E010"}


@pytest.mark.parametrize(
    "text",
    ["\n", "# only a comment \N{GRINNING FACE}\n", "\r\n\r\n", "\t\t\n", '#"""\n'],
    ids=["nothing", "a comment", "carriage returns", "tabs", "quotes in a comment"],
)
def test_an_empty_file_is_no_mistake(text: str) -> None:
    assert diagnose(text) == ()


def test_carriage_returns_tabs_and_comments_move_no_caret() -> None:
    text = model("\ty = relu(x) # \N{GRINNING FACE}\n\t# done\n  return z").replace("\n", "\r\n")
    (found,) = diagnose(text)
    assert found.primary is not None
    assert (found.code, found.primary.span.line, found.primary.span.column) == ("E010", 4, 10)
