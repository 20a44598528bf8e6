"""How a backend says what each operator of a program is in Python: a table of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from attncomp.emission.expressions import Expression, tuple_text
from attncomp.emission.sizes import size_expression
from attncomp.ir.graph import Attribute, Literal
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.program import Step, Value


@dataclass(frozen=True)
class Application:
    """One step about to be written: its operands as expressions, and the scope's variables and functions.

    `variable` gives the name that holds a symbol; `use` asks for a function of the runtime and gives its name back.
    `given` are the arrays that the function has from the start: what it is called with, then weights. `training` gives
    the expression of whether the module is in training, for backends that have it; `memory` the variable of the memory
    that a call has, and `out` the array that the result is to be written into, for backends that manage their own.
    """

    step: Step
    operands: tuple[Expression, ...]
    variable: Callable[[str], str]
    use: Callable[[str], str]
    given: Mapping[Value, str] = field(default_factory=dict)
    training: Callable[[], str] = lambda: "False"
    memory: Callable[[], str] = lambda: "None"
    out: Expression | None = None

    def value(self, position: int) -> Value:
        """The operand at `position`, known to be an array."""
        operand = self.step.operands[position]
        assert isinstance(operand, Value)
        return operand

    def is_array(self, position: int) -> bool:
        """Whether the operand at `position` is an array and not a number."""
        return isinstance(self.step.operands[position], Value)

    @property
    def rank(self) -> int:
        """How many dimensions the first operand has."""
        return len(self.value(0).shape)

    def size(self, size: Size) -> str:
        """A size as text."""
        return size_expression(size, self.variable).text

    def shape(self, sizes: tuple[Size, ...]) -> str:
        """Sizes as a tuple."""
        return tuple_text(self.size(size) for size in sizes)

    # --- attributes ---------------------------------------------------------------------------------------------

    def attribute(self, name: str) -> Attribute:
        """An attribute of the step. Raises KeyError."""
        return self.step.attributes[name]

    def integer(self, name: str) -> int:
        """An attribute that is a whole number."""
        value = self.step.attributes[name]
        assert isinstance(value, int)
        return value

    def integers(self, name: str) -> tuple[int, ...]:
        """An attribute that is a tuple of whole numbers."""
        values = self.step.attributes[name]
        assert isinstance(values, tuple)
        return tuple(value for value in values if isinstance(value, int))

    def sizes(self, name: str) -> tuple[Size, ...]:
        """An attribute that is a tuple of sizes."""
        values = self.step.attributes[name]
        assert isinstance(values, tuple)
        return tuple(Size.of(value) for value in values if isinstance(value, Size | int))

    def size_text(self, name: str) -> str:
        """An attribute that is a size, as text."""
        value = self.step.attributes[name]
        assert isinstance(value, Size | int)
        return self.size(Size.of(value))

    def shape_text(self, name: str) -> str:
        """An attribute that is a tuple of sizes or numbers, as text."""
        return self.shape(self.sizes(name))

    def real(self, name: str) -> float:
        """An attribute that is a number."""
        value = self.step.attributes[name]
        assert isinstance(value, int | float)
        return float(value)

    def boolean(self, name: str) -> bool:
        """An attribute that is true or false."""
        return bool(self.step.attributes[name])

    def string(self, name: str) -> str:
        """An attribute that is a word."""
        return str(self.step.attributes[name])

    def dtype(self, name: str = "dtype") -> DType:
        """An attribute that is an element type."""
        value = self.step.attributes[name]
        assert isinstance(value, DType)
        return value

    def literal(self, name: str = "value") -> Literal:
        """An attribute that is a constant array."""
        value = self.step.attributes[name]
        assert isinstance(value, Literal)
        return value


Rule = Callable[[Application], Expression]


@dataclass(frozen=True)
class RuleTable:
    """The rules of a backend.

    `infinity` and `nan` are the texts of numbers without a literal; `repeats` are operators whose rule writes an
    operand twice, so that nothing is inlined into it. `buffer` gives the array in a memory for a value with a place
    there, `room` the array for a result that the caller may have given, by a function of the runtime that is asked for.
    """

    rules: Mapping[str, Rule]
    infinity: str = "math.inf"
    nan: str = "math.nan"
    repeats: frozenset[str] = frozenset()
    buffer: Callable[[str, Value, str], Expression] = lambda memory, value, shape: Expression(memory)
    room: Callable[[Callable[[str], str], str, Value, str], Expression] = lambda use, given, value, shape: Expression(
        given
    )
