"""Nothing that a model file says becomes code of the emitted module: it stays in strings and comments."""

from __future__ import annotations

import io
import tokenize
from pathlib import Path

import numpy as np
import pytest

import attncomp
from attncomp.diagnostics.core import DiagnosticError

# `ATTACK` must never be a name of the module. Each of these would make it one, left unquoted somewhere.
PAYLOADS = [
    '"""\nATTACK()\n"""',
    "'''\nATTACK()\n'''",
    '""" + ATTACK() + """',
    '"; ATTACK(); "',
    "\nATTACK()\n",
    "\rATTACK()",
    "\x0cATTACK()",
    "\u2028ATTACK()",
    "\x85ATTACK()",
    "{ATTACK()}",
    "{{ATTACK}}",
    "%(ATTACK)s",
    '\\"""ATTACK',
    "\\\nATTACK()",
    "\\N{BULLET} \\x41 ATTACK",
    "\x1b[31mATTACK",
    "\u202eATTACK",
    "\ud7ffATTACK",
    "#\nATTACK()",
]
TEXT = """model M(x: f32[b, e = 4]) -> f32[b, e] {
  layer fc[3] = Linear{e -> e}
  for l in fc { x = gelu(l(x)) }
  y = softmax{e}(x)
  return y * 2
}
"""
X = np.ones((2, 4), np.float32)


def names_of(source: str) -> set[str]:
    """The names in the code of a module, without its strings and comments."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


def check_module(module: attncomp.Module) -> None:
    """Fails where the payload became code, or the module does not work."""
    assert not any("ATTACK" in name for name in names_of(module.source))
    assert np.asarray(module(X).shape).tolist() == [2, 4]


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_path(tmp_path: Path, backend: str, payload: str) -> None:
    path = tmp_path / f"m{payload.replace('/', '')}.attn"
    path.write_text(TEXT)
    check_module(attncomp.compile(path, backend=backend))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_comment(backend: str, payload: str) -> None:
    comment = " # " + payload.replace("\n", " ")
    check_module(attncomp.compile(TEXT.replace("\n", comment + "\n"), backend=backend))


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_an_option(payload: str) -> None:
    text = TEXT.replace("model M", "model M{word = same}").replace("y * 2", "if word == same then y else y * 2")
    module = attncomp.compile(text, word=payload)
    check_module(module)


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_key(payload: str) -> None:
    text = TEXT.replace("model M", "model M{word = same}").replace("{e -> e}", '{e -> e} as "{word}"')
    with pytest.raises(DiagnosticError) as caught:
        attncomp.compile(text, word=payload)
    assert {diagnostic.code for diagnostic in caught.value.diagnostics} == {"E061"}


@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_a_function(payload: str) -> None:
    text = TEXT.replace("model M", "model M{act = gelu}").replace("gelu(l", "act(l")
    with pytest.raises(DiagnosticError) as caught:
        attncomp.compile(text, act=payload)
    assert {diagnostic.code for diagnostic in caught.value.diagnostics} == {"E012"}


@pytest.mark.parametrize(
    "template",
    ["{__import__('os')}", "{i.real}", "{x}", "{}", "{ }", "{i", "{1.5}", "{relu(x)}", "{'a'}", "{i};", "{[i]}"],
)
def test_a_template_of_a_key(template: str) -> None:
    text = TEXT.replace("fc[3] = Linear{e -> e}", f'fc[i in 0..3] = Linear{{e -> e}} as "p.{template}"')
    with pytest.raises(DiagnosticError) as caught:
        attncomp.compile(text)
    assert {diagnostic.code for diagnostic in caught.value.diagnostics} <= {"E005", "E040", "E061"}
