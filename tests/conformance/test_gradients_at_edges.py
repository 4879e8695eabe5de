"""Gradients where formulas meet or end: zeros, ties and bounds, against torch's."""

import numpy
import pytest
import torch

from tilegrad import Tensor

NUMBERS = numpy.array([-2.0, -1.0, -0.5, -0.0, 0.0, 0.5, 1.0, 2.0])
PAIRS = [array.ravel().copy() for array in numpy.meshgrid(NUMBERS, NUMBERS)]
ROWS = numpy.array([[0.0, 0.0, 0.0], [1.0, 1.0, 2.0], [2.0, 2.0, 2.0], [0.0, 3.0, -1.0]])
OTHERS = ROWS + numpy.array([0.0, 1.0, 0.0])
LINEAR = torch.linalg

OF_ONE = [
    "relu", "relu6", "abs", "celu", "elu", "selu", "silu", "mish", "erf", "erfc", "softplus",
    "softsign", "tanhshrink", "softshrink", "hardshrink", "logsigmoid", "sinc", "square", "tanh",
]  # fmt: skip
OF_TWO = [
    "maximum", "minimum", "fmax", "fmin", "atan2", "logaddexp", "logaddexp2", "copysign", "mul",
]  # fmt: skip
ALONG_ROWS = [
    "amax", "amin", "std", "var", "prod", "cumprod", "logcumsumexp", "logsumexp", "softmax",
    "log_softmax", "cummax", "cummin",
]  # fmt: skip


def compare(ours, theirs, *arrays):
    """Compare values and gradients, what is weighed differently from element to element."""
    tensors = [Tensor(array, requires_grad=True) for array in arrays]
    references = [torch.tensor(array, requires_grad=True) for array in arrays]
    found, expected = ours(*tensors), theirs(*references)
    if isinstance(found, tuple):
        found, expected = found[0], expected[0]
    numpy.testing.assert_allclose(found.numpy(), expected.detach().numpy(), rtol=1e-7, atol=1e-12)
    weights = numpy.arange(1.0, expected.numel() + 1).reshape(expected.shape)
    (found * Tensor(weights)).sum().backward()
    (expected * torch.tensor(weights)).sum().backward()
    for one, other in zip(tensors, references, strict=True):
        gradient = 0.0 if one.grad is None else one.grad.numpy()
        numpy.testing.assert_allclose(gradient, other.grad.numpy(), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", OF_ONE)
def test_functions_of_one(name):
    theirs = getattr(torch.nn.functional, name, None) or getattr(torch, name)
    compare(getattr(Tensor, name), theirs, NUMBERS)


@pytest.mark.parametrize("name", OF_TWO)
def test_functions_of_two(name):
    compare(getattr(Tensor, name), getattr(torch, name), *PAIRS)


@pytest.mark.parametrize("name", ALONG_ROWS)
def test_functions_along_rows(name):
    compare(lambda x: getattr(x, name)(1), lambda x: getattr(x, name)(1), ROWS)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0, float("inf"), -float("inf")])
def test_norms_of_nothing_have_no_slope(p):
    compare(lambda x: x.norm(p, 1), lambda x: LINEAR.vector_norm(x, p, 1), ROWS)
    if 1.0 <= p <= 3.0:
        compare(lambda x, y: x.cdist(y, p), lambda x, y: torch.cdist(x, y, p), ROWS, OTHERS)


def test_directions_of_nothing():
    functional = torch.nn.functional
    compare(Tensor.cosine_similarity, functional.cosine_similarity, ROWS, OTHERS[::-1].copy())
    compare(Tensor.normalize, functional.normalize, ROWS[1:])


def test_bounds_keep_what_lies_on_them():
    low, high = numpy.full(8, -1.0), numpy.full(8, 1.0)
    compare(lambda x: x.clamp(-1, 1), lambda x: x.clamp(-1, 1), NUMBERS)
    compare(Tensor.clamp, torch.clamp, NUMBERS, low, high)


def test_inverse_error_function():
    inside = numpy.array([-0.9, -0.5, -0.0, 0.0, 1e-9, 0.3, 0.99])
    compare(Tensor.erfinv, torch.erfinv, inside)
    curvature = Tensor(inside, requires_grad=True)
    first = curvature.erfinv().sum().gradient(curvature)[0]
    (second,) = first.sum().gradient(curvature)
    root = torch.erfinv(torch.tensor(inside)).numpy()
    numpy.testing.assert_allclose(
        second.numpy(), numpy.pi / 2 * root * numpy.exp(2 * root**2), rtol=1e-6, atol=1e-7
    )


def test_products_with_logarithms():
    left, right = (array[(PAIRS[1] > 0)] for array in PAIRS)
    compare(Tensor.xlogy, torch.xlogy, left, right)
    zeros = Tensor(numpy.zeros(3))
    assert zeros.xlogy(Tensor([0.0, -1.0, numpy.inf])).tolist() == [0.0, 0.0, 0.0]
