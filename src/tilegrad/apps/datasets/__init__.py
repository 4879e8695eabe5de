"""Labelled images: where each set comes from, how it is read, and which part is held out."""

from tilegrad.apps.datasets.dataset import Dataset, Split
from tilegrad.apps.datasets.load import DATASETS, load_dataset

__all__ = ["DATASETS", "Dataset", "Split", "load_dataset"]
