"""Schedules against torch's."""

import itertools

import numpy
import pytest
import torch

from tilegrad.base.errors import ArgumentError
from tilegrad.nn.optim import SGD, lr_scheduler
from tilegrad.tensor import Tensor

CASES = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [7, 2, 2], "gamma": 0.3}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("LinearLR", {"start_factor": 0.25, "end_factor": 0.75, "total_iters": 6}),
    ("CosineAnnealingLR", {"T_max": 8, "eta_min": 0.01}),
    ("LambdaLR", {"lr_lambda": lambda epoch: 1 / (1 + epoch)}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 13}),
    ("ConstantLR", {"factor": 0.3, "total_iters": 4}),
    ("PolynomialLR", {"total_iters": 7, "power": 2.0}),
    ("MultiplicativeLR", {"lr_lambda": lambda epoch: 1 - 0.01 * epoch}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 3, "step_size_down": 2}),
    ("CyclicLR", {"base_lr": 0.01, "max_lr": 0.2, "step_size_up": 2, "mode": "triangular2"}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.2, "mode": "exp_range", "gamma": 0.9}),
]


def optimisers(lr=0.1):
    return SGD([Tensor([1.0])], lr=lr), torch.optim.SGD([torch.ones(1)], lr=lr)


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.filterwarnings("ignore:Detected call of")
def test_a_schedule_is_that_of_torch(name, options):
    ours, theirs = optimisers()
    schedule = getattr(lr_scheduler, name)(ours, **options)
    extra = {"cycle_momentum": False} if name in ("OneCycleLR", "CyclicLR") else {}
    reference = getattr(torch.optim.lr_scheduler, name)(theirs, **options, **extra)
    for _ in range(12):
        numpy.testing.assert_allclose(
            ours.param_groups[0]["lr"], theirs.param_groups[0]["lr"], rtol=1e-6
        )
        numpy.testing.assert_allclose(
            ours.param_groups[0]["lr"], schedule.get_last_lr()[0], rtol=1e-6
        )
        schedule.step()
        reference.step()


@pytest.mark.filterwarnings("ignore:Detected call of", "ignore:The epoch parameter")
def test_schedules_take_turns_as_in_torch():
    def build(library, optimiser):
        parts = [
            library.LinearLR(optimiser, total_iters=3),
            library.CosineAnnealingLR(optimiser, 4),
            library.ExponentialLR(optimiser, 0.5),
        ]
        return library.SequentialLR(optimiser, parts, [3, 8])

    ours, theirs = optimisers()
    schedule = build(lr_scheduler, ours)
    reference = build(torch.optim.lr_scheduler, theirs)
    for _ in range(12):
        numpy.testing.assert_allclose(
            ours.param_groups[0]["lr"], theirs.param_groups[0]["lr"], rtol=1e-6
        )
        numpy.testing.assert_allclose(schedule.get_last_lr(), reference.get_last_lr(), rtol=1e-6)
        schedule.step()
        reference.step()
    with pytest.raises(ArgumentError, match="milestone"):
        lr_scheduler.SequentialLR(ours, [schedule], [1])


@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_plateau_is_that_of_torch(mode):
    ours, theirs = optimisers()
    options = {"mode": mode, "factor": 0.5, "patience": 2, "cooldown": 1, "min_lr": 0.02}
    schedule = lr_scheduler.ReduceLROnPlateau(ours, **options)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    for value in [5.0, 4, 4, 4, 4, 4, 4, 3, 6, 6, 6, 6, 6, 6, 6, 6, 6, 6]:
        schedule.step(value)
        reference.step(value)
        numpy.testing.assert_allclose(
            ours.param_groups[0]["lr"], theirs.param_groups[0]["lr"], rtol=1e-6
        )


@pytest.mark.parametrize("share", [0.0, 0.1, 0.3, 1.0])
def test_a_cycle_reaches_its_peak_wherever_that_lies(share):
    ours, theirs = optimisers()
    schedule = lr_scheduler.OneCycleLR(ours, 0.5, 10, pct_start=share)
    rates = [schedule.rate_at(epoch) for epoch in range(10)]
    if share == 0.1:  # the peak is at step 0, where torch divides by zero
        assert rates[0] == 0.5
        assert all(rate > following for rate, following in itertools.pairwise(rates))
        return
    reference = torch.optim.lr_scheduler.OneCycleLR(
        theirs, 0.5, 10, pct_start=share, cycle_momentum=False
    )
    for rate in rates:
        numpy.testing.assert_allclose(rate, reference.get_last_lr()[0], rtol=1e-9)
        theirs.step()
        if reference.last_epoch < 9:
            reference.step()


def test_warm_up_rises_to_the_base_rate():
    ours, _ = optimisers(0.8)
    schedule = lr_scheduler.CosineAnnealingLR(ours, 4, warmup=3)
    rates = [schedule.rate_at(epoch) for epoch in range(8)]
    numpy.testing.assert_allclose(rates[:4], [0.2, 0.4, 0.6, 0.8], rtol=1e-6)
    numpy.testing.assert_allclose(rates[-1], 0, atol=1e-9)


def test_the_rate_is_written_in_place():
    ours, _ = optimisers()
    storage = ours.param_groups[0].lr.node.attributes.storage
    schedule = lr_scheduler.ExponentialLR(ours, 0.5)
    schedule.step()
    assert ours.param_groups[0].lr.node.attributes.storage is storage


def test_wrong_use_is_refused():
    ours, _ = optimisers()
    with pytest.raises(ArgumentError, match="step_size"):
        lr_scheduler.StepLR(ours, 0)
    with pytest.raises(ArgumentError, match="mode"):
        lr_scheduler.ReduceLROnPlateau(ours, mode="best")
    with pytest.raises(ArgumentError, match="total_steps"):
        lr_scheduler.OneCycleLR(ours, 0.1, 1)
    with pytest.raises(ArgumentError, match="pct_start"):
        lr_scheduler.OneCycleLR(ours, 0.1, 9, pct_start=1.1)
    schedule = lr_scheduler.OneCycleLR(ours, 0.1, 3)
    schedule.step()
    schedule.step()
    with pytest.raises(ArgumentError, match="over"):
        schedule.step()
