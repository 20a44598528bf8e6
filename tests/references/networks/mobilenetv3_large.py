"""timm's `mobilenetv3_large_100`: MobileNetV3-Large."""

from __future__ import annotations

from typing import Any

from references.generator import picture
from references.network import Network


def make() -> Any:
    import timm

    return timm.create_model("mobilenetv3_large_100")


NETWORK = Network(make, [(picture("image", 2, 3, 64, 64),), (picture("image", 1, 3, 97, 75),)])
