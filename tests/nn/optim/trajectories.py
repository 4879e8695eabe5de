"""Runs the same small problem here and in torch and compares the parameters after every step."""

import numpy
import torch

from tilegrad.tensor import Tensor

RANDOM = numpy.random.default_rng(11)
SHAPES = [(4, 3), (3,), (3, 5), (5, 2), (1, 7)]
STEPS = 10


def start(shapes=SHAPES):
    return [RANDOM.standard_normal(shape) for shape in shapes]


def loss_of(parameters, step):
    """A loss whose gradients differ in size, sign and from step to step."""
    total = 0.0
    for place, parameter in enumerate(parameters):
        total = total + ((parameter * (place + 1) + 0.3 * step).sin() * parameter).sum()
    return total


def compare(make, make_torch, shapes=SHAPES, dtype="float64", rtol=1e-9, atol=1e-10):
    arrays = start(shapes)
    ours = [Tensor(array, dtype=dtype) for array in arrays]
    theirs = [torch.tensor(array, dtype=getattr(torch, dtype)) for array in arrays]
    for tensor in theirs:
        tensor.requires_grad_(True)
    optimiser, reference = make(ours), make_torch(theirs)
    for step in range(STEPS):
        optimiser.zero_grad()
        reference.zero_grad()
        loss_of(ours, step).backward()
        loss_of(theirs, step).backward()
        optimiser.step()
        reference.step()
        for tensor, expected in zip(ours, theirs, strict=True):
            numpy.testing.assert_allclose(
                tensor.numpy(), expected.detach().numpy(), rtol=rtol, atol=atol
            )
    return optimiser, ours
