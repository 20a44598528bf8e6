"""timm's `vit_small_patch16_224`, whose table of positions fixes the size of the picture."""

from __future__ import annotations

from typing import Any

from references.generator import picture
from references.network import Network


def make() -> Any:
    import timm

    return timm.create_model("vit_small_patch16_224")


NETWORK = Network(make, [(picture("image", 2, 3, 224, 224),), (picture("image", 1, 3, 224, 224),)])
