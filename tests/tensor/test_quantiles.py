"""Statistics by order, of pairs of variables and of samples against torch's."""

import numpy
import pytest
import torch

from tests.tensor.support import check, random_array, to_torch
from tilegrad import Tensor
from tilegrad.base.errors import ArgumentError

ARRAY = random_array((4, 5, 6))
WITH_NAN = numpy.where(random_array((4, 5, 6), seed=3) > 0.8, numpy.nan, ARRAY).astype("float32")
SHARES = numpy.array([0.0, 0.13, 0.5, 0.77, 1.0], numpy.float32)


@pytest.mark.parametrize("name", ["nansum", "nanmean"])
@pytest.mark.parametrize("dim", [None, 0, (0, 2)])
@pytest.mark.parametrize("keepdim", [False, True])
def test_sums_without_nan(name, dim, keepdim):
    axes = tuple(range(3)) if dim is None else dim
    expected = getattr(torch, name)(to_torch(WITH_NAN), axes, keepdim)
    check(getattr(Tensor(WITH_NAN), name)(dim, keepdim), expected, tolerance=1e-5)


@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
@pytest.mark.parametrize("dim", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize("array", [ARRAY, WITH_NAN], ids=["plain", "nan"])
def test_quantiles(name, dim, keepdim, array):
    for q in (0.3, SHARES):
        share = q if isinstance(q, float) else Tensor(q)
        expected = getattr(torch, name)(
            to_torch(array), q if isinstance(q, float) else to_torch(q), dim, keepdim
        )
        check(getattr(Tensor(array), name)(share, dim, keepdim), expected, tolerance=1e-5)


@pytest.mark.parametrize("interpolation", ["linear", "lower", "higher", "nearest", "midpoint"])
def test_what_lies_between_two_elements(interpolation):
    expected = torch.quantile(to_torch(ARRAY), to_torch(SHARES), 1, interpolation=interpolation)
    found = Tensor(ARRAY).quantile(Tensor(SHARES), 1, interpolation=interpolation)
    check(found, expected, tolerance=1e-5)


def test_quantiles_have_gradients():
    x, reference = Tensor(ARRAY, requires_grad=True), to_torch(ARRAY).requires_grad_()
    x.quantile(0.4, 1).sum().backward()
    reference.quantile(0.4, 1).sum().backward()
    check(x.grad, reference.grad, tolerance=1e-5)


def test_nothing_has_no_quantile():
    with pytest.raises(ArgumentError, match="no elements"):
        Tensor(numpy.ones((0,), numpy.float32)).quantile(0.5)
    with pytest.raises(ArgumentError, match="interpolation"):
        Tensor([1.0]).quantile(0.5, interpolation="cubic")


def test_medians_without_nan():
    check(Tensor(WITH_NAN).nanmedian(), torch.nanmedian(to_torch(WITH_NAN)))
    check(Tensor(WITH_NAN).nanmedian(1), torch.nanmedian(to_torch(WITH_NAN), 1).values)


def test_least_and_greatest():
    for dim in (None, 1):
        expected = torch.aminmax(to_torch(ARRAY), dim=dim)
        for found, wanted in zip(Tensor(ARRAY).aminmax(dim), expected, strict=True):
            check(found, wanted)


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("size", [0, 1, 2, 7, 64])
def test_places_in_ascending_numbers(size, right):
    random = numpy.random.default_rng(size)
    ordered = numpy.sort(random.integers(0, 20, size)).astype(numpy.float32)
    values = random.integers(-2, 23, (3, 4)).astype(numpy.float32)
    expected = torch.searchsorted(to_torch(ordered), to_torch(values), right=right)
    check(Tensor(ordered).searchsorted(Tensor(values), right), expected)
    check(Tensor(values).bucketize(Tensor(ordered), right), expected)
    rows = numpy.sort(random.integers(0, 20, (3, size)), 1).astype(numpy.float32)
    expected = torch.searchsorted(to_torch(rows), to_torch(values), right=right)
    check(Tensor(rows).searchsorted(Tensor(values), right), expected)


@pytest.mark.parametrize("limits", [(0, 0), (-1, 1), (-3, 0.5)])
def test_histograms(limits):
    check(Tensor(ARRAY).histc(7, *limits), torch.histc(to_torch(ARRAY), 7, *limits))
    ones = numpy.ones(5, numpy.float32)
    check(Tensor(ones).histc(4), torch.histc(to_torch(ones), 4))


def test_membership():
    numbers, some = numpy.arange(12).reshape(3, 4), numpy.array([[3, 5], [99, 0]])
    check(Tensor(numbers).isin(Tensor(some)), numpy.isin(numbers, some))


def test_covariances():
    array = random_array((4, 9))
    check(Tensor(array).cov(), torch.cov(to_torch(array)), tolerance=1e-5)
    check(Tensor(array).cov(0), torch.cov(to_torch(array), correction=0), tolerance=1e-5)
    check(Tensor(array).corrcoef(), torch.corrcoef(to_torch(array)), tolerance=1e-5)
    check(Tensor(array[0]).cov(), torch.cov(to_torch(array[0])), tolerance=1e-5)


@pytest.mark.filterwarnings("ignore:cov():UserWarning")
@pytest.mark.parametrize("shape", [(2, 0), (2, 1)])
def test_covariances_of_too_few_observations_are_those_of_torch(shape):
    array = numpy.ones(shape, "f4")
    check(Tensor(array).cov(), torch.tensor(array).cov())


def test_histogram_of_nothing_is_that_of_torch():
    array = numpy.zeros(0, "f4")
    check(Tensor(array).histc(4), torch.tensor(array).histc(4))
