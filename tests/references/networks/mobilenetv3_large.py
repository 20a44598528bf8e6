"""timm's `mobilenetv3_large_100`: MobileNetV3-Large."""

from __future__ import annotations

from typing import Any

import numpy as np
from references.generator import picture
from references.network import Network


def make() -> Any:
    import timm

    return timm.create_model("mobilenetv3_large_100")


def bright(*shape: int) -> np.ndarray:
    """A picture of large numbers: what is left of small ones behind fifty layers would drown in the biases."""
    return np.float32(100) * picture("image", *shape)


NETWORK = Network(make, [(bright(2, 3, 64, 64),), (bright(1, 3, 97, 75),)])
