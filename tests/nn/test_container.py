"""Containers of layers against torch's."""

import collections

import pytest
import torch

from tests.nn.parity import compare, normal
from tilegrad import nn
from tilegrad.base.errors import ArgumentTypeError
from tilegrad.tensor import Tensor


def stack(library):
    layers = [library.Linear(3, 4), library.ReLU(), library.Linear(4, 4), library.Tanh()]
    return library.Sequential(*layers)


@pytest.mark.parametrize("part", [slice(2), slice(None, -1)])
def test_a_part_of_a_stack_is_a_stack(part):
    ours, theirs = stack(nn)[part], stack(torch.nn)[part]
    compare(ours, theirs, normal(5, 3))
    assert isinstance(nn.ModuleList(ours)[:1], nn.ModuleList)


def test_a_layer_may_be_put_in_the_place_of_another():
    ours, theirs = stack(nn), stack(torch.nn)
    ours[2] = nn.Linear(ours[2].in_features, 6)
    theirs[2] = torch.nn.Linear(theirs[2].in_features, 6)
    compare(ours, theirs, normal(5, 3))
    children = ours.children()[:-1]
    compare(nn.Sequential(*children), torch.nn.Sequential(*list(theirs)[:-1]), normal(5, 3))


@pytest.mark.parametrize(
    "wrong", [[nn.Linear(2, 2)], collections.OrderedDict(first=nn.Linear(2, 2)), Tensor([1.0])]
)
def test_what_cannot_be_called_is_no_layer(wrong):
    with pytest.raises(ArgumentTypeError, match=type(wrong).__name__):
        nn.Sequential(wrong)
