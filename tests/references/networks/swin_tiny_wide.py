"""timm's Swin-T on a picture twice as wide as high, where the last layer shifts its windows along the width alone."""

from __future__ import annotations

from typing import Any

from references.generator import picture
from references.network import Network


def make() -> Any:
    import timm

    return timm.create_model("swin_tiny_patch4_window7_224", img_size=(224, 448))


NETWORK = Network(make, [(picture("image", 2, 3, 224, 448),)])
