"""Model files drawn at random, statement by statement: blocks, functions, loops, options, riders, hygiene."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from end_to_end.drawn_layers import LAYERS
from end_to_end.drawn_operators import OPERATORS
from end_to_end.drawn_scope import Axis, Numbering, Scope, Value, fits
from hypothesis import strategies as st

from attncomp.semantics.static import StaticValue

FUNCTIONS = ("tanh", "relu", "sigmoid", "gelu")


@dataclass(frozen=True)
class Drawn:
    """A model file, and how to compile and to call it."""

    text: str
    options: Mapping[str, StaticValue]
    present: tuple[str, ...]

    def __repr__(self) -> str:
        return f"options {dict(self.options)}, present {self.present}\n{self.text}"


def function(s: Scope) -> None:
    """A function, here or in the file, and a use of it."""
    x = s.pick(lambda value: len(s.own(value)) > 0)
    axis = s.one_axis(x.axes) if x else None
    if x is None or axis is None:
        return
    name = s.numbering.fresh("fn_")
    formal = s.choose(["p", s.name(axis).rstrip("'")])
    local = s.chance()
    twin_free = x.axis(f"{axis.identity}'{s.depth}") is None and not s.name(axis).endswith("'")
    bodies = {
        f"fn {name}(y) = tanh(y) + 0.5 * y": (x.axes, f"{name}({x.text})"),
        f"fn {name}(y, by = 0.5) = clamp(y, -2, by)": (x.axes, f"{name}({x.text}, by = 0.75)"),
    }
    if not (local and formal in s.visible.values()):
        binding = "" if formal == s.name(axis) else f"{{{formal}: {s.name(axis)}}}"
        called = f"{name}{binding}({x.text})"
        bodies |= {
            f"fn {name}(y: {{{formal}}}) -> {{{formal}}} = softmax{{{formal}}}(y) * |{formal}|": (x.axes, called),
            f"fn {name}(y: {{{formal}}}) -> {{}} = tanh(sum{{{formal}}}(y ** 2))": (
                [one for one in x.axes if one != axis],
                called,
            ),
        }
        if twin_free:
            pairs = f"tanh(sum{{{formal}'}}(tanh(y - y[{formal} -> {formal}'])))"
            bodies[f"fn {name}(y: {{{formal}}}) -> {{{formal}}} = {pairs}"] = (x.axes, called)
    text = s.choose(list(bodies))
    axes, use = bodies[text]
    if local:
        s.lines.append(text)
    else:
        s.numbering.declarations.append(text)
    s.let(use, axes)


def block(s: Scope) -> None:
    """A block with a drawn body, and one of several ways to use it."""
    arguments = [value for value in [s.pick(), s.pick() if s.chance(3) else None] if value is not None]
    if not arguments or not fits(*arguments):
        return
    inner = Scope(s.draw, s.numbering, {}, {}, s.depth + 1)
    signature, bindings = [], []
    for number, argument in enumerate(arguments):
        formals = []
        for axis in s.some(argument.axes, 0):
            if axis.identity not in inner.visible:
                actual = s.name(axis)
                named = actual not in inner.visible.values() and s.chance()
                formal = actual if named and not actual.endswith("'") else s.numbering.fresh("p")
                if formal != actual:
                    bindings.append(f"{formal}: {actual}")
                inner.visible[axis.identity] = formal
                inner.declared[axis.identity] = axis
            formals.append(inner.visible[axis.identity])
        text = f"x{number}"
        signature.append(f"{text}: {{{', '.join(formals)}}}")
        inner.values.append(Value(text, argument.axes))
    inner.elsewhere = [
        s.visible[axis.identity]
        for value in arguments
        for axis in value.axes
        if axis.identity in s.visible and axis.identity not in inner.visible
    ]
    inner.elsewhere = [name for name in inner.elsewhere if not name.endswith("'")]
    inner.options = [("by", "number"), ("deep", "truth"), ("act", "word")]
    body(inner, s.draw(st.integers(2, 6)))
    found = [
        value
        for value in inner.values
        if value.kind == "f32"
        and all(
            not identity.startswith("axis ") or identity in s.visible
            for identity in (a.identity for a in inner.own(value))
        )
        and not any(inner.name(axis).endswith("'") for axis in inner.own(value))
    ]
    result = found[-1]
    name = s.numbering.fresh("Block")
    s.numbering.declarations.append(
        "\n".join(
            [
                f"block {name}{{by = 0.5, deep = true, act = tanh}}({', '.join(signature)}) -> "
                f"{{{inner.names(inner.own(result))}}} {{",
                *(f"  {line}" for line in inner.lines),
                f"  return {result.text}",
                "}",
            ]
        )
    )
    given = [
        *bindings,
        *s.draw(st.lists(st.sampled_from(["by = 0.25", "deep = false", "act = relu"]), max_size=2, unique=True)),
    ]
    _use(s, f"{name}{{{', '.join(given)}}}" if given else name, arguments, result)


def _use(s: Scope, made: str, arguments: list[Value], result: Value) -> None:
    first = arguments[0]
    called = ", ".join(value.text for value in arguments)
    repeatable = len(arguments) == 1 and set(result.axes) == set(first.axes)
    kind = s.choose(["once", "list", "shared", "nested", "indexed"] if repeatable else ["once", "twice"])
    if kind in ("once", "twice"):
        name = s.layer(made)
        expression = f"{name}({called})"
        s.let(f"{expression} - 0.5 * {expression}" if kind == "twice" else expression, result.axes)
        return
    x = s.let(first.text, first.axes)
    step = s.numbering.fresh("step")
    if kind == "shared":
        name = s.layer(made)
        s.lines.append(f"for {step} in 0..2 {{ {x.text} = {name}({x.text}) / ({step} + 1) }}")
        return
    name = s.numbering.fresh("layers")
    if kind == "indexed":
        options = made.removesuffix("}") + ", by = 0.1 * (i + 1)}" if "{" in made and "by" not in made else made
        options = options if "{" in options else f"{options}{{by = if i % 2 == 0 then 0.5 else 2.0}}"
        s.lines.append(f"layer {name}[i in 1..4] = {options}")
    else:
        s.lines.append(f"layer {name}[3] = {made}")
    loop = f"for {step} in {name} {{ {x.text} = tanh({step}({x.text})) }}"
    s.lines.append(f"for again in [1, 2] {{ {loop} }}" if kind == "nested" else loop)
    if s.chance(3):
        s.let(f"{name}[-1]({x.text})", x.axes)


def body(s: Scope, statements: int) -> None:
    kinds = [*OPERATORS, *LAYERS, function, *([block] * 5 if s.depth < 2 else [])]
    for _ in range(statements):
        s.draw(st.sampled_from(kinds))(s)


def total(s: Scope) -> Value:
    """One number from every value that nothing reads, so that each counts for a result."""
    parts = []
    for value in s.values:
        read = re.compile(rf"\b{value.text}\b")
        if value.kind == "f32" and sum(len(read.findall(line)) for line in s.lines) == 1:
            parts.append(f"sum{{{s.names(value.axes)}}}(sin({value.text}))" if value.axes else f"sin({value.text})")
    return s.let(" + ".join(parts) or "0.5", ())


def storage(s: Scope, value: Value, *, pack: bool = True) -> str:
    """A stated order of a value's axes, some of them packed, perhaps with a dimension of size 1."""
    order = list(s.draw(st.permutations(s.own(value)))) if value.axes else []
    terms: list[str] = []
    while order:
        count = s.draw(st.integers(1, 2)) if pack else 1
        group, order = order[:count], order[count:]
        terms.append(s.name(group[0]) if len(group) == 1 else f"({s.names(group)})".replace(", ", " "))
    if s.chance(5):
        terms.insert(s.draw(st.integers(0, len(terms))), "1")
    return f"{value.kind}[{', '.join(terms)}]"


@st.composite
def models(draw: st.DrawFn) -> Drawn:
    s = Scope(draw, Numbering(), {}, {})
    axes = {
        name: Axis(name, size)
        for name, size in (
            ("batch", "batch"),
            ("seq", "seq"),
            ("head", "2"),
            ("key", "3"),
            ("embed", "6"),
            ("unit", "1"),
            ("side", "4"),
        )
    }
    s.visible = {name: name for name in axes}
    s.declared = dict(axes)
    first = Value("x0", (axes["batch"], axes["seq"], axes["embed"]))
    inputs = ["x0: f32[batch, seq, embed = 6]", "x1: f32[head = 2, key = 3, side = 4, unit = 1]"]
    s.values = [first, Value("x1", tuple(axes[name] for name in ("head", "key", "side", "unit")))]
    for number in range(2, 2 + draw(st.integers(0, 2))):
        chosen = s.some(tuple(axes.values()))[:4]
        kind = s.choose(["f32", "f32", "i64", "bool"])
        value = Value(f"x{number}", chosen, kind)
        s.values.append(value)
        inputs.append(f"{value.text}: {storage(s, value)}")
    present: tuple[str, ...] = ()
    if s.chance(3):
        inputs.append("keep: bool[batch, seq] = none")
        present = ("keep",) if s.chance() else ()
        default = s.let("if keep is none then arange{seq} >= 1 else keep", (axes["seq"],), "bool")
        if present:
            s.values[-1] = Value(default.text, (axes["batch"], axes["seq"]), "bool")
            s.lines[-1] = s.lines[-1].replace(": {seq}", "")
    options: dict[str, StaticValue] = {}
    declared = "{factor = 0.5, wide = true, act = gelu}"
    s.options = [("factor", "number"), ("wide", "truth"), ("act", "word")]
    if s.chance():
        options = {"factor": 1.5, "wide": False, "act": s.choose(FUNCTIONS)}
    body(s, draw(st.integers(3, 10)))
    returned = [s.values[-1], *(draw(st.lists(st.sampled_from(s.values), max_size=1))), total(s)]
    outputs = [f"y{number}: {storage(s, value)}" for number, value in enumerate(returned)]
    lines = "\n".join(f"  {line}" for line in s.lines)
    model = (
        f"model Drawn{declared}(\n  {', '.join(inputs)},\n) -> ({', '.join(outputs)}) {{\n{lines}\n"
        f"  return {', '.join(value.text for value in returned)}\n}}"
    )
    return Drawn("\n\n".join([*s.numbering.declarations, model]) + "\n", options, present)


def inputs_for(graph: object, sizes: Mapping[str, int], seed: int) -> dict[str, np.ndarray]:
    """Inputs of a graph for sizes of its symbols."""
    from attncomp.ir.graph import Graph
    from attncomp.ir.layouts import dimensions

    assert isinstance(graph, Graph)
    random = np.random.default_rng(seed)
    drawn: dict[str, np.ndarray] = {}
    for node in graph.nodes("input"):
        shape = tuple(size.evaluate(sizes) for size in dimensions(node.type, node.attributes["layout"]))  # type: ignore[arg-type]
        if node.type.dtype.is_float:
            array = random.uniform(-2, 2, shape).astype(np.float32)
        else:
            array = random.integers(0, 7, shape) if node.type.dtype.is_integer else random.random(shape) > 0.4
        drawn[str(node.attributes["name"])] = array
    return drawn
