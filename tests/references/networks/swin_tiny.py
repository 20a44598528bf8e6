"""timm's `swin_tiny_patch4_window7_224`."""

from __future__ import annotations

from typing import Any

from references.generator import picture
from references.network import Network


def make() -> Any:
    import timm

    return timm.create_model("swin_tiny_patch4_window7_224")


NETWORK = Network(make, [(picture("image", 2, 3, 224, 224),), (picture("image", 1, 3, 224, 224),)])
