"""Schedules of the learning rate.

A schedule is a function of the number of times that ``step`` was called, as in PyTorch; calling it
writes the learning rate of each of the optimiser's groups in place, so a captured training step
uses the new ones. ``state_dict`` says where a schedule is, for checkpoints.
"""

from tilegrad.nn.optim.lr_scheduler.annealing import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CyclicLR,
    OneCycleLR,
)
from tilegrad.nn.optim.lr_scheduler.base import LRScheduler
from tilegrad.nn.optim.lr_scheduler.decay import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from tilegrad.nn.optim.lr_scheduler.plateau import ReduceLROnPlateau
from tilegrad.nn.optim.lr_scheduler.sequence import SequentialLR

__all__ = [
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
