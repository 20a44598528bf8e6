"""`fuse!` in a model file: a near miss inside of the statement is an error wherever a module is made."""

from __future__ import annotations

from pathlib import Path

import pytest

import attncomp
from attncomp import pipeline
from attncomp.diagnostics.core import Diagnostic, DiagnosticError

HEAD = """\
model M(
  q: f32[batch, query, key = 4],
  k: f32[batch, source, key],
  v: f32[batch, source, value = 4],
) -> f32[batch, query, value] {
"""
ATTENTION = "softmax{source}(q @{key} k / sqrt(|key|)) @{source} v"
OTHER_AXIS = "softmax{query}(q @{key} k / sqrt(|key|)) @{source} v"
BACKENDS = ["numpy", "torch"]


def model(*statements: str, before: str = "") -> str:
    body = "".join(f"  {statement}\n" for statement in statements)
    return f"{before}{HEAD}{body}}}\n"


def errors(source: str, backend: str = "numpy") -> tuple[Diagnostic, ...]:
    with pytest.raises(attncomp.CompileError) as caught:
        attncomp.compile(source, backend=backend)
    assert {diagnostic.code for diagnostic in caught.value.diagnostics} == {"E080"}
    return caught.value.diagnostics


def places(source: str, error: Diagnostic) -> tuple[str, list[str]]:
    """The text under the caret, and under the second labels."""
    rows = source.split("\n")
    labels = (error.primary, *error.secondary)
    first, *others = (rows[one.span.line - 1][one.span.column - 1 : one.span.end_column - 1] for one in labels if one)
    return first, others


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "statements",
    [
        [f"fuse! context = {ATTENTION}", "return context"],
        [f"fuse! return {ATTENTION}"],
        ["fuse! s = q @{key} k", "fuse! w = softmax{source}(s)", "fuse! return w @{source} v"],
        ["s = q @{key} k", "fuse! e = exp(s)", "fuse! t = sum{source}(e)", "return (e / t) @{source} v"],
        ["gate = sigmoid(mean{query}(q))", f"fuse! z = {ATTENTION}", "return z + mean{key}(q * gate)"],
        ["for i in 0..2 {", f"  fuse! z = {ATTENTION}", "  q = z[value -> key]", "}", "return z"],
    ],
)
def test_what_fuses_compiles(statements: list[str], backend: str) -> None:
    module = attncomp.compile(model(*statements), backend=backend)
    assert [remark.region for remark in module.remarks if remark.kind == "fused" and remark.marks]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("statement", ["fuse! context = ", "fuse! context: {batch, query, value} = ", "fuse! return "])
def test_a_near_miss_is_an_error_at_its_place(statement: str, backend: str) -> None:
    source = model(f"{statement}{OTHER_AXIS}", *(["return context"] if "return" not in statement else []))
    (error,) = errors(source, backend)
    assert places(source, error) == (OTHER_AXIS, ["fuse!"])
    assert error.message.startswith("the attention was not fused: ")
    assert error.help
    assert attncomp.compile(source.replace("fuse! ", "")).remarks


def test_a_near_miss_elsewhere_is_none_of_its_business() -> None:
    other = "softmax{query}(exp(q) @{key} k) @{source} v"
    source = model(f"a = {other}", f"fuse! b = {ATTENTION}", "return a + b")
    assert [remark.kind for remark in attncomp.compile(source).remarks if remark.kind == "missed"] == ["missed"]
    with pytest.raises(attncomp.CompileError, match="E080"):
        attncomp.compile(source, require_fusion=True)


def test_a_near_miss_in_a_function_is_shown_where_it_is_written() -> None:
    function = """\
fn attend(q: {query, key}, k: {source, key}, v: {source, value}) -> {query, value} =
  softmax{query}(q @{key} k) @{source} v

"""
    source = model("fuse! y = attend(q, k, v)", "return y", before=function)
    (error,) = errors(source)
    assert places(source, error) == ("softmax{query}(q @{key} k) @{source} v", ["fuse!"])


def test_a_near_miss_in_a_file_that_is_imported(tmp_path: Path) -> None:
    (tmp_path / "part.attn").write_text(
        "block Part(q: {query, key}, k: {source, key}, v: {source, value}) -> {query, value} {\n"
        "  return softmax{query}(q @{key} k) @{source} v\n}\n"
    )
    path = tmp_path / "main.attn"
    path.write_text(model("layer part = Part", "fuse! return part(q, k, v)", before='from "part.attn" import Part\n\n'))
    (error,) = errors(str(path))
    assert error.primary is not None and error.primary.span.file.endswith("part.attn")
    assert error.secondary[0].span.file.endswith("main.attn")


def test_a_mark_inside_of_a_block_that_is_used_twice_is_one_error() -> None:
    block = """\
block Bad(q: {query, key}, k: {source, key}, v: {source, value}) -> {query, value} {
  param scale: [key] ~ ones
  fuse! return softmax{query}((scale * q) @{key} k) @{source} v
}

"""
    source = model("layer bad[2] = Bad", "return bad[0](q, k, v) + bad[1](q, k, v)", before=block)
    (error,) = errors(source)
    assert places(source, error)[1] == ["fuse!"]


@pytest.mark.parametrize("statement", ["fuse! s = q @{key} k", "fuse! s = q[query -> query] @{key} k"])
def test_a_statement_that_forms_no_region_is_an_error(statement: str) -> None:
    source = model(statement, "return s @{source} v")
    (error,) = errors(source)
    assert places(source, error) == ("fuse!", [])
    assert error.message.startswith("nothing in this statement forms a region")


@pytest.mark.parametrize("value", ["q", "3"])
def test_a_statement_that_computes_nothing_forms_no_region(value: str) -> None:
    (error,) = errors(model(f"fuse! y = {value}", f"return {ATTENTION}"))
    assert error.message == "nothing in this statement forms a region"


def test_the_parts_of_the_compiler_that_make_no_module_do_not_fail() -> None:
    built = pipeline.build(pipeline.parse(model(f"fuse! return {OTHER_AXIS}")))
    optimised = pipeline.optimise(built.graph)
    assert [remark.kind for remark in optimised.remarks if remark.marks] == ["missed"]
    with pytest.raises(DiagnosticError, match="E080"):
        pipeline.compile_source(model(f"fuse! return {OTHER_AXIS}"))
