"""The statements of one function: single-use values inlined, everything else a line with its shape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from attncomp.emission.expressions import Expression, number, tuple_text
from attncomp.emission.layout import INDENT, fits, statement
from attncomp.emission.rules import Application, RuleTable
from attncomp.emission.sizes import size_expression
from attncomp.emission.text import Names
from attncomp.ir.sizes import Size
from attncomp.lowering.program import AttentionForm, Loop, Operand, Place, Region, Statement, Step, Value
from attncomp.lowering.strides import VIEWS

TWIN = "'"  # what marks the name of an axis that is another's twin
DEEPEST = 4  # how many operations one line may hold


@dataclass
class Scope:
    """What a function's text may refer to: a Python expression for each value and each symbol.

    `symbols` holds the variable of every symbol; those asked for are recorded in `used_symbols`, in order. `given` are
    the arrays that the function has from the start, `owner` is the variable of the module or layer it belongs to,
    `results` are the variables of the arrays that it writes its results into.
    """

    table: RuleTable
    names: Names
    symbols: Mapping[str, str]
    runtime: dict[str, None]
    texts: dict[str, Expression] = field(default_factory=dict)
    used_symbols: dict[str, None] = field(default_factory=dict)
    given: Mapping[Value, str] = field(default_factory=dict)
    owner: str = ""
    asks_training: bool = False
    asks_memory: bool = False
    memory_variable: str = "memory"
    results: Sequence[str] = ()
    slices: dict[str, str] = field(default_factory=dict)

    def slice_of(self, axis: str) -> str:
        """The variable that holds a slice of an axis, the same in every loop of the function."""
        if axis not in self.slices:
            self.slices[axis] = self.names.claim(f"{axis.strip().replace(TWIN, '_twin')}_slice")
        return self.slices[axis]

    def variable(self, symbol: str) -> str:
        """The variable that holds a symbol."""
        self.used_symbols.setdefault(symbol)
        return self.symbols[symbol]

    def use(self, function: str) -> str:
        """Asks for a function of the runtime."""
        self.runtime.setdefault(function)
        return function

    def training(self) -> str:
        """Whether the module is in training: what its owner says, or what the caller passes."""
        self.asks_training = True
        return f"{self.owner}.training" if self.owner else "training"

    def memory(self) -> str:
        """The variable of the memory that a call has for what it makes on the way."""
        self.asks_memory = True
        return self.memory_variable

    def define(self, value: Value) -> str:
        """A variable for a value."""
        if value.name not in self.texts:
            self.texts[value.name] = Expression(self.names.claim(value.name))
        return self.texts[value.name].text


class Body:
    """Writes steps into a scope, one after the other.

    A value that one step alone reads waits as an expression until that step is written, as long as the line fits.
    """

    def __init__(self, scope: Scope, uses: Mapping[str, int], depth: int = 1, returned: str = "") -> None:
        """`uses` counts the readers of each value in this function; see `count_uses`.

        `returned` names the value that is all that the function returns, if there is one.
        """
        self._returned = returned
        self.scope = scope
        self.depth = depth
        self.lines: list[str] = []
        self._left = Counter(uses)
        self._uses = dict(uses)
        self._waiting: dict[str, tuple[Value, Expression]] = {}
        self._touched: dict[str, frozenset[Place]] = {}
        self._variables: set[str] = set()

    # --- reading ------------------------------------------------------------------------------------------------

    def operand(self, operand: Operand) -> Expression:
        """An operand as an expression; a waiting one stays where it is."""
        if not isinstance(operand, Value):
            return number(operand, self.scope.table.infinity, self.scope.table.nan)
        if operand.name in self._waiting:
            return self._waiting[operand.name][1]
        return self.scope.texts[operand.name]

    def name(self, value: Value) -> str:
        """The variable of a value, which gets a line if it has none yet; counts as a read."""
        self.settle([value])
        self._left[value.name] -= 1
        return self.scope.texts[value.name].text

    def read(self, values: Sequence[Value], prefix: str = "") -> list[Expression]:
        """The last expressions of some values, inlined where the line `prefix` with all of them fits."""
        self._make_room(values, lambda: prefix + ", ".join(self.operand(value).text for value in values))
        found = [self.operand(value) for value in values]
        for value in values:
            self._left[value.name] -= 1
            self._waiting.pop(value.name, None)
        return found

    def settle(self, values: Iterable[Value]) -> None:
        """Gives a line to each of `values` that waits."""
        for value in values:
            waiting = self._waiting.pop(value.name, None)
            if waiting is not None:
                self._assign(*waiting)

    # --- writing ------------------------------------------------------------------------------------------------

    def step(self, step: Step) -> None:
        """Writes a step, or keeps it until its reader is written. A step that nothing reads is left out."""
        result = step.result
        given = result.place is not None and result.place.given and step.operator not in VIEWS
        if not self._uses.get(result.name) and not given:
            for operand in step.operands:
                if isinstance(operand, Value):
                    self._left[operand.name] -= 1
                    self._drop(operand)
            return
        arrays = [operand for operand in step.operands if isinstance(operand, Value)]
        if step.operator in self.scope.table.repeats:
            self.settle(arrays)
        out = self._out(step)
        target = f"{result.name} = "
        self._make_room(arrays, lambda: target + self._apply(step, out).text)
        if out is not None:
            self._keep_others(arrays, result)
        expression = self._apply(step, out)
        counted = 1 + sum(self.operand(array).operations for array in arrays)
        expression = replace(expression, operations=counted)
        self._touched[result.name] = frozenset(
            place for array in arrays for place in (array.place, *self._touched.get(array.name, ())) if place
        )
        for array in arrays:
            self._left[array.name] -= 1
            self._waiting.pop(array.name, None)
        returned = result.name == self._returned
        inlined = returned or (not result.named and counted < DEEPEST and out is None)
        if not self._uses.get(result.name):
            self.lines += statement("", expression, self.depth)
        elif self._uses[result.name] == 1 and inlined:
            self._waiting[result.name] = (result, expression)
        else:
            self._assign(result, expression)

    def assign(self, value: Value, expression: Expression, comment: str = "") -> None:
        """Writes a value made of something other than a step, with a comment on a line before it."""
        if comment:
            self.lines.append(f"{INDENT * self.depth}# {comment}")
        self._assign(value, expression)

    def assign_all(self, values: Sequence[Value], expression: Expression) -> None:
        """Writes the values that one call makes; what is all that the function returns waits for its `return`."""
        if len(values) == 1:
            (value,) = values
            if value.name == self._returned and self._uses.get(value.name) == 1 and value.place is None:
                self._waiting[value.name] = (value, expression)
            else:
                self._assign(value, expression)
            return
        targets = [self.scope.define(value) for value in values]
        self._variables.update(targets)
        self.lines += statement(f"{', '.join(targets)} = ", expression, self.depth)

    def carry(self, before: Value, after: Value) -> str:
        """The variable that a loop changes: at first it holds `before`, after the loop `after`."""
        scope = self.scope
        was_waiting = before.name in self._waiting
        (expression,) = self.read([before], f"{after.name} = ")
        known = expression.text in self._variables
        if known and not was_waiting and self._left[before.name] == 0:
            scope.texts[after.name] = expression
        else:
            self._assign(after, expression)
        return scope.texts[after.name].text

    def add(self, lines: Iterable[str]) -> None:
        """Adds lines as they are, indented to the depth of the body."""
        self.lines += [INDENT * self.depth + line if line else "" for line in lines]

    def finish(self, results: Sequence[Value]) -> None:
        """Writes `return` for the results: one, or a tuple."""
        texts = [expression.text for expression in self.read(results, "return ")]
        self.lines += statement("return ", Expression(", ".join(texts)), self.depth)

    # --- inside -------------------------------------------------------------------------------------------------

    def _drop(self, value: Value) -> None:
        waiting = self._waiting.get(value.name)
        if waiting is not None and self._left[value.name] <= 0:
            self._waiting.pop(value.name)

    def _out(self, step: Step) -> Expression | None:
        """Where a step writes its result: over an operand that lies there, into a buffer, or as the caller says."""
        result, place = step.result, step.result.place
        if place is None or step.operator in VIEWS:
            return None
        for operand in step.operands:
            if not isinstance(operand, Value) or operand.name in self._waiting:
                continue
            if (operand.place, operand.shape, operand.dtype) == (place, result.shape, result.dtype):
                return self.scope.texts[operand.name]
        return self.place_of(result)

    def place_of(self, value: Value) -> Expression:
        """The array that a value with a place is to be written into."""
        assert value.place is not None
        if value.place.given:
            return Expression(self.scope.results[value.place.number])
        return self.buffer_of(value)

    def room_of(self, value: Value) -> Expression | None:
        """The array that a value with a place is to be written into piece by piece: a result may have none yet."""
        if value.place is None:
            return None
        if not value.place.given:
            return self.buffer_of(value)
        sizes = tuple_text(size_expression(size, self.scope.variable) for size in value.shape)
        return self.scope.table.room(self.scope.use, self.scope.results[value.place.number], value, sizes)

    def buffer_of(self, value: Value) -> Expression:
        """The array of a value in a buffer."""
        assert value.place is not None
        order = value.place.order or tuple(range(len(value.shape)))
        sizes = [size_expression(value.shape[dim], self.scope.variable) for dim in order]
        return self.scope.table.buffer(self.scope.memory(), value, tuple_text(sizes))

    def _apply(self, step: Step, out: Expression | None) -> Expression:
        operands = tuple(self.operand(operand) for operand in step.operands)
        rule = self.scope.table.rules[step.operator]
        scope = self.scope
        return rule(
            Application(step, operands, scope.variable, scope.use, scope.given, scope.training, scope.memory, out)
        )

    def _keep_others(self, arrays: Sequence[Value], result: Value) -> None:
        """Gives a line to waiting expressions that read what the step at hand writes over."""
        own = {array.name for array in arrays}
        for value, _ in list(self._waiting.values()):
            if value.name not in own and value.place is None and result.place in self._touched.get(value.name, ()):
                self.settle([value])

    def settle_reads(self) -> None:
        """Gives a line to waiting expressions that read buffers, before a call that may write into them."""
        waiting = [value for value, _ in self._waiting.values() if value.place is None]
        self.settle([value for value in waiting if self._touched.get(value.name)])

    def _make_room(self, arrays: Sequence[Value], text: Callable[[], str]) -> None:
        """Gives lines to the longest of the waiting operands until the line fits."""
        while True:
            waiting = [array for array in arrays if array.name in self._waiting]
            counted = sum(self._waiting[array.name][1].operations for array in waiting)
            line = INDENT * self.depth + text()
            alone = len(arrays) == 1 and arrays[0].name == self._returned
            if not waiting or alone or (fits(line) and counted < DEEPEST):
                return
            longest = max(waiting, key=lambda array: (len(self._waiting[array.name][1].text), array.name))
            self.settle([longest])

    def _assign(self, value: Value, expression: Expression) -> None:
        name = self.scope.define(value)
        self._variables.add(name)
        self.lines += statement(f"{name} = ", expression, self.depth, value.comment if value.axes else "")


def count_uses(
    body: Iterable[Statement], results: Iterable[Value], covers: Callable[[Region], bool] = lambda region: False
) -> Counter[str]:
    """How often each value is read by the statements of one function (not inside its loops and regions).

    `covers` says whether a region is written in its special form, so that the values of the form are read.
    """
    uses = Counter(value.name for value in results)
    for item in body:
        if isinstance(item, Step):
            uses.update(operand.name for operand in item.operands if isinstance(operand, Value))
        elif isinstance(item, Region):
            if item.attention is None or not covers(item):
                uses.update(value.name for value in item.inputs)
            else:
                uses += count_uses(form_steps(item), form_reads(item.attention))
        elif isinstance(item, Loop):
            uses.update(value.name for value in loop_reads(item))
    return uses


def form_reads(form: AttentionForm) -> tuple[Value, ...]:
    """The values that an attention form reads."""
    optional = tuple(value for value in (form.bias, form.mask) if value is not None)
    return (form.query, form.key, form.value, *optional)


def form_steps(region: Region) -> tuple[Step, ...]:
    """The steps of a region's body that its attention form needs the results of."""
    wanted = {value.name for value in form_reads(region.attention)} if region.attention else set()
    kept: list[Step] = []
    for step in reversed(region.body):
        if isinstance(step, Step) and step.result.name in wanted:
            wanted.update(operand.name for operand in step.operands if isinstance(operand, Value))
            kept.append(step)
    return tuple(kept[::-1])


def loop_reads(loop: Loop) -> tuple[Value, ...]:
    """What a loop reads from outside: the first of the carried values, and the captured ones."""
    return (*(before for before, *_ in loop.carried), *loop.captured)


def symbols_of(values: Iterable[Value]) -> dict[str, tuple[Value, int]]:
    """The symbols that are the whole of a dimension of one of `values`, and where."""
    found: dict[str, tuple[Value, int]] = {}
    for value in values:
        for dim, size in enumerate(value.shape):
            for symbol in size.symbols():
                if size == Size.symbol(symbol):
                    found.setdefault(symbol, (value, dim))
    return found
