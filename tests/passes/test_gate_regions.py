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
    assert "1 statistic over {channel}" in remark.message


def test_statistic_of_a_square() -> None:
    s = Sketch()
    x = image(s)
    power = s.op("mean", s.op("multiply", x, x), axes=("channel",))
    graph = s.returns(s.op("multiply", x, s.op("rsqrt", s.op("add", power, s.constant(1.0)))))
    only("fused", fused(graph))
    assert operators(graph) == ["input", "region"]


def test_gate_of_another_value_is_not_mentioned() -> None:
    s = Sketch()
    x, other = image(s), s.input("other", batch="batch", channel=4)
    assert fused(s.returns(s.op("multiply", x, s.op("sigmoid", other)))) == ()


def test_scale_by_a_parameter_is_not_mentioned() -> None:
    s = Sketch()
    assert fused(s.returns(s.op("multiply", image(s), s.parameter("scale", channel=4)))) == ()


def test_gate_returned_too_is_a_miss() -> None:
    s = Sketch()
    made = squeeze_excite(s, image(s))
    gate = s.graph.operands(made)[1]
    graph = s.returns(made, gate)
    remark = only("missed", fused(graph))
    assert "the `sigmoid`" in remark.message
    assert "a result of the model" in remark.message
    assert remark.help
    assert remark.span == graph.node(made).origin.span
    assert "region" not in operators(graph)


def test_statistic_read_elsewhere_is_a_miss() -> None:
    s = Sketch()
    x = image(s)
    made = squeeze_excite(s, x)
    (mean,) = (node.identity for node in s.graph.nodes("mean"))
    other = s.op("exp", mean, name="spread")
    assert "`spread`" in only("missed", fused(s.returns(made, other))).message


def test_gate_that_picks_a_place_is_a_miss() -> None:
    s = Sketch()
    x = image(s)
    first = s.op("index", x, axis="channel", position=Size.of(0))
    remark = only("missed", fused(s.returns(s.op("multiply", x, s.op("sigmoid", first)))))
    assert "`index`" in remark.message
    assert remark.help == "reduce it first: `mean{channel}(…)`"


def test_statistics_in_two_steps_are_a_miss() -> None:
    s = Sketch()
    x = image(s)
    pooled = s.op("mean", s.op("mean", x, axes=("height",)), axes=("width",))
    remark = only("missed", fused(s.returns(s.op("multiply", x, pooled))))
    assert remark.help == "reduce over {height, width} at once"


def test_long_way_to_the_factor_is_a_branch() -> None:
    s = Sketch()
    x = image(s)
    gate = s.op("mean", x, axes=("height", "width"))
    for _ in range(8):
        gate = s.op("tanh", gate)
    graph = s.returns(s.op("multiply", x, gate))
    assert FindGateRegions(largest=4).run(graph).changed is False
    assert run(FindGateRegions(), graph).changed is True


@pytest.mark.parametrize("sizes", [{"height": 1, "width": 1}, {"batch": 0}], ids=["one place", "empty batch"])
def test_degenerate_sizes(sizes: dict[str, int]) -> None:
    s = Sketch()
    only("fused", fused(s.returns(squeeze_excite(s, image(s, **sizes)))))


def test_second_run_changes_nothing() -> None:
    s = Sketch()
    graph = s.returns(squeeze_excite(s, image(s)))
    fused(graph)
    assert FindGateRegions().run(graph).changed is False
