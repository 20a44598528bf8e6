"""A package outside of the compiler adds a pass and a backend by its metadata alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from passes.installed import install
from passes.sketch import Sketch

from attncomp.emission.backend import Backend
from attncomp.emission.registry import find_backend
from attncomp.lowering.lower import lower
from attncomp.passes.registry import available_passes, find_pass
from attncomp.passes.runner import run_passes

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    install(monkeypatch, tmp_path, project["name"], project["entry-points"])
    monkeypatch.syspath_prepend(str(PLUGIN))


def sketch() -> Sketch:
    s = Sketch("tiny")
    x = s.input("x", batch="batch", embed=3)
    s.returns(s.op("gelu", s.op("multiply", x, s.parameter("scale\n", embed=3)), approximate="none"))
    return s


@pytest.mark.usefixtures("plugin")
def test_the_pass_runs_where_it_wants_to() -> None:
    names = list(available_passes())
    assert names.index("use-tanh-gelu") == names.index("find-attention-regions") - 1
    graph = sketch().graph
    records, _ = run_passes(graph, [find_pass("use-tanh-gelu")] * 2)
    assert [record.changed for record in records] == [True, False]
    assert [node.attributes["approximate"] for node in graph.nodes("gelu")] == ["tanh"]


@pytest.mark.usefixtures("plugin")
def test_the_backend_writes_a_module_that_lists_the_program() -> None:
    backend = find_backend("listing")
    assert isinstance(backend, Backend)
    text = backend.emit(lower(sketch().graph, source="tiny.attn"))
    scope: dict[str, object] = {"__name__": "listing"}
    exec(compile(text, "listing.py", "exec"), scope)
    lines = scope["LINES"]
    assert isinstance(lines, tuple)
    assert lines[0] == "program tiny"
    assert any("gelu(" in line for line in lines)
    assert any("scale\n" in line for line in lines)


def test_neither_is_there_without_the_package() -> None:
    assert "use-tanh-gelu" not in available_passes()
