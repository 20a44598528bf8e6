"""DeepLabV3 on ResNet-50 against torchvision's, whose outputs are stored in `tests/references`."""

from __future__ import annotations

import pytest
from references.compare import BACKENDS, compiled, errors


@pytest.mark.parametrize("backend", BACKENDS)
def test_agrees_with_torchvision_at_two_sizes(backend: str) -> None:
    assert max(errors("deeplabv3_resnet50", compiled("deeplabv3_resnet50", backend))) <= 1e-4
