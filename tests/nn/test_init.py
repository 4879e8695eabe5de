"""Initial values: the statistics that PyTorch's defaults have."""

import math

import numpy
import pytest
import torch
from scipy import stats

from tilegrad import nn
from tilegrad.base.errors import ArgumentError, ShapeError
from tilegrad.nn import init
from tilegrad.tensor import Tensor

SHAPE = (60, 40, 3, 3)


@pytest.fixture(autouse=True)
def seed():
    Tensor.manual_seed(5)


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 2, 3)])
def test_orthogonal_weights_keep_lengths(shape):
    matrix = init.orthogonal(shape, gain=2.0).numpy().reshape(shape[0], -1)
    gram = matrix @ matrix.T if shape[0] <= matrix.shape[1] else matrix.T @ matrix
    numpy.testing.assert_allclose(gram, 4 * numpy.eye(len(gram)), atol=1e-4)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("xavier_uniform", {"gain": 2.0}),
        ("xavier_normal", {}),
        ("kaiming_uniform", {"a": 0.3}),
        ("kaiming_uniform", {"mode": "fan_out", "nonlinearity": "relu"}),
        ("kaiming_normal", {"nonlinearity": "tanh"}),
    ],
)
def test_spread_and_form_are_those_of_torch(name, options):
    found = getattr(init, name)(SHAPE, **options).numpy().ravel()
    reference = torch.empty(SHAPE)
    getattr(torch.nn.init, f"{name}_")(reference, **options)
    expected = reference.numpy().ravel()
    assert abs(found.std() / expected.std() - 1) < 0.03
    assert abs(found.mean()) < 0.03 * expected.std()
    if "uniform" in name:
        numpy.testing.assert_allclose(abs(found).max(), abs(expected).max(), rtol=0.01)
    assert stats.ks_2samp(found, expected).pvalue > 1e-3


def test_truncated_normal_has_its_distribution():
    found = init.truncated_normal((40_000,), mean=1.0, std=2.0, low=-1.0, high=4.0).numpy()
    expected = stats.truncnorm(-1.0, 1.5, loc=1.0, scale=2.0)
    assert found.min() >= -1.0
    assert found.max() <= 4.0
    assert stats.kstest(found, expected.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("layer", "arguments"),
    [
        ("Linear", (64, 100)),
        ("Conv2d", (16, 64, 3)),
        ("ConvTranspose2d", (32, 16, 3)),
        ("Embedding", (100, 50)),
        ("LSTM", (16, 64)),
        ("MultiheadAttention", (64, 2)),
        ("BatchNorm2d", (8,)),
    ],
)
def test_layers_start_as_torch_s_do(layer, arguments):
    reference = getattr(torch.nn, layer)(*arguments).state_dict()
    for name, tensor in getattr(nn, layer)(*arguments).state_dict().items():
        found, expected = tensor.numpy().ravel(), reference[name].numpy().ravel()
        assert found.shape == expected.shape
        if expected.size > 1000:
            assert abs(found.std() / expected.std() - 1) < 0.06, name
            is_uniform = abs(expected).max() < 2 * expected.std()
            assert (abs(found).max() < 2 * found.std()) == is_uniform, name
        elif (expected == expected[0]).all():
            numpy.testing.assert_array_equal(found, expected)
        else:
            assert 0 < abs(found).max() <= 1.05 * abs(expected).max() + 0.02, name


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("uniform_", {"a": -0.5, "b": 2.0}),
        ("normal_", {"mean": 1.0, "std": 0.02}),
        ("trunc_normal_", {"mean": 0.5, "std": 1.0, "a": -1.0, "b": 2.0}),
        ("xavier_uniform_", {"gain": 2.0}),
        ("xavier_normal_", {}),
        ("kaiming_uniform_", {"a": 0.3}),
        ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}),
        ("constant_", {"val": 0.25}),
        ("zeros_", {}),
        ("ones_", {}),
        ("eye_", {}),
        ("orthogonal_", {"gain": 3.0}),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_parameters_are_filled_in_place_as_by_torch(name, arguments, dtype):
    shape = (80, 60)
    theirs = getattr(torch.nn.init, name)(torch.empty(shape), **arguments).numpy().ravel()
    parameter = nn.Parameter(Tensor(numpy.full(shape, 9.0), dtype=dtype)).realize()
    storage = parameter.node.attributes.storage
    assert getattr(init, name)(parameter, **arguments) is parameter
    ours = parameter.realize().float().numpy().ravel()
    assert parameter.node.attributes.storage is storage
    assert parameter.dtype.name == dtype
    assert parameter.requires_grad
    if len(set(theirs)) <= 2:
        numpy.testing.assert_array_equal(ours, theirs)
    else:
        assert abs(ours.std() / theirs.std() - 1) < 0.06
        assert abs(ours.mean() - theirs.mean()) < 0.1 * theirs.std()
        assert stats.ks_2samp(ours, theirs).pvalue > 1e-4 or dtype == "bfloat16"


def test_gains_are_those_of_torch():
    for name in ("linear", "sigmoid", "tanh", "relu", "selu"):
        assert math.isclose(init.calculate_gain(name), torch.nn.init.calculate_gain(name))
    leaky = torch.nn.init.calculate_gain("leaky_relu", 0.2)
    assert math.isclose(init.calculate_gain("leaky_relu", 0.2), leaky)


def test_wrong_arguments_are_refused():
    with pytest.raises(ArgumentError, match="nonlinearity"):
        init.calculate_gain("swish")
    with pytest.raises(ArgumentError, match="mode"):
        init.kaiming_uniform((2, 2), mode="fan")
    with pytest.raises(ShapeError, match="vector"):
        init.xavier_uniform((3,))
    with pytest.raises(ShapeError, match="matrix"):
        init.eye_(Tensor([1.0]))
