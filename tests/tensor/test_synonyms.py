"""PyTorch's other names give what they give there."""

import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ShapeError

UNIT = numpy.linspace(-0.9, 0.9, 12, dtype=numpy.float32).reshape(3, 4)
OTHER = random_array((3, 4), seed=1)
WHOLE = numpy.arange(12).reshape(3, 4)
UNARY = [
    "absolute",
    "arccos",
    "arcsin",
    "arcsinh",
    "arctan",
    "arctanh",
    "fix",
    "negative",
    "ravel",
    "t",
    "clamp_min",
    "clamp_max",
]
BINARY = [
    "arctan2",
    "divide",
    "true_divide",
    "multiply",
    "subtract",
    "greater",
    "greater_equal",
    "less",
    "less_equal",
]


@pytest.mark.parametrize("name", UNARY)
def test_functions_of_one(name):
    arguments = (0.2,) if "clamp" in name else ()
    check(getattr(Tensor(UNIT), name)(*arguments), getattr(to_torch(UNIT), name)(*arguments))


@pytest.mark.parametrize("name", [*BINARY, "not_equal"])
def test_functions_of_two(name):
    expected = getattr(to_torch(UNIT), name)(to_torch(OTHER))
    check(getattr(Tensor(UNIT), name)(Tensor(OTHER)), expected)


def test_others():
    check(Tensor(UNIT + 2).arccosh(), to_torch(UNIT + 2).arccosh(), tolerance=1e-5)
    for name in ("bitwise_left_shift", "bitwise_right_shift"):
        check(
            getattr(Tensor(WHOLE), name)(Tensor(WHOLE % 3)),
            getattr(torch, name)(*map(to_torch, (WHOLE, WHOLE % 3))),
        )
    check(Tensor(UNIT).concat(Tensor(OTHER), dim=1), numpy.concatenate([UNIT, OTHER], 1))
    check(Tensor(UNIT[0]).ger(Tensor(OTHER[1])), to_torch(UNIT[0]).ger(to_torch(OTHER[1])))
    check(Tensor(UNIT).swapdims(0, 1), UNIT.T)
    check(Tensor(UNIT).view_as(Tensor(UNIT.T.copy())), UNIT.reshape(4, 3))
    assert (Tensor(UNIT).nelement(), Tensor(UNIT).ndimension()) == (12, 2)


def test_tensors_like_another():
    x = Tensor(UNIT, dtype="float64")
    check(x.new_zeros(2, 3), numpy.zeros((2, 3)))
    check(x.new_ones(4), numpy.ones(4))
    check(Tensor(WHOLE).new_full((2,), 7), numpy.full(2, 7))
    assert x.new_full((), 1.5).dtype is dtypes.float64


def test_only_matrices_are_transposed_so():
    with pytest.raises(ShapeError, match="two axes"):
        Tensor(numpy.ones((1, 2, 3))).t()
