"""Small models for the tests of lowering, written as graphs by hand."""

from __future__ import annotations

from collections.abc import Sequence

from attncomp.diagnostics.core import Span
from attncomp.ir.build import Builder
from attncomp.ir.graph import Attribute, Graph, Initializer, Origin, Result
from attncomp.ir.sizes import Size, SizeLike
from attncomp.ir.types import Axis, DType, Layout, ValueType


def axis(name: str, size: SizeLike | str) -> Axis:
    return Axis(name, Size.symbol(size) if isinstance(size, str) else Size.of(size))


class Sketch:
    """A graph under construction. A layout is written `batch seq (head key)`; `scope` is the path of new nodes."""

    def __init__(self, name: str = "sketch") -> None:
        self.graph = Graph(name)
        self.builder = Builder(self.graph)
        self.scope = ""
        self.line = 0

    def origin(self) -> Origin:
        self.line += 1
        return Origin(Span("sketch.attn", self.line, 1, self.line, 2), self.scope)

    def input(self, name: str, layout: str, dtype: DType = DType.F32, /, **sizes: int | str) -> int:
        type_ = ValueType(dtype, tuple(axis(label, size) for label, size in sizes.items()))
        attributes: dict[str, Attribute] = {"name": name, "layout": groups(layout)}
        return self.graph.add("input", (), attributes, type_, self.origin(), name)

    def parameter(self, label: str, layout: str, /, **sizes: int) -> int:
        key = f"{self.scope}.{label}" if self.scope else label
        initializer = Initializer("uniform", (-1.0, 1.0))
        attributes: dict[str, Attribute] = {
            "key": key, "layout": groups(layout), "initializer": initializer, "trainable": True,
        }  # fmt: skip
        type_ = ValueType(DType.F32, tuple(axis(one, size) for one, size in sizes.items()))
        return self.graph.add("parameter", (), attributes, type_, self.origin())

    def number(self, value: float | int | bool, dtype: DType = DType.F32) -> int:
        return self.builder.constant(value, dtype, origin=self.origin())

    def op(self, operator: str, *operands: int, name: str = "", **attributes: Attribute) -> int:
        return self.builder.add(operator, operands, attributes, origin=self.origin(), name=name)

    def contract(self, left: int, right: int, *axes: str, name: str = "") -> int:
        return self.op("contract", left, right, axes=axes, name=name)

    def rename(self, value: int, /, **names: str) -> int:
        return self.op("rename", value, names=tuple(names.items()))

    def twin(self, value: int, axis_name: str, name: str = "") -> int:
        return self.op("rename", value, names=((axis_name, axis_name + "'"),), name=name)

    def returns(self, **results: tuple[int, str]) -> Graph:
        self.graph.results = tuple(Result(name, node, groups(layout)) for name, (node, layout) in results.items())
        return self.graph


def groups(layout: str) -> Layout:
    """`batch seq (head key) ()` as a layout."""
    found: list[tuple[str, ...]] = []
    inside: list[str] | None = None
    for word in layout.replace("(", " ( ").replace(")", " ) ").split():
        if word == "(":
            inside = []
        elif word == ")":
            found.append(tuple(inside or ()))
            inside = None
        elif inside is None:
            found.append((word,))
        else:
            inside.append(word)
    return tuple(found)


HEADS, KEY, EMBED, HIDDEN, WORDS = 2, 3, 6, 8, 11


def project(sketch: Sketch, x: int, layer: str, name: str = "") -> int:
    """embed -> (head key)."""
    outer = sketch.scope
    sketch.scope = f"{outer}.{layer}"
    weight = sketch.parameter("weight", "(head key) embed", head=HEADS, key=KEY, embed=EMBED)
    bias = sketch.parameter("bias", "(head key)", head=HEADS, key=KEY)
    y = sketch.op("add", sketch.contract(x, weight, "embed"), bias, name=name)
    sketch.scope = outer
    return y


def feed(sketch: Sketch, x: int, layer: str, source: str, target: str, sizes: tuple[int, int]) -> int:
    outer = sketch.scope
    sketch.scope = f"{outer}.{layer}"
    weight = sketch.parameter("weight", f"{target} {source}", **{target: sizes[1], source: sizes[0]})
    bias = sketch.parameter("bias", target, **{target: sizes[1]})
    y = sketch.op("add", sketch.contract(x, weight, source), bias)
    sketch.scope = outer
    return y


def layer_norm(sketch: Sketch, x: int, layer: str) -> int:
    outer = sketch.scope
    sketch.scope = f"{outer}.{layer}"
    weight = sketch.parameter("weight", "embed", embed=EMBED)
    bias = sketch.parameter("bias", "embed", embed=EMBED)
    y = sketch.op("normalize", x, axes=("embed",), epsilon=1e-5, center=True)
    y = sketch.op("add", sketch.op("multiply", y, weight), bias)
    sketch.scope = outer
    return y


def attend(sketch: Sketch, x: int, mask: int | None) -> int:
    q = project(sketch, x, "query", "q")
    k = sketch.twin(project(sketch, x, "key"), "seq", "k")
    v = sketch.twin(project(sketch, x, "value"), "seq", "v")
    v = sketch.rename(v, key="value")
    s = sketch.op("divide", sketch.contract(q, k, "key"), sketch.number(KEY**0.5))
    if mask is not None:
        s = sketch.op("where", mask, s, sketch.number(float("-inf")))
    w = sketch.op("softmax", s, axes=("seq'",))
    y = sketch.rename(sketch.contract(w, v, "seq'"), value="key")
    outer = sketch.scope
    sketch.scope = f"{outer}.out"
    weight = sketch.parameter("weight", "embed (head key)", embed=EMBED, head=HEADS, key=KEY)
    bias = sketch.parameter("bias", "embed", embed=EMBED)
    y = sketch.op("add", sketch.contract(y, weight, "head", "key"), bias)
    sketch.scope = outer
    return y


def encoder(depth: int, *, masked: bool = True, residual_outside: bool = False, expose: Sequence[int] = ()) -> Graph:
    """Token embedding and `depth` post-norm layers. `expose` are layers whose output is returned too."""
    sketch = Sketch("encoder")
    tokens = sketch.input("tokens", "batch seq", DType.I64, batch="batch", seq="seq")
    mask = sketch.twin(sketch.input("mask", "batch seq", DType.BOOL, batch="batch", seq="seq"), "seq")
    table = sketch.parameter("embeddings.weight", "vocab embed", vocab=WORDS, embed=EMBED)
    x = sketch.op("gather", table, tokens, axes=("vocab",), name="x")
    results: dict[str, tuple[int, str]] = {}
    for number in range(depth):
        sketch.scope = f"encoder.layer.{number}"
        update = attend(sketch, x, mask if masked else None)
        if residual_outside:
            sketch.scope = "encoder"
        x = sketch.op("add", x, update)
        sketch.scope = f"encoder.layer.{number}"
        x = layer_norm(sketch, x, "norm")
        hidden = sketch.op("gelu", feed(sketch, x, "up", "embed", "hidden", (EMBED, HIDDEN)), approximate="none")
        update = feed(sketch, hidden, "down", "hidden", "embed", (HIDDEN, EMBED))
        if residual_outside:
            sketch.scope = "encoder"
        x = sketch.op("add", x, update, name="x")
        if number in expose:
            results[f"layer_{number}"] = (x, "batch seq embed")
    sketch.scope = ""
    return sketch.returns(y=(x, "batch seq embed"), **results)


def attention_region(
    *, scale: str = "after", bias: int = 0, mask: str = "", grouped: bool = False, twisted: bool = False
) -> Graph:
    """A model that is one attention region on q, k and v, which are inputs as projections leave them.

    `bias` is how many biases are added, `mask` `keep`, `drop`, `causal` or nothing, `grouped` has several query heads a
    key head, `twisted` adds the bias before the scale, which is not of the form that kernels know.
    """
    body = Sketch("attention")
    group: dict[str, int | str] = {"group": 2} if grouped else {}
    q = body.input("i0", "batch", batch="batch", seq="seq", **group, head=HEADS, key=KEY)
    k = body.input("i1", "batch", batch="batch", **{"seq'": "seq"}, head=HEADS, key=KEY)
    v = body.input("i2", "batch", batch="batch", **{"seq'": "seq"}, head=HEADS, value=KEY)
    if scale == "query":
        q = body.op("multiply", q, body.number(0.5))
    s = body.contract(q, k, "key")
    inputs = ["i0", "i1", "i2"]
    biases = []
    for number in range(bias):
        axes = {**group, "head": HEADS} if number else {}
        name = f"i{len(inputs)}"
        biases.append(body.input(name, "seq", **axes, seq="seq", **{"seq'": "seq"}))
        inputs.append(name)
    if twisted:
        s = body.op("add", s, biases.pop())
    if scale == "after":
        s = body.op("divide", s, body.number(2.0))
    for one in biases:
        s = body.op("add", s, one)
    minus_infinity = body.number(float("-inf"))
    if mask in {"keep", "drop"}:
        name = f"i{len(inputs)}"
        given = body.input(name, "batch", DType.BOOL, batch="batch", **{"seq'": "seq"})
        inputs.append(name)
        s = body.op("where", given, *((s, minus_infinity) if mask == "keep" else (minus_infinity, s)))
    elif mask == "causal":
        positions = (body.op("arange", axis=axis(name, "seq")) for name in ("seq", "seq'"))
        s = body.op("where", body.op("greater_equal", *positions), s, minus_infinity)
    w = body.op("softmax", s, axes=("seq'",))
    out = body.contract(w, v, "seq'")
    whole = Sketch("attention")
    layouts = {"i0": "batch seq (head key)", "i1": "batch seq' (head key)", "i2": "batch seq' (head value)"}
    if grouped:
        layouts["i0"] = "batch seq (head group key)"
    operands = []
    for node in body.graph.nodes("input"):
        name = str(node.attributes["name"])
        layout = layouts.get(name, " ".join(node.type.names))
        attributes: dict[str, Attribute] = {"name": name, "layout": groups(layout)}
        operands.append(whole.graph.add("input", (), attributes, node.type, whole.origin(), name))
    layout = " ".join(body.graph.type(out).names)
    region = body.returns(out=(out, layout))
    y = whole.op("region", *operands, kind="attention", body=region)
    return whole.returns(y=(y, "batch seq (head group value)" if grouped else "batch seq (head value)"))
