"""Differences and integrals of samples against torch's."""

import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor

ARRAY = random_array((4, 5, 6))


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_differences_and_integrals(dim):
    x, y = Tensor(ARRAY), to_torch(ARRAY)
    check(x.diff(dim=dim), torch.diff(y, dim=dim))
    check(x.diff(2, dim), torch.diff(y, 2, dim), tolerance=1e-5)
    before, after = x.narrow(dim, 0, 2) * 3, x.narrow(dim, 0, 1)
    ends = (y.narrow(dim, 0, 2) * 3, y.narrow(dim, 0, 1))
    check(x.diff(1, dim, before, after), torch.diff(y, 1, dim, *ends))
    check((x > 0).diff(dim=dim), torch.diff(y > 0, dim=dim))
    check(x.trapezoid(dx=0.5, dim=dim), torch.trapezoid(y, dx=0.5, dim=dim), tolerance=1e-5)
    places = numpy.cumsum(numpy.abs(random_array((ARRAY.shape[dim],))))
    for name in ("trapezoid", "cumulative_trapezoid"):
        expected = getattr(torch, name)(y, to_torch(places), dim=dim)
        check(getattr(x, name)(Tensor(places), dim=dim), expected, tolerance=1e-5)


def test_integrals_of_no_samples_are_those_of_torch():
    array = numpy.zeros((3, 0), "f4")
    x, y = Tensor(array), torch.tensor(array)
    check(x.trapezoid(), torch.trapezoid(y))
    check(x.cumulative_trapezoid(), torch.cumulative_trapezoid(y))
