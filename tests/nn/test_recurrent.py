"""Recurrent networks and cells against torch's."""

import pytest
import torch

from tests.nn.parity import compare, normal
from tilegrad import nn
from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.tensor import Tensor

OPTIONS = [
    {},
    {"num_layers": 2, "bias": False},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
]


def states(name, *shape):
    return (normal(*shape), normal(*shape)) if name.startswith("LSTM") else normal(*shape)


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("options", OPTIONS)
def test_networks(name, options):
    compare(
        getattr(nn, name)(3, 4, **options),
        getattr(torch.nn, name)(3, 4, **options),
        normal(5, 2, 3),
    )


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU"])
def test_networks_take_an_initial_state_and_no_batch(name):
    options = {"num_layers": 2, "bidirectional": True}
    ours, theirs = getattr(nn, name)(3, 4, **options), getattr(torch.nn, name)(3, 4, **options)
    for x, shape in ((normal(5, 2, 3), (4, 2, 4)), (normal(5, 3), (4, 4))):
        start = states(name, *shape)
        if isinstance(start, tuple):
            compare_with_pair(ours, theirs, x, start)
        else:
            compare(ours, theirs, x, start)


def compare_with_pair(ours, theirs, x, pair):
    class Ours(nn.Module):
        def __init__(self):
            self.layer = ours

        def __call__(self, x, h, c):
            return self.layer(x, (h, c))

    class Theirs(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = theirs

        def forward(self, x, h, c):
            return self.layer(x, (h, c))

    compare(Ours(), Theirs(), x, *pair)


def test_relu_network():
    compare(
        nn.RNN(3, 4, nonlinearity="relu"), torch.nn.RNN(3, 4, nonlinearity="relu"), normal(4, 2, 3)
    )


@pytest.mark.parametrize("name", ["RNNCell", "LSTMCell", "GRUCell"])
@pytest.mark.parametrize("bias", [True, False])
def test_cells(name, bias):
    ours, theirs = getattr(nn, name)(3, 4, bias), getattr(torch.nn, name)(3, 4, bias)
    compare(ours, theirs, normal(2, 3))
    start = states(name, 2, 4)
    if isinstance(start, tuple):
        compare_with_pair(ours, theirs, normal(2, 3), start)
    else:
        compare(ours, theirs, normal(2, 3), start)


def test_dropout_acts_between_the_layers_in_training():
    layer, x = nn.LSTM(3, 4, 2, dropout=0.5), Tensor(normal(4, 2, 3))
    plain = layer(x)[0].numpy()
    with Tensor.train():
        dropped = layer(x)[0].numpy()
    assert (plain != dropped).any()


def test_wrong_arguments_are_refused():
    with pytest.raises(ShapeError, match="recurrent"):
        nn.GRU(3, 4)(Tensor(normal(5, 2, 4)))
    with pytest.raises(ArgumentError, match="nonlinearity"):
        nn.RNN(3, 4, nonlinearity="gelu")
