"""What all frames of one elaboration share: the graph under construction, the mistakes found, and the way back in."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from attncomp.diagnostics.core import Diagnostic, DiagnosticError, Label, Span, fail
from attncomp.ir.build import Builder
from attncomp.ir.graph import Attribute, Constraint, Graph, Origin
from attncomp.ir.operators.base import OperatorError
from attncomp.ir.operators.table import unproven_equalities
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType, ValueType
from attncomp.semantics.values import Poisoned, Value
from attncomp.syntax import tree

if TYPE_CHECKING:
    from attncomp.semantics.scope import Frame

# What one elaboration may take: beyond it a few lines of a file would keep the compiler busy for hours. A step is
# about the work of one expression, a call about that of CALL_STEPS.
OPERATOR_LIMIT = 50_000
STEP_LIMIT = 400_000
CALL_STEPS = 20
MISTAKE_LIMIT = 50
PARAMETER_BYTES_LIMIT = 2**40
VALUE_BYTES_LIMIT = 2**40
COUNTED_BYTES_LIMIT = 2**62
AXIS_LIMIT = 2**48
_STORED = frozenset(("arange", "linspace", "pad", "stack", "concat", "resize", "adaptive_avgpool", "window", "fold"))


class Abandoned(Exception):
    """Raised where an elaboration ends at once, at a limit; carries what it said, which no statement swallows."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__()


def placed(error: DiagnosticError, span: Span) -> DiagnosticError:
    """The mistakes with a place: `span` for those that have none, which are of sizes."""
    if all(diagnostic.primary for diagnostic in error.diagnostics):
        return error
    return DiagnosticError(
        diagnostic if diagnostic.primary else replace(diagnostic, primary=Label(span))
        for diagnostic in error.diagnostics
    )


@dataclass(frozen=True)
class Activation:
    """A block or function that is being elaborated, and where it was called."""

    kind: str
    file: str
    name: str
    span: Span


@dataclass(eq=False)
class Context:
    """The state of one elaboration.

    `evaluate` and `run` are the two doors of the elaborator that everything calls back through: an expression in a
    frame, and the body of a declaration in a frame. `calls` is the stack of blocks and functions being elaborated,
    `used` all that were, by file and name;
    `broken_sizes` are symbols that stand for the sizes of axes whose statements are wrong; `marks` are the places of
    the `fuse!` before the statements being elaborated, outermost first.
    """

    graph: Graph
    evaluate: Callable[[Frame, tree.Expression], Value]
    run: Callable[[Frame, tree.Block], tuple[Value, ...]]
    diagnostics: list[Diagnostic] = field(default_factory=list)
    keys: dict[str, Span] = field(default_factory=dict)
    calls: list[Activation] = field(default_factory=list)
    used: set[tuple[str, str]] = field(default_factory=set)
    parameter_bytes: int = 0
    broken_sizes: set[str] = field(default_factory=set)
    steps: int = 0
    marks: tuple[Span, ...] = ()

    def __post_init__(self) -> None:
        self.builder = Builder(self.graph)

    def step(self, span: Span, count: int = 1) -> None:
        """Counts an expression, an instance of a layer or a round of a loop. Raises Abandoned where it is too much."""
        self.steps += count
        if self.steps > STEP_LIMIT:
            message = f"unrolling this model takes more than {STEP_LIMIT} steps"
            help_ = "is a loop or a repeated layer longer than it should be?"
            raise Abandoned(fail("E033", message, span, help=help_).diagnostics)

    @contextmanager
    def marked(self, mark: Span) -> Iterator[None]:
        """Gives every node that is made inside a further mark."""
        around, self.marks = self.marks, (*self.marks, mark)
        self.graph.mark(mark)
        try:
            yield
        finally:
            self.marks = around

    def origin(self, frame: Frame, span: Span) -> Origin:
        """Where a node that is made now comes from."""
        return Origin(span, frame.path, self.marks)

    def report(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Keeps mistakes. Raises Abandoned where there are so many that more would help nobody."""
        self.keep(diagnostics)
        if len(self.diagnostics) >= MISTAKE_LIMIT:
            raise Abandoned(())

    def keep(self, diagnostics: Sequence[Diagnostic]) -> None:
        """Keeps mistakes, each once: a block used twelve times is wrong at one place."""
        for diagnostic in diagnostics:
            place = diagnostic.primary.span if diagnostic.primary else None
            if not any(
                known.code == diagnostic.code and (known.primary.span if known.primary else None) == place
                for known in self.diagnostics
            ):
                self.diagnostics.append(diagnostic)

    def type(self, node: int) -> ValueType:
        """The type of a node."""
        return self.graph.type(node)

    def evaluate_all(self, frame: Frame, expressions: Sequence[tree.Expression]) -> list[Value]:
        """The values of several expressions; the mistakes of all of them are raised together."""
        values: list[Value] = []
        mistakes: list[Diagnostic] = []
        for expression in expressions:
            try:
                values.append(self.evaluate(frame, expression))
            except DiagnosticError as error:
                mistakes.extend(error.diagnostics)
            except Poisoned:
                continue
        if mistakes:
            raise DiagnosticError(mistakes)
        if len(values) < len(expressions):
            raise Poisoned
        return values

    def add(
        self,
        frame: Frame,
        operator: str,
        operands: Sequence[int],
        span: Span,
        attributes: Mapping[str, Attribute] | None = None,
        *,
        places: Sequence[Span] = (),
    ) -> int:
        """Adds an operator; what it does not take becomes a diagnostic at `span`, or at the operand's of `places`.

        Sizes that must be equal but are not proved to be become constraints of the graph. Raises Abandoned where there
        are too many operators.
        """
        if len(self.graph) >= OPERATOR_LIMIT:
            message = f"the model has more than {OPERATOR_LIMIT} operators"
            help_ = "is a loop or a repeated layer longer than it should be?"
            raise Abandoned(fail("E033", message, span, help=help_).diagnostics)
        types = [self.graph.type(operand) for operand in operands]
        try:
            node = self.builder.add(operator, operands, attributes, origin=self.origin(frame, span))
        except OperatorError as error:
            at_fault = error.operand is not None and error.operand < len(places)
            place = places[error.operand] if at_fault and error.operand is not None else span
            raise fail(error.code, error.message, place, help=error.help) from None
        self._check_bytes(operator, node, span)
        for left, right in unproven_equalities(types, operator, attributes or {}):
            self.graph.require(Constraint(left, right, span))
        return node

    def _check_bytes(self, operator: str, node: int, span: Span) -> None:
        """Raises E033 for a value that no machine holds, whatever the sizes that are not known are.

        A score may be larger than a machine, since it need not be stored; what an operator makes as it is may not.
        """
        type_ = self.graph.type(node)
        count = math.prod(axis.size.constant or 1 for axis in type_.axes)
        if count * type_.dtype.bytes > (VALUE_BYTES_LIMIT if operator in _STORED else COUNTED_BYTES_LIMIT):
            tebibytes = count * type_.dtype.bytes / 2**40
            raise fail("E033", f"this takes {tebibytes:.1f} TiB", span, help="a size is larger than it should be")

    def constant(self, frame: Frame, value: float | int | bool, dtype: DType, span: Span) -> int:
        """A number of a dtype."""
        return self.builder.constant(value, dtype, origin=self.origin(frame, span))

    def need_sound(self, size: Size) -> None:
        """Raises Poisoned for the size of an axis whose statement is wrong and reported already."""
        if size.symbols() & self.broken_sizes:
            raise Poisoned

    def bound(self, left: Size, right: Size, span: Span) -> None:
        """Requires a size to be at most another at each call, where that is not proved already."""
        difference = (right - left).constant
        if difference is None or difference < 0:
            self.graph.require(Constraint(left, right, span, "<="))

    def equate(self, left: Size, right: Size, span: Span) -> None:
        """Requires two sizes to be equal at each call, where that is not proved already."""
        if left != right:
            self.graph.require(Constraint(left, right, span))
