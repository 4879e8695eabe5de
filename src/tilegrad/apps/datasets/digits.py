"""Handwritten digits: 1,797 images of 8x8 pixels in 17 shades, shipped with scikit-learn.

They are the test part of the "Optical Recognition of Handwritten Digits" data of the UCI machine
learning repository (E. Alpaydin and C. Kaynak, 1998).

The held-out split is fixed: of each digit every fifth image in the order in which they stand,
beginning with the first (364 images); the other 1,433 are learnt from. They stand in the order in
which they were gathered, so each writer and each digit has its share in both parts.
"""

from __future__ import annotations

import numpy

from tilegrad.apps.datasets.dataset import Dataset, Split
from tilegrad.base.errors import DataError

HELD_OUT_EVERY = 5


def load_digits() -> Dataset:
    """Return the handwritten digits, images of shape (1, 8, 8).

    Raises:
        DataError: scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ImportError as error:
        raise DataError(
            "The handwritten digits come with scikit-learn, which is not installed",
            mend='pip install "tilegrad[demo]"',
        ) from error
    pixels, labels = datasets.load_digits(return_X_y=True)
    images = numpy.asarray(pixels).astype(numpy.uint8).reshape(-1, 1, 8, 8)
    labels = numpy.asarray(labels).astype(numpy.int64)
    is_held_out = numpy.zeros(len(labels), numpy.bool_)
    for digit in range(10):
        is_held_out[numpy.flatnonzero(labels == digit)[::HELD_OUT_EVERY]] = True
    return Dataset(
        name="digits",
        classes=tuple("0123456789"),
        white=16,
        train=Split(images[~is_held_out], labels[~is_held_out]),
        held_out=Split(images[is_held_out], labels[is_held_out]),
        source="scikit-learn",
    )
