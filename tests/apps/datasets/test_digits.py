"""The handwritten digits."""

from __future__ import annotations

import sys

import numpy
import pytest
from sklearn import datasets

from tilegrad.apps.datasets.digits import load_digits
from tilegrad.base.errors import DataError


def test_every_image_is_in_one_of_the_two_parts():
    pixels, labels = datasets.load_digits(return_X_y=True)
    found = load_digits()
    assert found.image_shape == (1, 8, 8)
    assert (len(found.train), len(found.held_out)) == (1433, 364)
    assert found.train.images.max() == found.white == pixels.max()
    images = numpy.concatenate([found.train.images, found.held_out.images]).reshape(-1, 64)
    everything = numpy.column_stack([images, [*found.train.labels, *found.held_out.labels]])
    assert sorted(map(tuple, everything)) == sorted(
        map(tuple, numpy.column_stack([pixels, labels]).astype(int))
    )


def test_of_every_digit_a_fifth_is_held_out():
    found = load_digits()
    held_out = numpy.bincount(found.held_out.labels)
    counts = held_out + numpy.bincount(found.train.labels)
    numpy.testing.assert_array_equal(held_out, -(-counts // 5))


def test_without_scikit_learn_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(DataError, match=r'pip install "tilegrad\[demo\]"'):
        load_digits()
