"""Data sets by their names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tilegrad.apps.datasets.dataset import Dataset
from tilegrad.apps.datasets.digits import load_digits
from tilegrad.apps.datasets.fashion_mnist import load_fashion_mnist
from tilegrad.apps.datasets.fetch import Meter
from tilegrad.base.errors import ArgumentError

DATASETS = ("digits", "fashion-mnist")


def load_dataset(name: str, cache_directory: Path, meter: Callable[[str], Meter]) -> Dataset:
    """Return a data set by its name, one of `DATASETS`.

    Args:
        name: the name.
        cache_directory: where fetched files are kept.
        meter: makes what is told how far the fetch of a file is, given the file's name.

    Raises:
        ArgumentError: there is no such data set.
        DataError: the data set is not on this machine and could not be fetched, or is damaged.
    """
    match name:
        case "digits":
            return load_digits()
        case "fashion-mnist":
            return load_fashion_mnist(cache_directory, meter)
        case _:
            raise ArgumentError(
                "There is no such data set", got=name, expected=" or ".join(DATASETS)
            )
