"""A small convolutional network for small grey or coloured images."""

from __future__ import annotations

from collections.abc import Callable

from tilegrad import nn
from tilegrad.base.errors import ArgumentError
from tilegrad.tensor import Tensor


class ConvNet(nn.Module):
    """Stages of two 3×3 convolutions and a 2×2 pooling, then a mean over what is left of the image.

    Args:
        classes: number of classes.
        channels: channels of the images.
        widths: channels of each stage.
        dropout: share of the features that is dropped before the last layer in training.

    Raises:
        ArgumentError: there is no stage.
    """

    def __init__(
        self,
        classes: int = 10,
        channels: int = 1,
        widths: tuple[int, ...] = (32, 64),
        dropout: float = 0.25,
    ) -> None:
        if not widths:
            raise ArgumentError("a convnet needs a stage", got=widths)
        self.stages = [
            nn.Sequential(*_convolve(before, width), *_convolve(width, width))
            for before, width in zip((channels, *widths), widths, strict=False)
        ]
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, images: Tensor) -> Tensor:
        """Return the classes' logits, (batch, classes), for (batch, channels, height, width).

        Height and width are at least 2 to the power of the number of stages.
        """
        x = images
        for stage in self.stages:
            x = self.pool(stage(x))
        return self.classifier(self.dropout(x.mean((2, 3))))


def _convolve(before: int, after: int) -> tuple[Callable[[Tensor], Tensor], ...]:
    return nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm(after), Tensor.relu
