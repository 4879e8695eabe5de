"""ResNet (K. He et al., "Deep residual learning for image recognition", 2016).

Layers and their names are those of torchvision, so that its weights can be loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilegrad import nn
from tilegrad.nn import init
from tilegrad.tensor import Tensor

BLOCK_COUNTS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside a shortcut.

    Args:
        inputs: channels of the input.
        width: channels of the output.
        stride: stride of the first convolution.
    """

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        self.conv1 = _convolution(inputs, width, 3, stride)
        self.bn1 = nn.BatchNorm(width)
        self.conv2 = _convolution(width, width, 3)
        self.bn2 = nn.BatchNorm(width)
        self.downsample = _shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, width, height / stride, width / stride)."""
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out))
        return (out + (x if self.downsample is None else self.downsample(x))).relu()


class Bottleneck(nn.Module):
    """A 1×1, a 3×3 and a 1×1 convolution beside a shortcut.

    Args:
        inputs: channels of the input.
        width: channels in the middle; the output has four times as many.
        stride: stride of the 3×3 convolution.
    """

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        outputs = width * self.expansion
        self.conv1 = _convolution(inputs, width, 1)
        self.bn1 = nn.BatchNorm(width)
        self.conv2 = _convolution(width, width, 3, stride)
        self.bn2 = nn.BatchNorm(width)
        self.conv3 = _convolution(width, outputs, 1)
        self.bn3 = nn.BatchNorm(outputs)
        self.downsample = _shortcut(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return (batch, 4 · width, height / stride, width / stride)."""
        out = self.bn1(self.conv1(x)).relu()
        out = self.bn2(self.conv2(out)).relu()
        out = self.bn3(self.conv3(out))
        return (out + (x if self.downsample is None else self.downsample(x))).relu()


class ResNet(nn.Module):
    """A residual network for images.

    Args:
        block: kind of the blocks.
        counts: number of blocks in each of the four stages.
        classes: number of classes.
        channels: channels of the images.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        counts: Sequence[int],
        classes: int = 1000,
        channels: int = 3,
    ) -> None:
        self.conv1 = _convolution(channels, 64, 7, 2)
        self.bn1 = nn.BatchNorm(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = 64
        stages = []
        for place, count in enumerate(counts):
            width, stride = 64 << place, 1 if place == 0 else 2
            stage = nn.Sequential()
            for number in range(count):
                stage.append(block(inputs, width, stride if number == 0 else 1))
                inputs = width * block.expansion
            stages.append(stage)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(inputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the classes' logits, (batch, classes), for (batch, channels, height, width)."""
        x = self.bn1(self.conv1(images)).relu()
        x = self.maxpool(x)
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.fc(x.mean((2, 3)))


def resnet18(classes: int = 1000) -> ResNet:
    """Return a ResNet of 18 layers."""
    return ResNet(BasicBlock, BLOCK_COUNTS[18], classes)


def resnet34(classes: int = 1000) -> ResNet:
    """Return a ResNet of 34 layers."""
    return ResNet(BasicBlock, BLOCK_COUNTS[34], classes)


def resnet50(classes: int = 1000) -> ResNet:
    """Return a ResNet of 50 layers, with the stride on the 3×3 convolutions."""
    return ResNet(Bottleneck, BLOCK_COUNTS[50], classes)


def _convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    layer.weight = init.kaiming_normal(
        (outputs, inputs, size, size), mode="fan_out", nonlinearity="relu"
    )
    return layer


def _shortcut(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(_convolution(inputs, outputs, 1, stride), nn.BatchNorm(outputs))
