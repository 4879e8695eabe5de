"""Linear layers and small ones against torch's."""

import numpy
import pytest
import torch

from tests.nn.parity import compare, normal
from tilegrad import nn
from tilegrad.tensor import Tensor


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(5,), (4, 5), (2, 3, 5)])
def test_linear(bias, shape):
    compare(nn.Linear(5, 7, bias), torch.nn.Linear(5, 7, bias), normal(*shape))


def test_bilinear():
    compare(nn.Bilinear(3, 4, 5), torch.nn.Bilinear(3, 4, 5), normal(6, 3), normal(6, 4))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("ReLU", ()),
        ("LeakyReLU", (0.2,)),
        ("ELU", (0.7,)),
        ("GELU", ()),
        ("GELU", ("tanh",)),
        ("SiLU", ()),
        ("Sigmoid", ()),
        ("Tanh", ()),
        ("Softplus", (2.0,)),
        ("Hardswish", ()),
        ("Softmax", (1,)),
        ("LogSoftmax", (1,)),
        ("Flatten", ()),
        ("Identity", ()),
        ("MaxPool2d", (2,)),
        ("MaxPool2d", (3, 2, 1)),
        ("AvgPool2d", (3, 2, 1, True, False)),
    ],
)
def test_layers_without_state(name, arguments):
    keywords = {"approximate": arguments[0]} if name == "GELU" and arguments else {}
    arguments = () if keywords else arguments
    compare(
        getattr(nn, name)(*arguments, **keywords),
        getattr(torch.nn, name)(*arguments, **keywords),
        normal(2, 3, 5, 6),
    )


def test_sequential_names_its_layers_by_number():
    ours = nn.Sequential(nn.Linear(3, 4), Tensor.relu, nn.Sequential(nn.Linear(4, 2)))
    theirs = torch.nn.Sequential(
        torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Sequential(torch.nn.Linear(4, 2))
    )
    compare(ours, theirs, normal(5, 3))
    assert list(ours.state_dict()) == ["0.weight", "0.bias", "2.0.weight", "2.0.bias"]


def test_dropout_is_on_in_training_only():
    layer, x = nn.Dropout(0.3), Tensor(numpy.ones(10_000, numpy.float32))
    numpy.testing.assert_array_equal(layer(x).numpy(), x.numpy())
    with Tensor.train():
        dropped = layer(x).numpy()
    assert abs((dropped == 0).mean() - 0.3) < 0.02
    numpy.testing.assert_allclose(dropped[dropped != 0], 1 / 0.7, rtol=1e-6)


def test_embedding():
    index = numpy.array([[0, 2, 2], [5, 1, 0]])
    compare(nn.Embedding(6, 4), torch.nn.Embedding(6, 4), index)
    ours, theirs = nn.Embedding(6, 4, -1), torch.nn.Embedding(6, 4, -1)
    assert (ours.weight.numpy()[5] == 0).all()
    compare(ours, theirs, index)


@pytest.mark.parametrize("padding", [None, 2])
@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags_of_embeddings(mode, padding):
    index = numpy.array([[0, 2, 5], [2, 2, 2], [1, 1, 3]])
    ours = nn.EmbeddingBag(6, 4, mode, padding)
    theirs = torch.nn.EmbeddingBag(6, 4, mode=mode, padding_idx=padding)
    compare(ours, theirs, index)
    if mode == "sum":
        compare(ours, theirs, index, per_sample_weights=normal(3, 3))
