"""A step over all parameters of a model is one kernel, and right whatever their sizes."""

import numpy
import pytest
import torch

from tilegrad.engine import Session
from tilegrad.engine.explain import explain
from tilegrad.nn import optim
from tilegrad.tensor import Tensor
from tilegrad.tensor.jit import jit

SHAPES = [(16, 3, 3, 3), (16,), (40, 7), (2, 2), (300, 301), (1, 1000, 1), (3, 1, 5, 2)]
OPTIMISERS = [
    (optim.Adam, {}),
    (optim.AdamW, {}),
    (optim.SGD, {"momentum": 0.9, "dampening": 0.1}),
    (optim.SGD, {}),
    (optim.Adagrad, {"lr_decay": 0.1}),
    (optim.RMSprop, {"momentum": 0.5, "centered": True}),
    (optim.Lion, {}),
    (optim.Adadelta, {}),
    (optim.Adamax, {}),
    (optim.RAdam, {}),
]


@pytest.fixture(autouse=True)
def compiled_session(reference_session):
    with Session().entered() as session:
        yield session


def parameters(dtype="float32", shapes=SHAPES):
    random = numpy.random.default_rng(1)
    return [Tensor(random.standard_normal(shape), dtype=dtype) for shape in shapes]


def with_gradients(params, seed=0):
    random = numpy.random.default_rng(seed)
    for one in params:
        one.grad = Tensor(random.standard_normal(one.shape), dtype=one.dtype).realize()
    return params


@pytest.mark.parametrize(("kind", "options"), OPTIMISERS)
def test_a_step_is_one_kernel(kind, options):
    params = parameters()
    optimiser = kind(params, lr=0.1, **options)
    (kernel,) = explain(*_scheduled(optimiser, params)).kernels
    assert kernel.launches == len(SHAPES)


def test_a_step_is_one_kernel_for_each_dtype():
    params = [*parameters(), *parameters("float64"), *parameters("bfloat16")]
    optimiser = optim.AdamW(params)
    assert len(explain(*_scheduled(optimiser, params)).kernels) == 3


def _scheduled(optimiser, params):
    with_gradients(params)
    return optimiser.schedule_step()


@pytest.mark.parametrize("is_captured", [False, True])
def test_large_and_small_parameters_follow_torch(is_captured):
    """The larger ones take many instances, which all read the count that one step advances."""
    shapes = [(700, 1001), (65537,), (3,), (1,), ()]
    params = parameters(shapes=shapes)
    theirs = [torch.nn.Parameter(torch.tensor(one.numpy())) for one in params]
    ours = optim.Adam(params, lr=0.01)
    reference = torch.optim.Adam(theirs, lr=0.01)

    def step(*gradients):
        for one, gradient in zip(params, gradients, strict=True):
            one.grad = gradient
        ours.step()

    run = jit(step) if is_captured else step
    for seed in range(5):
        with_gradients(params, seed)
        gradients = [one.grad for one in params]
        for one, gradient in zip(theirs, gradients, strict=True):
            one.grad = torch.tensor(gradient.numpy())
        run(*gradients)
        reference.step()
    for one, other in zip(params, theirs, strict=True):
        numpy.testing.assert_allclose(one.numpy(), other.detach().numpy(), rtol=1e-5, atol=1e-6)
    assert [state["step"].item() for state in ours.state] == [5.0] * len(shapes)
