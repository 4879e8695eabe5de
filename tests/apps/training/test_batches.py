"""Batches of images."""

from __future__ import annotations

import dataclasses

import numpy
import pytest

from tilegrad.apps.datasets import Dataset, Split
from tilegrad.apps.training.batches import (
    Scaling,
    count_batches,
    even_batches,
    flip_randomly,
    shift_randomly,
    shuffled_batches,
)
from tilegrad.apps.training.recipe import recipe_for

RECIPE = dataclasses.replace(recipe_for("digits"), batch_size=8, shift=0)


def unchanged(images):
    return images.astype(numpy.float32)


@pytest.fixture
def dataset() -> Dataset:
    """Images whose pixels all hold the image's number, which is its label too."""
    labels = numpy.arange(30)
    images = numpy.broadcast_to(labels[:, None, None, None], (30, 1, 4, 4)).astype(numpy.uint8)
    split = Split(images, labels)
    return Dataset("numbers", tuple(map(str, labels)), 255, split, split, "a test")


def test_an_epoch_has_every_image_at_most_once_with_its_own_label(dataset):
    batches = list(shuffled_batches(dataset, unchanged, RECIPE, 1))
    assert len(batches) == count_batches(dataset, RECIPE) == 3
    for images, labels in batches:
        assert images.shape == (8, 1, 4, 4)
        assert images.dtype == numpy.float32
        numpy.testing.assert_array_equal(images[:, 0, 0, 0], labels)
    assert len({*numpy.concatenate([labels for _, labels in batches])}) == 24


def test_seed_and_epoch_alone_decide_the_batches(dataset):
    def labels(seed: int, epoch: int) -> list[int]:
        recipe = dataclasses.replace(RECIPE, seed=seed, shift=1, is_flipped=True)
        batches = shuffled_batches(dataset, unchanged, recipe, epoch)
        return [int(label) for _, some in batches for label in some]

    assert labels(1, 2) == labels(1, 2)
    assert labels(1, 2) != labels(1, 3)
    assert labels(1, 2) != labels(2, 2)


def test_even_batches_hold_every_image_in_order_and_are_filled_up(dataset):
    batches = list(even_batches(dataset.held_out, unchanged, 12))
    assert [len(images) for images, _ in batches] == [12, 12, 12]
    assert [len(labels) for _, labels in batches] == [12, 12, 6]
    numpy.testing.assert_array_equal(
        numpy.concatenate([labels for _, labels in batches]), numpy.arange(30)
    )
    for images, labels in batches:
        numpy.testing.assert_array_equal(images[: len(labels), 0, 0, 0], labels)


def test_shifted_images_are_windows_of_the_padded_ones():
    generator = numpy.random.default_rng(3)
    images = generator.integers(1, 255, (200, 2, 5, 4), dtype=numpy.uint8)
    shifted = shift_randomly(images, 1, generator)
    padded = numpy.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    seen = set()
    for before, after in zip(padded, shifted, strict=True):
        places = [
            (down, right)
            for down in range(3)
            for right in range(3)
            if numpy.array_equal(before[:, down : down + 5, right : right + 4], after)
        ]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) == 9


def test_flipped_images_are_mirrored_or_unchanged():
    generator = numpy.random.default_rng(3)
    images = generator.integers(0, 255, (100, 1, 3, 3), dtype=numpy.uint8)
    flipped = flip_randomly(images, generator)
    is_same = (flipped == images).all((1, 2, 3))
    assert 30 < is_same.sum() < 70
    numpy.testing.assert_array_equal(flipped[~is_same], images[~is_same][..., ::-1])


def test_scaled_pixels_have_mean_zero_and_spread_one():
    images = numpy.random.default_rng(3).integers(0, 17, (50, 1, 8, 8), dtype=numpy.uint8)
    scaled = Scaling(images)(images)
    assert scaled.dtype == numpy.float32
    assert abs(scaled.mean()) < 1e-5
    assert abs(scaled.std() - 1) < 1e-5
    assert numpy.isfinite(Scaling(images * 0)(images * 0)).all()
