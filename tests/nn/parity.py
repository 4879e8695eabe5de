"""Runs a layer here and in torch on the same state and inputs; compares results and gradients."""

import numpy
import torch

from tilegrad.nn.state import get_state_dict, load_state_dict
from tilegrad.tensor import Tensor
from tilegrad.tensor.trees import flatten

RANDOM = numpy.random.default_rng(23)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(numpy.float32)


def close(tensor, expected, rtol=2e-5, atol=2e-5):
    assert tensor.shape == tuple(expected.shape)
    numpy.testing.assert_allclose(tensor.numpy(), expected.detach().numpy(), rtol=rtol, atol=atol)


def take_state(ours, theirs):
    """Give our layer the state of torch's; the names must be the same."""
    state = {name: Tensor(value.numpy()) for name, value in theirs.state_dict().items()}
    load_state_dict(ours, state)


def both(value):
    """Return an array as a tensor of ours and of torch's, with gradients if it is of floats."""
    if not isinstance(value, numpy.ndarray):
        return value, value
    is_float = value.dtype.kind == "f"
    return (
        Tensor(value, requires_grad=True if is_float else None),
        torch.tensor(value, requires_grad=is_float),
    )


def compare(ours, theirs, *inputs, rtol=2e-5, atol=2e-5, **keywords):
    """Compare results and the gradients by every parameter and every floating-point input."""
    take_state(ours, theirs)
    for parameter in ours.parameters():
        parameter.requires_grad = True
    pairs = [both(value) for value in inputs]
    keyword_pairs = {name: both(value) for name, value in keywords.items()}
    results = ours(*(one for one, _ in pairs), **{n: p[0] for n, p in keyword_pairs.items()})
    expected = theirs(*(one for _, one in pairs), **{n: p[1] for n, p in keyword_pairs.items()})
    found = [one for one in flatten(results) if isinstance(one, Tensor)]
    wanted = [one for one in flatten(expected) if isinstance(one, torch.Tensor)]
    assert len(found) == len(wanted)
    loss, torch_loss = 0.0, 0.0
    for one, other in zip(found, wanted, strict=True):
        close(one, other, rtol, atol)
        factor = normal(*other.shape)
        loss = loss + (one * Tensor(factor)).sum()
        torch_loss = torch_loss + (other * torch.tensor(factor)).sum()
    loss.backward()
    torch_loss.backward()
    for one, other in pairs:
        if isinstance(other, torch.Tensor) and other.grad is not None:
            close(one.grad, other.grad, rtol * 5, atol * 5)
    state = get_state_dict(ours)
    for name, parameter in theirs.named_parameters():
        if parameter.grad is not None:
            close(state[name].grad, parameter.grad, rtol * 5, atol * 5)
    return results
