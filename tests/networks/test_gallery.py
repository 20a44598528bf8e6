"""The gallery lists every example, and its table says what `examples/gallery.py` counts."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def gallery() -> ModuleType:
    """`examples/gallery.py`, imported."""
    spec = importlib.util.spec_from_file_location("examples_gallery", EXAMPLES / "gallery.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_every_example_has_its_row(gallery: ModuleType) -> None:
    files = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.attn") if "plugin" not in path.parts}
    assert {entry.file for entry in gallery.ENTRIES} == files
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for entry in gallery.ENTRIES:
        assert f"| [`{entry.file}`]({entry.file}) | {entry.model} |" in text


@pytest.mark.parametrize("model", ["Edges", "Plain", "Transformer", "Step", "MobileNetV3Large"])
def test_the_rows_are_those_of_the_compiler(gallery: ModuleType, model: str) -> None:
    (entry,) = (entry for entry in gallery.ENTRIES if entry.model == model)
    lines = json.loads((EXAMPLES / "reference_lines.json").read_text(encoding="utf-8"))["lines"]
    assert gallery.row(entry, lines) in (EXAMPLES / "README.md").read_text(encoding="utf-8").splitlines()


def test_fusions_are_counted_by_kind(gallery: ModuleType) -> None:
    from attncomp import compile as compile_model

    module = compile_model(
        "model M(x: f32[batch, seq, a = 4]) -> f32[batch, seq, a] {\n"
        "k = x[seq -> seq']\n return softmax{seq'}(x @{a} k) @{seq'} k }"
    )
    assert gallery.fused(module) == "1 attention"
    assert gallery.fused(compile_model("model M(x: f32[batch]) -> f32[batch] { return relu(x) }")) == "none"


def test_the_library_is_counted_through_its_own_uses(gallery: ModuleType) -> None:
    assert gallery.library_lines("") == 0
    alone = gallery.library_lines("from std.spatial import AtrousBranch\n")
    assert 5 < alone < gallery.library_lines("from std.spatial import ASPP\n")


def test_python_is_counted_without_what_is_only_read(gallery: ModuleType) -> None:
    source = 'class A:\n    """One."""\n\n    # why\n    def f(self):\n        """Two."""\n        return (1,\n    2)\n'
    assert gallery.python_lines(source) == 3
