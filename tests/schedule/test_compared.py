"""What is compared with its own maximum is computed once: gradients of maxima against PyTorch."""

from __future__ import annotations

import numpy
import pytest
import torch

from tilegrad import Tensor


def softmax_by_hand(scores):
    """Unlike ``softmax``, differentiated through the maximum, too."""
    powers = (scores - scores.amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1, keepdim=True)


def attend(q, k, v):
    return softmax_by_hand(q @ k.transpose(-1, -2)) @ v


def attend_above_least(q, k, v):
    scores = q @ k.transpose(-1, -2)
    result = (scores - scores.logsumexp(-1, keepdim=True)).exp() @ v
    return result - result.amin((0, 1), keepdim=True)


def choose(q, k, v):
    scores = (q @ k.transpose(-1, -2)).exp().sum(-1).log()
    return (scores == scores.amax(-1, keepdim=True)) * scores * v.sum()


@pytest.mark.parametrize(
    ("formula", "rows", "columns", "width"),
    [
        (attend, 300, 300, 16),
        (attend_above_least, 1, 257, 4),
        (choose, 200, 200, 24),
    ],
)
def test_gradients_of_maxima(formula, rows, columns, width):
    random = numpy.random.default_rng(0)
    shapes = (rows, width), (columns, width), (columns, width)
    arrays = [random.standard_normal(shape).astype(numpy.float32) / 2 for shape in shapes]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    result = formula(*theirs)
    weight = random.standard_normal(result.shape).astype(numpy.float32)
    expected = torch.autograd.grad(result, theirs, torch.tensor(weight))
    ours = [Tensor(array).realize() for array in arrays]
    found = (formula(*ours) * Tensor(weight)).sum().gradient(*ours)
    Tensor.realize(*found)
    for one, other in zip(found, expected, strict=True):
        numpy.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-5)


def test_gradient_of_the_maximum_of_a_strided_convolution():
    """What windows leave out is 0, and so is how often the maximum was there: 0 / 0 stays out."""
    random = numpy.random.default_rng(0)
    x, weight = (random.standard_normal(shape, numpy.float32) for shape in ((2, 1, 8), (8, 1, 3)))
    theirs = torch.tensor(x, requires_grad=True)
    result = torch.nn.functional.conv1d(theirs, torch.tensor(weight), stride=2).amax((0, 1))
    (expected,) = torch.autograd.grad(result.sum(), theirs)
    ours = Tensor(x).realize()
    (found,) = ours.conv1d(Tensor(weight).realize(), stride=2).amax((0, 1)).sum().gradient(ours)
    numpy.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)
