"""Clipping against torch's."""

import math

import numpy
import pytest
import torch

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.clipping import clip_grad_norm_, clip_grad_value_
from tilegrad.tensor import Tensor

RANDOM = numpy.random.default_rng(5)


def pairs():
    ours, theirs = [], []
    for shape in [(3, 4), (5,), (2,)]:
        array, gradient = RANDOM.standard_normal(shape), RANDOM.standard_normal(shape)
        ours.append(Tensor(array))
        theirs.append(torch.tensor(array))
        if shape != (2,):
            ours[-1].grad, theirs[-1].grad = Tensor(gradient), torch.tensor(gradient)
    return ours, theirs


def same(ours, theirs):
    for tensor, expected in zip(ours, theirs, strict=True):
        assert (tensor.grad is None) == (expected.grad is None)
        if tensor.grad is not None:
            numpy.testing.assert_allclose(tensor.grad.numpy(), expected.grad.numpy(), rtol=1e-9)


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("limit", [0.5, 100.0])
def test_by_norm(order, limit):
    ours, theirs = pairs()
    total = clip_grad_norm_(ours, limit, order)
    expected = torch.nn.utils.clip_grad_norm_(theirs, limit, order)
    numpy.testing.assert_allclose(total.item(), expected.item())
    same(ours, theirs)


def test_by_value():
    ours, theirs = pairs()
    clip_grad_value_(ours, 0.4)
    torch.nn.utils.clip_grad_value_(theirs, 0.4)
    same(ours, theirs)


def test_edges():
    assert clip_grad_norm_([Tensor([1.0])], 1.0).item() == 0
    with pytest.raises(ArgumentError, match="positive"):
        clip_grad_norm_([], 1.0, 0)
