"""Programs written by hand, small enough to read, and their emitted modules imported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attncomp_torch import backend
from emitted_text import load

from attncomp.emission.text import class_name
from attncomp.ir.graph import Attribute, Initializer
from attncomp.ir.sizes import Size
from attncomp.ir.types import DType
from attncomp.lowering.program import (
    AttentionForm,
    Input,
    Loop,
    Operand,
    Parameter,
    Program,
    Region,
    Statement,
    Step,
    Value,
)

BATCH, SEQ = Size.symbol("batch"), Size.symbol("seq")
F32, I64, BOOL = DType.F32, DType.I64, DType.BOOL


def sizes(*items: Size | int | str) -> tuple[Size, ...]:
    return tuple(Size.symbol(item) if isinstance(item, str) else Size.of(item) for item in items)


def value(name: str, shape: Sequence[Size | int | str], dtype: DType = F32, *, named: bool = False) -> Value:
    axes = tuple((item,) if isinstance(item, str) else (f"a{place}",) for place, item in enumerate(shape))
    return Value(name, dtype, sizes(*shape), axes, named)


def step(result: Value, operator: str, *operands: Operand, **attributes: Attribute) -> Step:
    return Step(result, operator, operands, attributes)


def weight(
    key: str,
    name: str,
    shape: Sequence[int],
    initializer: Initializer | None = None,
    *,
    dtype: DType = F32,
    trainable: bool = True,
) -> Parameter:
    initializer = initializer or Initializer("normal", (0.2,))
    return Parameter(key, value(name, shape, dtype), initializer, trainable)


def program(
    inputs: Sequence[Value],
    outputs: Mapping[str, Value],
    steps: Sequence[Statement],
    parameters: Sequence[Parameter] = (),
    name: str = "tiny",
) -> Program:
    symbols: dict[str, tuple[Value, int]] = {}
    for given in inputs:
        for dim, size in enumerate(given.shape):
            for symbol in size.symbols():
                if size == Size.symbol(symbol):
                    symbols.setdefault(symbol, (given, dim))
    named = tuple(Input(given.name, given) for given in inputs)
    return Program(name, "tiny.attn", named, tuple(outputs.items()), tuple(parameters), (), tuple(steps), symbols)


def model_of(one: Program, **keywords: Any) -> Any:
    """The emitted class of a program, built."""
    module = load(backend.emit(one))
    return getattr(module, class_name(one.name))(**keywords)


# --- programs ---------------------------------------------------------------------------------------------------


def encoder(layers: int = 3, heads: int = 2, width: int = 8, vocabulary: int = 11, rate: float = 0.0) -> Program:
    """A small transformer encoder: embedding, layers in a loop with masked attention, the mean over positions."""
    head = width // heads
    tokens, mask = value("tokens", ["batch", "seq"], I64), value("mask", ["batch", "seq"], BOOL)
    table = weight("embeddings.word_embeddings.weight", "table", [vocabulary, width])
    embedded = value("embedded", ["batch", "seq", width], named=True)
    keep = value("keep", ["batch", 1, 1, "seq"], BOOL)
    start, end, after = (value(name, ["batch", "seq", width]) for name in ("hidden", "output", "encoded"))
    parameters = [weight("attention.norm.weight", "norm", [width], Initializer("ones"))]
    parameters.append(weight("attention.norm.bias", "shift", [width], Initializer("zeros")))
    for name in ("query", "key", "value", "output"):
        parameters.append(weight(f"attention.self.{name}.weight", f"{name}_weight", [width, width]))
        parameters.append(weight(f"attention.self.{name}.bias", f"{name}_bias", [width]))
    by_key = {one.key: one.value for one in parameters}
    normal = value("normal", ["batch", "seq", width])
    body: list[Statement] = [
        step(normal, "normalize", start, by_key["attention.norm.weight"], by_key["attention.norm.bias"],
             dims=(2,), epsilon=1e-5, center=True)
    ]  # fmt: skip
    parts = []
    for name in ("query", "key", "value"):
        flat = value(f"{name}_flat", ["batch", "seq", width])
        split = value(f"{name}_split", ["batch", "seq", heads, head])
        part = value(name, ["batch", heads, "seq", head])
        prefix = f"attention.self.{name}"
        body += [
            step(flat, "linear", normal, by_key[f"{prefix}.weight"], by_key[f"{prefix}.bias"]),
            step(split, "reshape", flat, shape=split.shape),
            step(part, "permute", split, order=(0, 2, 1, 3)),
        ]
        parts.append(part)
    attended = value("attended", ["batch", heads, "seq", head])
    body.append(attention_region(attended, *parts, mask=keep, rate=rate, scale=head**-0.5))
    joined, packed = value("joined", ["batch", "seq", heads, head]), value("packed", ["batch", "seq", width])
    projected = value("projected", ["batch", "seq", width])
    body += [
        step(joined, "permute", attended, order=(0, 2, 1, 3)),
        step(packed, "reshape", joined, shape=packed.shape),
        step(projected, "linear", packed, by_key["attention.self.output.weight"], by_key["attention.self.output.bias"]),
        step(end, "add", start, projected),
    ]
    loop = Loop("encoder_layer", tuple(f"encoder.layer.{i}." for i in range(layers)), tuple(parameters), (),
                ((embedded, start, end, after),), (keep,), tuple(body))  # fmt: skip
    pooled = value("pooled", ["batch", width])
    steps: list[Statement] = [
        step(embedded, "take", table.value, tokens),
        step(keep, "reshape", mask, shape=keep.shape),
        loop,
        step(pooled, "mean", after, dims=(1,), keep=False),
    ]
    return program([tokens, mask], {"pooled": pooled}, steps, [table], name="encoder")


def attention_region(
    result: Value,
    query: Value,
    key: Value,
    values: Value,
    *,
    bias: Value | None = None,
    mask: Value | None = None,
    rate: float = 0.0,
    scale: float = 1.0,
    known: bool = True,
) -> Region:
    """softmax(scale * q @ k^T + bias, where mask) @ v; with `known` the form is stated, else the body alone."""
    leading = max((query, key), key=lambda one: len(one.shape)).shape[:-2]
    shape = (*leading, query.shape[-2], key.shape[-2])
    axes = tuple((f"s{place}",) for place in range(len(shape)))

    def scored(name: str) -> Value:
        return Value(name, F32, shape, axes)

    swapped = Value("swapped", F32, (*key.shape[:-2], key.shape[-1], key.shape[-2]), (("k",),) * len(key.shape))
    rank = len(key.shape)
    body = [
        step(swapped, "permute", key, order=(*range(rank - 2), rank - 1, rank - 2)),
        step(scored("scores"), "matmul", query, swapped),
        step(scored("scaled"), "multiply", scored("scores"), scale),
    ]
    last = "scaled"
    if bias is not None:
        body.append(step(scored("biased"), "add", scored(last), bias))
        last = "biased"
    if mask is not None:
        body.append(step(scored("masked"), "where", mask, scored(last), float("-inf")))
        last = "masked"
    body.append(step(scored("weights"), "softmax", scored(last), dims=(len(shape) - 1,)))
    if rate:
        body.append(step(scored("dropped"), "dropout", scored("weights"), rate=rate))
    body.append(step(result, "matmul", scored("dropped" if rate else "weights"), values))
    form = AttentionForm(query, key, values, bias, mask, scale, rate) if known else None
    inputs = [one for one in (query, key, values, bias, mask) if one is not None]
    return Region((result,), "attention", "attend", tuple(inputs), tuple(body), form)
