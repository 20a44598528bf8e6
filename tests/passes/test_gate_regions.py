"""Gate regions: a product with statistics of its other factor, and each near miss with its cause."""

from __future__ import annotations

import pytest
from passes.motifs import spatial_gate, squeeze_excite
from passes.sketch import Sketch, check_pass, operators, run

from attncomp.diagnostics.remarks import Remark
from attncomp.ir.graph import Graph
from attncomp.ir.sizes import Size
from attncomp.passes.find_gate_regions import FindGateRegions


def image(s: Sketch, **sizes: int | str) -> int:
    return s.input("x", **({"batch": "batch", "channel": 4, "height": 2, "width": 3} | sizes))


def fused(graph: Graph) -> tuple[Remark, ...]:
    return run(FindGateRegions(), graph).remarks


def only(kind: str, remarks: tuple[Remark, ...]) -> Remark:
    (remark,) = remarks
    assert remark.kind == kind
    return remark


def test_squeeze_and_excitation_golden() -> None:
    s = Sketch()
    check_pass("gate_squeeze_excite", FindGateRegions(), s.returns(squeeze_excite(s, image(s))))


def test_spatial_gate_with_two_statistics_golden() -> None:
    s = Sketch()
    check_pass("gate_spatial", FindGateRegions(), s.returns(spatial_gate(s, image(s))))


def test_channel_then_space_are_two_regions() -> None:
    s = Sketch()
    graph = s.returns(spatial_gate(s, squeeze_excite(s, image(s))))
    assert [remark.kind for remark in fused(graph)] == ["fused", "fused"]
    assert operators(graph).count("region") == 2
    assert "multiply" not in operators(graph)


def test_learned_pooling_is_a_statistic() -> None:
    s = Sketch()
    x = image(s)
    map_ = s.op("contract", x, s.parameter("w", channel=4), axes=("channel",))
    remark = only("fused", fused(s.returns(s.op("multiply", x, s.op("sigmoid", map_)))))
    assert remark.message == (
        "`x` is read for `contract` over {channel}, and by the operator that applies what 1 operator makes of it"
    )


@pytest.mark.parametrize("spelling", ["root mean square", "centre", "centre and spread", "unit", "power"])
def test_a_normalisation_is_no_gate(spelling: str) -> None:
    s = Sketch()
    x, over = image(s), ("channel",)
    square = s.op("add", s.op("mean", s.op("multiply", x, x), axes=over), s.constant(1.0))
    centred = s.op("subtract", x, s.op("mean", x, axes=over))
    spread = s.op("rsqrt", s.op("add", s.op("var", x, axes=over), s.constant(1.0)))
    made = {
        "root mean square": lambda: s.op("multiply", x, s.op("rsqrt", square)),
        "centre": lambda: centred,
        "centre and spread": lambda: s.op("multiply", centred, spread),
        "unit": lambda: s.op("divide", x, s.op("norm", x, axes=over)),
        "power": lambda: s.op("multiply", x, s.op("power", square, s.constant(-0.5))),
    }
    assert fused(s.returns(made[spelling]())) == ()


@pytest.mark.parametrize("spelling", ["mean", "difference", "learned", "sigmoid", "second reduction"])
def test_what_only_looks_like_a_normalisation_is_a_gate(spelling: str) -> None:
    s = Sketch()
    x, over = image(s), ("channel",)
    mean, norm = s.op("mean", x, axes=over), s.op("norm", x, axes=("height", "width"))
    made = {
        "mean": lambda: s.op("multiply", x, mean),
        "difference": lambda: s.op("subtract", mean, x),
        "learned": lambda: s.op("divide", x, s.op("add", mean, s.parameter("a", height=2))),
        "sigmoid": lambda: s.op("divide", x, s.op("add", s.op("exp", mean), s.constant(1.0))),
        "second reduction": lambda: s.op("multiply", x, s.op("divide", norm, s.op("mean", norm, axes=over))),
    }
    only("fused", fused(s.returns(made[spelling]())))


def test_gate_of_another_value_is_not_mentioned() -> None:
    s = Sketch()
    x, other = image(s), s.input("other", batch="batch", channel=4)
    assert fused(s.returns(s.op("multiply", x, s.op("sigmoid", other)))) == ()


def test_statistic_of_another_value_is_noted() -> None:
    s = Sketch()
    x, other = image(s), s.input("other", batch="batch", channel=4, height=2, width=3)
    gate = s.op("sigmoid", s.op("mean", other, axes=("height", "width")))
    graph = s.returns(s.op("multiply", x, gate))
    remark = only("note", fused(graph))
    assert remark.message == "the gate's `mean` is one of `other`, not of `x`, which it is applied to"
    assert remark.span == next(graph.nodes("mean")).origin.span


def test_scale_by_a_parameter_is_not_mentioned() -> None:
    s = Sketch()
    assert fused(s.returns(s.op("multiply", image(s), s.parameter("scale", channel=4)))) == ()


def test_what_is_small_and_returned_too_is_a_further_result() -> None:
    s = Sketch()
    made = squeeze_excite(s, image(s))
    gate = s.graph.operands(made)[1]
    graph = s.returns(gate, made)
    only("fused", fused(graph))
    (part,) = graph.nodes("part")
    assert [result.node for result in graph.results] == [part.identity, made]
    assert graph.operands(part.identity) == (made,)


def test_statistic_read_elsewhere_is_a_further_result() -> None:
    s = Sketch()
    x = image(s)
    made = squeeze_excite(s, x)
    (mean,) = (node.identity for node in s.graph.nodes("mean"))
    graph = s.returns(made, s.op("exp", mean, name="spread"))
    only("fused", fused(graph))
    assert operators(graph) == ["exp", "input", "parameter", "parameter", "part", "region"]


def test_two_gates_of_one_value_share_a_statistic() -> None:
    s = Sketch()
    x = image(s)
    mean = s.op("mean", x, axes=("height", "width"))
    one, two = (s.op("multiply", x, s.op(operator, mean)) for operator in ("sigmoid", "tanh"))
    graph = s.returns(one, two)
    assert [remark.kind for remark in fused(graph)] == ["fused", "fused"]
    assert operators(graph) == ["input", "part", "region", "region"]


def test_what_is_made_of_the_gate_and_comes_back_stays_outside() -> None:
    s = Sketch()
    x = image(s)
    gate = s.op("sigmoid", s.op("mean", x, axes=("height", "width")))
    gated = s.op("multiply", x, gate)
    back = s.op("cumsum", s.op("add", gate, s.parameter("p", channel=4, height=2, width=3)), axis="height")
    graph = s.returns(s.op("relu", s.op("add", gated, back)))
    only("fused", fused(graph))
    assert operators(graph) == ["add", "add", "cumsum", "input", "parameter", "part", "region", "relu"]


def test_a_gate_as_large_as_its_value_that_is_returned_is_a_miss() -> None:
    s = Sketch()
    x = image(s)
    channels, places = s.op("mean", x, axes=("height", "width")), s.op("mean", x, axes=("channel",))
    gate = s.op("sigmoid", s.op("add", channels, places))
    made = s.op("multiply", x, gate)
    remark = only("missed", fused(s.returns(made, gate)))
    assert "the `sigmoid`, as large as what is gated, is read by a result of the model too" in remark.message
    assert remark.span == s.graph.node(gate).origin.span


def test_a_map_of_the_value_that_is_read_elsewhere_is_a_miss() -> None:
    s = Sketch()
    x = image(s)
    square = s.op("multiply", x, x)
    made = s.op("multiply", x, s.op("sigmoid", s.op("mean", square, axes=("channel",))))
    remark = only("missed", fused(s.returns(made, s.op("cumsum", square, axis="height", name="total"))))
    assert "is read by `total` too" in remark.message


def test_gate_that_picks_a_place_is_a_miss() -> None:
    s = Sketch()
    x = image(s)
    first = s.op("index", x, axis="channel", position=Size.of(0))
    graph = s.returns(s.op("multiply", x, s.op("sigmoid", first)))
    remark = only("missed", fused(graph))
    assert remark.message == "the gate reads `x` at one place of {channel}, which is no statistic over {channel}"
    assert remark.help == "take a statistic first: `mean{channel}(…)`"
    assert remark.span == graph.node(first).origin.span


def test_statistics_in_two_steps_are_statistics() -> None:
    s = Sketch()
    x = image(s)
    pooled = s.op("mean", s.op("mean", x, axes=("height",)), axes=("width",))
    only("fused", fused(s.returns(s.op("multiply", x, pooled))))


def test_partial_statistic_under_an_operator_on_the_rest_is_a_miss() -> None:
    s = Sketch()
    x = s.input("x", batch="batch", branch=2, channel=4, height="n")
    summed = s.op("cumsum", s.op("sum", x, axes=("branch",)), axis="height")
    gate = s.op("sigmoid", s.op("mean", summed, axes=("height",)))
    remark = only("missed", fused(s.returns(s.op("multiply", x, gate))))
    assert remark.message == "`cumsum` works on the `sum`, which is reduced over {branch} alone"
    assert remark.help == "reduce over {branch, height} at once"


def test_long_way_to_the_factor_is_a_branch() -> None:
    s = Sketch()
    x = image(s)
    gate = s.op("mean", x, axes=("height", "width"))
    for _ in range(8):
        gate = s.op("tanh", gate)
    graph = s.returns(s.op("multiply", x, gate))
    remark = only("missed", FindGateRegions(largest=4).run(graph).remarks)
    assert remark.message == "the gate is a network of 9 operators, of which 4 are fused at most"
    assert FindGateRegions(largest=2).run(graph).remarks == ()  # too far off to look at
    assert run(FindGateRegions(), graph).changed is True


def test_what_follows_place_by_place_belongs_to_the_region() -> None:
    s = Sketch()
    x, shortcut = image(s), s.op("cumsum", s.input("z", batch="batch", channel=4, height=2, width=3), axis="width")
    graph = s.returns(s.op("relu", s.op("add", squeeze_excite(s, x), shortcut)))
    only("fused", fused(graph))
    assert operators(graph) == ["cumsum", "input", "input", "parameter", "parameter", "region"]


@pytest.mark.parametrize("sizes", [{"height": 1, "width": 1}, {"batch": 0}], ids=["one place", "empty batch"])
def test_degenerate_sizes(sizes: dict[str, int]) -> None:
    s = Sketch()
    only("fused", fused(s.returns(squeeze_excite(s, image(s, **sizes)))))


def test_second_run_changes_nothing() -> None:
    s = Sketch()
    graph = s.returns(squeeze_excite(s, image(s)))
    fused(graph)
    assert FindGateRegions().run(graph).changed is False
