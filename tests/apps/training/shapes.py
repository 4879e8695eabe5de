"""A data set that is learnt at once: which half of an image is bright."""

from __future__ import annotations

import numpy

from tilegrad.apps.datasets import Dataset, Split

CLASSES = ("left", "right", "top", "bottom")


def make_split(count: int, seed: int) -> Split:
    generator = numpy.random.default_rng(seed)
    labels = numpy.arange(count) % len(CLASSES)
    images = generator.integers(0, 60, (count, 1, 8, 8), dtype=numpy.uint8)
    halves = (numpy.s_[:, :4], numpy.s_[:, 4:], numpy.s_[:4], numpy.s_[4:])
    for image, label in zip(images, labels, strict=True):
        image[0][halves[label]] += 190
    return Split(images, labels)


def make_shapes(train: int = 64, held_out: int = 20) -> Dataset:
    """Return the data set, images of 8x8 pixels."""
    return Dataset("shapes", CLASSES, 255, make_split(train, 1), make_split(held_out, 2), "a test")
