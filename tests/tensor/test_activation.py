import numpy
import pytest
import torch

from tests.tensor.support import FLOATS, check, random_array, to_torch
from tilegrad import Tensor
from tilegrad.base.errors import ArgumentError, ShapeError

functional = torch.nn.functional

CASES = {
    "relu": ({}, functional.relu),
    "relu6": ({}, functional.relu6),
    "hardtanh": ({"min_val": -0.5, "max_val": 2.0}, functional.hardtanh),
    "leaky_relu": ({"neg_slope": 0.2}, lambda x: functional.leaky_relu(x, 0.2)),
    "elu": ({"alpha": 1.3}, lambda x: functional.elu(x, 1.3)),
    "celu": ({"alpha": 1.3}, lambda x: functional.celu(x, 1.3)),
    "selu": ({}, functional.selu),
    "sigmoid": ({}, torch.sigmoid),
    "logsigmoid": ({}, functional.logsigmoid),
    "softplus": ({"beta": 2.0}, lambda x: functional.softplus(x, 2.0)),
    "silu": ({}, functional.silu),
    "mish": ({}, functional.mish),
    "gelu": ({}, functional.gelu),
    "quick_gelu": ({}, lambda x: x * torch.sigmoid(1.702 * x)),
    "hardsigmoid": ({}, functional.hardsigmoid),
    "hardswish": ({}, functional.hardswish),
    "softsign": ({}, functional.softsign),
    "tanhshrink": ({}, functional.tanhshrink),
    "softshrink": ({"lambd": 0.7}, functional.softshrink),
    "hardshrink": ({"lambd": 0.7}, functional.hardshrink),
    "threshold": ({"threshold": 0.3, "value": 5.0}, functional.threshold),
}


def takes_keywords(function):
    return getattr(function, "__name__", "") != "<lambda>"


def evaluate(name, array):
    options, reference = CASES[name]
    source = to_torch(array).requires_grad_()
    expected = reference(source, **options) if takes_keywords(reference) else reference(source)
    return getattr(Tensor(array), name)(**options), source, expected


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_activations_are_those_of_torch(name, dtype):
    array = (random_array((40,)) * 4).astype(dtype.numpy)
    found, _, expected = evaluate(name, array)
    check(found, expected, tolerance=1e-5 if dtype.bits == 32 else None)


@pytest.mark.parametrize("name", CASES)
def test_special_values(name):
    if name in ("mish", "gelu"):
        pytest.skip("torch gives NaN at infinity")
    array = numpy.array([0.0, -0.0, 100.0, -100.0, numpy.inf, numpy.nan], numpy.float32)
    found, _, expected = evaluate(name, array)
    check(found, expected, tolerance=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_gradients_are_those_of_torch(name):
    array = numpy.array([0.0, 100.0, -100.0, 1.0, -1.0, 0.3, -3.0, 3.0, 6.0], numpy.float32)
    _, source, expected = evaluate(name, array)
    expected.sum().backward()
    tensor = Tensor(array, requires_grad=True)
    getattr(tensor, name)(**CASES[name][0]).sum().backward()
    check(tensor.grad, source.grad, tolerance=1e-5)


def test_the_other_gelu_and_glu():
    array = random_array((4, 6))
    check(
        Tensor(array).gelu(approximate="tanh"),
        functional.gelu(to_torch(array), approximate="tanh"),
        tolerance=1e-5,
    )
    for axis in (0, 1):
        check(Tensor(array).glu(axis), functional.glu(to_torch(array), axis), tolerance=1e-5)
    with pytest.raises(ArgumentError, match="approximation"):
        Tensor(array).gelu(approximate="cubic")
    with pytest.raises(ShapeError, match="even"):
        Tensor(array[:3]).glu(0)


@pytest.mark.parametrize("count", [1, 3])
def test_prelu(count):
    array, weight = random_array((2, 3, 4)), random_array((count,))
    expected = functional.prelu(to_torch(array), to_torch(weight))
    check(Tensor(array).prelu(Tensor(weight)), expected)
    with pytest.raises(ShapeError, match="each channel"):
        Tensor(array).prelu(Tensor.ones(2))


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_softmax_is_that_of_torch(name, dtype):
    array = (random_array((3, 5, 2)) * 10).astype(dtype.numpy)
    for axis in (0, 1, -1):
        expected = getattr(functional, name)(to_torch(array), axis)
        tolerance = 1e-5 if dtype.bits == 32 else None
        check(getattr(Tensor(array), name)(axis), expected, tolerance=tolerance)
        check(getattr(Tensor(array), name)(dim=axis), expected, tolerance=tolerance)


def test_softmax_of_large_numbers_and_gradient():
    array = numpy.array([[1000.0, 1000.0, -1000.0], [0.0, -numpy.inf, 3.0]], numpy.float32)
    check(Tensor(array).softmax(), to_torch(array).softmax(-1), tolerance=1e-6)
    source = to_torch(random_array((3, 4))).requires_grad_()
    (source.softmax(1)[:, 0].log().sum() + source.log_softmax(0)[1].sum()).backward()
    tensor = Tensor(random_array((3, 4)), requires_grad=True)
    first = tensor.softmax(1).shrink(((0, 3), (0, 1))).log().sum()
    second = tensor.log_softmax(0).shrink(((1, 2), (0, 4))).sum()
    (first + second).backward()
    check(tensor.grad, source.grad, tolerance=1e-5)


def test_logsumexp_is_that_of_torch():
    array = random_array((3, 4, 5)) * 100
    for axis in (0, -1, (0, 2)):
        expected = to_torch(array).logsumexp(axis, keepdim=True)
        check(Tensor(array).logsumexp(axis, keepdim=True), expected, tolerance=1e-5)
    empty = numpy.array([[-numpy.inf, -numpy.inf], [numpy.inf, 1.0]], numpy.float32)
    check(Tensor(empty).logsumexp(1), to_torch(empty).logsumexp(1))
