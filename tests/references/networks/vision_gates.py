"""timm's gates, each on the same map: squeeze-and-excitation, ECA, CBAM, its halves, and the halves side by side."""

from __future__ import annotations

from typing import Any

from references.generator import picture
from references.network import Network


def make() -> Any:
    import torch
    from timm.layers.cbam import CbamModule, ChannelAttn, SpatialAttn
    from timm.layers.eca import EcaModule
    from timm.layers.squeeze_excite import SEModule
    from torch import nn

    class Parallel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.channel = ChannelAttn(32)
            self.spatial = SpatialAttn()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            first = self.channel
            channel = first.fc2(first.act(first.fc1(x.mean((2, 3), keepdim=True))))
            channel = channel + first.fc2(first.act(first.fc1(x.amax((2, 3), keepdim=True))))
            pooled = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
            return x + x * torch.sigmoid(channel + self.spatial.conv(pooled))

    return nn.ModuleDict(
        {
            "se": SEModule(32, rd_channels=8),
            "eca": EcaModule(kernel_size=5),
            "channel": ChannelAttn(32),
            "position": SpatialAttn(),
            "cbam": CbamModule(32),
            "parallel": Parallel(),
        }
    )


def each(gates: Any, x: Any) -> list[Any]:
    return [gate(x) for gate in gates.values()]


NETWORK = Network(make, [(picture("map", 2, 32, 8, 9),), (picture("map", 1, 32, 1, 13),)], each)
