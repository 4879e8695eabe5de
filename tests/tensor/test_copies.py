"""Tensors and models are copied and pickled like other objects."""

import copy
import pickle

import numpy
import pytest

from tests.tensor.support import FLOATS, check, random_array
from tilegrad import Tensor, nn
from tilegrad.tensor.jit import jit

ARRAY = random_array((3, 4))


def test_a_copy_of_a_model_lives_on_its_own():
    model = nn.Sequential(nn.Linear(4, 2), Tensor.relu, nn.Linear(2, 1))
    twin = copy.deepcopy(model)
    before = [one.numpy() for one in model.parameters()]
    optimiser = nn.optim.SGD(twin.parameters(), lr=1.0)
    twin(Tensor(ARRAY)).square().sum().backward()
    optimiser.step()
    for one, array in zip(model.parameters(), before, strict=True):
        check(one, array)
    assert any(
        (one.numpy() != array).any() for one, array in zip(twin.parameters(), before, strict=True)
    )


def test_copies_keep_their_values_when_a_captured_step_writes():
    weight = Tensor(ARRAY).realize()

    @jit
    def step(x):
        weight.assign(weight + x).realize()
        return weight.sum()

    copies = []
    for _ in range(5):
        step(Tensor(numpy.ones((3, 4), numpy.float32)))
        copies.append(copy.deepcopy(weight))
    for number, one in enumerate(copies, 1):
        check(one, ARRAY + number, tolerance=1e-5)


def test_a_tensor_that_is_held_twice_is_held_twice():
    tensor = Tensor(ARRAY, requires_grad=True)
    tensor.square().sum().backward()
    first, second = copy.deepcopy([tensor, tensor])
    assert first is second
    assert first.requires_grad
    check(first.grad, tensor.grad.numpy())
    assert copy.copy(tensor) is not tensor


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_pickles(dtype):
    tensor = Tensor(ARRAY, dtype=dtype, requires_grad=True) * 1.0
    again = pickle.loads(pickle.dumps(tensor))
    check(again, tensor.numpy())
    assert again.dtype is dtype
    parameter = pickle.loads(pickle.dumps(Tensor(ARRAY, requires_grad=True)))
    assert parameter.requires_grad
