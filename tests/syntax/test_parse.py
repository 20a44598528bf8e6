from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syntax_corpus import EVERYTHING, without_spans

from attncomp.diagnostics.core import DiagnosticError, Span
from attncomp.syntax import tree
from attncomp.syntax.lexer import scan
from attncomp.syntax.parse import parse, parse_expression, read_source

WORDS = [lexeme.text for lexeme in scan(EVERYTHING, "x").lexemes if lexeme.text]


def codes(text: str) -> list[str]:
    """The codes of the diagnostics of a text; [] where it parses."""
    try:
        parse(text, "x.attn")
    except DiagnosticError as error:
        assert all(d.primary is not None and d.primary.span.line >= 1 for d in error.diagnostics)
        return [diagnostic.code for diagnostic in error.diagnostics]
    return []


def expression(text: str) -> tree.Expression:
    return parse_expression(text, Span("x.attn", 1, 1, 1, 2))


def statements(*lines: str) -> tuple[tree.Statement, ...]:
    body = "\n".join(lines)
    block = parse(f"block F(x: {{a}}) -> {{a}} {{\n{body}\n}}", "x.attn").items[0]
    assert isinstance(block, tree.Block)
    return block.body


def spelled(text: str) -> object:
    return without_spans(expression(text))


# --- what the tree holds ------------------------------------------------------------------------------------------


def test_declarations_in_the_order_of_the_file() -> None:
    items = parse(EVERYTHING, "x.attn").items
    kinds = [type(item).__name__ for item in items]
    assert kinds == ["Import", "Import", "Function", "Function", "Block", "Block", "Model", "Model"]


def test_imports() -> None:
    library, file = parse(EVERYTHING, "x.attn").items[:2]
    assert isinstance(library, tree.Import) and isinstance(library.module, tree.Name)
    assert library.module.text == "std.nn"
    assert [name.text for name in library.names] == ["MLP", "SE"]
    assert isinstance(file, tree.Import) and isinstance(file.module, tree.String)
    assert file.module.value == "blocks/se.attn"


def test_model_signature() -> None:
    model = parse(EVERYTHING, "x.attn").items[-2]
    assert isinstance(model, tree.Model)
    x, mask = model.inputs
    assert isinstance(x.type, tree.Storage) and x.type.dtype is not None and x.type.dtype.text == "f32"
    batch, height, packed, nameless = x.type.dimensions
    assert isinstance(batch.term, tree.Name) and batch.size is None
    assert without_spans(height.size) == ("Number", 56, None)
    assert isinstance(packed.term, tree.AxisGroup) and [axis.text for axis in packed.term.axes] == ["a", "b"]
    assert nameless.term == 1
    assert without_spans(mask.default) == ("Constant", "none", None)
    assert [option.name.text for option in model.options] == ["window"]


def test_block_signature() -> None:
    block = parse(EVERYTHING, "x.attn").items[5]
    assert isinstance(block, tree.Block)
    assert isinstance(block.inputs[1].type, tree.AxisSet)
    assert block.inputs[1].dtype is not None and block.inputs[1].dtype.text == "bool"
    assert [output.name and output.name.text for output in block.outputs] == ["y", "w"]


def test_function_without_axes() -> None:
    function = parse("fn f{n}(x, y = 2) = x", "x.attn").items[0]
    assert isinstance(function, tree.Function)
    assert function.output.type is None and function.output.name is None
    assert [each.type for each in function.inputs] == [None, None]
    assert function.options[0].default is None


def test_layers_and_parameters() -> None:
    one, many, counted, table = statements(
        'layer a = F{x -> y} as "k"', "layer b[12] = F", 'layer c[i in 1..n] = F as "c.{i}"',
        'param t: f16[(a b), 1] as "t" ~ zeros',
    )  # fmt: skip
    assert isinstance(one, tree.LayerStatement) and one.repeat is None and one.key is not None and one.key.value == "k"
    assert isinstance(many, tree.LayerStatement) and many.repeat is not None and many.repeat.variable is None
    assert (
        isinstance(counted, tree.LayerStatement) and counted.repeat is not None and counted.repeat.variable is not None
    )
    assert without_spans(counted.repeat.start) == ("Number", 1, None)
    assert isinstance(table, tree.ParameterStatement) and table.storage.dtype is not None
    assert without_spans(table.initializer) == ("Reference", ("Name", "zeros", None), None, None)


def test_loops() -> None:
    over, counted = statements("for b in blocks { x = b(x) }", "for i in 0..|x.a| - 1 { y = i\n z = y }")
    assert isinstance(over, tree.ForStatement) and over.stop is None and len(over.body) == 1
    assert isinstance(counted, tree.ForStatement) and isinstance(counted.stop, tree.Binary) and len(counted.body) == 2


def test_lets() -> None:
    ascribed, unpacked = statements("e: {a, b} = x", "y, w = f(x)")
    assert isinstance(ascribed, tree.LetStatement) and ascribed.ascription is not None
    assert isinstance(unpacked, tree.LetStatement) and [name.text for name in unpacked.names] == ["y", "w"]


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("a + b * c", "a + (b * c)"),
        ("a - b - c", "(a - b) - c"),
        ("-a ** b", "-(a ** b)"),
        ("a ** b ** c", "a ** (b ** c)"),
        ("a ** -b", "a ** (-b)"),
        ("a @{k} b / c", "(a @{k} b) / c"),
        ("a / b @{k} c", "(a / b) @{k} c"),
        ("not a == b", "not (a == b)"),
        ("not a and b or c", "((not a) and b) or c"),
        ("a + b < c % d", "(a + b) < (c % d)"),
        ("a + b is none", "(a + b) is none"),
        ("if a then b else if c then d else e + f", "if a then b else (if c then d else (e + f))"),
        ("-f(x)[a = 0]", "-((f(x))[a = 0])"),
    ],
)
def test_precedence(text: str, grouped: str) -> None:
    assert spelled(text) == spelled(grouped)
    assert spelled(text) != spelled("other")


def test_statics() -> None:
    reference = expression("F{a, (b c), f16, a -> (b c), h: 3, (a b): (c d), n = 1}")
    assert isinstance(reference, tree.Reference) and reference.statics is not None
    kinds = [type(static).__name__ for static in reference.statics]
    assert kinds == ["StaticAxis"] * 3 + ["StaticArrow", "StaticBinding", "StaticBinding", "StaticOption"]
    assert without_spans(reference.statics[2]) == ("StaticAxis", ("Name", "f16", None), None)
    assert expression("F{}") != expression("F")


def test_subscripts() -> None:
    subscripted = expression("x[a -> b, a = 0, a = 1.., a = ..n, a = .., 3]")
    assert isinstance(subscripted, tree.Subscripted)
    kinds = [type(item).__name__ for item in subscripted.items]
    assert kinds == ["Rename", "Index", "Slice", "Slice", "Slice", "Item"]
    _, _, start, stop, whole, _ = subscripted.items
    assert isinstance(start, tree.Slice) and start.start is not None and start.stop is None
    assert isinstance(stop, tree.Slice) and stop.start is None and stop.stop is not None
    assert isinstance(whole, tree.Slice) and whole.start is None and whole.stop is None


def test_none_tests_and_numbers() -> None:
    negated = expression("m is not none")
    assert isinstance(negated, tree.IsNone) and negated.negated
    assert list(map(spelled, ("3", "1.5e-3", "2E4", "007"))) == [
        ("Number", 3, None), ("Number", 0.0015, None), ("Number", 20000.0, None), ("Number", 7, None),
    ]  # fmt: skip


def test_a_word_that_begins_like_a_reserved_one_is_a_name() -> None:
    for name in ("information", "format", "f32x", "notes", "in_", "bool2", "axis1", "ifs"):
        assert without_spans(expression(name)) == ("Reference", ("Name", name, None), None, None)


# --- places -------------------------------------------------------------------------------------------------------


def test_spans() -> None:
    text = "block F(x: {a}) -> {a} {\n  y = (x + 1) *\n    x\n  return y\n}\n"
    block = parse(text, "f.attn").items[0]
    assert isinstance(block, tree.Block)
    assert block.span == Span("f.attn", 1, 1, 5, 2)
    let = block.body[0]
    assert isinstance(let, tree.LetStatement) and isinstance(let.value, tree.Binary)
    assert let.span == Span("f.attn", 2, 3, 3, 6)
    assert let.value.left.span == Span("f.attn", 2, 7, 2, 14)
    assert let.value.operator_span == Span("f.attn", 2, 15, 2, 16)
    assert let.value.right.span == Span("f.attn", 3, 5, 3, 6)


def test_windows_line_ends_change_nothing() -> None:
    assert parse(EVERYTHING.replace("\n", "\r\n"), "x").items == parse(EVERYTHING, "x").items


def test_an_expression_in_a_string_lies_where_the_string_lies() -> None:
    span = Span("x.attn", 7, 9, 7, 20)
    found = parse_expression("i + 1", span)
    assert isinstance(found, tree.Binary)
    assert {found.span, found.left.span, found.right.span, found.operator_span} == {span}


@pytest.mark.parametrize("text", ["", "i +", "i j", "(i", "i; j", "'i'", "i }", "x = 1", "i $", "((" * 100])
def test_a_bad_expression_in_a_string_is_an_error_at_the_string(text: str) -> None:
    span = Span("x.attn", 7, 9, 7, 20)
    with pytest.raises(DiagnosticError) as caught:
        parse_expression(text, span)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.primary is not None and diagnostic.primary.span == span


# --- files --------------------------------------------------------------------------------------------------------


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.attn"
    path.write_bytes(b"\xef\xbb\xbffn f(x) = x\n")
    assert read_source(path) == "fn f(x) = x\n"


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "a.attn"
    path.write_bytes("# ä\n# ".encode() + b"\xe4\n")
    with pytest.raises(DiagnosticError) as caught:
        read_source(path)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E006"
    assert diagnostic.message == "the file is not UTF-8: byte 0xE4 at offset 7"
    assert diagnostic.primary is not None
    assert (diagnostic.primary.span.line, diagnostic.primary.span.column) == (2, 3)


# --- depth --------------------------------------------------------------------------------------------------------

N = 10_000


@pytest.mark.parametrize(
    "text",
    [
        "(" * N + "x" + ")" * N,
        "(" * N,
        "[" * N,
        "f{a = " * N,
        "-" * N + "x",
        "x" + " ** x" * N,
        "x" + " + x" * N,
        "x" + " @{a} x" * N,
        "not " * N + "x",
        "if x then x else " * N + "x",
        "f(" * N + "x" + ")" * N,
        "f" + "(x)" * N,
        "x" + "[a = 0]" * N,
        "x[a = " * N + "0" + "]" * N,
    ],
    ids=lambda text: text[:12],
)
def test_deep_expressions_are_refused(text: str) -> None:
    assert codes(f"fn f(x) = {text}\n") == ["E007"]


def test_deep_loops_are_refused() -> None:
    assert codes("block F(x: {a}) -> {a} {\n" + "for i in 0..2 {\n" * N) == ["E007"]


def test_moderate_depth_is_no_trouble() -> None:
    assert codes("fn f(x) = " + "(" * 90 + "x" + ")" * 90) == []
    assert codes("fn f(x) = x" + " + x" * 90) == []


# --- recovery -----------------------------------------------------------------------------------------------------


def test_a_mistake_in_each_of_many_statements() -> None:
    lines = "\n".join(f"  y{number} = x.t\n  z = x" for number in range(10))
    assert codes(f"block F(x: {{a}}) -> {{a}} {{\n{lines}\n}}") == ["E005"] * 10


def test_a_mistake_in_each_of_many_declarations() -> None:
    assert codes("block F(x: {a}) {\n return x\n}\n" * 5) == ["E004"] * 5


def test_a_mistake_in_a_loop_does_not_hide_what_follows() -> None:
    text = (
        "block F(x: {a}) -> {a} {\n for i in 0..3 {\n  y = x.t\n  z += 1\n }\n w = x.t\n return x\n}\nfn f(x) = x.t\n"
    )
    assert codes(text) == ["E005"] * 4


def test_the_number_of_errors_is_bounded() -> None:
    assert 0 < len(codes("block F(x: {a}) -> {a} {\n" + "  y = x.t\n" * 1000 + "}")) <= 50
    assert 0 < len(codes("$" * 1000)) <= 20


# --- anything -----------------------------------------------------------------------------------------------------


@given(st.text())
@settings(max_examples=150, deadline=None)
def test_any_text_gives_a_tree_or_diagnostics(text: str) -> None:
    codes(text)


@given(st.lists(st.sampled_from([*sorted(set(WORDS)), "\n", "'", '"', "$", "1.", "#", "\x00", "é"]), max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_words_give_a_tree_or_diagnostics(words: list[str]) -> None:
    codes(" ".join(words))


@given(
    st.integers(0, len(WORDS) - 1),
    st.sampled_from(["drop", "double", "replace", "insert"]),
    st.sampled_from([*sorted(set(WORDS)), ":", ";", "'", "def", "==", "&&", "//"]),
    st.sampled_from([" ", "\n"]),
)
@settings(max_examples=100, deadline=None)
def test_a_mutated_word_gives_a_tree_or_diagnostics(position: int, how: str, other: str, gap: str) -> None:
    words = list(WORDS)
    changed = {"drop": [], "double": [words[position]] * 2, "replace": [other], "insert": [words[position], other]}[how]
    words[position : position + 1] = changed
    codes(gap.join(words))
