"""Normalisation layers against torch's."""

import numpy
import pytest
import torch

from tests.nn.parity import close, compare, normal, take_state
from tilegrad import nn
from tilegrad.base.errors import ShapeError
from tilegrad.tensor import Tensor

NORMS = [
    (nn.LayerNorm, torch.nn.LayerNorm, (6,), {}),
    (nn.LayerNorm, torch.nn.LayerNorm, ((5, 6),), {"eps": 1e-3, "bias": False}),
    (nn.LayerNorm, torch.nn.LayerNorm, (6,), {"elementwise_affine": False}),
    (nn.RMSNorm, torch.nn.RMSNorm, (6,), {"eps": 1e-6}),
    (nn.RMSNorm, torch.nn.RMSNorm, ((5, 6),), {"eps": 1e-3, "elementwise_affine": False}),
    (nn.GroupNorm, torch.nn.GroupNorm, (2, 4), {}),
    (nn.GroupNorm, torch.nn.GroupNorm, (4, 4), {"affine": False, "eps": 1e-2}),
    (nn.InstanceNorm2d, torch.nn.InstanceNorm2d, (4,), {}),
    (nn.InstanceNorm2d, torch.nn.InstanceNorm2d, (4,), {"affine": True}),
    (nn.InstanceNorm, torch.nn.InstanceNorm2d, (4,), {"affine": True}),
]


@pytest.mark.parametrize(("ours", "theirs", "arguments", "options"), NORMS)
def test_norms_without_running_statistics(ours, theirs, arguments, options):
    compare(ours(*arguments, **options), theirs(*arguments, **options), normal(3, 4, 5, 6))


def test_layer_norm_2d_is_over_the_channels():
    layer, x = nn.LayerNorm2d(4), normal(2, 4, 3, 3)
    expected = torch.nn.functional.layer_norm(torch.tensor(x).permute(0, 2, 3, 1), (4,))
    close(layer(Tensor(x)), expected.permute(0, 3, 1, 2))


@pytest.mark.parametrize("shape", [(6, 4), (3, 4, 5), (3, 4, 5, 2), (2, 4, 3, 2, 2)])
@pytest.mark.parametrize(
    "options", [{}, {"momentum": 0.3, "eps": 1e-3}, {"momentum": None}, {"affine": False}]
)
def test_batch_norm_in_training_and_after(shape, options):
    name = f"BatchNorm{max(1, len(shape) - 2)}d"
    ours = getattr(nn, name)(4, **options)
    theirs = getattr(torch.nn, name)(4, **options)
    with Tensor.train():
        for _ in range(3):
            # Each batch starts from torch's state, its count of batches included.
            compare(ours, theirs, normal(*shape) * 3 + 1, rtol=5e-5, atol=5e-5)
            close(ours.running_mean, theirs.running_mean)
            close(ours.running_var, theirs.running_var)
    theirs.eval()
    compare(ours, theirs, normal(*shape))


def test_batch_norm_without_running_statistics():
    ours = nn.BatchNorm2d(4, track_running_stats=False)
    theirs = torch.nn.BatchNorm2d(4, track_running_stats=False)
    compare(ours, theirs, normal(3, 4, 2, 2), rtol=5e-5, atol=5e-5)


def test_an_optimiser_realises_the_running_statistics():
    layer = nn.BatchNorm(4)
    optimiser = nn.optim.SGD(layer.parameters())
    assert len(optimiser.params) == 2
    with Tensor.train():
        (layer(Tensor(normal(8, 4))) ** 3).sum().backward()
    optimiser.step()
    assert layer.running_mean.is_realized()
    assert layer.running_var.is_realized()


def test_the_statistics_are_float32_for_narrow_inputs():
    layer = nn.BatchNorm(2)
    with Tensor.train():
        result = layer(Tensor(normal(64, 2) + 100).cast("bfloat16"))
    assert result.dtype.name == "bfloat16"
    assert abs(layer.running_mean.numpy() - 10).max() < 0.1


def test_state_of_torch_is_taken_over():
    ours, theirs = nn.BatchNorm(3), torch.nn.BatchNorm1d(3)
    theirs(torch.tensor(normal(5, 3)))
    take_state(ours, theirs)
    assert ours.num_batches_tracked.item() == 1


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="channels"):
        nn.BatchNorm(3)(Tensor(normal(2, 4)))
    with Tensor.train(), pytest.raises(ShapeError, match="more than one value"):
        nn.BatchNorm(4)(Tensor(normal(1, 4)))
    with pytest.raises(ShapeError, match="groups"):
        nn.GroupNorm(3, 4)
    numpy.testing.assert_array_equal(nn.BatchNorm(4)(Tensor(numpy.zeros((1, 4)))).numpy(), 0)
