"""timm's ResNet-50 with CBAM in every block."""

from __future__ import annotations

from typing import Any

from references.generator import picture
from references.network import Network


def make() -> Any:
    from timm.models.resnet import Bottleneck, ResNet

    return ResNet(block=Bottleneck, layers=[3, 4, 6, 3], block_args={"attn_layer": "cbam"})


NETWORK = Network(make, [(picture("image", 2, 3, 64, 64),), (picture("image", 1, 3, 97, 75),)])
