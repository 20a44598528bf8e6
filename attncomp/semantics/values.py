"""What an expression means while a model is elaborated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Union

from attncomp.diagnostics.core import Span
from attncomp.semantics.static import Static
from attncomp.syntax import tree

if TYPE_CHECKING:
    from attncomp.semantics.files import SourceFile
    from attncomp.semantics.scope import Frame


@dataclass(frozen=True)
class Pending:
    """A broadcast that nothing in the file has asked for yet.

    `extra` are the axes that not all operands had; an ascription, or an operator that consumes one of them, settles it.
    """

    extra: frozenset[str]
    span: Span
    message: str


@dataclass(frozen=True)
class Tensor:
    """A node of the graph."""

    node: int
    pending: Pending | None = None


@dataclass(frozen=True)
class Several:
    """The several results of a block, to be unpacked."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class Poison:
    """Stands for a value whose expression was wrong, so that one mistake is reported once."""


@dataclass(frozen=True)
class FunctionValue:
    """A function and where it was written; `frame` is the body around a local function."""

    declaration: tree.Function
    file: SourceFile
    frame: Frame | None = None


@dataclass(frozen=True)
class BlockValue:
    """A block and the file it was written in."""

    declaration: tree.Block
    file: SourceFile


@dataclass(eq=False)
class Layer:
    """One instance of a layer: what it is, its place in the parameter keys, and what its first call has made of it.

    `span` is the name with its braces, `declared` the whole statement.
    """

    callee: BlockValue | str
    statics: tuple[StaticArgument, ...]
    path: str
    span: Span
    declared: Span
    members: dict[str, Member] = field(default_factory=dict)


@dataclass(frozen=True)
class Member:
    """Something that an instance owns: a parameter (a node) or an inner layer, and the place that made it.

    `uses` are the calls that led there, the outermost first.
    """

    value: Value
    span: Span
    shape: str = ""
    uses: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Layers:
    """Instances of a repeated layer, or none where it has none."""

    items: tuple[Value, ...]


@dataclass(frozen=True)
class StaticArgument:
    """One entry of the braces behind a name.

    kind "axis" (`height`): `term`; "arrow" (`a -> b`): `term`, `target`; "binding" (`height: 3`): `term`, and `target`
    where an axis is written, `value` where what is written has a value; "option" (`bias = false`): `name`, `value`.
    Axes are looked up at the call, values where they were written.
    """

    kind: str
    span: Span
    term: tree.AxisTerm | None = None
    target: tree.AxisTerm | None = None
    name: tree.Name | None = None
    value: Value | None = None


Value = Union[Static, Tensor, Several, Poison, FunctionValue, BlockValue, Layer, Layers]
Bindings = Mapping[str, Value]


class Poisoned(Exception):
    """Raised where an expression reads a value that is already known to be wrong; reported nowhere."""
