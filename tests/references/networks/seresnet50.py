"""timm's `seresnet50`: a ResNet-50 whose blocks squeeze and excite."""

from __future__ import annotations

from typing import Any

from references.generator import picture
from references.network import Network


def make() -> Any:
    import timm

    return timm.create_model("seresnet50")


NETWORK = Network(make, [(picture("image", 2, 3, 64, 64),), (picture("image", 1, 3, 97, 75),)])
