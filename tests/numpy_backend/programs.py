"""Programs written by hand, small enough to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attncomp.ir.graph import Attribute, Constraint, Initializer
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.program import Input, Loop, Operand, Parameter, Program, Statement, Step, Value

F32, I64, BOOL = DType.F32, DType.I64, DType.BOOL
BATCH, SEQ = Size.symbol("batch"), Size.symbol("seq")

SizeLike = Size | int | str


def value(name: str, shape: Sequence[SizeLike], dtype: DType = F32, *, named: bool = False) -> Value:
    """A value whose axes are called as its symbols are."""
    sizes = tuple(Size.symbol(size) if isinstance(size, str) else Size.of(size) for size in shape)
    axes = tuple((size,) if isinstance(size, str) else (f"a{place}",) for place, size in enumerate(shape))
    return Value(name, dtype, sizes, axes, named)


def step(result: Value, operator: str, *operands: Operand, **attributes: Attribute) -> Step:
    return Step(result, operator, operands, attributes)


def weight(key: str, name: str, shape: Sequence[int], dtype: DType = F32) -> Parameter:
    return Parameter(key, value(name, shape, dtype), Initializer("normal", (0.2,)))


def program(
    inputs: Mapping[str, Value],
    outputs: Mapping[str, Value],
    steps: Sequence[Statement],
    parameters: Sequence[Parameter] = (),
    *,
    name: str = "Tiny",
    source: str = "tiny.attn",
    prepare: Sequence[Step] = (),
    constraints: Sequence[Constraint] = (),
) -> Program:
    symbols: dict[str, tuple[Value, int]] = {}
    for given in inputs.values():
        for dim, size in enumerate(given.shape):
            for symbol in size.symbols():
                if size == Size.symbol(symbol):
                    symbols.setdefault(symbol, (given, dim))
    return Program(
        name,
        source,
        tuple(Input(label, given) for label, given in inputs.items()),
        tuple(outputs.items()),
        tuple(parameters),
        tuple(prepare),
        tuple(steps),
        symbols,
        tuple(constraints),
    )


def tower(prefixes: Sequence[str] = ("blocks.0.", "blocks.1.", "blocks.2.")) -> Program:
    """A loop of normalised linear layers, whose weights are prepared, behind a table that is looked up."""
    tokens, keep = value("tokens", ["batch", "seq"], I64), value("keep", ["batch", "seq"], BOOL)
    table = weight("table.weight", "table", [11, 8])
    start = value("embedded", ["batch", "seq", 8], named=True)
    inside, linear, wide = (value(name, ["batch", "seq", 8]) for name in ("x", "projected", "wide"))
    end, after = value("y", ["batch", "seq", 8]), value("encoded", ["batch", "seq", 8])
    left, right = weight("left.weight", "left", [4, 8]), weight("right.weight", "right", [4, 8])
    joined = value("joined", [8, 8])
    column, chosen = value("column", ["batch", "seq", 1], BOOL), value("chosen", ["batch", "seq", 8], named=True)
    loop = Loop(
        "blocks",
        tuple(prefixes),
        (left, right),
        (step(joined, "concat", left.value, right.value, dim=0),),
        ((start, inside, end, after),),
        (),
        (
            step(linear, "linear", inside, joined),
            step(wide, "gelu", linear, approximate="none"),
            step(end, "add", inside, wide),
        ),
    )
    steps = [
        step(start, "take", table.value, tokens),
        loop,
        step(column, "reshape", keep, shape=column.shape),
        step(chosen, "where", column, after, 0.0),
    ]
    return program({"tokens": tokens, "keep": keep}, {"encoded": chosen}, steps, [table], name="Tower")
