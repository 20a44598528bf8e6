"""Programs drawn at random, rich in what the passes look for: no pass, and no order of passes, changes a result."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from passes.motifs import attend, causal, project, self_attention, spatial_gate, squeeze_excite
from passes.sketch import Sketch, evaluate_all, same_values, text

from attncomp.ir.graph import Graph
from attncomp.ir.types import DType
from attncomp.ir.verify import verify
from attncomp.passes.registry import ORDER, find_pass, pass_sequence
from attncomp.passes.runner import run_passes

PASSES = {name: find_pass(name) for name in ORDER}
SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

Draw = Callable[[st.SearchStrategy[int]], int]


def choose(draw: Draw, *numbers: int) -> int:
    return draw(st.sampled_from(numbers))


def attention(s: Sketch, draw: Draw, x: int, seq: int | str, returned: list[int]) -> int:
    """Attention in a spelling that is drawn, sometimes with a second reader of its weights or its score."""
    key = f"p{s.line}"
    q = project(s, x, f"{key}.q", bias=bool(choose(draw, 0, 1)))
    k = s.rename(project(s, x, f"{key}.k", bias=bool(choose(draw, 0, 1))), seq="seq'")
    v = s.rename(project(s, x, f"{key}.v"), seq="seq'")
    masks = {
        0: lambda: None,
        1: lambda: causal(s, seq),
        2: lambda: s.op("greater", s.arange("seq", seq), s.arange("seq'", seq)),  # the first row sees nothing
        3: lambda: s.op("less", s.op("sum", s.rename(x, seq="seq'"), axes=("embed",)), s.constant(0.5)),
        4: lambda: s.op("less", s.op("contract", x, s.rename(x, seq="seq'"), axes=("embed",)), s.constant(0.5)),
    }
    score, weights, made = attend(
        s,
        q,
        k,
        v,
        mask=masks[choose(draw, 0, 1, 2, 3, 4)](),
        cap=[None, 3.0][choose(draw, 0, 1)],
        scale=[None, 2.0, 1.0][choose(draw, 0, 1, 2)],
        dropout=[None, 0.1][choose(draw, 0, 1)],
    )
    extra = choose(draw, 0, 0, 0, 1, 2, 3)
    if extra == 1:
        returned.append(weights)
    elif extra == 2:
        returned.append(score)
    elif extra == 3:
        returned.append(s.op("max", weights, axes=("seq",)))
    out = s.op("contract", made, s.parameter(f"{key}.out", embed=4, head=2, key=2), axes=("head", "key"))
    return s.op("add", x, out)


def arithmetic(s: Sketch, draw: Draw, x: int) -> int:
    """Pointwise steps with what folds, what is written twice and what is dead."""
    kind = choose(draw, 0, 1, 2, 3, 4, 5)
    if kind == 0:
        return s.op("multiply", s.op("add", x, s.constant(0.0)), s.op("sqrt", s.constant(1.0)))
    if kind == 1:
        return s.op("add", s.op("tanh", x), s.op("multiply", s.op("tanh", x), s.constant(0.5)))
    if kind == 2:
        s.op("exp", s.op("multiply", x, s.parameter(f"p{s.line}.unused")))
        return s.op("negate", s.op("negate", x))
    if kind == 3:
        return s.op("where", s.op("less", s.constant(1.0), s.constant(2.0)), s.op("sin", x), s.op("cos", x))
    if kind == 4:
        return s.op("maximum", s.op("sin", x), s.op("maximum", x, s.op("sin", x)))
    return s.op("cast", s.op("cast", x, dtype=DType.F64), dtype=DType.F32)


def gated_unit(s: Sketch, draw: Draw, x: int) -> int:
    """Projections of one x to a few widths."""
    key, widths = f"p{s.line}", (choose(draw, 1, 3), choose(draw, 2, 3))
    made = [
        s.op("contract", x, s.parameter(f"{key}.{n}", hidden=width, embed=4), axes=("embed",))
        for n, width in enumerate(widths)
    ]
    kept = s.op("sum", s.op("silu", made[0]), axes=("hidden",))
    return s.op("add", x, s.op("multiply", kept, s.op("sum", made[1], axes=("hidden",))))


@st.composite
def sequence_programs(draw: Draw) -> Graph:
    """Layers over x{batch, seq, embed}."""
    s = Sketch()
    seq: int | str = ["seq", 3, 1, 0][choose(draw, 0, 1, 2, 3)]
    x = s.input("x", batch="batch", seq=seq, embed=4)
    returned: list[int] = []
    for _ in range(choose(draw, 1, 2, 3)):
        kind = choose(draw, 0, 0, 1, 1, 2, 3)
        if kind == 0:
            x = attention(s, draw, x, seq, returned)
        elif kind == 1:
            x = arithmetic(s, draw, x)
        elif kind == 2:
            x = gated_unit(s, draw, x)
        else:
            power = s.op("mean", s.op("multiply", x, x), axes=("embed",))
            x = s.op("multiply", x, s.op("rsqrt", s.op("add", power, s.constant(0.1))))
    return s.returns(x, *returned)


@st.composite
def image_programs(draw: Draw) -> Graph:
    """Gates over x{batch, channel, height, width}."""
    s = Sketch()
    x = s.input("x", batch="batch", channel=4, height=[2, 1][choose(draw, 0, 1)], width=3)
    returned: list[int] = []
    for _ in range(choose(draw, 1, 2, 3)):
        kind = choose(draw, 0, 1, 2, 3)
        if kind == 0:
            x = squeeze_excite(s, x, f"p{s.line}")
        elif kind == 1:
            x = spatial_gate(s, x, f"p{s.line}")
        elif kind == 2:
            x = arithmetic(s, draw, x)
        else:
            both = s.op("add", squeeze_excite(s, x, f"p{s.line}"), spatial_gate(s, x, f"p{s.line}"))
            x = s.op("relu", both)
        if choose(draw, 0, 0, 1) == 1:
            last = [node.identity for node in s.graph.nodes("sigmoid")]
            returned.extend(last[-1:])
    return s.returns(x, *returned)


PROGRAMS = st.one_of(sequence_programs(), image_programs())


@pytest.mark.parametrize("name", ORDER)
@SETTINGS
@given(graph=PROGRAMS)
def test_each_pass_alone_keeps_every_result_and_is_idempotent(name: str, graph: Graph) -> None:
    before, expected = text(graph), evaluate_all(graph)
    changed = PASSES[name].run(graph).changed
    verify(graph)
    assert changed == (text(graph) != before)
    same_values(evaluate_all(graph), expected)
    after = text(graph)
    assert PASSES[name].run(graph).changed is False
    assert text(graph) == after


@SETTINGS
@given(graph=PROGRAMS, names=st.permutations(ORDER).flatmap(lambda p: st.integers(1, len(p)).map(lambda n: p[:n])))
def test_every_order_of_any_passes_keeps_every_result(graph: Graph, names: list[str]) -> None:
    expected = evaluate_all(graph)
    run_passes(graph, [PASSES[name] for name in names])
    same_values(evaluate_all(graph), expected)


@SETTINGS
@given(graph=PROGRAMS)
def test_the_whole_sequence_leaves_nothing_to_do_and_is_deterministic(graph: Graph) -> None:
    expected, copy = evaluate_all(graph), graph.copy()
    _, remarks = run_passes(graph, pass_sequence())
    _, again = run_passes(copy, pass_sequence())
    assert text(copy) == text(graph)
    assert again == remarks
    same_values(evaluate_all(graph), expected)


def test_text_does_not_depend_on_the_hash_seed() -> None:
    code = (
        "from passes.motifs import *; from passes.sketch import *; from attncomp.passes.registry import pass_sequence\n"
        "from attncomp.passes.runner import run_passes\n"
        "s = Sketch(); x = s.input('x', batch='batch', seq='seq', embed=4)\n"
        "for n in range(3): x = s.op('add', x, self_attention(s, x, f'l{n}', mask=causal(s, 'seq')))\n"
        "g = s.returns(x); _, r = run_passes(g, pass_sequence()); print(text(g)); print(r)\n"
    )
    found = set()
    for seed in ("0", "1", "2"):
        path = os.pathsep.join([*sys.path, str(Path(__file__).parents[1])])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


def test_layers_share_one_mask_and_each_becomes_one_region() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    for number in range(3):
        x = s.op("add", x, self_attention(s, x, f"l{number}", mask=causal(s, "seq")))
    graph = s.returns(x)
    expected = evaluate_all(graph)
    _, remarks = run_passes(graph, pass_sequence())
    assert [remark.kind for remark in remarks] == ["fused"] * 3
    operators = [node.operator for node in graph.nodes()]
    assert operators.count("region") == 3
    assert operators.count("contract") == 6
    assert "softmax" not in operators
    same_values(evaluate_all(graph), expected)


@pytest.mark.parametrize("name", ORDER)
def test_the_graph_is_walked_a_few_times_however_many_layers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s = Sketch()
    x = s.input("x", batch="batch", seq="seq", embed=4)
    for number in range(96):
        x = s.op("add", x, self_attention(s, x, f"l{number}", mask=causal(s, "seq"), scale=1.0))
        x = s.op("multiply", x, s.op("sigmoid", s.op("mean", x, axes=("embed",))))
    graph = s.returns(x)
    walks: list[tuple[str, Graph]] = []
    for method in ("order", "ancestors", "descendants"):
        walk = getattr(Graph, method)
        monkeypatch.setattr(Graph, method, lambda *a, m=method, w=walk: walks.append((m, a[0])) or w(*a))
    PASSES[name].run(graph)
    outer = [method for method, walked in walks if walked is graph]
    assert set(outer) <= {"order"}
    assert len(outer) <= 3
