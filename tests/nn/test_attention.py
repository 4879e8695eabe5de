"""Multi-head attention and the transformer's encoder layer against torch's."""

import numpy
import pytest
import torch

from tests.nn.parity import RANDOM, compare, normal
from tilegrad import nn
from tilegrad.base.errors import ArgumentError
from tilegrad.tensor import Tensor

CAUSAL = numpy.triu(numpy.ones((5, 5), bool), 1)


def mask(*shape):
    """Return a mask that leaves each row something to look at."""
    found = RANDOM.random(shape) < 0.4
    found[..., 0] = False
    return found


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_self_attention(batch_first, bias):
    options = {"batch_first": batch_first, "bias": bias}
    x = normal(5, 2, 8)
    compare(Own(nn.MultiheadAttention(8, 2, **options)), TorchOwn(8, 2, **options), x)


class Own(nn.Module):
    def __init__(self, layer):
        self.layer = layer

    def __call__(self, x, **masks):
        return self.layer(x, x, x, **masks)


class TorchOwn(torch.nn.Module):
    def __init__(self, *arguments, **options):
        super().__init__()
        self.layer = torch.nn.MultiheadAttention(*arguments, **options)

    def forward(self, x, **masks):
        return self.layer(x, x, x, **masks)


@pytest.mark.parametrize(
    "masks",
    [
        {"attn_mask": CAUSAL, "is_causal": True},
        {"attn_mask": mask(5, 5), "key_padding_mask": mask(2, 5)},
        {"attn_mask": mask(4, 5, 5), "average_attn_weights": False},
        {"key_padding_mask": mask(2, 5)},
    ],
)
def test_masks(masks):
    compare(Own(nn.MultiheadAttention(8, 2)), TorchOwn(8, 2), normal(5, 2, 8), **masks)


def test_float_masks_are_added():
    x, addend = normal(5, 2, 8), normal(5, 5)
    ours, theirs = nn.MultiheadAttention(8, 2), torch.nn.MultiheadAttention(8, 2)
    compare(ours, theirs, x, x, x, attn_mask=addend)


def test_other_sizes_of_keys_and_values():
    options = {"kdim": 6, "vdim": 5}
    ours = nn.MultiheadAttention(8, 4, **options)
    theirs = torch.nn.MultiheadAttention(8, 4, **options)
    compare(ours, theirs, normal(3, 2, 8), normal(5, 2, 6), normal(5, 2, 5))


def test_without_a_batch():
    x = normal(5, 8)
    ours, theirs = nn.MultiheadAttention(8, 2), torch.nn.MultiheadAttention(8, 2)
    compare(ours, theirs, x, x, x)


def test_causal_without_a_mask_is_the_mask():
    layer, x = nn.MultiheadAttention(8, 2), Tensor(normal(5, 2, 8))
    by_mask = layer(x, x, x, attn_mask=Tensor(CAUSAL))[0]
    numpy.testing.assert_allclose(
        layer(x, x, x, is_causal=True)[0].numpy(), by_mask.numpy(), rtol=1e-5, atol=1e-6
    )
    assert layer(x, x, x, need_weights=False)[1] is None


def test_the_heads_must_share_the_embedding():
    with pytest.raises(ArgumentError, match="heads"):
        nn.MultiheadAttention(8, 3)
