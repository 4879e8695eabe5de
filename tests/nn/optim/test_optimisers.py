"""Trajectories of the optimisers against torch's, and against the papers where torch has none."""

import numpy
import pytest
import torch

from tests.nn.optim.trajectories import compare, loss_of, start
from tilegrad.base.errors import ArgumentError, ArgumentTypeError, GradientError
from tilegrad.ir.dtype import dtypes
from tilegrad.nn import optim
from tilegrad.nn.optim.muon import orthogonalize
from tilegrad.tensor import Tensor

MATRICES = [(4, 3), (3, 6), (5, 5)]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.05},
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ],
)
def test_sgd(options):
    compare(
        lambda p: optim.SGD(p, lr=0.05, **options), lambda p: torch.optim.SGD(p, lr=0.05, **options)
    )


@pytest.mark.parametrize("name", ["Adam", "AdamW", "Adamax", "RAdam"])
@pytest.mark.parametrize(
    "options", [{}, {"betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.1}, {"betas": (0.0, 0.9)}]
)
def test_adam(name, options):
    make, reference = getattr(optim, name), getattr(torch.optim, name)
    compare(lambda p: make(p, lr=0.02, **options), lambda p: reference(p, lr=0.02, **options))


def test_adam_in_float32_and_bfloat16():
    compare(optim.Adam, torch.optim.Adam, dtype="float32", rtol=2e-6, atol=2e-6)
    parameter = Tensor([1.0, 2.0], dtype="bfloat16")
    optimiser = optim.Adam([parameter], lr=0.1)
    assert optimiser.state[0]["exp_avg"].dtype is dtypes.float32
    (parameter * parameter).sum().backward()
    optimiser.step()
    assert parameter.dtype is dtypes.bfloat16
    numpy.testing.assert_allclose(parameter.float().numpy(), [0.9, 1.9], rtol=0.01)


@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.5, "centered": True, "weight_decay": 0.1, "alpha": 0.9}]
)
def test_rmsprop(options):
    compare(
        lambda p: optim.RMSprop(p, lr=0.01, **options),
        lambda p: torch.optim.RMSprop(p, lr=0.01, **options),
    )


@pytest.mark.parametrize("options", [{}, {"rho": 0.7, "eps": 1e-3, "weight_decay": 0.1}])
def test_adadelta(options):
    compare(
        lambda p: optim.Adadelta(p, lr=0.5, **options),
        lambda p: torch.optim.Adadelta(p, lr=0.5, **options),
    )


@pytest.mark.parametrize("options", [{}, {"lr_decay": 0.1, "weight_decay": 0.1, "eps": 1e-3}])
def test_adagrad(options):
    compare(
        lambda p: optim.Adagrad(p, lr=0.1, **options),
        lambda p: torch.optim.Adagrad(p, lr=0.1, **options),
    )


def test_muon_follows_torch_as_far_as_its_bfloat16_does():
    compare(
        lambda p: optim.Muon(p, lr=0.02),
        lambda p: torch.optim.Muon(p, lr=0.02),
        shapes=MATRICES,
        atol=5e-3,
        rtol=5e-3,
    )


def test_orthogonalised_matrices_keep_their_singular_vectors():
    matrix = numpy.random.default_rng(1).standard_normal((6, 9))
    found = orthogonalize(Tensor(matrix)).numpy()
    left, _, right = numpy.linalg.svd(matrix, full_matrices=False)
    inner = left.T @ found @ right.T
    singular = numpy.diag(inner)
    assert singular.min() > 0.6
    assert singular.max() < 1.3
    numpy.testing.assert_allclose(inner, numpy.diag(singular), atol=1e-9)
    numpy.testing.assert_allclose(orthogonalize(Tensor(matrix.T)).numpy(), found.T, atol=1e-9)


class Written(torch.optim.Optimizer):
    """An optimiser given by one step in torch."""

    def __init__(self, params, rule):
        super().__init__(params, {})
        self.rule = rule

    @torch.no_grad()
    def step(self):
        for parameter in self.param_groups[0]["params"]:
            state = self.state[parameter]
            state.setdefault("t", 0)
            state["t"] += 1
            self.rule(parameter, parameter.grad, state)


def test_lamb_is_the_paper_s():
    def rule(p, g, state):
        m, v = state.get("m", torch.zeros_like(p)), state.get("v", torch.zeros_like(p))
        state["m"], state["v"] = m, v = m.lerp(g, 0.1), v.lerp(g * g, 0.001)
        t = state["t"]
        step = m / (1 - 0.9**t) / ((v / (1 - 0.999**t)).sqrt() + 1e-6) + 0.01 * p
        ratio = p.norm() / step.norm() if p.norm() > 0 and step.norm() > 0 else 1.0
        p -= 0.05 * ratio * step

    compare(lambda p: optim.LAMB(p, lr=0.05, weight_decay=0.01), lambda p: Written(p, rule))
    zero = Tensor.zeros(3)
    optimiser = optim.LAMB([zero], lr=0.1)
    (zero * Tensor([1.0, -1.0, 0.0])).sum().backward()
    optimiser.step()
    numpy.testing.assert_allclose(zero.numpy(), [-0.1, 0.1, 0], rtol=1e-3)


def test_lion_is_the_paper_s():
    def rule(p, g, state):
        m = state.get("m", torch.zeros_like(p))
        direction = (0.9 * m + 0.1 * g).sign()
        state["m"] = 0.99 * m + 0.01 * g
        p -= 0.01 * (direction + 0.1 * p)

    compare(lambda p: optim.Lion(p, lr=0.01, weight_decay=0.1), lambda p: Written(p, rule))


def test_a_step_is_one_realisation_and_realises_what_is_passed(monkeypatch):
    parameters = [Tensor(array) for array in start()]
    optimiser = optim.Adam(parameters)
    loss = loss_of(parameters, 0)
    loss.backward()
    calls = []
    realize = Tensor.realize

    def count(*tensors):
        calls.append(tensors)
        return realize(*tensors)

    monkeypatch.setattr(Tensor, "realize", count)
    optimiser.step(loss)
    assert len(calls) == 1
    assert loss.is_realized()
    states = [*parameters, *optimiser.state_dict().values()]
    assert all(tensor.is_realized() for tensor in states)


def test_state_and_parameters_are_updated_in_their_own_memory():
    parameter = Tensor([1.0, 2.0])
    optimiser = optim.SGD([parameter], lr=0.1, momentum=0.9)
    before = [
        one.node.attributes.storage for one in (parameter, optimiser.state[0]["momentum_buffer"])
    ]
    for _ in range(2):
        optimiser.zero_grad()
        (parameter * parameter).sum().backward()
        optimiser.step()
    after = [
        one.node.attributes.storage for one in (parameter, optimiser.state[0]["momentum_buffer"])
    ]
    assert all(one is other for one, other in zip(before, after, strict=True))


def test_equal_parameters_are_updated_apart():
    first, second = Tensor.zeros(3), Tensor.zeros(3)
    optimiser = optim.SGD([first, second], lr=1.0)
    (first + second * 2).sum().backward()
    optimiser.step()
    numpy.testing.assert_array_equal(first.numpy(), -numpy.ones(3))
    numpy.testing.assert_array_equal(second.numpy(), -2 * numpy.ones(3))


def test_parameters_without_gradients_stay_and_frozen_ones_are_left_out():
    used, idle = Tensor([1.0]), Tensor([2.0])
    frozen = Tensor([3.0], requires_grad=False)
    optimiser = optim.SGD([used, idle, frozen, used], lr=0.5)
    assert len(optimiser.params) == 2
    (used * frozen).sum().backward()
    optimiser.step()
    assert [used.item(), idle.item(), frozen.item()] == [-0.5, 2.0, 3.0]


def test_training_goes_on_from_a_state_dictionary():
    def train(parameter, optimiser, steps):
        for _ in range(steps):
            optimiser.zero_grad(set_to_none=False)
            (parameter * parameter).sum().backward()
            optimiser.step()

    first, whole = Tensor([1.0, 2.0]), Tensor([1.0, 2.0])
    optimiser = optim.RAdam([first], lr=0.1)
    train(first, optimiser, 3)
    second = Tensor(first.numpy())
    following = optim.RAdam([second], lr=0.5)
    following.load_state_dict(optimiser.state_dict())
    train(second, following, 4)
    train(whole, optim.RAdam([whole], lr=0.1), 7)
    numpy.testing.assert_array_equal(second.numpy(), whole.numpy())


def test_a_group_steps_together():
    matrix, vector = Tensor(start([(3, 3)])[0]), Tensor(start([(3,)])[0])
    group = optim.OptimizerGroup(optim.Muon([matrix]), optim.AdamW([vector]))
    before = matrix.numpy(), vector.numpy()
    (matrix * vector).sum().backward()
    group.step()
    assert (matrix.numpy() != before[0]).all()
    assert (vector.numpy() != before[1]).all()
    group.zero_grad()
    assert matrix.grad is None
    optim.lr_scheduler.StepLR(group, 1, 0.5).step()
    rates = [one["lr"] for optimiser in group.optimizers for one in optimiser.param_groups]
    assert rates == [0.0005, 0.0005]


def test_wrong_use_is_refused():
    parameter = Tensor([1.0])
    with pytest.raises(GradientError, match="backward"):
        optim.SGD([parameter]).step()
    with pytest.raises(ArgumentError, match="no parameters"):
        optim.SGD([])
    with pytest.raises(ArgumentError, match="negative"):
        optim.SGD([parameter], lr=-1)
    with pytest.raises(ArgumentError, match="Nesterov"):
        optim.SGD([parameter], nesterov=True)
    with pytest.raises(ArgumentError, match="beta2"):
        optim.Adam([parameter], betas=(0.9, 1.0))
    with pytest.raises(ArgumentError, match="matrices"):
        optim.Muon([parameter])
    with pytest.raises(ArgumentTypeError, match="floating-point"):
        optim.SGD([Tensor([1])])
