import numpy
import pytest
import torch

from tests.tensor.support import check
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError


@pytest.mark.parametrize(
    "arguments",
    [(5,), (2, 7), (2, 7, 2), (7, 2, -2), (0,), (5, 5), (1.5,), (0, 1, 0.1), (3, -2, -0.7)],
)
def test_ranges_are_those_of_torch(arguments):
    check(Tensor.arange(*arguments), torch.arange(*arguments), tolerance=1e-6)


def test_ranges_of_dtypes():
    assert Tensor.arange(3, dtype="float16").dtype is dtypes.float16
    assert Tensor.arange(2**40, 2**40 + 2).tolist() == [2**40, 2**40 + 1]
    assert Tensor.arange(5, 2).tolist() == []
    with pytest.raises(ArgumentError, match="no end"):
        Tensor.arange(0, 5, 0)


@pytest.mark.parametrize("steps", [0, 1, 2, 5, 100])
def test_linspace_is_that_of_torch(steps):
    check(Tensor.linspace(-1, 2.5, steps), torch.linspace(-1, 2.5, steps), tolerance=1e-6)
    found = Tensor.linspace(0, 10, steps, dtype="int64")
    check(found, torch.linspace(0, 10, steps, dtype=torch.int64))


def test_logspace_is_that_of_torch():
    check(Tensor.logspace(-2, 3, 6), torch.logspace(-2, 3, 6), tolerance=1e-6)
    check(
        Tensor.logspace(0, 4, 5, base=2, dtype="int64"),
        torch.logspace(0, 4, 5, 2, dtype=torch.int64),
    )


def test_unit_matrices():
    check(Tensor.eye(3), numpy.eye(3, dtype=numpy.float32))
    check(Tensor.eye(2, 4, dtype="int64"), numpy.eye(2, 4, dtype=numpy.int64))
