"""Gates drawn at random, with second readers of anything: every result is kept, and a second run does nothing."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from passes.sketch import Sketch, evaluate_all, same_values, text

from attncomp.ir.graph import Graph
from attncomp.ir.sizes import Size
from attncomp.ir.verify import verify
from attncomp.passes.eliminate_common_subexpressions import EliminateCommonSubexpressions
from attncomp.passes.find_gate_regions import FindGateRegions

Draw = Callable[[st.SearchStrategy[str]], str]
AXES = {
    "channels": ("height", "width"),
    "places": ("channel",),
    "rows": ("width",),
    "all": ("channel", "height", "width"),
}


def pick(draw: Draw, *words: str) -> str:
    return draw(st.sampled_from(words))


def seen(s: Sketch, draw: Draw, x: int) -> int:
    """What a statistic is taken of: the value, or something of its size."""
    kind = pick(draw, "x", "x", "x", "relu", "square", "centred", "learned", "running", "shifted")
    made = {
        "x": lambda: x,
        "relu": lambda: s.op("relu", x),
        "square": lambda: s.op("multiply", x, x),
        "centred": lambda: s.op("subtract", x, s.op("mean", x, axes=("height", "width"))),
        "learned": lambda: s.op("multiply", x, s.parameter(f"p{s.line}", channel=3)),
        "running": lambda: s.op("cumsum", x, axis="height"),
        "shifted": lambda: s.op("roll", x, axis="channel", shift=Size.of(1)),
    }
    return made[kind]()


def statistic(s: Sketch, draw: Draw, x: int, axes: tuple[str, ...]) -> int:
    kind = pick(draw, "mean", "max", "sum", "var", "norm", "twice", "learned", "place", "softmax")
    value = seen(s, draw, x)
    if kind == "twice":
        for axis in axes:
            value = s.op("mean", value, axes=(axis,))
        return value
    if kind == "place":
        for axis in axes:
            value = s.op("index", value, axis=axis, position=Size.of(0))
        return value
    if kind == "learned":
        sizes = {axis: s.graph.type(value).size(axis).constant or 0 for axis in axes}
        return s.op("contract", value, s.parameter(f"p{s.line}", **sizes), axes=axes)
    if kind == "softmax":
        return s.op("contract", s.op("softmax", value, axes=axes), value, axes=axes)
    return s.op(kind, value, axes=axes)


def gate(s: Sketch, draw: Draw, x: int) -> int:
    """Some statistics, a small network, a function."""
    axes = AXES[pick(draw, *AXES)]
    made = statistic(s, draw, x, axes)
    if pick(draw, "one", "two") == "two":
        made = s.op("add", made, statistic(s, draw, x, AXES[pick(draw, *AXES)]))
    if "channel" in s.names(made) and pick(draw, "plain", "mixed") == "mixed":
        weight = s.parameter(f"p{s.line}", hidden=3, channel=3)
        made = s.rename(s.op("contract", made, weight, axes=("channel",)), hidden="channel")
    return s.op(pick(draw, "sigmoid", "tanh", "relu"), made)


def combine(s: Sketch, draw: Draw, x: int, other: int) -> int:
    kind = pick(draw, "multiply", "multiply", "add", "subtract", "quotient", "where", "both")
    if kind == "quotient":
        return s.op("divide", x, s.op("add", s.op("exp", other), s.constant(1.0)))
    if kind == "where":
        return s.op("where", s.op("less", other, s.constant(0.4)), x, s.constant(0.0))
    if kind == "both":
        return s.op("add", x, s.op("multiply", other, x))
    return s.op(kind, x, other)


def behind(s: Sketch, draw: Draw, y: int, z: int) -> int:
    kind = pick(draw, "nothing", "relu", "shortcut", "running", "sum")
    if kind == "relu":
        return s.op("relu", y)
    if kind == "shortcut":
        return s.op("gelu", s.op("add", y, z), approximate="none")
    if kind == "running":
        return s.op("cumsum", y, axis="width")
    return y if kind == "nothing" else s.op("add", y, s.op("mean", y, axes=("width",)))


@st.composite
def programs(draw: Draw) -> Graph:
    s = Sketch()
    sizes = {"channel": 3, "height": int(pick(draw, "1", "2")), "width": 2}
    x, z = s.input("x", batch="batch", **sizes), s.input("z", batch="batch", **sizes)
    for _ in range(int(pick(draw, "1", "2", "3"))):
        y = behind(s, draw, combine(s, draw, x, gate(s, draw, x)), z)
        x, z = y, (x if pick(draw, "keep", "swap") == "swap" else z)
    made = [node for node in s.graph.nodes() if node.operator not in ("parameter", "constant", "less")]
    nodes = [node.identity for node in made]
    extra = [nodes[int(draw(st.integers(0, 10**6))) % len(nodes)] for _ in range(int(pick(draw, "0", "0", "1", "2")))]
    read = [s.op("exp", one) if pick(draw, "result", "read") == "read" else one for one in extra]
    return s.returns(x, *read)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(graph=programs())
def test_the_pass_keeps_every_result_and_is_done_at_once(graph: Graph) -> None:
    EliminateCommonSubexpressions().run(graph)
    expected, before = evaluate_all(graph), text(graph)
    result = FindGateRegions().run(graph)
    verify(graph)
    assert result.changed == (text(graph) != before) == any(remark.kind == "fused" for remark in result.remarks)
    same_values(evaluate_all(graph), expected)
    after = text(graph)
    assert FindGateRegions().run(graph).changed is False
    assert text(graph) == after
