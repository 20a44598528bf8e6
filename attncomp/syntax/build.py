"""Syntax tree nodes, made by the parser's reductions from the bottom up, without recursion.

Each method is a rule of the grammar and gets everything the rule matched: lexemes, punctuation too, and nodes.
"""

# The grammar says what each rule is.
# ruff: noqa: D102

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar, cast

from attncomp.diagnostics.core import Span
from attncomp.syntax import tree
from attncomp.syntax.lexeme import Lexeme
from attncomp.syntax.tree import AxisSet, AxisTerm, Expression, Name, Storage, String

Children = Sequence[object]
Node = TypeVar("Node")


def _span(children: Children) -> Span:
    first, last = cast(Name, children[0]).span, cast(Name, children[-1]).span
    return first.to(last)


def _name(child: object) -> Name:
    lexeme = cast(Lexeme, child)
    return Name(lexeme.text, lexeme.span)


def _string(child: object) -> String:
    lexeme = cast(Lexeme, child)
    return String(lexeme.text[1:-1], lexeme.span)


def _is(child: object, terminal: str) -> bool:
    return isinstance(child, Lexeme) and child.type == terminal


def _has(children: Children, terminal: str) -> bool:
    return any(_is(child, terminal) for child in children)


def _after(children: Children, terminal: str) -> object | None:
    """What follows the first lexeme of that terminal, or None."""
    for position, child in enumerate(children[:-1]):
        if _is(child, terminal):
            return children[position + 1]
    return None


def _names(children: Children) -> tuple[Name, ...]:
    return tuple(_name(child) for child in children if _is(child, "NAME"))


def _nodes(children: Children, kind: type[Node]) -> tuple[Node, ...]:
    return tuple(child for child in children if isinstance(child, kind))


def _one(children: Children, kind: type[Node]) -> Node | None:
    return next((child for child in children if isinstance(child, kind)), None)


def _expressions(children: Children) -> tuple[Expression, ...]:
    return tuple(cast(Expression, child) for child in children if not isinstance(child, Lexeme))


class _Group(tuple[object, ...]):
    """What a rule without a node of its own hands to the rule above: options, inputs, outputs, a body, statics."""

    span: Span

    @staticmethod
    def of(children: Children, items: Sequence[object]) -> _Group:
        group = _Group(items)
        group.span = _span(children)
        return group


def _group(children: Children, kind: type[Node]) -> tuple[Node, ...]:
    """The items of the group of that kind among `children`; empty where there is none."""
    for child in children:
        if isinstance(child, _Group) and child and isinstance(child[0], kind):
            return cast("tuple[Node, ...]", tuple(child))
    return ()


class TreeBuilder:
    """The callbacks of the parser, named as the rules and aliases of the grammar. It has no state."""

    # --- a file ---------------------------------------------------------------------------------------------------

    def file(self, children: Children) -> tuple[tree.Import | tree.Declaration, ...]:
        return cast("tuple[tree.Import | tree.Declaration, ...]", tuple(children))

    def import_(self, children: Children) -> tree.Import:
        module = _string(children[1]) if _is(children[1], "STRING") else cast(Name, children[1])
        return tree.Import(module, _names(children[2:]), _span(children))

    def dotted(self, children: Children) -> Name:
        return Name("".join(cast(Lexeme, child).text for child in children), _span(children))

    def block(self, children: Children) -> tree.Block:
        return tree.Block(*self._declaration(children))

    def model(self, children: Children) -> tree.Model:
        return tree.Model(*self._declaration(children))

    def _declaration(
        self, children: Children
    ) -> tuple[
        Name, tuple[tree.Option, ...], tuple[tree.Input, ...], tuple[tree.Output, ...], tuple[tree.Statement, ...], Span
    ]:
        return (
            _name(children[1]),
            _group(children, tree.Option),
            _group(children, tree.Input),
            _group(children, tree.Output),
            cast("tuple[tree.Statement, ...]", tuple(cast(_Group, children[-1]))),
            _span(children),
        )

    def function(self, children: Children) -> tree.Function:
        axes = cast("AxisSet | None", _after(children, "ARROW"))
        end = children[-3] if axes is None else axes
        output = tree.Output(None, axes, cast(Name, end).span)
        options, inputs = _group(children, tree.Option), _group(children, tree.Input)
        return tree.Function(
            _name(children[1]), options, inputs, output, cast(Expression, children[-1]), _span(children)
        )

    def options(self, children: Children) -> _Group:
        return _Group.of(children, _nodes(children, tree.Option))

    def option(self, children: Children) -> tree.Option:
        default = cast("Expression | None", _after(children, "EQUAL"))
        return tree.Option(_name(children[0]), default, _span(children))

    def block_inputs(self, children: Children) -> _Group:
        return _Group.of(children, _nodes(children, tree.Input))

    model_inputs = block_inputs
    function_inputs = block_inputs

    def input(self, children: Children) -> tree.Input:
        type_ = _one(children[:3], Storage) or _one(children[:4], AxisSet)
        dtype = next((_name(child) for child in children if _is(child, "DTYPE")), None)
        default = cast("Expression | None", _after(children, "EQUAL"))
        return tree.Input(_name(children[0]), type_, dtype, default, _span(children))

    def outputs(self, children: Children) -> _Group:
        if isinstance(children[0], AxisSet | Storage):
            return _Group.of(children, [tree.Output(None, children[0], children[0].span)])
        return _Group.of(children, _nodes(children, tree.Output))

    def output(self, children: Children) -> tree.Output:
        return tree.Output(_name(children[0]), cast("AxisSet | Storage", children[2]), _span(children))

    block_output = output
    model_output = output

    def body(self, children: Children) -> _Group:
        return _Group.of(children, [child for child in children if not isinstance(child, Lexeme)])

    # --- axes -----------------------------------------------------------------------------------------------------

    def axis(self, children: Children) -> Name:
        return _name(children[0])

    def pack(self, children: Children) -> tree.AxisGroup:
        return tree.AxisGroup(_names(children), _span(children))

    def axis_set(self, children: Children) -> AxisSet:
        terms = tuple(cast(AxisTerm, child) for child in children if not isinstance(child, Lexeme))
        return AxisSet(terms, _span(children))

    def storage(self, children: Children) -> Storage:
        return Storage(None, _nodes(children, tree.Dimension), _span(children))

    def typed_storage(self, children: Children) -> Storage:
        storage = cast(Storage, children[1])
        return replace(storage, dtype=_name(children[0]), span=_span(children))

    def dimension(self, children: Children) -> tree.Dimension:
        first = children[0]
        term = int(first.text) if isinstance(first, Lexeme) else cast(AxisTerm, first)
        return tree.Dimension(term, cast("Expression | None", _after(children, "EQUAL")), _span(children))

    # --- statements -----------------------------------------------------------------------------------------------

    def axis_statement(self, children: Children) -> tree.AxisStatement:
        return tree.AxisStatement(_nodes(children, tree.AxisDefinition), _span(children))

    def axis_definition(self, children: Children) -> tree.AxisDefinition:
        return tree.AxisDefinition(_name(children[0]), cast(Expression, children[2]), _span(children))

    def parameter(self, children: Children) -> tree.ParameterStatement:
        key = _after(children, "AS")
        initializer = cast("Expression | None", _after(children, "TILDE"))
        storage = cast(Storage, children[3])
        return tree.ParameterStatement(
            _name(children[1]), storage, None if key is None else _string(key), initializer, _span(children)
        )

    def layer(self, children: Children) -> tree.LayerStatement:
        key = _after(children, "AS")
        value = cast(Expression, _after(children, "EQUAL"))
        return tree.LayerStatement(
            _name(children[1]),
            _one(children, tree.Repeat),
            value,
            None if key is None else _string(key),
            _span(children),
        )

    def repeat(self, children: Children) -> tree.Repeat:
        if not _has(children, "IN"):
            return tree.Repeat(None, None, cast(Expression, children[1]), _span(children))
        start, stop = cast(Expression, children[3]), cast(Expression, children[5])
        return tree.Repeat(_name(children[1]), start, stop, _span(children))

    def for_(self, children: Children) -> tree.ForStatement:
        body = cast("tuple[tree.Statement, ...]", tuple(cast(_Group, children[-1])))
        stop = cast("Expression | None", _after(children, "RANGE"))
        return tree.ForStatement(_name(children[1]), cast(Expression, children[3]), stop, body, _span(children))

    def let(self, children: Children) -> tree.LetStatement:
        names = _names([child for child in children[:-1] if isinstance(child, Lexeme)])
        return tree.LetStatement(names, _one(children[:3], AxisSet), cast(Expression, children[-1]), _span(children))

    def return_(self, children: Children) -> tree.ReturnStatement:
        return tree.ReturnStatement(_expressions(children), _span(children))

    def fused(self, children: Children) -> tree.FuseStatement:
        statement = cast("tree.ForStatement | tree.LetStatement | tree.ReturnStatement", children[1])
        return tree.FuseStatement(cast(Lexeme, children[0]).span, statement, _span(children))

    # --- expressions ----------------------------------------------------------------------------------------------

    def conditional(self, children: Children) -> tree.Conditional:
        condition, consequent, alternative = _expressions(children)
        return tree.Conditional(condition, consequent, alternative, _span(children))

    def binary(self, children: Children) -> tree.Binary:
        left, operator, right = children
        sign = cast(Lexeme, operator)
        return tree.Binary(sign.text, cast(Expression, left), cast(Expression, right), sign.span, _span(children))

    def unary(self, children: Children) -> tree.Unary:
        return tree.Unary(cast(Lexeme, children[0]).text, cast(Expression, children[1]), _span(children))

    def is_none(self, children: Children) -> tree.IsNone:
        return tree.IsNone(cast(Expression, children[0]), _has(children, "NOT"), _span(children))

    def contract(self, children: Children) -> tree.Contract:
        left, _, axes, right = children
        return tree.Contract(cast(Expression, left), cast(AxisSet, axes), cast(Expression, right), _span(children))

    def call(self, children: Children) -> tree.Call:
        return tree.Call(cast(Expression, children[0]), _nodes(children, tree.Argument), _span(children))

    def argument(self, children: Children) -> tree.Argument:
        name = _name(children[0]) if _is(children[0], "NAME") else None
        return tree.Argument(name, cast(Expression, children[-1]), _span(children))

    def subscripted(self, children: Children) -> tree.Subscripted:
        items = tuple(cast(tree.Subscript, child) for child in children[1:] if not isinstance(child, Lexeme))
        return tree.Subscripted(cast(Expression, children[0]), items, _span(children))

    def rename(self, children: Children) -> tree.Rename:
        return tree.Rename(cast(AxisTerm, children[0]), cast(AxisTerm, children[2]), _span(children))

    def index(self, children: Children) -> tree.Index:
        return tree.Index(_name(children[0]), cast(Expression, children[2]), _span(children))

    def slice(self, children: Children) -> tree.Slice:
        start = None if isinstance(children[2], Lexeme) else cast(Expression, children[2])
        stop = None if isinstance(children[-1], Lexeme) else cast(Expression, children[-1])
        return tree.Slice(_name(children[0]), start, stop, _span(children))

    def item(self, children: Children) -> tree.Item:
        return tree.Item(cast(Expression, children[0]), _span(children))

    def reference(self, children: Children) -> tree.Reference:
        statics = cast("tuple[tree.Static, ...]", tuple(cast(_Group, children[1]))) if len(children) > 1 else None
        return tree.Reference(_name(children[0]), statics, _span(children))

    def number(self, children: Children) -> tree.Number:
        lexeme = cast(Lexeme, children[0])
        value = int(lexeme.text) if lexeme.type == "INT" else float(lexeme.text)
        return tree.Number(value, lexeme.span)

    def string(self, children: Children) -> String:
        return _string(children[0])

    def constant(self, children: Children) -> tree.Constant:
        lexeme = cast(Lexeme, children[0])
        return tree.Constant(lexeme.text, lexeme.span)

    def list(self, children: Children) -> tree.ListLiteral:
        return tree.ListLiteral(_expressions(children), _span(children))

    def size(self, children: Children) -> tree.SizeOf:
        names = _names(children)
        return tree.SizeOf(names[0] if len(names) > 1 else None, names[-1], _span(children))

    def parenthesised(self, children: Children) -> Expression:
        """The expression inside, whose span takes in the parentheses."""
        return replace(cast(Expression, children[1]), span=_span(children))

    # --- static arguments -----------------------------------------------------------------------------------------

    def statics(self, children: Children) -> _Group:
        return _Group.of(children, [child for child in children if not isinstance(child, Lexeme)])

    def static_axis(self, children: Children) -> tree.StaticAxis:
        term = _name(children[0]) if isinstance(children[0], Lexeme) else cast(AxisTerm, children[0])
        return tree.StaticAxis(term, _span(children))

    def static_arrow(self, children: Children) -> tree.StaticArrow:
        return tree.StaticArrow(cast(AxisTerm, children[0]), cast(AxisTerm, children[2]), _span(children))

    def static_binding(self, children: Children) -> tree.StaticBinding:
        value = cast("Expression | tree.AxisGroup", children[2])
        return tree.StaticBinding(cast(AxisTerm, children[0]), value, _span(children))

    def static_option(self, children: Children) -> tree.StaticOption:
        return tree.StaticOption(_name(children[0]), cast(Expression, children[2]), _span(children))
