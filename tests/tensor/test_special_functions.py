"""Special functions and their gradients against torch's."""

from __future__ import annotations

import numpy
import pytest
import torch

from tests.tensor.support import FLOATS, check, to_torch
from tilegrad import Tensor, dtypes
from tilegrad.base.errors import ArgumentError

LINE = numpy.concatenate([numpy.linspace(-6, 6, 97), [1e-8, -1e-8, 20.0, -20.0]])
UNIT = numpy.concatenate([numpy.linspace(-0.9999, 0.9999, 101), [1.0, -1.0, 0.0, 1.5, 1e-9]])
POSITIVE = numpy.concatenate([numpy.geomspace(1e-3, 1e3, 80), [1.0, 2.0, 10.0]])

CASES = {
    "erfc": (Tensor.erfc, torch.erfc, LINE),
    "erfcx": (Tensor.erfcx, torch.special.erfcx, numpy.linspace(-3, 30, 80)),
    "erfinv": (Tensor.erfinv, torch.erfinv, UNIT),
    "logit": (Tensor.logit, torch.logit, numpy.linspace(0, 1, 41)),
    "clipped logit": (
        lambda x: x.logit(0.1),
        lambda x: torch.logit(x, 0.1),
        numpy.linspace(0, 1, 41),
    ),
    "digamma": (Tensor.digamma, torch.digamma, POSITIVE),
    "digamma below 0": (Tensor.digamma, torch.digamma, numpy.linspace(-4.9, -0.1, 33)),
    "polygamma 0": (lambda x: x.polygamma(0), lambda x: torch.polygamma(0, x), POSITIVE),
    "polygamma 1": (lambda x: x.polygamma(1), lambda x: torch.polygamma(1, x), POSITIVE),
    "polygamma 4": (lambda x: x.polygamma(4), lambda x: torch.polygamma(4, x), POSITIVE),
}


@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.float64], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_torch(name, dtype):
    ours, theirs, array = CASES[name]
    array = array.astype(dtype.numpy)
    expected = theirs(torch.from_numpy(array).double()).numpy()
    found = ours(Tensor(array))
    assert found.dtype is dtype
    is_gamma = "gamma" in name  # torch's own have no more than nine digits
    limit = 3e-7 if dtype is dtypes.float32 else 2e-9 if is_gamma else 3e-13
    near_zero = limit if is_gamma or "logit" in name else 0.0
    with numpy.errstate(over="ignore"):
        expected = expected.astype(dtype.numpy)
    numpy.testing.assert_allclose(found.numpy(), expected, rtol=limit, atol=near_zero)


@pytest.mark.parametrize("name", ["erfc", "logit", "digamma", "polygamma 1"])
def test_gradients_are_those_of_torch(name):
    ours, theirs, _ = CASES[name]
    array = numpy.linspace(0.1, 0.9, 17)
    x = Tensor(array, requires_grad=True)
    ours(x).sum().backward()
    reference = torch.tensor(array, requires_grad=True)
    theirs(reference).sum().backward()
    numpy.testing.assert_allclose(x.grad.numpy(), reference.grad.numpy(), rtol=2e-9)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_narrow_dtypes_are_rounded_once(dtype):
    array = numpy.linspace(-0.9, 0.9, 9).astype(dtype.numpy)
    expected = torch.erfinv(torch.from_numpy(array.astype(numpy.float64))).numpy()
    check(Tensor(array).erfinv(), expected.astype(dtype.numpy))


def test_integers_give_floats():
    check(Tensor([1, 2]).erfc(), torch.erfc(torch.tensor([1.0, 2.0])))


def test_pairs():
    first, second = LINE.astype(numpy.float32), LINE[::-1].astype(numpy.float32)
    expected = torch.logaddexp2(to_torch(first), to_torch(second))
    check(Tensor(first).logaddexp2(Tensor(second)), expected, tolerance=1e-5)
    powers = numpy.array([-3, 0, 5])
    expected = torch.ldexp(torch.tensor([1.5, 2.0, -3.0]), torch.from_numpy(powers))
    check(Tensor([1.5, 2.0, -3.0]).ldexp(Tensor(powers)), expected)


def test_a_negative_order_is_refused():
    with pytest.raises(ArgumentError, match="order"):
        Tensor([1.0]).polygamma(-1)
