"""The syntax tree of a .attn file: frozen dataclasses, each with the span it was written at."""

from __future__ import annotations

from dataclasses import dataclass

from attncomp.diagnostics.core import Span


@dataclass(frozen=True)
class Name:
    """An identifier as written, twins (`seq'`) included."""

    text: str
    span: Span


# --- axes -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AxisGroup:
    """`(head key)`: several axes packed into one, leftmost major."""

    axes: tuple[Name, ...]
    span: Span


AxisTerm = Name | AxisGroup


@dataclass(frozen=True)
class AxisSet:
    """`{height, width}`."""

    terms: tuple[AxisTerm, ...]
    span: Span


@dataclass(frozen=True)
class Dimension:
    """One dimension of a stored tensor: `batch`, `channel = 3`, `(head key)` or the number `1`."""

    term: AxisTerm | int
    size: Expression | None
    span: Span


@dataclass(frozen=True)
class Storage:
    """`f32[batch, channel = 3]`: an ordered, typed tensor at the edge of a model, or of a parameter."""

    dtype: Name | None
    dimensions: tuple[Dimension, ...]
    span: Span


# --- expressions ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Number:
    """`12`, `0.5`."""

    value: int | float
    span: Span


@dataclass(frozen=True)
class String:
    """A string literal; `value` is the text between the quotes."""

    value: str
    span: Span


@dataclass(frozen=True)
class Constant:
    """`inf`, `none`, `true` or `false`."""

    name: str
    span: Span


@dataclass(frozen=True)
class ListLiteral:
    """`[3, 4, 6, 3]`."""

    items: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True)
class SizeOf:
    """`|a|`, or `|x.a|` where `value` is `x`."""

    value: Name | None
    axis: Name
    span: Span


@dataclass(frozen=True)
class Reference:
    """A name in an expression, with the static arguments in braces behind it, if any (`mean{height, width}`)."""

    name: Name
    statics: tuple[Static, ...] | None
    span: Span


@dataclass(frozen=True)
class Unary:
    """`-x`, `not x`."""

    operator: str
    operand: Expression
    span: Span


@dataclass(frozen=True)
class Binary:
    """`+ - * / // % **`, the comparisons `< <= > >= == !=`, and `and`, `or`; `operator` is the spelling."""

    operator: str
    left: Expression
    right: Expression
    operator_span: Span
    span: Span


@dataclass(frozen=True)
class Contract:
    """`left @{key} right`."""

    left: Expression
    axes: AxisSet
    right: Expression
    span: Span


@dataclass(frozen=True)
class IsNone:
    """`mask is none`; `negated` for `mask is not none`."""

    operand: Expression
    negated: bool
    span: Span


@dataclass(frozen=True)
class Conditional:
    """`if condition then consequent else alternative`, decided when compiling."""

    condition: Expression
    consequent: Expression
    alternative: Expression
    span: Span


@dataclass(frozen=True)
class Argument:
    """A data argument of a call; `name` for `mask = m`."""

    name: Name | None
    value: Expression
    span: Span


@dataclass(frozen=True)
class Call:
    """`f(x, mask = m)`."""

    function: Expression
    arguments: tuple[Argument, ...]
    span: Span


@dataclass(frozen=True)
class Rename:
    """`seq -> seq'`, `embed -> (head key)`, `(rows i) -> height` inside `x[...]`."""

    source: AxisTerm
    target: AxisTerm
    span: Span


@dataclass(frozen=True)
class Index:
    """`a = expression` inside `x[...]`: a static position, or a gather where the expression is a tensor."""

    axis: Name
    position: Expression
    span: Span


@dataclass(frozen=True)
class Slice:
    """`a = start..stop` inside `x[...]`; either bound may be absent."""

    axis: Name
    start: Expression | None
    stop: Expression | None
    span: Span


@dataclass(frozen=True)
class Item:
    """`blocks[3]`: one instance of a repeated layer, or one item of a list."""

    position: Expression
    span: Span


Subscript = Rename | Index | Slice | Item


@dataclass(frozen=True)
class Subscripted:
    """`x[seq -> seq']`, `x[part = 0]`, `blocks[3]`."""

    value: Expression
    items: tuple[Subscript, ...]
    span: Span


Expression = (
    Number
    | String
    | Constant
    | ListLiteral
    | SizeOf
    | Reference
    | Unary
    | Binary
    | Contract
    | IsNone
    | Conditional
    | Call
    | Subscripted
)


# --- static arguments -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StaticAxis:
    """`height` or `(head key)` alone in braces: an axis, or a bare word (`cast{f16}`), as the callee decides."""

    term: AxisTerm
    span: Span


@dataclass(frozen=True)
class StaticArrow:
    """`channel -> hidden` in braces."""

    source: AxisTerm
    target: AxisTerm
    span: Span


@dataclass(frozen=True)
class StaticBinding:
    """`formal: actual` in braces; for a window or a convolution the axis and its extent (`height: 3`)."""

    axis: AxisTerm
    value: Expression | AxisGroup
    span: Span


@dataclass(frozen=True)
class StaticOption:
    """`reduction = 8` in braces."""

    name: Name
    value: Expression
    span: Span


Static = StaticAxis | StaticArrow | StaticBinding | StaticOption


# --- statements -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AxisDefinition:
    """`key = |embed| / heads` in an `axis` statement."""

    name: Name
    size: Expression
    span: Span


@dataclass(frozen=True)
class AxisStatement:
    """`axis head = heads, key = |embed| / heads`."""

    definitions: tuple[AxisDefinition, ...]
    span: Span


@dataclass(frozen=True)
class ParameterStatement:
    """`param table: f32[(dy dx), head] as "table" ~ trunc_normal(0.02)`."""

    name: Name
    storage: Storage
    key: String | None
    initializer: Expression | None
    span: Span


@dataclass(frozen=True)
class Repeat:
    """`[12]`, or `[i in 0..12]`; without a variable `start` is None and `stop` the count."""

    variable: Name | None
    start: Expression | None
    stop: Expression
    span: Span


@dataclass(frozen=True)
class LayerStatement:
    """`layer blocks[i in 0..12] = Block{…} as "blocks.{i}"`."""

    name: Name
    repeat: Repeat | None
    value: Expression
    key: String | None
    span: Span


@dataclass(frozen=True)
class ForStatement:
    """`for b in blocks { … }` (then `stop` is None and `start` the layers), or `for i in 0..12 { … }`."""

    variable: Name
    start: Expression
    stop: Expression | None
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True)
class LetStatement:
    """`e: {query, source} = …`; several names unpack the several results of a call."""

    names: tuple[Name, ...]
    ascription: AxisSet | None
    value: Expression
    span: Span


@dataclass(frozen=True)
class ReturnStatement:
    """`return y, weights`."""

    values: tuple[Expression, ...]
    span: Span


@dataclass(frozen=True)
class FuseStatement:
    """`fuse! context = …`: a statement in which a near miss of a fusion is an error; `mark` is the place of `fuse!`."""

    mark: Span
    statement: ForStatement | LetStatement | ReturnStatement
    span: Span


# --- declarations ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Option:
    """A static option of a declaration; `default` is None where it must be given."""

    name: Name
    default: Expression | None
    span: Span


@dataclass(frozen=True)
class Input:
    """A data input: `x: {seq, embed}` of a block or function, `x: f32[batch, seq]` of a model, `x` of a function.

    `default` is `none` for an optional input.
    """

    name: Name
    type: AxisSet | Storage | None
    dtype: Name | None
    default: Expression | None
    span: Span


@dataclass(frozen=True)
class Output:
    """A result; `name` is None where a declaration has only one. `type` is None for a function that states none."""

    name: Name | None
    type: AxisSet | Storage | None
    span: Span


@dataclass(frozen=True)
class Block:
    """`block SE{reduction = 16}(x: {channel, height}) -> {channel, height} { … }`."""

    name: Name
    options: tuple[Option, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True)
class Model:
    """`model M{heads = 8}(x: f32[batch, seq]) -> f32[batch] { … }`."""

    name: Name
    options: tuple[Option, ...]
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    body: tuple[Statement, ...]
    span: Span


@dataclass(frozen=True)
class Function:
    """`fn attend(q: {query, key}, …) -> {query, value} = …`."""

    name: Name
    options: tuple[Option, ...]
    inputs: tuple[Input, ...]
    output: Output
    value: Expression
    span: Span


Statement = (
    AxisStatement
    | ParameterStatement
    | LayerStatement
    | ForStatement
    | LetStatement
    | ReturnStatement
    | FuseStatement
    | Function
)


@dataclass(frozen=True)
class Import:
    """`from std.nn import MLP` (`module` is a dotted name) or `from "blocks/se.attn" import SE` (a `String`)."""

    module: Name | String
    names: tuple[Name, ...]
    span: Span


Declaration = Block | Model | Function


@dataclass(frozen=True)
class File:
    """A whole file, in the order it was written."""

    path: str
    items: tuple[Import | Declaration, ...]
    span: Span
