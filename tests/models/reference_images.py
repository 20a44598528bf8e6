"""Networks for images, as torchvision or the papers' own code have them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class InvertedResidual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        gate = nn.Module()
        gate.fc1, gate.fc2 = nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)
        self.block = nn.Sequential(self.filter(4, 8, 1, 1), self.filter(8, 8, 5, 8), gate, self.filter(8, 4, 1, 1))

    @staticmethod
    def filter(source: int, target: int, size: int, groups: int) -> nn.Sequential:
        conv = nn.Conv2d(source, target, size, padding=size // 2, groups=groups, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(target, 0.001, 0.01))

    def forward(self, x: Tensor) -> Tensor:
        widen, each, gate, narrow = self.block
        y = functional.hardswish(each(functional.hardswish(widen(x))))
        scale = gate.fc2(gate.fc1(functional.adaptive_avg_pool2d(y, 1)).relu())
        return x + narrow(y * functional.hardsigmoid(scale))


class ECA(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.eca = nn.ModuleDict({"conv": nn.Conv1d(1, 1, 3, padding=1, bias=False)})

    def forward(self, x: Tensor) -> Tensor:
        return x * self.eca["conv"](x.mean((2, 3))[:, None])[:, 0, :, None, None].sigmoid()


class ChannelGate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Flatten(), nn.Linear(6, 3), nn.ReLU(), nn.Linear(3, 6))

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.mlp(x.mean((2, 3))) + self.mlp(x.amax((2, 3)))).sigmoid()[:, :, None, None]


class SpatialGate(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(2, 1, 7, padding=3, bias=False), nn.BatchNorm2d(1, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        pooled = torch.cat([x.amax(1, keepdim=True), x.mean(1, keepdim=True)], 1)
        return x * self.bn(self.conv(pooled)).sigmoid()


class CBAM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ChannelGate, self.SpatialGate = ChannelGate(), SpatialGate()

    def forward(self, x: Tensor) -> Tensor:
        return x + self.SpatialGate(self.ChannelGate(x))


class NonLocal(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.theta, self.phi, self.g = (nn.Conv2d(4, 2, 1) for _ in range(3))
        self.W = nn.Sequential(nn.Conv2d(2, 4, 1), nn.BatchNorm2d(4))

    def forward(self, x: Tensor) -> Tensor:
        q = self.theta(x).flatten(2).mT
        k, v = (functional.max_pool2d(layer(x), 2).flatten(2) for layer in (self.phi, self.g))
        y = (q @ k).softmax(-1) @ v.mT
        return self.W(y.mT.unflatten(-1, x.shape[2:])) + x


class Video(nn.Module):
    """The block on each picture of a film on its own."""

    def __init__(self) -> None:
        super().__init__()
        self.block = NonLocal()

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([self.block(picture) for picture in x.unbind(2)], 2)


class BasicBlock(nn.Module):
    def __init__(self, source: int, target: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(source, target, 3, stride, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(target), nn.BatchNorm2d(target)
        self.conv2 = nn.Conv2d(target, target, 3, 1, 1, bias=False)
        if source != target:
            shorter = nn.Conv2d(source, target, 1, stride, bias=False)
            self.downsample = nn.Sequential(shorter, nn.BatchNorm2d(target))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        return (y + (self.downsample(x) if hasattr(self, "downsample") else x)).relu()


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 7, 2, 3, bias=False), nn.BatchNorm2d(4)
        self.layer1, self.layer2 = nn.Sequential(BasicBlock(4, 4, 1)), nn.Sequential(BasicBlock(4, 8, 2))
        self.fc = nn.Linear(8, 5)

    def forward(self, image: Tensor) -> Tensor:
        x = functional.max_pool2d(self.bn1(self.conv1(image)).relu(), 3, 2, 1)
        return self.fc(self.layer2(self.layer1(x)).mean((2, 3)))


class ASPP(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([self.branch(1, 1), self.branch(3, 2), self.branch(3, 4), self.pooled()])
        self.project = nn.Sequential(nn.Conv2d(16, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU())

    @staticmethod
    def branch(size: int, rate: int) -> nn.Sequential:
        conv = nn.Conv2d(6, 4, size, padding=rate * (size // 2), dilation=rate, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(4), nn.ReLU())

    @staticmethod
    def pooled() -> nn.Sequential:
        conv = nn.Conv2d(6, 4, 1, bias=False)
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), conv, nn.BatchNorm2d(4), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        found = [conv(x) for conv in self.convs]
        found[-1] = functional.interpolate(found[-1], x.shape[2:], mode="bilinear", align_corners=False)
        return self.project(torch.cat(found, 1))


class SpatialTransformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.localization = nn.Sequential(nn.Conv2d(3, 4, 5), nn.MaxPool2d(2), nn.ReLU(), nn.AdaptiveAvgPool2d(2))
        self.fc_loc = nn.Sequential(nn.Linear(16, 5), nn.ReLU(), nn.Linear(5, 6))

    def forward(self, x: Tensor) -> Tensor:
        theta = self.fc_loc(self.localization(x).flatten(1)).view(-1, 2, 3)
        grid = functional.affine_grid(theta, [len(x), 3, 6, 5], align_corners=True)
        return functional.grid_sample(x, grid, align_corners=True)
