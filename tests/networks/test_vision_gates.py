"""The gates of `std.vision` against timm's, whose outputs are stored in `tests/references`."""

from __future__ import annotations

from pathlib import Path

import pytest
from references.compare import BACKENDS, compiled, errors

import attncomp

FOLDER = Path(__file__).parent
ALONE = """from std.vision import %s
model Alone(x: f32[batch, channel = 32, height, width]) -> f32[batch, channel, height, width] {
  layer gate = %s
  return gate(x)
}"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_agree_with_timm_at_two_sizes(backend: str) -> None:
    assert max(errors("vision_gates", compiled("vision_gates", backend, FOLDER))) <= 1e-5


@pytest.mark.parametrize(
    ("gate", "regions"),
    [
        ("SqueezeExcite{size = 8}", 1),
        ("EfficientChannelAttention", 1),
        ("ChannelAttention", 1),
        ("PositionAttention", 1),
        ("CBAM", 2),
    ],
)
def test_each_is_found_as_a_gate(gate: str, regions: int) -> None:
    module = attncomp.compile(ALONE % (gate.split("{", maxsplit=1)[0], gate))
    assert [(remark.kind, remark.region) for remark in module.remarks] == [("fused", "gate")] * regions
