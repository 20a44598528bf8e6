"""MobileNetV3-Large against timm's, whose outputs are stored in `tests/references`."""

from __future__ import annotations

import pytest
from references.compare import BACKENDS, compiled, errors


@pytest.mark.parametrize("backend", BACKENDS)
def test_agrees_with_timm_at_two_sizes(backend: str) -> None:
    module = compiled("mobilenetv3_large", backend)
    assert max(errors("mobilenetv3_large", module)) <= 1e-4
    fused = [remark.region for remark in module.remarks if remark.kind == "fused"]
    assert fused.count("gate") == 3 + 2 + 3
