"""A labelled set of images, in the two parts that every data set here has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy
from numpy.typing import NDArray

from tilegrad.base.errors import DataError

Images: TypeAlias = NDArray[numpy.uint8]
Labels: TypeAlias = NDArray[numpy.int64]


@dataclass(frozen=True, slots=True)
class Split:
    """Images and the class of each.

    Attributes:
        images: shape (count, channels, height, width), uint8.
        labels: shape (count,), int64, each from 0 to the number of classes less one.
    """

    images: Images
    labels: Labels

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.labels.shape != self.images.shape[:1]:
            raise DataError(
                "The images and labels of a data set do not fit together",
                got=f"images {self.images.shape}, labels {self.labels.shape}",
                expected="images (count, channels, height, width), labels (count,)",
            )

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Images to learn from and others to be judged by, which nothing is learnt from.

    Attributes:
        name: the name on the command line.
        classes: the name of each class, by its label.
        white: the pixel value of full intensity; 0 is none.
        train: what is learnt from.
        held_out: what accuracy is measured on.
        source: where it was found, in words.
    """

    name: str
    classes: tuple[str, ...]
    white: int
    train: Split
    held_out: Split
    source: str

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        _, channels, height, width = self.train.images.shape
        return channels, height, width
