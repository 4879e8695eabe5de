"""Groups of parameters with options of their own, against torch's, step by step."""

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nn.optim.trajectories import SHAPES, loss_of, start
from tilegrad.base.errors import ArgumentError, ArgumentTypeError
from tilegrad.engine import Session
from tilegrad.nn import optim
from tilegrad.tensor import Tensor, jit

BETAS = {"betas": st.sampled_from([(0.9, 0.999), (0.5, 0.8)])}
DECAY = {"weight_decay": st.sampled_from([0.0, 0.1])}
OPTIONS = {
    "SGD": {"momentum": st.sampled_from([0.0, 0.9]), "dampening": st.sampled_from([0.0, 0.2])},
    "Adam": BETAS,
    "AdamW": BETAS,
    "Adamax": BETAS,
    "RAdam": BETAS,
    "RMSprop": {"momentum": st.sampled_from([0.0, 0.5]), "centered": st.booleans()},
    "Adagrad": {"lr_decay": st.sampled_from([0.0, 0.1])},
    "Adadelta": {"rho": st.sampled_from([0.5, 0.9])},
}
SCHEDULES = [
    ("StepLR", {"step_size": 2, "gamma": 0.5}),
    ("CosineAnnealingLR", {"T_max": 4, "eta_min": 0.001}),
    ("LinearLR", {"total_iters": 3}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("OneCycleLR", {"max_lr": 0.05, "total_steps": 9}),
    ("LambdaLR", {"lr_lambda": lambda epoch: 1 / (1 + epoch)}),
]


@st.composite
def plans(draw):
    """Draw an optimiser, where its groups begin, what they differ in, and a schedule or none."""
    name = draw(st.sampled_from(sorted(OPTIONS)))
    options = {**OPTIONS[name], **DECAY, "lr": st.sampled_from([0.1, 0.02, 0.001])}
    inner = draw(st.sets(st.integers(1, len(SHAPES) - 1), max_size=2))
    bounds = [0, *sorted(inner), len(SHAPES)]
    groups = [draw(st.fixed_dictionaries({}, optional=options)) for _ in bounds[1:]]
    return name, bounds, groups, draw(st.none() | st.sampled_from(SCHEDULES))


def split(tensors, bounds, groups):
    spans = zip(bounds, bounds[1:], groups, strict=False)
    return [{"params": tensors[first:last], **options} for first, last, options in spans]


def same(ours, theirs):
    for tensor, expected in zip(ours, theirs, strict=True):
        found = expected.detach().numpy()
        numpy.testing.assert_allclose(tensor.numpy(), found, rtol=1e-9, atol=1e-10)


def take_step(parameters, optimiser, number):
    optimiser.zero_grad()
    loss_of(parameters, number).backward()
    optimiser.step()


def twins(shapes=SHAPES):
    arrays = start(shapes)
    return [Tensor(one) for one in arrays], [torch.tensor(one).requires_grad_() for one in arrays]


@settings(max_examples=25)
@given(plans())
def test_groups_and_schedules_follow_torch(plan):
    name, bounds, groups, schedule = plan
    ours, theirs = twins()
    optimiser = getattr(optim, name)(split(ours, bounds, groups), lr=0.05)
    reference = getattr(torch.optim, name)(split(theirs, bounds, groups), lr=0.05)
    schedules = []
    if schedule is not None:
        extra = {"cycle_momentum": False} if schedule[0] == "OneCycleLR" else {}
        make = getattr(torch.optim.lr_scheduler, schedule[0])
        schedules = [
            getattr(optim.lr_scheduler, schedule[0])(optimiser, **schedule[1]),
            make(reference, **schedule[1], **extra),
        ]
    for step in range(5):
        take_step(ours, optimiser, step)
        take_step(theirs, reference, step)
        same(ours, theirs)
        for one in schedules:
            one.step()
        for group, expected in zip(optimiser.param_groups, reference.param_groups, strict=True):
            numpy.testing.assert_allclose(group["lr"], expected["lr"], rtol=1e-12)


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_a_group_may_come_later(name):
    ours, theirs = twins()
    optimiser = getattr(optim, name)(ours[:2], lr=0.05)
    reference = getattr(torch.optim, name)(theirs[:2], lr=0.05)
    schedule = optim.lr_scheduler.ExponentialLR(optimiser, 0.5)
    for step in range(4):
        if step == 2:
            optimiser.add_param_group({"params": ours[2:], "lr": 0.01})
            reference.add_param_group({"params": theirs[2:], "lr": 0.01})
        take_step(ours, optimiser, step)
        take_step(theirs, reference, step)
        same(ours, theirs)
        schedule.step()
        reference.param_groups[0]["lr"] *= 0.5
    assert optimiser.param_groups[1]["lr"] == 0.01
    assert len(optimiser.state) == len(ours)


def test_rates_are_written_by_hand_as_in_torch():
    ours, theirs = twins()
    optimiser = optim.SGD([{"params": ours[:2]}, {"params": ours[2:], "lr": 0.5}], lr=0.1)
    reference = torch.optim.SGD([{"params": theirs[:2]}, {"params": theirs[2:], "lr": 0.5}], lr=0.1)
    for step in range(3):
        for each in (optimiser, reference):
            for group in each.param_groups:
                group["lr"] *= 0.3
            each.param_groups[1]["lr"] = 0.2 / (step + 1)
        take_step(ours, optimiser, step)
        take_step(theirs, reference, step)
        same(ours, theirs)


def test_the_rate_that_is_read_is_the_one_that_was_written():
    optimiser = optim.SGD([Tensor([1.0])], lr=0.1)
    (group,) = optimiser.param_groups
    assert group["lr"] == 0.1
    group["lr"] = 3e-4
    assert group["lr"] == 3e-4
    assert dict(group)["momentum"] == 0.0
    assert "lr=0.0003" in repr(group)
    assert repr(optimiser) == f"SGD(\n  (0): {group!r}\n)"
    assert "betas" not in group


def test_captured_steps_use_the_rate_of_each_group():
    with Session().entered():
        first, second = Tensor([1.0]), Tensor([1.0])
        optimiser = optim.SGD([{"params": first}, {"params": second, "lr": 0.5}], lr=0.25)
        schedule = optim.lr_scheduler.StepLR(optimiser, 4, 0.0)

        @jit
        def step(x):
            optimiser.zero_grad()
            loss = ((first + second) * x).sum()
            loss.backward()
            optimiser.step()
            return loss

        for _ in range(6):
            step(Tensor([1.0]))
            schedule.step()
        assert len(step.captured) == 1
        assert [first.item(), second.item()] == [0.0, -1.0]


def test_wrong_groups_are_refused():
    parameter, other = Tensor([1.0]), Tensor([2.0])
    with pytest.raises(ArgumentError, match="weigth_decay"):
        optim.SGD([{"params": parameter, "weigth_decay": 0.1}])
    with pytest.raises(ArgumentError, match="more than one group"):
        optim.SGD([{"params": [parameter]}, {"params": [other, parameter]}])
    assert other.requires_grad is None
    with pytest.raises(ArgumentTypeError, match="dictionary"):
        optim.SGD([{"params": [parameter]}, other])
    with pytest.raises(ArgumentTypeError, match="keys lr"):
        optim.SGD([{"lr": 0.1}])
    with pytest.raises(ArgumentError, match="negative"):
        optim.SGD([{"params": parameter, "lr": -1.0}])
    with pytest.raises(ArgumentError, match="beta2"):
        optim.Adam([{"params": parameter, "betas": (0.9, 1.0)}])
    fresh = [Tensor([1.0]), Tensor([2.0])]
    with pytest.raises(ArgumentError, match="requires_grad is None"):
        optim.Adam([one for one in fresh if one.requires_grad])
    optimiser = optim.SGD([{"params": parameter}, {"params": []}])
    assert [len(group["params"]) for group in optimiser.param_groups] == [1, 0]
    with pytest.raises(ArgumentError, match="only the learning rate"):
        optimiser.param_groups[0]["momentum"] = 0.5
    with pytest.raises(ArgumentError, match="negative"):
        optimiser.param_groups[0]["lr"] = -0.5
    with pytest.raises(ArgumentError, match="groups of parameters"):
        optim.lr_scheduler.OneCycleLR(optimiser, [0.1, 0.2, 0.3], 10)
    with pytest.raises(ArgumentError, match="more than one group"):
        optimiser.add_param_group({"params": [other, parameter]})
    assert len(optimiser.param_groups) == 2
    assert other.requires_grad is None
