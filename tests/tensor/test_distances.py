"""Distances against torch's."""

import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor
from tilegrad.base.errors import ShapeError

ARRAY = random_array((4, 5, 6))


@pytest.mark.parametrize("p", [1.0, 2.0, float("inf")])
def test_distances(p):
    first, second = random_array((2, 5, 3)), random_array((2, 4, 3), seed=1)
    expected = torch.cdist(to_torch(first), to_torch(second), p)
    check(Tensor(first).cdist(Tensor(second), p), expected, tolerance=1e-5)
    check(Tensor(first[0]).pdist(p), torch.pdist(to_torch(first[0]), p), tolerance=1e-5)
    expected = torch.dist(to_torch(first), to_torch(first) * 2 + 1, p)
    check(Tensor(first).dist(Tensor(first) * 2 + 1, p), expected, tolerance=1e-5)
    with pytest.raises(ShapeError, match="cdist"):
        Tensor(first).cdist(Tensor(second[..., :2]))


def test_long_parts_are_shortened():
    expected = torch.renorm(to_torch(ARRAY), 2.0, 1, 3.0)
    check(Tensor(ARRAY).renorm(2.0, 1, 3.0), expected, tolerance=1e-5)
