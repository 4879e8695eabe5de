"""Data sets and their names."""

from __future__ import annotations

import numpy
import pytest

from tilegrad.apps.datasets import Split, load_dataset
from tilegrad.base.errors import ArgumentError, DataError


def test_images_and_labels_must_fit_together():
    images = numpy.zeros((3, 1, 8, 8), numpy.uint8)
    assert len(Split(images, numpy.zeros(3, numpy.int64))) == 3
    with pytest.raises(DataError, match="do not fit"):
        Split(images, numpy.zeros(4, numpy.int64))
    with pytest.raises(DataError, match="do not fit"):
        Split(images[:, 0], numpy.zeros(3, numpy.int64))


def test_an_unknown_name_is_refused_with_those_that_are_known(tmp_path):
    with pytest.raises(ArgumentError, match="digits or fashion-mnist"):
        load_dataset("letters", tmp_path, lambda _: lambda _done, _total: None)
