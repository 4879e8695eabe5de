"""Batches of images as the network takes them: changed at random, scaled, in random order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy
from numpy.typing import NDArray

from tilegrad.apps.datasets import Dataset, Split
from tilegrad.apps.training.recipe import Recipe

Pixels: TypeAlias = NDArray[numpy.float32]
Labels: TypeAlias = NDArray[numpy.int64]


class Scaling:
    """Makes the pixels of the images that are learnt from zero in mean and one in spread.

    Args:
        images: those images.
    """

    def __init__(self, images: NDArray[numpy.uint8]) -> None:
        self.mean = numpy.float32(images.mean())
        self.spread = numpy.float32(max(float(images.std()), 1e-6))

    def __call__(self, images: NDArray[numpy.uint8]) -> Pixels:
        """Return images scaled, shape kept, float32."""
        return (images.astype(numpy.float32) - self.mean) / self.spread


def shuffled_batches(
    dataset: Dataset, scaling: Scaling, recipe: Recipe, epoch: int
) -> Iterator[tuple[Pixels, Labels]]:
    """Yield the batches of an epoch, all of one size; what is left over waits for another epoch.

    The same seed and epoch give the same batches.
    """
    generator = numpy.random.default_rng((recipe.seed, epoch))
    order = generator.permutation(len(dataset.train))
    for start in range(0, len(order) - recipe.batch_size + 1, recipe.batch_size):
        chosen = order[start : start + recipe.batch_size]
        images = dataset.train.images[chosen]
        if recipe.shift:
            images = shift_randomly(images, recipe.shift, generator)
        if recipe.is_flipped:
            images = flip_randomly(images, generator)
        yield scaling(images), dataset.train.labels[chosen]


def count_batches(dataset: Dataset, recipe: Recipe) -> int:
    """Return how many batches an epoch has."""
    return len(dataset.train) // recipe.batch_size


def even_batches(split: Split, scaling: Scaling, size: int) -> Iterator[tuple[Pixels, Labels]]:
    """Yield all images in order, in batches of one size.

    The last batch is filled up with its first image; its labels are those of its real images, so
    there are fewer of them.
    """
    for start in range(0, len(split), size):
        images = split.images[start : start + size]
        labels = split.labels[start : start + size]
        if len(images) < size:
            filling = numpy.repeat(images[:1], size - len(images), axis=0)
            images = numpy.concatenate([images, filling])
        yield scaling(images), labels


def shift_randomly(
    images: NDArray[numpy.uint8], most: int, generator: numpy.random.Generator
) -> NDArray[numpy.uint8]:
    """Return each image moved by up to so many pixels each way; what comes in is black."""
    count, _, height, width = images.shape
    sides = ((0, 0), (0, 0), (most, most), (most, most))
    padded = numpy.pad(images, sides)
    down, right = generator.integers(0, 2 * most + 1, (2, count, 1))
    rows = (down + numpy.arange(height))[:, None, :, None]
    columns = (right + numpy.arange(width))[:, None, None, :]
    number = numpy.arange(count)[:, None, None, None]
    channel = numpy.arange(images.shape[1])[None, :, None, None]
    return padded[number, channel, rows, columns]


def flip_randomly(
    images: NDArray[numpy.uint8], generator: numpy.random.Generator
) -> NDArray[numpy.uint8]:
    """Return the images, about half of them mirrored."""
    is_flipped = generator.random(len(images)) < 0.5
    return numpy.where(is_flipped[:, None, None, None], images[..., ::-1], images)
