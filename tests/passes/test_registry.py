"""Passes are found by entry points, in their order; what is broken names its package."""

from __future__ import annotations

from pathlib import Path

import pytest
from passes.installed import install
from passes.sketch import Sketch

from attncomp.diagnostics.core import Diagnostic, DiagnosticError
from attncomp.ir.graph import Graph
from attncomp.ir.verify import InvalidGraph
from attncomp.passes.base import Pass, PassRecord, PassResult
from attncomp.passes.eliminate_dead_code import EliminateDeadCode
from attncomp.passes.registry import GROUP, ORDER, available_passes, find_pass, pass_sequence
from attncomp.passes.runner import run_passes

MODULE = """
from attncomp.passes.base import Pass, PassResult

class {name}(Pass):
    name = "{label}"
    summary = "nothing"
    before = "{before}"

    def run(self, graph):
        return PassResult(False)
"""


def problem(error: pytest.ExceptionInfo[DiagnosticError]) -> Diagnostic:
    (diagnostic,) = error.value.diagnostics
    assert diagnostic.code == "E090"
    return diagnostic


def add(monkeypatch: pytest.MonkeyPatch, folder: Path, label: str, before: str = "", package: str = "") -> None:
    module = "m_" + folder.name.replace("-", "_") + label.replace("-", "_")
    source = MODULE.format(name="Made", label=label, before=before)
    package = package or f"package-{label}"
    install(monkeypatch, folder / package, package, {GROUP: {label: f"{module}:Made"}}, {f"{module}.py": source})


def test_built_in_passes_come_first_in_their_order() -> None:
    passes = available_passes()
    assert tuple(passes)[: len(ORDER)] == ORDER
    for name, made in passes.items():
        assert isinstance(made, Pass)
        assert made.name == name
        assert made.summary


def test_sequence_leaves_out_what_a_backend_excludes() -> None:
    names = [made.name for made in pass_sequence({"merge-projections"})]
    assert names == [name for name in ORDER if name != "merge-projections"]


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(DiagnosticError) as error:
        find_pass("fold-constant")
    assert problem(error).help == "did you mean `fold-constants`?"
    with pytest.raises(DiagnosticError) as error:
        pass_sequence({"merge-projection"})
    assert "merge-projection" in problem(error).message
    assert find_pass("eliminate-dead-code") == EliminateDeadCode()


def test_others_run_last_or_before_the_one_they_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    add(monkeypatch, tmp_path, "a-late")
    add(monkeypatch, tmp_path, "b-early", before="fold-constants")
    add(monkeypatch, tmp_path, "a-earliest", before="b-early")
    names = list(available_passes())
    assert names == ["a-earliest", "b-early", *ORDER, "a-late"]


def test_waiting_for_a_pass_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    add(monkeypatch, tmp_path, "lost", before="find-gate-region")
    with pytest.raises(DiagnosticError) as error:
        available_passes()
    assert "package-lost" in problem(error).message
    assert problem(error).help == "did you mean `find-gate-regions`?"


def test_two_packages_with_one_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    add(monkeypatch, tmp_path, "fold-constants", package="impostor")
    with pytest.raises(DiagnosticError) as error:
        available_passes()
    assert "`attncomp` and `impostor`" in problem(error).message


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no_such_module_at_all:Made", "does not load"),
        ("math:no_such_name", "does not load"),
        ("math:sqrt", "is not a pass"),
        ("builtins:dict", "is not a pass"),
        ("math:pi", "is not a pass"),
        ("attncomp.passes.eliminate_dead_code:EliminateDeadCode", "whose own name is `eliminate-dead-code`"),
    ],
)
def test_broken_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str, words: str) -> None:
    install(monkeypatch, tmp_path, "broken-package", {GROUP: {"broken": value}})
    with pytest.raises(DiagnosticError) as error:
        available_passes()
    message = problem(error).message
    assert words in message
    assert "broken-package" in message


class Careless(Pass):
    name = "careless"
    summary = "leaves a node of a wrong type"

    def run(self, graph: Graph) -> PassResult:
        first = next(graph.nodes("exp"))
        graph.set_operands(first.identity, ())
        return PassResult(True)


def test_runner_records_each_pass_and_keeps_the_order() -> None:
    s = Sketch()
    x = s.input("x", seq=3)
    s.op("exp", x)
    records, remarks = run_passes(s.returns(s.op("tanh", x)), [EliminateDeadCode(), EliminateDeadCode()])
    assert records == (
        PassRecord("eliminate-dead-code", True, 3, 2),
        PassRecord("eliminate-dead-code", False, 2, 2),
    )
    assert remarks == ()


def test_runner_verifies_after_each_pass_and_names_the_culprit() -> None:
    s = Sketch()
    graph = s.returns(s.op("exp", s.input("x", seq=3)))
    with pytest.raises(InvalidGraph) as error:
        run_passes(graph, [Careless(), EliminateDeadCode()])
    assert error.value.__notes__ == ["in the pass `careless`"]
