import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError, ShapeError

functional = torch.nn.functional

WINDOWS = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True},
    {"kernel_size": 2, "stride": 3, "ceil_mode": True},
    {"kernel_size": (3, 2), "stride": (1, 2), "padding": (1, 0)},
]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_pooling_is_that_of_torch(window):
    array = random_array((2, 3, 8, 9))
    check(Tensor(array).max_pool2d(**window), functional.max_pool2d(to_torch(array), **window))
    for is_counted in (True, False):
        expected = functional.avg_pool2d(to_torch(array), **window, count_include_pad=is_counted)
        found = Tensor(array).avg_pool2d(**window, count_include_pad=is_counted)
        check(found, expected, tolerance=1e-6)


@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_places_of_the_greatest(window):
    array = numpy.round(random_array((2, 3, 8, 9)) * 2)  # with equal elements
    values, places = Tensor(array).max_pool2d(**window, return_indices=True)
    expected = functional.max_pool2d(to_torch(array), **window, return_indices=True)
    check(values, expected[0])
    check(places, expected[1])


def test_dilated_pooling():
    array = random_array((2, 8, 9))
    expected = functional.max_pool2d(to_torch(array), 3, 1, 0, dilation=2)
    check(Tensor(array).max_pool2d(3, 1, dilation=2), expected)


@pytest.mark.parametrize("spatial", [1, 3])
def test_other_numbers_of_axes(spatial):
    array = random_array((2, 3, *(6, 7, 8)[:spatial]))
    for name in ("avg_pool", "max_pool"):
        expected = getattr(functional, f"{name}{spatial}d")(to_torch(array), 3, 2, 1)
        found = getattr(Tensor(array), f"{name}{spatial}d")(3, 2, padding=1)
        check(found, expected, tolerance=1e-6)
    check(
        Tensor(array).max_pool2d((2,) * spatial),
        functional.__dict__[f"max_pool{spatial}d"](to_torch(array), 2),
    )


def test_integers_and_unpooling():
    array = random_array((1, 2, 6, 6), dtypes.int32)
    check(
        Tensor(array).max_pool2d(3, 1, padding=1),
        functional.max_pool2d(to_torch(array).float(), 3, 1, 1).int(),
    )
    source = random_array((2, 3, 6, 8))
    values, places = Tensor(source).max_pool2d(2, return_indices=True)
    expected = functional.max_unpool2d(
        *functional.max_pool2d(to_torch(source), 2, return_indices=True), 2
    )
    check(values.max_unpool2d(places), expected)


@pytest.mark.parametrize("size", [1, 2, 3, 5, (2, 3), (None, 4), 8])
def test_adaptive_pooling_is_that_of_torch(size):
    array = random_array((2, 3, 8, 9))
    expected = functional.adaptive_avg_pool2d(to_torch(array), size)
    check(Tensor(array).adaptive_avg_pool2d(size), expected, tolerance=1e-6)
    expected = functional.adaptive_max_pool2d(to_torch(array), size)
    check(Tensor(array).adaptive_max_pool2d(size), expected)


def test_power_pooling():
    array = numpy.abs(random_array((2, 3, 8, 9)))
    expected = functional.lp_pool2d(to_torch(array), 3.0, 2)
    check(Tensor(array).lp_pool2d(3, 2), expected, tolerance=1e-5)


def test_pooling_refuses():
    with pytest.raises(ShapeError, match="longer than the padded axis"):
        Tensor.ones(1, 1, 2, 2).max_pool2d(3)
    with pytest.raises(ArgumentError, match="half a window"):
        Tensor.ones(1, 1, 4, 4).max_pool2d(2, padding=2)
    with pytest.raises(ShapeError, match="too few axes"):
        Tensor.ones(4).avg_pool2d()
